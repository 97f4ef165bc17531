//! The first picture of who joins, at any moment between two key frames.

use super::client::{Connection, Way};
use super::load::{Stream, spread};
use super::phone;
use crate::harness::durations::Durations;
use std::io::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// Joins of one size, at least: the ninety-ninth of a hundred is one.
const JOINS: usize = 100;

/// Longest wait for a picture.
const WITHIN: Duration = Duration::from_secs(10);

/// How long the first key frame took, headers before it.
#[derive(Debug, Default)]
pub(super) struct Joins {
    /// From the beginning of the TCP connection.
    pub(crate) connected: Durations,
    /// From `play`.
    pub(crate) asked: Durations,
}

/// Joins each stream some times, one after another, and all streams side by side. The phones push meanwhile.
pub(crate) fn measure(streams: &[Stream], quick: bool) -> Result<Joins> {
    let rounds = if quick { 1 } else { JOINS.div_ceil(streams.len().max(1)).max(2) };
    let span = Duration::from_secs(phone::GOP_SECONDS.into());
    let join_all = |n: usize, stream: &Stream| -> Result<Vec<(Duration, Duration)>> {
        (0..rounds)
            .map(|round| {
                std::thread::sleep(span.mul_f64(spread(n * rounds + round).as_secs_f64()));
                join(stream)
            })
            .collect()
    };
    let mut joins = Joins::default();
    std::thread::scope(|scope| {
        let join_all = &join_all;
        let threads: Vec<_> =
            streams.iter().enumerate().map(|(n, s)| scope.spawn(move || join_all(n, s))).collect();
        for thread in threads {
            let panicked = |_| Err(Error::other("a player that joins panicked"));
            for (connected, asked) in thread.join().unwrap_or_else(panicked)? {
                joins.connected.add(connected);
                joins.asked.add(asked);
            }
        }
        Ok(joins)
    })
}

fn join(stream: &Stream) -> Result<(Duration, Duration)> {
    let mut connection = Connection::open(&stream.play, Way::Play)?;
    let (mut header, mut shown) = (false, false);
    let mut look = |kind: u8, payload: &[u8]| {
        header |= phone::is_header(kind, payload);
        shown |= header && phone::is_keyframe(kind, payload);
        shown
    };
    let mut done = false;
    for (kind, payload) in std::mem::take(&mut connection.early) {
        done |= look(kind, &payload);
    }
    let mut buffer = vec![0; 64 * 1024];
    while !done {
        if connection.opened.elapsed() > WITHIN {
            return Err(Error::new(ErrorKind::TimedOut, "no picture"));
        }
        connection.wait(&mut buffer, |kind, payload| done |= look(kind, payload))?;
    }
    let now = Instant::now();
    Ok((now - connection.opened, now - connection.asked))
}
