use super::*;

fn hop(port: u16) -> Hop {
    Hop {
        destination: SocketAddr::from(([127, 0, 0, 1], port)),
        source: IpAddr::from([127, 0, 0, 1]),
        via: 0,
    }
}

/// Trains, and one sender for each hop.
#[derive(Default)]
struct Senders {
    trains: Trains,
    hints: Vec<(Hop, TrainHint)>,
}

impl Senders {
    fn push(&mut self, hop: Hop, contents: &[u8]) -> bool {
        let at = self.hints.iter().position(|(h, _)| *h == hop).unwrap_or_else(|| {
            self.hints.push((hop, TrainHint::default()));
            self.hints.len() - 1
        });
        self.trains.push(hop, &mut self.hints[at].1, |buffer| {
            buffer.extend_from_slice(contents);
            true
        })
    }

    fn counts(&self) -> Vec<usize> {
        self.trains.iter().map(Train::count).collect()
    }
}

#[test]
fn trains_keep_order_and_have_equal_segments_but_for_a_shorter_last() {
    let mut out = Senders::default();
    for (mark, (port, len)) in (0u8..).zip([(1, 9), (2, 5), (1, 9), (1, 4), (1, 9), (2, 6), (1, 9), (1, 10)])
    {
        assert!(out.push(hop(port), &vec![mark; len]));
    }
    let trains: Vec<(u16, Vec<(u8, usize)>)> = out
        .trains
        .iter()
        .map(|t| (t.hop.destination.port(), t.datagrams().map(|d| (d[0], d.len())).collect()))
        .collect();
    let expected = [
        (1, vec![(0, 9), (2, 9), (3, 4)]),
        (2, vec![(1, 5)]),
        (1, vec![(4, 9), (6, 9)]),
        (2, vec![(5, 6)]),
        (1, vec![(7, 10)]),
    ];
    assert_eq!(trains, expected);
    assert_eq!(out.trains.datagrams().count(), 8);
}

#[test]
fn trains_stay_under_the_kernels_limits() {
    for len in [1_200, 100] {
        let mut out = Senders::default();
        for _ in 0..200 {
            out.push(hop(1), &vec![0; len]);
        }
        let counts = out.counts();
        assert_eq!(counts.iter().sum::<usize>(), 200);
        assert!(counts.iter().all(|&n| n <= MAX_TRAIN && n * len <= MAX_TRAIN_BYTES), "{counts:?}");
        assert_eq!(counts[0], MAX_TRAIN.min(MAX_TRAIN_BYTES / len), "as long as may be");
    }
}

#[test]
fn what_may_not_fit_the_interface_leaves_alone() {
    let mut out = Senders::default();
    for len in [MAX_SEGMENT, MAX_SEGMENT, MAX_SEGMENT + 1, MAX_SEGMENT + 1, MAX_SEGMENT + 1, 9] {
        out.push(hop(1), &vec![0; len]);
    }
    assert_eq!(out.counts(), [2, 1, 1, 1, 1]);
}

#[test]
fn a_train_leaves_through_one_port() {
    let (mut trains, mut hint) = (Trains::default(), TrainHint::default());
    for via in [0, 1, 0, 0] {
        trains.push(Hop { via, ..hop(1) }, &mut hint, |buffer| {
            buffer.extend([via; 9]);
            true
        });
    }
    assert_eq!(trains.iter().map(|t| (t.hop.via, t.count())).collect::<Vec<_>>(), [(0, 1), (1, 1), (0, 2)]);
}

#[test]
fn what_was_not_written_to_its_end_is_not_there() {
    let (mut trains, mut hint) = (Trains::default(), TrainHint::default());
    let whole = |buffer: &mut Vec<u8>| {
        buffer.extend([7; 9]);
        true
    };
    let half = |buffer: &mut Vec<u8>| {
        buffer.extend([8; 5]);
        false
    };
    assert!(!trains.push(hop(1), &mut hint, half));
    assert!(!trains.push(hop(1), &mut hint, |_| true));
    assert!(trains.is_empty(), "a train of nothing is none");
    assert!(trains.push(hop(1), &mut hint, whole));
    assert!(!trains.push(hop(1), &mut hint, half));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        trains.push(hop(1), &mut hint, |buffer| {
            buffer.extend([9; 3]);
            panic!("a bug of a session, for the test")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(trains.datagrams().map(|(_, d)| d).collect::<Vec<_>>(), [[7; 9]]);
    assert!(trains.push(hop(1), &mut hint, whole));
    assert_eq!(trains.datagrams().map(|(_, d)| d).collect::<Vec<_>>(), [[7; 9]; 2]);
    assert_eq!(trains.iter().count(), 1, "one train all the same");
}

#[test]
fn a_hint_of_before_leads_nowhere_and_what_was_sent_is_not_sent_again() {
    let mut out = Senders::default();
    out.push(hop(1), &[1; 9]);
    out.push(hop(2), &[2; 9]);
    out.trains.clear();
    assert!(out.trains.is_empty());
    out.push(hop(2), &[3; 9]);
    out.push(hop(1), &[4; 9]);
    out.push(hop(2), &[5; 9]);
    let sent: Vec<_> =
        out.trains.iter().map(|t| (t.hop.destination.port(), t.contents[0], t.count())).collect();
    assert_eq!(sent, [(2, 3, 2), (1, 4, 1)]);
}

#[test]
fn memory_is_used_again_and_a_burst_does_not_keep_it() {
    let mut out = Senders::default();
    let burst = |out: &mut Senders, hops: u16| {
        for port in 1..=hops {
            for _ in 0..10 {
                out.push(hop(port), &[0; 1_000]);
            }
        }
        out.trains.clear();
    };
    burst(&mut out, 20);
    let buffers = |out: &Senders| -> Vec<_> {
        out.trains.pool.iter().map(|t| (t.bytes.as_ptr(), t.bytes.capacity())).collect()
    };
    let before = buffers(&out);
    assert_eq!(before.len(), 20);
    burst(&mut out, 20);
    assert_eq!(buffers(&out), before, "the same memory");
    burst(&mut out, 1_000);
    let holds: usize = buffers(&out).iter().map(|(_, capacity)| capacity).sum();
    assert!(holds > MAX_KEPT_BYTES / 2 && holds <= MAX_KEPT_BYTES, "{holds} bytes");
    assert_eq!(out.trains.kept, holds + out.trains.pool.len() * size_of::<Filling>());
}
