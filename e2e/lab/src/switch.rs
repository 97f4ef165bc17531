//! The network between the hosts: each has a link up and a link down, and what one sends to another passes the sender's
//! up and the receiver's down. No clock and no IO.

use crate::frame::{self, Mac};
use crate::link::{Counts, Link};
use crate::shape::Shape;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The hardware address of the gateway, which every host sends to.
pub(crate) const GATEWAY_MAC: Mac = [0x02, 0, 0, 0, 0, 1];

/// A host's number in the order of the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HostId(pub(crate) usize);

/// A direction of a host's access link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the host.
    Up,
    /// To the host.
    Down,
}

/// The hardware address of a host.
pub(crate) fn mac(HostId(host): HostId) -> Mac {
    let [high, low] = (host as u16).to_be_bytes();
    [0x02, 0, 0, 1, high, low]
}

/// What travels.
#[derive(Debug, Clone)]
struct Parcel {
    frame: Vec<u8>,
    packet: frame::Packet,
}

#[derive(Debug)]
struct Access {
    up: Link<Parcel>,
    down: Link<Parcel>,
    /// Packets to an address that no host has.
    unroutable: u64,
}

impl Access {
    fn link(&mut self, direction: Direction) -> &mut Link<Parcel> {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

/// All links, and who has which address.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    hosts: Vec<Access>,
    routes: HashMap<IpAddr, HostId>,
}

impl Switch {
    /// Adds a host. Its links' fates are those of the two seeds.
    pub(crate) fn add(&mut self, up: Shape, down: Shape, seeds: [u64; 2]) -> HostId {
        let [seed_up, seed_down] = seeds;
        self.hosts.push(Access {
            up: Link::new(up, seed_up),
            down: Link::new(down, seed_down),
            unroutable: 0,
        });
        HostId(self.hosts.len() - 1)
    }

    /// From now on this address is this host's.
    pub(crate) fn route(&mut self, address: IpAddr, host: HostId) {
        self.routes.insert(address, host);
    }

    /// From now on this address is nobody's.
    pub(crate) fn unroute(&mut self, address: IpAddr) {
        self.routes.remove(&address);
    }

    /// Changes what a link does.
    pub(crate) fn set(&mut self, now: Duration, HostId(host): HostId, direction: Direction, shape: Shape) {
        self.hosts[host].link(direction).set(now, shape);
    }

    /// Up, down, and packets to nobody.
    pub(crate) fn counts(&self, HostId(host): HostId) -> (Counts, Counts, u64) {
        let access = &self.hosts[host];
        (access.up.counts(), access.down.counts(), access.unroutable)
    }

    /// What both directions of a host do.
    pub(crate) fn shapes(&self, HostId(host): HostId) -> (&Shape, &Shape) {
        let access = &self.hosts[host];
        (access.up.shape(), access.down.shape())
    }

    /// A host sends a frame. What is to many (multicast, broadcast) or no IP goes nowhere: hosts know their gateway
    /// without asking.
    pub(crate) fn send(&mut self, now: Duration, HostId(from): HostId, frame: &[u8]) {
        let Some(packet) = frame::parse(frame) else { return };
        let is_broadcast = matches!(packet.to, IpAddr::V4(to) if to.is_broadcast());
        if packet.to.is_multicast() || is_broadcast {
            return;
        }
        let parcel = Parcel { frame: frame.to_vec(), packet };
        self.hosts[from].up.push(now, parcel, packet.bytes, packet.is_udp);
    }

    /// Lets everything happen that is due by `now`, in its order, and hands over what arrived at hosts.
    pub(crate) fn run(&mut self, now: Duration, mut deliver: impl FnMut(HostId, &[u8])) {
        loop {
            // A handful of hosts: looking at each is cheaper than keeping them in order.
            let next = self.events().min_by_key(|(at, ..)| *at);
            let Some((at, HostId(host), direction)) = next.filter(|(at, ..)| *at <= now) else { return };
            match direction {
                Direction::Up => {
                    let Some((at, parcel)) = self.hosts[host].up.pop(at) else { continue };
                    self.forward(at, HostId(host), parcel);
                }
                Direction::Down => {
                    let Some((_, parcel)) = self.hosts[host].down.pop(at) else { continue };
                    deliver(HostId(host), &parcel.frame);
                }
            }
        }
    }

