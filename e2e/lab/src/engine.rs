//! The thread that moves frames: it reads the devices, lets the switch run, and writes what has arrived.

use crate::switch::{HostId, Switch};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::OwnedFd;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Frames that are read of one device before the others have their turn. Higher saves calls under load, lower is fairer.
const READS_PER_TURN: usize = 64;
/// The longest frame: no device here has a larger MTU.
const LONGEST_FRAME: usize = 2048;

/// What the thread and its owner share.
struct Shared {
    switch: Mutex<Switch>,
    /// Written to when the switch was changed from outside, or at the end.
    wake: OwnedFd,
    ends: AtomicBool,
    /// Frames that a device did not take.
    refused: AtomicU64,
    began: Instant,
}

impl Shared {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        // A panic under the lock is reported by the thread that had it; the switch itself is whole.
        self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running network. It ends when dropped.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts to move frames between these devices, one for each host in its order.
    pub(crate) fn start(switch: Switch, ports: Vec<OwnedFd>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            switch: Mutex::new(switch),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            ends: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            began: Instant::now(),
        });
        let own = shared.clone();
        let thread = std::thread::Builder::new().name("lab".into()).spawn(move || run(&own, &ports))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Changes the switch, at the time that it is given.
    pub(crate) fn change<T>(&self, change: impl FnOnce(Duration, &mut Switch) -> T) -> T {
        let result = {
            let mut switch = self.shared.switch();
            change(self.shared.now(), &mut switch)
        };
        self.wake();
        result
    }

    /// Frames that a host's device did not take, because the host did not keep up.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        // It fails only when the counter is full, and then the thread is awake.
        let _ = rustix::io::write(&self.shared.wake, &1u64.to_ne_bytes());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("tring-lab: the thread that moves frames has panicked");
        }
    }
}

fn run(shared: &Shared, ports: &[OwnedFd]) {
    let mut buffer = [0; LONGEST_FRAME];
    while !shared.ends.load(Ordering::Relaxed) {
        let next = {
            let mut switch = shared.switch();
            for (host, port) in ports.iter().enumerate() {
                for _ in 0..READS_PER_TURN {
                    // Nothing to read, or an interface that is down for now: poll says when there is more.
                    let Ok(length) = rustix::io::read(port, &mut buffer) else { break };
                    let now = shared.now();
                    switch.send(now, HostId(host), &buffer[..length]);
                }
            }
            switch.run(shared.now(), |HostId(host), frame| {
                if rustix::io::write(&ports[host], frame).is_err() {
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                }
            });
            switch.next_at()
        };
        // The kernel's clock has nanoseconds; a time that has passed is no wait at all.
        let wait = next.map(|at| at.saturating_sub(shared.now()));
        let timeout = wait.map(|wait| Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        let mut all: Vec<_> = ports.iter().map(|port| PollFd::new(port, PollFlags::IN)).collect();
        all.push(PollFd::new(&shared.wake, PollFlags::IN));
        // An interrupted wait is a short one.
        let _ = poll(&mut all, timeout.as_ref());
        let mut count = [0; 8];
        let _ = rustix::io::read(&shared.wake, &mut count);
    }
}
