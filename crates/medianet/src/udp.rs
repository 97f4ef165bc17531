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
    ///
    /// A batch that is not full says so by itself, and one system call is saved that would only say the same (EAGAIN). The
    /// socket is watched edge-triggered, so this must be sure. epoll(7) wants a socket of datagrams read until EAGAIN, and
    /// recvmmsg(2) has done that inside: it ends before its last message only where the queue was empty, or at an error,
    /// which the next call then tells. What arrives later is queued first and announced afterwards, each time: a new edge.
    /// An error alone leaves what is behind it without an edge; the worker looks once a second whatever it is told.
    pub(crate) fn receive(
        &mut self,
        io: &mut IoCounters,
        mut take: impl FnMut(Datagram<'_>, &mut IoCounters),
    ) -> io::Result<bool> {
        io.receive_calls += 1;
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
        Ok(n == BATCH)
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
    use crate::sender::Patience;
    use mio::{Events, Interest, Poll, Token};
    use std::time::Duration;
    use tring_media::{Hop, Train};

    fn on_loopback() -> Socket {
        Socket::bind(IpAddr::from([127, 0, 0, 1]), 0).unwrap()
    }

    fn to(socket: &Socket) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], socket.port()))
    }

    #[test]
    fn a_batch_that_is_not_full_is_the_last() {
        let (mut socket, sender) = (on_loopback(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut io = IoCounters::default();
        let mut take = |socket: &mut Socket| {
            let mut taken = 0;
            let more = socket.receive(&mut io, |_, _| taken += 1).unwrap();
            (taken, more)
        };
        assert_eq!(take(&mut socket), (0, false));
        for (sent, batches) in [
            (1, &[(1, false)][..]),
            (BATCH - 1, &[(BATCH - 1, false)]),
            (BATCH, &[(BATCH, true), (0, false)]),
            (BATCH + 1, &[(BATCH, true), (1, false)]),
        ] {
            // Loopback delivers before the send returns.
            for _ in 0..sent {
                sender.send_to(b"sound", to(&socket)).unwrap();
            }
            for batch in batches {
                assert_eq!(take(&mut socket), *batch, "of {sent}");
            }
        }
    }

    /// A sender that goes on once all that it sent was read: what is left lying stops it for good. Its bursts are one
    /// datagram to many, of one length (they come as one) and of several, while the other end reads.
    #[test]
    fn nothing_is_left_lying_in_an_edge_triggered_socket() {
        const BURSTS: usize = 3_000;
        let mut socket = on_loopback();
        let hop = Hop { destination: to(&socket), source: IpAddr::from([127, 0, 0, 1]), via: 0 };
        let (tell, read) = std::sync::mpsc::channel::<usize>();
        let sending = std::thread::spawn(move || {
            let mut from = on_loopback();
            let (mut io, contents) = (IoCounters::default(), [7; 64]);
            for burst in 0..BURSTS {
                let (count, trains) = (1 + burst % 13, 1 + burst % (2 * BATCH + 1));
                for _ in 0..trains {
                    let train =
                        Train { hop, segment: 2 + burst % 3, contents: &contents[..count * (2 + burst % 3)] };
                    from.sender.send(train, &mut Patience::new(), &mut io);
                }
                let mut left = count * trains;
                while left > 0 {
                    let Ok(n) = read.recv_timeout(Duration::from_secs(20)) else { return burst };
                    left -= n;
                }
            }
            BURSTS
        });
        let (mut poll, mut events, mut io) =
            (Poll::new().unwrap(), Events::with_capacity(4), IoCounters::default());
        poll.registry().register(socket.source(), Token(0), Interest::READABLE).unwrap();
        while !sending.is_finished() {
            poll.poll(&mut events, Some(Duration::from_millis(100))).unwrap();
            // Read when it is told, and only then: as a worker does between two of its looks.
            while !events.is_empty() {
                let mut taken = 0;
                let more = socket.receive(&mut io, |_, _| taken += 1).unwrap();
                let _ = tell.send(taken);
                if !more {
                    break;
                }
            }
        }
        assert_eq!(sending.join().unwrap(), BURSTS, "bursts that were read to the end");
    }

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
