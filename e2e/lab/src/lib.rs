//! The laboratory: networks that delay, lose, reorder and repeat packets, and change while they are used.
//!
//! Hosts are network namespaces. Each has one Ethernet device, whose other end is a file of this program, and a default
//! route to it. What one host sends to another passes the sender's link up and the receiver's link down; each direction
//! has a [`Shape`]. Nothing leads out: neither to the machine nor to the world.
//!
//! ```text
//!  alice ──up──▶╮        ╭──down──▶ bob            round trip = alice up + bob down + bob up + alice down
//!        ◀─down─┤ switch ├──up────▶
//!               ╰────────╯──…       server
//! ```
//!
//! [`link`] and the switch are pure and have no clock; one thread moves frames between them and the devices.
//! It works as root, and for an ordinary user inside a user namespace: call [`enter`] first.
//!
//! Of Tring it uses `tring-testkit` only (namespaces that end with their process), and it knows nothing of what a
//! packet means. To read it, begin with [`link`].

mod engine;
mod frame;
mod lab;
mod netns;
mod port;
mod random;
mod switch;

pub mod command;
pub mod link;
pub mod shape;

pub use lab::{HostInfo, HostPlan, HostStats, INTERFACE, Lab, LabError, MAX_HOSTS, Topology};
pub use netns::enter;
pub use shape::{Shape, ShapeError};
