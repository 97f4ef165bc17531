//! Sending: trains in one system call (GSO), plain sends where the kernel has no segmentation.

use crate::counters::IoCounters;
use quinn_udp::{Transmit as UdpTransmit, UdpSockRef, UdpSocketState};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tring_media::{Hop, Train};

/// Waits for a full send buffer in one flush, whatever it sends, and their length. More: fewer drops under a burst.
/// Fewer: a socket that does not drain keeps the worker from all its sessions for less long.
const WAITS_PER_FLUSH: u32 = 3;
const SEND_WAIT: Duration = Duration::from_micros(200);

/// Segmentation that an error has switched off is tried again after so long. An address that left an interface is enough
/// for such an error. Higher: plain sends for longer. Lower: on a device that really lacks it, an error more often.
const GSO_PAUSE: Duration = Duration::from_secs(30);

/// How often one flush may still wait for room.
#[derive(Debug)]
pub(crate) struct Patience(u32);

impl Patience {
    /// That of a fresh flush.
    pub(crate) fn new() -> Self {
        Self(WAITS_PER_FLUSH)
    }

    /// Uses a wait up. `false`: there is none left.
    fn use_up(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }
}

/// A way to send through a socket. Several may share one.
pub(crate) struct Sender {
    udp: Arc<UdpSocket>,
    state: UdpSocketState,
    /// Segments of one send when nothing has failed.
    segments: usize,
    /// Since when there is no segmentation although there was.
    without: Option<Instant>,
    /// The socket speaks IPv6, and IPv4 as mapped addresses.
    v6: bool,
}

impl Sender {
    pub(crate) fn new(udp: Arc<UdpSocket>, v6: bool) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&*udp))?;
        let segments = state.max_gso_segments();
        Ok(Self { udp, state, segments, without: None, v6 })
    }

    /// Another one for the same socket.
    pub(crate) fn another(&self) -> io::Result<Self> {
        Self::new(Arc::clone(&self.udp), self.v6)
    }

    /// Called about once a second: gives segmentation back some time after an error took it.
    pub(crate) fn look_after(&mut self, now: Instant) {
        if self.state.max_gso_segments() >= self.segments {
            return;
        }
        let since = *self.without.get_or_insert(now);
        if now.saturating_duration_since(since) >= GSO_PAUSE
            && let Ok(state) = UdpSocketState::new(UdpSockRef::from(&*self.udp))
        {
            (self.state, self.without) = (state, None);
        }
    }

    /// Sends a train.
    pub(crate) fn send(&mut self, train: Train<'_>, patience: &mut Patience, io: &mut IoCounters) {
        let most = self.state.max_gso_segments().max(1);
        for contents in train.contents.chunks(most.saturating_mul(train.segment).max(1)) {
            let part = Train { contents, ..train };
            let count = part.count() as u64;
            if count < 2 {
                self.send_one(train.hop, contents, patience, io);
                continue;
            }
            match self.transmit(train.hop, contents, Some(train.segment), patience, io) {
                Ok(()) => io.datagrams_out += count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => io.send_drops += count,
                // The kernel or the device has no segmentation after all (the state has noted it).
                Err(_) => part.datagrams().for_each(|d| self.send_one(train.hop, d, patience, io)),
            }
        }
    }

    fn send_one(&self, hop: Hop, contents: &[u8], patience: &mut Patience, io: &mut IoCounters) {
        match self.transmit(hop, contents, None, patience, io) {
            Ok(()) => io.datagrams_out += 1,
            // Unreachable networks and full buffers are the peer's loss; its own timers notice.
            Err(_) => io.send_drops += 1,
        }
    }

    fn transmit(
        &self,
        hop: Hop,
        contents: &[u8],
        segment_size: Option<usize>,
        patience: &mut Patience,
        io: &mut IoCounters,
    ) -> io::Result<()> {
        let transmit = UdpTransmit {
            destination: SocketAddr::new(on_wire(hop.destination.ip(), self.v6), hop.destination.port()),
            ecn: None,
            contents,
            segment_size,
            src_ip: Some(on_wire(hop.source, self.v6)),
        };
        loop {
            io.send_calls += 1;
            match self.state.try_send(UdpSockRef::from(&*self.udp), &transmit) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock && patience.use_up() => {
                    std::thread::sleep(SEND_WAIT);
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

#[cfg(test)]
mod tests {
    use super::*;
    use tring_media::MAX_SEGMENT;

    fn train(destination: SocketAddr, source: [u8; 4], segment: usize, contents: &[u8]) -> Train<'_> {
        Train { hop: Hop { destination, source: IpAddr::from(source), via: 0 }, segment, contents }
    }

    fn receiver() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// The loopback network has more than one address: as a machine with several interfaces.
    #[test]
    fn a_reply_leaves_from_the_address_that_was_asked_whoever_sends_it() {
        let socket = Arc::new(UdpSocket::bind("0.0.0.0:0").unwrap());
        let own = Sender::new(socket, false).unwrap();
        let other = own.another().unwrap();
        let (receiver, address) = receiver();
        for mut sender in [own, other] {
            let mut io = IoCounters::default();
            sender.send(train(address, [127, 0, 0, 2], 3, b"onetwo"), &mut Patience::new(), &mut io);
            assert_eq!((io.datagrams_out, io.send_drops), (2, 0));
            for expected in [b"one", b"two"] {
                let mut buffer = [0; 9];
                let (n, from) = receiver.recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..n], from.ip()), (&expected[..], IpAddr::from([127, 0, 0, 2])));
            }
        }
    }

    #[test]
    fn segmentation_that_an_error_took_comes_back() {
        let mut sender = Sender::new(Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap()), false).unwrap();
        if sender.segments < 2 {
            return println!("left out: this kernel has no segmentation");
        }
        // No datagram can go to port 0.
        let nowhere = "127.0.0.1:0".parse().unwrap();
        let contents = [9; 2 * MAX_SEGMENT];
        let train = train(nowhere, [127, 0, 0, 1], MAX_SEGMENT, &contents);
        sender.send(train, &mut Patience::new(), &mut IoCounters::default());
        assert_eq!(sender.state.max_gso_segments(), 1, "the error that this is about");
        let now = Instant::now();
        sender.look_after(now);
        sender.look_after(now + GSO_PAUSE / 2);
        assert_eq!(sender.state.max_gso_segments(), 1);
        sender.look_after(now + GSO_PAUSE);
        assert_eq!(sender.state.max_gso_segments(), sender.segments);
    }

    #[test]
    fn one_flush_waits_for_a_full_buffer_a_few_times_in_all() {
        let mut patience = Patience::new();
        assert_eq!((0..1_000).filter(|_| patience.use_up()).count(), WAITS_PER_FLUSH as usize);
    }
}
