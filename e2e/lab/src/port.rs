//! The devices between the hosts' namespaces and the emulator. Each is a file that gives one Ethernet frame per read and
//! takes one per write, without waiting.
//!
//! A TAP device is the first choice. Where the user may not open `/dev/net/tun`, as in many containers, it is one end of
//! a veth pair with a packet socket on the other.
#![allow(unsafe_code)] // Devices are opened by calls that take pointers. Nothing else in the crate needs it.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{self, Updater, opcode};
use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::ffi::c_int;
use std::io;

/// `linux/if_tun.h`: the device of a file of `/dev/net/tun`.
const TUNSETIFF: ioctl::Opcode = opcode::write::<c_int>(b'T', 202);
/// Whole Ethernet frames, with nothing before them.
const IFF_TAP: i16 = 0x0002;
const IFF_NO_PI: i16 = 0x1000;
/// `linux/sockios.h`: the index of an interface.
const SIOCGIFINDEX: ioctl::Opcode = 0x8933;
/// And its offloads, one call of `linux/ethtool.h` each: checksums, segments of TCP, segments of all.
const SIOCETHTOOL: ioctl::Opcode = 0x8946;
const ETHTOOL_SETTERS: [u32; 3] = [0x17, 0x1f, 0x24];
/// `linux/if_ether.h`: every protocol.
const ETH_P_ALL: u16 = 0x0003;

/// What a packet socket holds until it is read, in bytes. Larger loses less when a host floods.
const RECEIVE_BUFFER: usize = 8 << 20;

/// `struct ifreq` of `linux/if.h`: a name of up to 15 bytes and a union of 24 bytes, of which the calls here use the
/// first.
#[repr(C)]
struct IfReq {
    name: [u8; 16],
    value: c_int,
    rest: [u8; 20],
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// `struct ifreq` with the pointer in its union.
#[repr(C)]
struct EthtoolRequest {
    name: [u8; 16],
    value: *mut EthtoolValue,
    rest: [u8; 16],
}

/// `struct sockaddr_ll` of `linux/if_packet.h`.
#[repr(C)]
struct PacketAddress {
    family: u16,
    protocol: u16,
    index: c_int,
    hardware: u16,
    kind: u8,
    length: u8,
    address: [u8; 8],
}

// SAFETY: the pointer is to a whole `sockaddr_ll` of the length that goes with it, and lives through the call.
unsafe impl SocketAddrArg for PacketAddress {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        f((&raw const *self).cast(), size_of::<Self>() as SocketAddrLen)
    }
}

fn request(name: &str) -> io::Result<IfReq> {
    let mut all = IfReq { name: [0; 16], value: 0, rest: [0; 20] };
    if name.len() >= all.name.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name of an interface has up to 15 bytes"));
    }
    all.name[..name.len()].copy_from_slice(name.as_bytes());
    Ok(all)
}

/// A new TAP device in the network namespace of a process. It lives as long as the file.
///
/// # Errors
/// Where `/dev/net/tun` may not be opened (absent, or closed to this user), or the process is gone.
pub(crate) fn open_tap(pid: u32, name: &str) -> io::Result<OwnedFd> {
    let mut request = request(name)?;
    // In the first half of the union this is `ifr_flags`.
    request.value = c_int::from_ne_bytes({
        let [low, high] = (IFF_TAP | IFF_NO_PI).to_ne_bytes();
        [low, high, 0, 0]
    });
    inside(pid, move || {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open("/dev/net/tun", flags, Mode::empty())?;
        // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, and this is one, alive through the call.
        unsafe { ioctl::ioctl(&file, Updater::<TUNSETIFF, IfReq>::new(&mut request)) }?;
        Ok(file)
    })
}

/// Lets an interface in the network namespace of a process compute its checksums and cut its segments itself, as a
/// packet socket at the other end of a veth pair must have them.
///
/// # Errors
/// Where there is no such interface, or it cannot.
pub(crate) fn disable_offloads(pid: u32, name: &str) -> io::Result<()> {
    let name = request(name)?.name;
    inside(pid, move || {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        for command in ETHTOOL_SETTERS {
            let mut value = EthtoolValue { command, data: 0 };
            let mut request = EthtoolRequest { name, value: &raw mut value, rest: [0; 16] };
            // SAFETY: SIOCETHTOOL reads one `struct ifreq` and reads and writes the `struct ethtool_value` behind it,
            // which is what these commands take. Both live through the call.
            unsafe { ioctl::ioctl(&socket, Updater::<SIOCETHTOOL, EthtoolRequest>::new(&mut request)) }?;
        }
        Ok(())
    })
}

/// Does something in the network namespace of a process.
fn inside<T: Send>(pid: u32, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net"))?;
    // A namespace is a thread's own: one that ends after this.
    std::thread::scope(|scope| {
        let done = scope.spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            act()
        });
        done.join().unwrap_or_else(|_| Err(io::Error::other("the thread in a namespace has panicked")))
    })
}

/// A packet socket on an interface of this namespace.
///
/// # Errors
/// Where raw sockets are not allowed, or the interface is not there.
pub(crate) fn open_packet_socket(name: &str) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // Without a protocol it receives nothing until it is bound, so that no frame of another interface comes first.
    let socket = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
    let mut request = request(name)?;
    // SAFETY: SIOCGIFINDEX reads and writes one `struct ifreq`, and this is one, alive through the call.
    unsafe { ioctl::ioctl(&socket, Updater::<SIOCGIFINDEX, IfReq>::new(&mut request)) }?;
    let address = PacketAddress {
        family: AddressFamily::PACKET.as_raw(),
        protocol: ETH_P_ALL.to_be(),
        index: request.value,
        hardware: 0,
        kind: 0,
        length: 0,
        address: [0; 8],
    };
    rustix::net::bind(&socket, &address)?;
    // The larger size is root's; where it is refused the system's default stays.
    let _ = set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER)
        .or_else(|_| set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER));
    Ok(socket)
}
