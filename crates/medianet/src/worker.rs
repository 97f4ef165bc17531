//! One worker: a thread that owns a socket and a shard.

use crate::socket::{SendOnly, Sent, Socket};
use crate::strays::Strays;
use metrics::counter;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use tring_media::{Command, Datagram, Notice, Output, SessionId, Shard, ShardConfig, Transmit};

/// Commands that wait for one worker. A sender that finds the queue full waits. Higher: more memory under a flood of
/// offers. Lower: the signalling waits sooner.
pub(crate) const COMMAND_QUEUE: usize = 1_024;

/// Commands taken in one turn, so that a flood of offers does not starve media. An offer costs about 0.2 ms.
const COMMANDS_PER_TURN: usize = 16;

/// Batches received in one turn before timers get theirs.
const BATCHES_PER_TURN: usize = 16;

/// Longest sleep: also how often counters are given to the metrics.
const TICK: Duration = Duration::from_secs(1);

/// Pause after the socket failed in a way that no setting explains.
const SOCKET_ERROR_PAUSE: Duration = Duration::from_millis(50);

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// What a worker's queue holds.
pub(crate) enum Job {
    Command(Command),
    /// A datagram that reached the port of worker `at`.
    Stray {
        source: SocketAddr,
        local: IpAddr,
        contents: Vec<u8>,
        at: usize,
    },
    Stop,
}

/// What a worker tells the handle.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Something happened. Called on the worker's thread: it must not wait.
    fn notice(&self, notice: Notice);
    /// A session is gone from its worker.
    fn ended(&self, session: SessionId);
    /// Counts of the last second.
    fn counted(&self, worker: usize, counters: &tring_media::Counters, sent: Counted, sessions: usize);
}

/// Sends and receives since the last report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) datagrams_out: u64,
    pub(crate) send_calls: u64,
    pub(crate) send_drops: u64,
    /// Datagrams handed to the worker that owns their session.
    pub(crate) handed_over: u64,
}

/// The sending end of a worker's queue.
#[derive(Clone)]
pub(crate) struct Inbox {
    queue: SyncSender<Job>,
    waker: Arc<Waker>,
}

impl Inbox {
    /// Queues a job if there is room.
    fn offer(&self, job: Job) -> bool {
        self.queue.try_send(job).is_ok() && self.waker.wake().is_ok()
    }

    /// Queues a job; waits while the queue is full. `false`: the worker is gone.
    pub(crate) fn send(&self, job: Job) -> bool {
        let sent = self.queue.send(job).is_ok();
        if let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "a media worker could not be woken; it looks by itself within a second");
        }
        sent
    }
}

/// A worker before its thread starts.
pub(crate) struct Worker<L> {
    index: usize,
    socket: Socket,
    config: ShardConfig,
    shard: Shard,
    poll: Poll,
    jobs: Receiver<Job>,
    listener: Arc<L>,
    out: Output,
    counted: Counted,
    reported: Instant,
    strays: Strays,
    others: Vec<(Inbox, SendOnly)>,
}

impl<L: Listener> Worker<L> {
    /// One of `workers` workers.
    pub(crate) fn new(
        index: usize,
        workers: usize,
        mut socket: Socket,
        config: ShardConfig,
        listener: Arc<L>,
    ) -> io::Result<(Self, Inbox)> {
        let poll = Poll::new()?;
        poll.registry().register(socket.source(), SOCKET, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (queue, jobs) = sync_channel(COMMAND_QUEUE);
        let shard = Shard::new(config.clone());
        let strays = Strays::new(config.owner, workers);
        let worker = Self {
            index,
            socket,
            config,
            shard,
            poll,
            jobs,
            listener,
            out: Output::new(),
            counted: Counted::default(),
            reported: Instant::now(),
            strays,
            others: Vec::new(),
        };
        Ok((worker, Inbox { queue, waker }))
    }

    pub(crate) fn send_only(&self) -> SendOnly {
        self.socket.send_only()
    }

    /// The thread. `others`: all workers, this one too, by index.
    pub(crate) fn run(mut self, others: Vec<(Inbox, SendOnly)>) {
        self.others = others;
        let mut events = Events::with_capacity(4);
        loop {
            // Sessions are walled off one by one inside the shard. Should the shard itself fail, its rooms are lost, but
            // the worker and the others go on.
            match catch_unwind(AssertUnwindSafe(|| self.turns(&mut events))) {
                Ok(()) => break,
                Err(_) => self.start_over(),
            }
        }
        let now = Instant::now();
        let sessions: Vec<SessionId> = self.shard.session_ids().collect();
        for session in sessions {
            self.shard.command(Command::Close { session }, now, &mut self.out);
        }
        self.flush();
        self.report(now);
    }

    fn turns(&mut self, events: &mut Events) {
        // Something may have come before the socket was registered.
        let (mut readable, mut queued) = (true, true);
        loop {
            let now = Instant::now();
            let timeout = if readable || queued {
                Duration::ZERO
            } else {
                self.shard.next_deadline().map_or(TICK, |d| d.saturating_duration_since(now).min(TICK))
            };
            if let Err(error) = self.poll.poll(events, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, worker = self.index, "waiting for the media socket failed");
                std::thread::sleep(SOCKET_ERROR_PAUSE);
            }
            readable |= events.iter().any(|e| e.token() == SOCKET);
            // Looked at in every turn: a lost wake-up costs at most a tick.
            queued = match self.take_jobs() {
                Some(more) => more,
                None => return,
            };
            if readable {
                readable = self.take_datagrams();
            }
            let now = Instant::now();
            if self.shard.next_deadline().is_some_and(|d| d <= now) {
                self.shard.advance(now, &mut self.out);
            }
            self.flush();
            if now.saturating_duration_since(self.reported) >= TICK {
                self.report(now);
            }
        }
    }