    fn forward(&mut self, at: Duration, HostId(from): HostId, mut parcel: Parcel) {
        let Some(&to) = self.routes.get(&parcel.packet.to) else {
            self.hosts[from].unroutable += 1;
            return;
        };
        frame::address(&mut parcel.frame, mac(to), GATEWAY_MAC);
        let frame::Packet { bytes, is_udp, .. } = parcel.packet;
        self.hosts[to.0].down.push(at, parcel, bytes, is_udp);
    }

    /// The next event of each link.
    fn events(&self) -> impl Iterator<Item = (Duration, HostId, Direction)> {
        self.hosts.iter().enumerate().flat_map(|(host, access)| {
            let up = access.up.next_at().map(|at| (at, HostId(host), Direction::Up));
            let down = access.down.next_at().map(|at| (at, HostId(host), Direction::Down));
            up.into_iter().chain(down)
        })
    }

    /// When [`run`](Self::run) has something to do next.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.events().map(|(at, ..)| at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::frame;

    fn shape(text: &str) -> Shape {
        text.parse().expect(text)
    }

    /// Three hosts at 10.9.0.1, .2 and .3.
    fn three(shapes: [(&str, &str); 3]) -> Switch {
        let mut switch = Switch::default();
        for (number, (up, down)) in shapes.into_iter().enumerate() {
            let host = switch.add(shape(up), shape(down), [1, 2]);
            switch.route([10, 9, 0, number as u8 + 1].into(), host);
        }
        switch
    }

    /// What arrives, and when, looked at every millisecond for a second.
    fn arrivals(switch: &mut Switch) -> Vec<(u128, usize, u8)> {
        let mut all = Vec::new();
        for ms in 0..1000 {
            let now = Duration::from_millis(ms);
            switch.run(now, |HostId(to), frame| {
                assert_eq!(frame[..12], [&mac(HostId(to))[..], &GATEWAY_MAC].concat());
                all.push((now.as_millis(), to, frame[frame.len() - 1]));
            });
        }
        all
    }

    #[test]
    fn a_packet_passes_the_senders_up_and_the_receivers_down() {
        let mut switch = three([
            ("delay=10ms", "delay=20ms"),
            ("delay=40ms", "delay=80ms"),
            ("delay=160ms", "delay=320ms"),
        ]);
        for from in 0..3 {
            for to in 0..3u8 {
                let payload = [from as u8 * 10 + to];
                switch.send(Duration::ZERO, HostId(from), &frame([10, 9, 0, to + 1].into(), &payload, 17));
            }
        }
        let mut all = arrivals(&mut switch);
        all.sort_unstable_by_key(|(.., mark)| *mark);
        assert_eq!(
            all,
            [
                (30, 0, 0),
                (90, 1, 1),
                (330, 2, 2),
                (60, 0, 10),
                (120, 1, 11),
                (360, 2, 12),
                (180, 0, 20),
                (240, 1, 21),
                (480, 2, 22)
            ]
        );
    }

    #[test]
    fn an_address_moves_and_packets_to_nobody_are_counted() {
        let mut switch = three([("", ""); 3]);
        let to = IpAddr::from([10, 9, 0, 2]);
        switch.route([10, 9, 0, 77].into(), HostId(1));
        switch.unroute(to);
        switch.send(Duration::ZERO, HostId(0), &frame(to, &[1], 17));
        switch.send(Duration::ZERO, HostId(0), &frame([10, 9, 0, 77].into(), &[2], 17));
        assert_eq!(arrivals(&mut switch), [(0, 1, 2)]);
        assert_eq!(switch.counts(HostId(0)).2, 1);
    }

    #[test]
    fn what_is_to_many_or_no_ip_goes_nowhere_and_counts_nothing() {
        let mut switch = three([("", ""); 3]);
        for to in ["224.0.0.251", "255.255.255.255", "ff02::2"] {
            switch.send(Duration::ZERO, HostId(0), &frame(to.parse().expect(to), &[1], 17));
        }
        switch.send(Duration::ZERO, HostId(0), &[0; 60]);
        assert_eq!(switch.next_at(), None);
        assert_eq!(switch.counts(HostId(0)).0, Counts::default());
    }
}
