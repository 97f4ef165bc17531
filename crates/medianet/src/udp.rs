//! A worker's UDP socket: bound by the settings, batches in (recvmmsg, GRO; plain reads where the kernel has neither).

use crate::config::StartError;
use crate::counters::IoCounters;
use crate::sender::Sender;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use tring_media::Datagram;

/// Kernel buffers of a socket, in bytes, as far as the system allows (net.core.rmem_max, wmem_max). Higher: longer
/// bursts survive while a worker is busy. Lower: less kernel memory for each worker.
const SOCKET_BUFFER: usize = 4 << 20;

/// Receive buffers of one system call: each takes a GRO train of up to 64 KiB.
const BATCH: usize = 8;

/// Bytes of one receive buffer.
const BUFFER: usize = 65_536;

/// A bound socket.
pub(crate) struct Socket {
    udp: mio::net::UdpSocket,
    state: UdpSocketState,
    port: u16,
    /// For a datagram whose destination the kernel does not tell.
    bound: IpAddr,
    buffers: Vec<u8>,
    pub(crate) sender: Sender,
}

impl Socket {
    /// Binds. Errors name the setting to change.
    pub(crate) fn bind(bind: IpAddr, port: u16) -> Result<Self, StartError> {
        let other = |error| StartError::Io { port, error };
        let domain = if bind.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
        let raw = RawSocket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(other)?;
        if bind.is_ipv6() {
            raw.set_only_v6(false).map_err(other)?;
        }
        // Less than asked for is no error.
        let _ = raw.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = raw.set_send_buffer_size(SOCKET_BUFFER);
        raw.bind(&SocketAddr::new(bind, port).into()).map_err(|e| match e.kind() {
            ErrorKind::AddrInUse => StartError::PortTaken { port },
            ErrorKind::PermissionDenied => StartError::PortForbidden { port },
            ErrorKind::AddrNotAvailable => StartError::BadBind { bind },
            _ => StartError::Io { port, error: e },
        })?;
        let udp: UdpSocket = raw.into();
        let state = UdpSocketState::new(UdpSockRef::from(&udp)).map_err(other)?;
        let port = udp.local_addr().map_err(other)?.port();
        let sender = Sender::new(Arc::new(udp.try_clone().map_err(other)?), bind.is_ipv6()).map_err(other)?;
        Ok(Self {
            udp: mio::net::UdpSocket::from_std(udp),
            state,
            port,
            bound: bind.to_canonical(),
            buffers: vec![0; BATCH * BUFFER],
            sender,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// For registering with the poll.
    pub(crate) fn source(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.udp
    }

    /// Receives one batch and hands each datagram to `take`. `false`: nothing more is there now.
    pub(crate) fn receive(
        &mut self,
        io: &mut IoCounters,
        mut take: impl FnMut(Datagram<'_>, &mut IoCounters),
    ) -> io::Result<bool> {
        let mut meta = [RecvMeta::default(); BATCH];
        let received = {
            let mut chunks = self.buffers.chunks_exact_mut(BUFFER);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            let (udp, state) = (&self.udp, &self.state);
            udp.try_io(|| state.recv(UdpSockRef::from(udp), &mut slices, &mut meta))
        };
        let n = match received {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            // A signal, or the echo of an earlier send (ICMP): the next call goes on.
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::Interrupted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
                ) =>
            {
                return Ok(true);
            }
            Err(e) => return Err(e),
        };
        for (meta, buffer) in meta[..n].iter().zip(self.buffers.chunks_exact_mut(BUFFER)) {
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            if !answerable(source) {
                io.unanswerable += 1;
                continue;
            }
            let ip = meta.dst_ip.map_or(self.bound, |ip| ip.to_canonical());
            let destination = SocketAddr::new(ip, self.port);
            let Some(bytes) = buffer.get_mut(..meta.len) else { continue };
            for contents in bytes.chunks_mut(meta.stride.max(1)) {
                take(Datagram { source, destination, contents }, io);
            }
        }
        Ok(true)
    }
}

/// Something can be sent to it. Anybody can write any source address on a datagram, and an answer to one that is none
/// fails in a way that switches the socket's segmentation off. A link-local address means nothing without its interface.
fn answerable(source: SocketAddr) -> bool {
    source.port() != 0
        && match source.ip() {
            IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_broadcast() && !ip.is_multicast(),
            IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_are_no_destinations_are_dropped() {
        for bad in [
            "192.0.2.1:0",
            "0.0.0.0:9",
            "255.255.255.255:9",
            "224.0.0.1:9",
            "[::]:9",
            "[ff02::1]:9",
            "[fe80::1]:9",
        ] {
            assert!(!answerable(bad.parse().unwrap()), "{bad}");
        }
        for good in ["192.0.2.1:9", "[2001:db8::1]:9", "127.0.0.1:65535", "169.254.1.1:9"] {
            assert!(answerable(good.parse().unwrap()), "{good}");
        }
    }
}