    /// `Some(true)`: there may be more. `None`: stop.
    fn take_jobs(&mut self) -> Option<bool> {
        for _ in 0..COMMANDS_PER_TURN {
            match self.jobs.try_recv() {
                Ok(Job::Command(c)) => self.shard.command(c, Instant::now(), &mut self.out),
                Ok(Job::Stray { source, local, contents, at }) => {
                    let destination = SocketAddr::new(local, self.socket.port());
                    let before = self.out.transmits.len();
                    let d = Datagram { source, destination, contents: &contents };
                    self.shard.receive(d, Instant::now(), &mut self.out);
                    if accepted(&self.out.transmits[before..], source) {
                        self.strays.accepted(source, Some(at));
                    }
                }
                Err(TryRecvError::Empty) => return Some(false),
                Ok(Job::Stop) | Err(TryRecvError::Disconnected) => return None,
            }
        }
        Some(true)
    }

    /// `true`: there may be more.
    fn take_datagrams(&mut self) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            let now = Instant::now();
            let (shard, out, strays, others) =
                (&mut self.shard, &mut self.out, &mut self.strays, &self.others);
            let (index, counted) = (self.index, &mut self.counted);
            let more = self.socket.receive(|d| {
                if let Some(owner) = strays.owner(d, || shard.knows(d.source))
                    && let Some((inbox, _)) = others.get(owner)
                {
                    let (source, local, contents) = (d.source, d.destination.ip(), d.contents.to_vec());
                    // A full queue drops it, as a full socket buffer would.
                    counted.handed_over +=
                        u64::from(inbox.offer(Job::Stray { source, local, contents, at: index }));
                    return;
                }
                let before = out.transmits.len();
                shard.receive(d, now, out);
                if strays.via(d.source).is_some() && accepted(&out.transmits[before..], d.source) {
                    strays.accepted(d.source, None);
                }
            });
            self.flush();
            match more {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    tracing::error!(%error, worker = self.index, "receiving on the media socket failed");
                    std::thread::sleep(SOCKET_ERROR_PAUSE);
                    return true;
                }
            }
        }
        true
    }

    fn flush(&mut self) {
        for train in self.out.trains() {
            let via =
                train.first().and_then(|t| self.strays.via(t.destination)).and_then(|at| self.others.get(at));
            let Sent { datagrams, calls, dropped } = match via {
                Some((_, other)) => other.send(train),
                None => self.socket.send(train),
            };
            self.counted.datagrams_out += datagrams;
            self.counted.send_calls += calls;
            self.counted.send_drops += dropped;
        }
        for session in self.out.ended.drain(..) {
            self.listener.ended(session);
        }
        for notice in self.out.notices.drain(..) {
            self.listener.notice(notice);
        }
        self.out.clear();
    }

    fn start_over(&mut self) {
        tracing::error!(worker = self.index, "a media worker panicked: its sessions are lost");
        counter!("tring_media_worker_panics_total").increment(1);
        let lost: Vec<SessionId> = self.shard.session_ids().collect();
        self.shard = Shard::new(self.config.clone());
        self.out.clear();
        for session in lost {
            self.listener.ended(session);
            self.listener.notice(Notice::Lost { session });
        }
    }

    fn report(&mut self, now: Instant) {
        self.reported = now;
        let counters = self.shard.take_counters();
        self.listener.counted(
            self.index,
            &counters,
            std::mem::take(&mut self.counted),
            self.shard.sessions(),
        );
    }
}

/// An ICE check from `source` was accepted.
fn accepted(answers: &[Transmit], source: SocketAddr) -> bool {
    answers.iter().any(|t| t.destination == source && t.answers_check())
}
