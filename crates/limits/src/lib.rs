//! How often something may happen, and how much of what all share one address may hold. Pure: time comes in as an
//! argument.
//!
//! | module | subject | used for |
//! |---|---|---|
//! | `token_bucket` | so much at once, so much in the long run | messages, calls, offers, packets, repeats |
//! | `ip_quota` | how much one address may hold | sessions; the key under which an address counts, for all limits |
//! | `connection_limit` | places that are taken from whoever makes least use of them | HTTP, WebSockets before sign-in |
//! | `ticket_limit` | places that are kept by showing a ticket | RTMP |
//! | `holders` | what each address holds, in the order in which they make way: under both of these | |
//!
//! The two limits on connections share their book-keeping and not their rule. HTTP knows of a connection what it does, at any
//! time, and whoever is served may still have to go; RTMP knows whether a ticket was shown, once, and whoever has
//! shown one never goes. One type for both would be two rules behind a flag.
//!
//! To read it, begin with `token_bucket`. It depends on nothing else of Tring.

mod connection_limit;
mod holders;
mod ip_quota;
mod ticket_limit;
mod token_bucket;

pub use connection_limit::{Activity, ConnectionLimit, Full, PATIENCE, PlaceId};
pub use ip_quota::{IpPermit, IpQuota, quota_key};
pub use ticket_limit::{TicketLimit, TicketPermit};
pub use token_bucket::{Bucket, Buckets, Moment, Rate};
