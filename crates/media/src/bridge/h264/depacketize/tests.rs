use super::super::packetize;
use super::*;
use proptest::prelude::*;

fn config() -> Config {
    let mut c = Config::new();
    c.learn(&[0x67, 0x42, 0xc0, 0x1e, 0x8c]);
    c.learn(&[0x68, 0xce, 0x3c, 0x80]);
    c
}

fn body(key: bool, size: usize) -> Vec<u8> {
    let unit: Vec<u8> =
        [if key { 0x65 } else { 0x41 }].into_iter().chain((0..size).map(|n| n as u8)).collect();
    [&(unit.len() as u32).to_be_bytes()[..], &unit].concat()
}

/// (sequence number, timestamp, marker, payload)
type Sent = (u64, u32, bool, Arc<[u8]>);

/// Pictures as a browser sends them.
fn sent(pictures: &[(bool, usize)]) -> Vec<Sent> {
    let mut out = Vec::new();
    for (n, &(key, size)) in pictures.iter().enumerate() {
        let mut payloads = Vec::new();
        packetize(&body(key, size), key, &config(), &mut payloads).unwrap();
        let last = payloads.len() - 1;
        for (i, payload) in payloads.into_iter().enumerate() {
            out.push((70_000 + out.len() as u64, n as u32 * 3_000, i == last, payload.into()));
        }
    }
    out
}

struct Receiver {
    reader: Depacketizer,
    now: Instant,
    pictures: Vec<Picture>,
}

impl Receiver {
    fn new() -> Self {
        Self { reader: Depacketizer::default(), now: Instant::now(), pictures: Vec::new() }
    }

    fn take(&mut self, packets: &[Sent]) {
        for (seq, timestamp, marker, payload) in packets {
            self.reader.take(*seq, (*timestamp, *marker), payload, self.now, &mut self.pictures);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.reader.run(self.now, &mut self.pictures);
    }

    /// The numbers of the pictures that came.
    fn seen(&self) -> Vec<u32> {
        self.pictures.iter().map(|p| p.timestamp / 3_000).collect()
    }
}

#[test]
fn what_was_cut_is_put_together() {
    let mut r = Receiver::new();
    r.take(&sent(&[(true, 5_000), (false, 10), (false, 1_300)]));
    assert_eq!(r.seen(), [0, 1, 2]);
    assert_eq!(r.pictures[0].body, body(true, 5_000));
    assert_eq!(r.pictures.iter().map(|p| p.key).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(r.reader.config, config());
}

#[test]
fn a_lost_packet_is_waited_for_then_the_next_key_frame_is() {
    let packets = sent(&[(true, 10), (false, 10), (false, 10), (true, 10), (false, 10)]);
    // Two packets of the key frame, one of each other.
    let mut r = Receiver::new();
    r.take(&packets[..2]);
    r.take(&packets[3..4]);
    assert_eq!(r.seen(), [0]);
    r.wait(WAIT - Duration::from_millis(1));
    r.take(&packets[2..3]);
    assert_eq!(r.seen(), [0, 1, 2], "it came again in time");

    let mut r = Receiver::new();
    r.take(&packets[..2]);
    r.take(&packets[3..4]);
    r.wait(Duration::ZERO);
    r.wait(WAIT);
    assert!(r.reader.needs_keyframe());
    r.take(&packets[2..3]);
    r.take(&packets[4..]);
    assert_eq!(r.seen(), [0, 3, 4], "what came too late is not shown");
    assert!(!r.reader.needs_keyframe());
}

#[test]
fn parameter_sets_count_from_the_key_frame_that_follows() {
    let mut r = Receiver::new();
    let changed: Arc<[u8]> = [0x67, 0x42, 0xc0, 0x1f, 0x8c].as_slice().into();
    r.take(&sent(&[(true, 10)]));
    let slice: Arc<[u8]> = [0x41, 1].as_slice().into();
    r.take(&[(70_002, 3_000, false, changed.clone()), (70_003, 3_000, true, slice)]);
    assert_eq!(r.seen(), [0, 1]);
    assert_eq!(r.reader.config, config(), "no key frame yet");
    let key: Arc<[u8]> = [0x65, 1].as_slice().into();
    r.take(&[(70_004, 6_000, true, key)]);
    assert_eq!(r.reader.config.sets().next(), Some(&*changed));
}

#[test]
fn a_key_frame_without_parameter_sets_is_not_given_out() {
    let mut r = Receiver::new();
    r.take(&[(1, 0, true, [0x65, 1].as_slice().into())]);
    assert!(r.pictures.is_empty() && r.reader.needs_keyframe());
}

#[test]
fn fragments_that_never_end_are_bounded() {
    let mut r = Receiver::new();
    let part: Arc<[u8]> = [[0x7c, 0x05].as_slice(), &[0; 1_200]].concat().into();
    r.take(&[(0, 0, false, [0x7c, 0x85, 1].as_slice().into())]);
    for seq in 1..2_000 {
        r.take(&[(seq, 0, false, part.clone())]);
        assert!(r.reader.building.body.len() <= MAX_PICTURE);
    }
    r.take(&sent(&[(true, 10)]).map_seq(2_000));
    assert_eq!(r.pictures.len(), 1, "and the next picture comes");
}

trait Renumber {
    fn map_seq(self, first: u64) -> Self;
}

impl Renumber for Vec<Sent> {
    fn map_seq(self, first: u64) -> Self {
        let packets = self.into_iter().enumerate();
        packets.map(|(n, (_, t, m, p))| (first + n as u64, t + 90_000, m, p)).collect()
    }
}

#[test]
fn who_waits_is_bounded_in_number() {
    let mut r = Receiver::new();
    r.take(&[(0, 0, true, [0x41].as_slice().into())]);
    for seq in 2..3_000 {
        r.take(&[(seq, 0, false, [0x41].as_slice().into())]);
        assert!(r.reader.packets.len() <= MAX_WAITING);
    }
}

proptest! {
    #[test]
    fn any_small_disorder_changes_nothing(
        sizes in proptest::collection::vec((any::<bool>(), 1usize..4_000), 1..12),
        swaps in proptest::collection::vec((0usize..60, 1usize..8), 0..20),
    ) {
        let mut pictures = sizes;
        pictures[0].0 = true;
        let mut packets = sent(&pictures);
        let first = packets.remove(0);
        for (at, by) in swaps {
            let other = at + by;
            if other < packets.len() {
                packets.swap(at, other);
            }
        }
        let mut r = Receiver::new();
        r.take(&[first]);
        r.take(&packets);
        let expected: Vec<Vec<u8>> = pictures.iter().map(|&(key, size)| body(key, size)).collect();
        prop_assert_eq!(r.pictures.into_iter().map(|p| p.body).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn any_bytes_are_survived(packets in proptest::collection::vec((0u64..40, any::<u8>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..30)), 0..60)) {
        let mut r = Receiver::new();
        for (seq, timestamp, marker, payload) in packets {
            r.take(&[(seq, timestamp.into(), marker, payload.into())]);
            r.wait(Duration::from_millis(20));
        }
    }
}
