//! A worker's UDP socket: batches in (recvmmsg, GRO), trains out (GSO), plain sends where the kernel has neither.

use crate::StartError;
use quinn_udp::{RecvMeta, Transmit as UdpTransmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tring_media::{Datagram, Transmit};

/// Kernel buffers of a socket, in bytes, as far as the system allows (net.core.rmem_max, wmem_max). Higher: longer
/// bursts survive while a worker is busy. Lower: less kernel memory for each worker.
const SOCKET_BUFFER: usize = 4 << 20;

/// Receive buffers of one system call: each takes a GRO train of up to 64 KiB.
const BATCH: usize = 8;

/// Bytes of one receive buffer.
const BUFFER: usize = 65_536;

/// Tries of a send when the socket's buffer is full, and the wait between them. More: fewer drops under a burst. Fewer:
/// other sessions wait less.
const SEND_TRIES: usize = 4;
const SEND_WAIT: Duration = Duration::from_micros(200);

/// What a batch of sends came to.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) datagrams: u64,
    pub(crate) calls: u64,
    pub(crate) dropped: u64,
}

/// A bound socket.
pub(crate) struct Socket {
    udp: mio::net::UdpSocket,
    state: UdpSocketState,
    /// The socket speaks IPv6, and IPv4 as mapped addresses.
    v6: bool,
    port: u16,
    /// For a datagram whose destination the kernel does not tell.
    bound: IpAddr,
    train: Vec<u8>,
    buffers: Vec<u8>,
    other_end: Arc<UdpSocket>,
}

/// Another worker's way to send through a socket, for replies to what strayed there. One datagram a call.
#[derive(Clone)]
pub(crate) struct SendOnly {
    udp: Arc<UdpSocket>,
    v6: bool,
}

impl SendOnly {
    pub(crate) fn send(&self, train: &[Transmit]) -> Sent {
        let mut sent = Sent::default();
        for t in train {
            let destination = SocketAddr::new(on_wire(t.destination.ip(), self.v6), t.destination.port());
            sent.calls += 1;
            match self.udp.send_to(&t.contents, destination) {
                Ok(_) => sent.datagrams += 1,
                Err(_) => sent.dropped += 1,
            }
        }
        sent
    }
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
        let other_end = Arc::new(udp.try_clone().map_err(other)?);
        Ok(Self {
            udp: mio::net::UdpSocket::from_std(udp),
            state,
            v6: bind.is_ipv6(),
            port,
            bound: bind.to_canonical(),
            train: Vec::with_capacity(BUFFER),
            buffers: vec![0; BATCH * BUFFER],
            other_end,
        })
    }

    pub(crate) fn send_only(&self) -> SendOnly {
        SendOnly { udp: Arc::clone(&self.other_end), v6: self.v6 }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// For registering with the poll.
    pub(crate) fn source(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.udp
    }

    /// Receives one batch and hands each datagram to `take`. `false`: nothing more is there now.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Datagram<'_>)) -> io::Result<bool> {
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
        for (meta, buffer) in meta[..n].iter().zip(self.buffers.chunks_exact(BUFFER)) {
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let ip = meta.dst_ip.map_or(self.bound, |ip| ip.to_canonical());
            let destination = SocketAddr::new(ip, self.port);
            let Some(bytes) = buffer.get(..meta.len) else { continue };
            for contents in bytes.chunks(meta.stride.max(1)) {
                take(Datagram { source, destination, contents });
            }
        }
        Ok(true)
    }

    /// Sends a train: datagrams for one destination, all but the last of one length.
    pub(crate) fn send(&mut self, train: &[Transmit]) -> Sent {
        let mut sent = Sent::default();
        let most = self.state.max_gso_segments().max(1);
        for part in train.chunks(most) {
            match part {
                [] => {}
                [one] => self.send_one(one, &mut sent),
                [first, ..] => {
                    let mut contents = std::mem::take(&mut self.train);
                    contents.clear();
                    part.iter().for_each(|t| contents.extend_from_slice(&t.contents));
                    let done = self.transmit(first, &contents, Some(first.contents.len()), &mut sent);
                    self.train = contents;
                    match done {
                        Ok(()) => sent.datagrams += part.len() as u64,
                        Err(e) if e.kind() == ErrorKind::WouldBlock => sent.dropped += part.len() as u64,
                        // The kernel or the device has no segmentation after all (the state has noted it).
                        Err(_) => part.iter().for_each(|t| self.send_one(t, &mut sent)),
                    }
                }
            }
        }
        sent
    }

    fn send_one(&self, t: &Transmit, sent: &mut Sent) {
        match self.transmit(t, &t.contents, None, sent) {
            Ok(()) => sent.datagrams += 1,
            // Unreachable networks and full buffers are the peer's loss; its own timers notice.
            Err(_) => sent.dropped += 1,
        }
    }

    fn transmit(
        &self,
        t: &Transmit,
        contents: &[u8],
        segment_size: Option<usize>,
        sent: &mut Sent,
    ) -> io::Result<()> {
        let transmit = UdpTransmit {
            destination: SocketAddr::new(on_wire(t.destination.ip(), self.v6), t.destination.port()),
            ecn: None,
            contents,
            segment_size,
            src_ip: Some(on_wire(t.source, self.v6)),
        };
        let mut tries = 0;
        loop {
            sent.calls += 1;
            tries += 1;
            match self.udp.try_io(|| self.state.try_send(UdpSockRef::from(&self.udp), &transmit)) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock && tries < SEND_TRIES => {
                    std::thread::sleep(SEND_WAIT)
                }
                done => return done,
            }
        }
    }
}

/// An address as the socket takes it.
fn on_wire(ip: IpAddr, v6: bool) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v6 => IpAddr::V6(v4.to_ipv6_mapped()),
        _ => ip,
    }
}
