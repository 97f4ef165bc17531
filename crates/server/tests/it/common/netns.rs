//! A server and clients at addresses of their own: on 127.0.0.0/8 no limit by address applies.

use std::net::Ipv4Addr;
use tring_testkit::namespace;

/// The server's own address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Addresses of clients.
pub const CLIENTS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3), Ipv4Addr::new(192, 0, 2, 4)];

/// [`namespace::inside`], where the addresses are those of this machine.
pub fn inside(test: &str) -> bool {
    let inside = namespace::inside(test);
    if inside {
        namespace::loopback([SERVER].into_iter().chain(CLIENTS).map(Into::into));
    }
    inside
}
