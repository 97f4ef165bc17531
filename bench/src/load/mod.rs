//! The load: people who send and receive test media, all on one thread with one socket each.
//!
//! | module | subject |
//! |---|---|
//! | `schedule` | when each person begins |
//! | `endpoint` | what a person is to this thread: seals, opens, says what is due |
//! | `thread` | the thread |
//! | `measured` | what they sent and received, and what that cost the server |
//! | `light` | people of WebRTC calls: connected by the library, then sealed and opened by `LightPeer` |
//!
//! The people of the bare forwarder are in `bare_forwarder`. To read it, begin with [`Load`] in this file.

mod endpoint;
pub(crate) mod light;
pub(crate) mod measured;
mod schedule;
mod thread;

pub(crate) use endpoint::{Endpoint, Received};

use crate::harness::error::BenchError;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tring_client::{Delays, Pattern};

/// Somebody for the load: a connected socket, and what is behind it.
pub(crate) struct Person {
    pub(crate) socket: UdpSocket,
    pub(crate) endpoint: Box<dyn Endpoint>,
    /// What to send once the load plays; none for one who only receives.
    pub(crate) pattern: Option<Pattern>,
}

/// Counts of all people together, from the beginning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    /// Packets of media sent.
    pub(crate) sent: u64,
    /// Packets of media received.
    pub(crate) received: u64,
    /// From before a packet was sealed until after it was read.
    pub(crate) delays: Delays,
    /// How far behind its schedule each thing was sent.
    pub(crate) late: Delays,
}

/// What the thread and its handle share.
#[derive(Default)]
struct Shared {
    totals: Mutex<Totals>,
    arriving: Mutex<Vec<Person>>,
    play: AtomicBool,
    stop: AtomicBool,
}

impl Shared {
    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arriving(&self) -> MutexGuard<'_, Vec<Person>> {
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running load. Dropping it ends it, without a goodbye to the server.
pub(crate) struct Load {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// A load of nobody yet.
    ///
    /// # Errors
    ///
    /// [`BenchError::Load`]: the system gives no thread or no epoll.
    pub(crate) fn start() -> Result<Self, BenchError> {
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn(Arc::clone(&shared)).map_err(BenchError::Load)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Takes somebody in, who answers from then on and is silent until [`Load::play`].
    pub(crate) fn add(&self, person: Person) {
        self.shared.arriving().push(person);
    }

    /// Everybody who is in begins to send, in the order of coming, each at a moment of their own.
    pub(crate) fn play(&self) {
        self.shared.play.store(true, Ordering::Release);
    }

    /// Everybody falls silent, and goes on answering.
    pub(crate) fn silence(&self) {
        self.shared.play.store(false, Ordering::Release);
    }

    /// What came and went so far.
    pub(crate) fn totals(&self) -> Totals {
        self.shared.totals().clone()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}
