//! The load: all phones push from one thread, and all players listen on another, so that neither waits for the other.

use super::client::{Address, Connection, Way};
use super::phone::{self, Kind, PICTURE, Phone, SOUND, Speech};
use crate::harness::durations::Durations;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{ErrorKind, Read, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes read from a socket at a time: more than a key frame.
const READ: usize = 64 * 1024;

/// The longest sleep of a thread, which looks after it whether it is to stop.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// Where one phone pushes, and where the other plays it.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) push: Address,
    pub(crate) play: Address,
}

/// What came to all players while it was measured.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// Durations of the frames, in the order of their kinds.
    pub(crate) sound: Durations,
    /// How long each picture was under way.
    pub(crate) picture: Durations,
    /// When each player was given its frames of sound, from the first on, since the epoch.
    pub(crate) heard: Vec<Vec<Duration>>,
}

/// A thread of the load. It ends when its handle is dropped.
struct Worker<T> {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<T>>>,
}

impl<T: Send + 'static> Worker<T> {
    fn start(work: impl FnOnce(&AtomicBool) -> Result<T> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        Self { stop, thread: Some(std::thread::spawn(move || work(&seen))) }
    }

    fn finish(mut self) -> Result<T> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = || Err(std::io::Error::other("a thread of the load panicked"));
        self.thread.take().map_or_else(panicked, |t| t.join().unwrap_or_else(|_| panicked()))
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Phones that push.
pub(crate) struct Pushers {
    worker: Worker<Vec<Phone>>,
    pushed: Arc<AtomicU64>,
}

impl Pushers {
    /// Connects all, then lets them begin within one time from key frame to key frame, spread as people are.
    pub(crate) fn start(streams: &[Stream], speech: Option<&Speech>, epoch: Instant) -> Result<Self> {
        let open = |s: &Stream| {
            Connection::open(&s.push, Way::Publish).and_then(|c| Phone::begin(c, speech.cloned()))
        };
        let phones = streams.iter().map(open).collect::<Result<Vec<_>>>()?;
        let pushed = Arc::new(AtomicU64::new(0));
        let count = pushed.clone();
        Ok(Self { worker: Worker::start(move |stop| push(phones, epoch, stop, &count)), pushed })
    }

    /// Frames so far.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// Ends them. An error: what had ended them before.
    pub(crate) fn finish(self) -> Result<Vec<Phone>> {
        self.worker.finish()
    }
}

fn push(mut phones: Vec<Phone>, epoch: Instant, stop: &AtomicBool, pushed: &AtomicU64) -> Result<Vec<Phone>> {
    let start = Instant::now();
    let mut due = BinaryHeap::new();
    for n in 0..phones.len() {
        let begin = start + spread(n) * phone::GOP_SECONDS;
        due.push(Reverse((begin, n, Kind::Picture)));
        due.push(Reverse((begin, n, Kind::Sound)));
    }
    while !stop.load(Ordering::Relaxed)
        && let Some(Reverse((at, n, kind))) = due.peek().copied()
    {
        let early = at.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            std::thread::sleep(early.min(LONGEST_SLEEP));
            continue;
        }
        due.pop();
        phones[n].push(kind, epoch)?;
        pushed.fetch_add(1, Ordering::Relaxed);
        let step = if kind == Kind::Picture { PICTURE } else { SOUND };
        due.push(Reverse((at + step, n, kind)));
    }
    Ok(phones)
}

/// A part of a second for each number, evenly spread whatever the count (the golden ratio's multiples).
pub(crate) fn spread(n: usize) -> Duration {
    let turn = u32::try_from(n).unwrap_or_default().wrapping_mul(0x9e37_79b9);
    Duration::from_secs_f64(f64::from(turn) / f64::from(u32::MAX))
}

/// Phones that listen.
pub(crate) struct Players {
    worker: Worker<Arrived>,
    measuring: Arc<AtomicBool>,
}

impl Players {
    /// Connects all, and listens.
    pub(crate) fn start(streams: &[Stream], epoch: Instant) -> Result<Self> {
        let open = |s: &Stream| Connection::open(&s.play, Way::Play);
        let connections = streams.iter().map(open).collect::<Result<Vec<_>>>()?;
        let measuring = Arc::new(AtomicBool::new(false));
        let now = measuring.clone();
        Ok(Self { worker: Worker::start(move |stop| listen(connections, epoch, stop, &now)), measuring })
    }

    /// What comes from now on counts, or does so no more.
    pub(crate) fn measure(&self, on: bool) {
        self.measuring.store(on, Ordering::Relaxed);
    }

    /// Ends them, and gives what counted.
    pub(crate) fn finish(self) -> Result<Arrived> {
        self.worker.finish()
    }
}

fn listen(
    connections: Vec<Connection>,
    epoch: Instant,
    stop: &AtomicBool,
    measuring: &AtomicBool,
) -> Result<Arrived> {
    let mut poll = Poll::new()?;
    let mut players = Vec::new();
    for (n, connection) in connections.into_iter().enumerate() {
        connection.socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(connection.socket);
        poll.registry().register(&mut socket, Token(n), Interest::READABLE)?;
        players.push((socket, connection.reader));
    }
    let mut arrived = Arrived { heard: vec![Vec::new(); players.len()], ..Arrived::default() };
    let mut events = Events::with_capacity(256);
    let mut buffer = vec![0; READ];
    while !stop.load(Ordering::Relaxed) {
        match poll.poll(&mut events, Some(LONGEST_SLEEP)) {
            Err(e) if e.kind() != ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        let counts = measuring.load(Ordering::Relaxed);
        for event in &events {
            let (socket, reader) = &mut players[event.token().0];
            loop {
                match socket.read(&mut buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(n) => {
                        reader.read(&buffer[..n], |kind, payload| {
                            if phone::is_sound(kind, payload) {
                                arrived.heard[event.token().0].push(epoch.elapsed());
                            }
                            match phone::age(kind, payload, epoch) {
                                Some((Kind::Sound, age)) if counts => arrived.sound.add(age),
                                Some((Kind::Picture, age)) if counts => arrived.picture.add(age),
                                _ => {}
                            }
                        })?;
                        // A short read has emptied the socket: what comes later is told of anew.
                        if n < buffer.len() {
                            break;
                        }
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
        }
    }
    Ok(arrived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_spread() {
        let mut parts: Vec<_> = (0..20).map(spread).collect();
        parts.sort_unstable();
        assert!(parts.windows(2).all(|p| p[1] - p[0] < Duration::from_millis(100)));
        assert!(parts[19] < Duration::from_secs(1));
    }
}
