use super::*;

fn ip(n: u8) -> IpAddr {
    [192, 0, 2, n].into()
}

/// Places of numbered connections, and a clock.
struct World {
    places: ConnectionLimit<u32>,
    now: Instant,
}

impl World {
    fn new(capacity: usize, share: usize) -> Self {
        Self { places: ConnectionLimit::new(capacity, share), now: Instant::now() }
    }

    fn enter(&mut self, address: IpAddr, name: u32) -> Result<(PlaceId, Option<u32>), Full> {
        self.places.enter(address, name, self.now)
    }

    /// A place that nobody has to leave for.
    fn free(&mut self, address: IpAddr, name: u32) -> PlaceId {
        let (place, evicted) = self.enter(address, name).unwrap();
        assert_eq!(evicted, None);
        place
    }

    fn evicts(&mut self, address: IpAddr, name: u32) -> Option<u32> {
        self.enter(address, name).unwrap().1
    }

    fn is(&mut self, place: PlaceId, activity: Activity) {
        self.places.set(place, activity, self.now);
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
    }
}

#[test]
fn places_that_were_given_back_leave_nothing_behind() {
    let mut w = World::new(2, 2);
    let (a, b) = (w.free(ip(1), 1), w.free(ip(2), 2));
    w.is(a, Activity::Busy);
    assert_eq!(w.places.leave(a), Some(1));
    assert_eq!(w.places.leave(a), None, "once");
    w.free(ip(3), 3);
    assert_eq!(w.places.leave(b), Some(2));
    w.is(b, Activity::Stalled);
    assert_eq!(w.places.held.len(), 1);
    assert_eq!(w.places.holders.counts(), (1, 1));
}

#[test]
fn an_address_has_its_share_while_it_makes_use_of_it() {
    let mut w = World::new(10, 2);
    let (a, b) = (w.free(ip(1), 1), w.free(ip(1), 2));
    assert_eq!(w.enter(ip(1), 3), Err(Full::Share), "both are new");
    w.free(ip(2), 4);
    w.is(a, Activity::Busy);
    w.passes(PATIENCE);
    assert_eq!(w.evicts(ip(1), 5), Some(2), "one's own unused place goes, although others are free");
    w.is(b, Activity::Busy);
    w.passes(PATIENCE);
    assert_eq!(w.evicts(ip(1), 6), Some(5), "never the one that is served");
}

#[test]
fn an_ipv6_network_has_one_share_and_a_proxy_on_this_machine_has_none() {
    let mut w = World::new(10, 1);
    w.free("2001:db8:1:2::1".parse().unwrap(), 1);
    assert_eq!(w.enter("2001:db8:1:2:ffff::2".parse().unwrap(), 2), Err(Full::Share));
    w.free("2001:db8:1:3::1".parse().unwrap(), 3);
    for n in 0..8 {
        w.free("127.0.0.1".parse().unwrap(), 10 + n);
    }
    assert_eq!(
        w.enter("::1".parse().unwrap(), 4).unwrap().1,
        Some(10),
        "but it has to share as everybody has"
    );
}

#[test]
fn two_addresses_that_hold_everything_make_way_at_once_the_stalled_first_then_the_oldest() {
    let mut w = World::new(6, 3);
    let mut places = Vec::new();
    for n in 0..3 {
        places.push(w.free(ip(1), n));
        w.free(ip(2), 10 + n);
    }
    w.is(places[0], Activity::Busy);
    w.is(places[2], Activity::Stalled);
    // Both have three: of equals the higher address goes first.
    assert_eq!(w.evicts(ip(3), 20), Some(10));
    assert_eq!(w.evicts(ip(3), 21), Some(2), "it does not take what it is sent");
    assert_eq!(w.enter(ip(3), 22), Err(Full::All), "all have two now, and nobody has waited long");
    assert_eq!(w.evicts(ip(4), 23), Some(20), "one who has none gets one of two");
}

#[test]
fn who_is_served_goes_only_if_nobody_is_idle_and_the_newcomer_has_fewer() {
    let mut w = World::new(4, 4);
    let rich: Vec<_> = (0..3).map(|n| w.free(ip(1), n)).collect();
    rich.iter().for_each(|&place| w.is(place, Activity::Busy));
    w.free(ip(2), 10);
    w.passes(PATIENCE);
    assert_eq!(w.evicts(ip(3), 20), Some(10), "unused for long, although its address has no other");
    assert_eq!(w.evicts(ip(4), 30), Some(0), "the first that was served of the fullest");
    assert_eq!(w.evicts(ip(5), 40), Some(1), "down to one each");
    assert_eq!(w.enter(ip(6), 50), Err(Full::All));
}

#[test]
fn nobody_who_is_served_goes_while_anybody_who_has_more_is_idle() {
    let mut w = World::new(8, 4);
    for n in 0..4 {
        let served = w.free(ip(9), n);
        w.is(served, Activity::Busy);
        w.free(ip(1), 10 + n);
    }
    // Both have four, and the one that is served has the higher address.
    assert_eq!(w.evicts(ip(3), 20), Some(10));
    assert_eq!(w.evicts(ip(4), 30), Some(11));
    assert_eq!(w.evicts(ip(5), 40), Some(12));
    assert_eq!(w.evicts(ip(6), 50), Some(0), "those with more than a newcomer are all served");
}

#[test]
fn a_newcomer_pays_with_what_it_does_not_use_itself_before_anybody_who_is_served() {
    let mut w = World::new(4, 4);
    for n in 0..3 {
        let served = w.free(ip(1), n);
        w.is(served, Activity::Busy);
    }
    w.free(ip(2), 10);
    assert_eq!(w.evicts(ip(2), 11), Some(10));
}

#[test]
fn a_proxy_on_this_machine_does_not_pay_for_a_stranger() {
    let proxy: IpAddr = "127.0.0.1".parse().unwrap();
    let mut w = World::new(4, 4);
    let places: Vec<_> = (0..3).map(|n| w.free(proxy, n)).collect();
    w.is(places[0], Activity::Busy);
    w.free(ip(1), 10);
    assert_eq!(w.enter(ip(1), 11), Err(Full::All), "many use what the proxy has");
    w.passes(PATIENCE);
    assert_eq!(w.evicts(ip(1), 11), Some(1), "what is unused for long goes, whoever has it");
}

#[test]
fn a_crowd_of_equals_is_not_thrown_out_by_the_next_before_it_can_speak() {
    let mut w = World::new(3, 3);
    for n in 1..=3 {
        w.free(ip(n), n.into());
        w.passes(PATIENCE / 4);
    }
    assert_eq!(w.enter(ip(4), 4), Err(Full::All));
    w.passes(PATIENCE / 4);
    assert_eq!(w.evicts(ip(4), 4), Some(1), "the one that has been silent for longest");
    assert_eq!(w.enter(ip(5), 5), Err(Full::All));
}

#[test]
fn a_reader_that_goes_on_is_behind_those_that_stand_still() {
    let mut w = World::new(2, 2);
    let (slow, stuck) = (w.free(ip(1), 1), w.free(ip(1), 2));
    w.is(slow, Activity::Stalled);
    w.is(stuck, Activity::Stalled);
    w.is(slow, Activity::Busy);
    w.is(slow, Activity::Stalled);
    assert_eq!(w.evicts(ip(2), 3), Some(2));
}
