//! One worker: a thread that owns a socket and a shard.

use crate::counters::IoCounters;
use crate::misrouted::{Handover, Misrouted, Place};
use crate::sender::{Patience, Sender};
use crate::tcp::{Moving, Streams, WorkerParts};
use crate::udp::Socket;
use metrics::counter;
use mio::net::{TcpListener, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use tring_limits::TicketLimit;
use tring_media::{
    Command, ConnectionId, Datagram, MAX_DATAGRAM, Notice, OfferError, Output, SessionId, Shard, ShardConfig,
    StreamRequest,
};

/// Commands that wait for one worker. A sender that finds the queue full waits. Higher: more memory under a flood of
/// offers. Lower: the signalling waits sooner.
pub(crate) const COMMAND_QUEUE: usize = 1_024;

/// Commands taken in one turn, so that a flood of offers does not starve media. An offer costs about 0.2 ms.
const COMMANDS_PER_TURN: usize = 16;

/// Datagrams from other workers' ports that wait for one worker. Anybody can send them, so they have a queue of their own
/// and are dropped when it is full, as by a full socket buffer. Higher: more memory under a flood of them. Lower: a burst
/// through a load balancer that knows one port loses packets.
const MISROUTED_QUEUE: usize = 1_024;

/// Datagrams from other workers' ports that are taken in one turn. Higher: they are served sooner. Lower: what reached the
/// worker's own port comes first.
const MISROUTED_PER_TURN: usize = 64;

/// TCP connections that wait for one worker: moved there by the worker that accepted them, or asked for over HTTP. Anybody
/// can write a ticket that names a worker, so they have a queue of their own and are dropped when it is full: their clients
/// come again. Higher: more memory under a flood of them. Lower: a burst of phones that come back is dropped.
const ARRIVAL_QUEUE: usize = 1_024;

/// Moved connections that are taken in one turn. Higher: whoever joins is served sooner. Lower: media comes first.
const ARRIVALS_PER_TURN: usize = 64;

/// Batches received in one turn before timers get theirs.
const BATCHES_PER_TURN: usize = 16;

/// Sockets that are told of in one turn; the next turn tells of the others.
const EVENTS_PER_TURN: usize = 256;

/// Longest sleep: also how often counters are given to the metrics.
const TICK: Duration = Duration::from_secs(1);

/// Shortest sleep of a worker without TCP connections until a deadline of the shard. What is due sooner is met in the turn of the next datagram, or so late. Higher:
/// who is sent nothing is asked for what is missing, and told what arrived, later. Lower: a sleep that ends soon has the
/// processor's timer set anew at each wake-up, which costs more than the wake-up: on a virtual machine 9 µs instead of 3
/// with 2 ms, 14 with 0.7 ms.
const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

/// Pause after the socket failed in a way that no setting explains.
const SOCKET_ERROR_PAUSE: Duration = Duration::from_millis(50);

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);
const RTMP: Token = Token(2);

/// What a worker's queue holds.
pub(crate) enum Job {
    Command(Command),
    Stop,
}

/// A connection that a worker is to take in.
pub(crate) enum Arrival {
    /// A TCP connection whose ticket is of this worker.
    Adopt(ConnectionId, Box<Moving>),
    /// The near end of a stream that is played over HTTP.
    Play(UnixStream, StreamRequest),
}

/// What a worker tells the handle.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Something happened. Called on the worker's thread: it must not wait.
    fn notice(&self, notice: Notice);
    /// A session is gone from its worker.
    fn ended(&self, session: SessionId);
    /// Counts of the last second.
    fn counted(&self, worker: usize, counters: &tring_media::Counters, io: &IoCounters, load: Load);
}

/// How much a worker has to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Sessions alive.
    pub(crate) sessions: usize,
    /// Share of the time since the last report in which its thread did not wait for something to do: 0 to 1.
    pub(crate) busy: f64,
}

/// The sending end of a worker's queues.
#[derive(Clone)]
pub(crate) struct Inbox {
    queue: SyncSender<Job>,
    misrouted: SyncSender<Handover>,
    arrivals: SyncSender<Arrival>,
    waker: Arc<Waker>,
}

impl Inbox {
    /// Queues what another worker hands over. `false`: there is no room, or the worker is gone.
    fn offer(&self, handover: Handover) -> bool {
        self.misrouted.try_send(handover).is_ok() && self.waker.wake().is_ok()
    }

    /// Queues a connection if there is room. `false`: it is closed.
    pub(crate) fn hand(&self, arrival: Arrival) -> bool {
        self.arrivals.try_send(arrival).is_ok() && self.waker.wake().is_ok()
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
    handed: Receiver<Handover>,
    arriving: Receiver<Arrival>,
    listener: Arc<L>,
    out: Output,
    /// What the listener is to be told. Kept apart from `out`, so that it outlives a panic.
    listener_events: VecDeque<ListenerEvent>,
    /// The sessions that were taken from the queue and have not ended; `true` once their offer is answered.
    taken: HashMap<SessionId, bool>,
    io: IoCounters,
    reported: Instant,
    /// Time since then that was spent waiting.
    waited: Duration,
    misrouted: Misrouted,
    streams: Streams,
    others: Vec<(Inbox, Sender)>,
    /// The last turn panicked.
    failed: bool,
}

/// One thing to tell.
enum ListenerEvent {
    Notice(Notice),
    Ended(SessionId),
}

impl<L: Listener> Worker<L> {
    /// One of `workers` workers. With a listener it takes the RTMP connections of all, who share the places of `limit`.
    pub(crate) fn new(
        index: usize,
        workers: usize,
        mut socket: Socket,
        (rtmp, limit): (Option<TcpListener>, &TicketLimit<ConnectionId>),
        config: ShardConfig,
        listener: Arc<L>,
    ) -> io::Result<(Self, Inbox)> {
        let poll = Poll::new()?;
        poll.registry().register(socket.source(), SOCKET, Interest::READABLE)?;
        let mut streams = Streams::new(index, rtmp, limit.clone())?;
        if let Some(listener) = streams.listener() {
            poll.registry().register(listener, RTMP, Interest::READABLE)?;
        }
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (queue, jobs) = sync_channel(COMMAND_QUEUE);
        let (misrouted, handed) = sync_channel(MISROUTED_QUEUE);
        let (arrivals, arriving) = sync_channel(ARRIVAL_QUEUE);
        let shard = Shard::new(config.clone(), Instant::now());
        let worker = Self {
            index,
            socket,
            shard,
            poll,
            jobs,
            handed,
            arriving,
            listener,
            out: Output::new(),
            listener_events: VecDeque::new(),
            taken: HashMap::new(),
            io: IoCounters::default(),
            reported: Instant::now(),
            waited: Duration::ZERO,
            misrouted: Misrouted::new(config.owner, workers),
            streams,
            config,
            others: Vec::new(),
            failed: false,
        };
        Ok((worker, Inbox { queue, misrouted, arrivals, waker }))
    }

    /// A way for another worker to send through this one's socket.
    pub(crate) fn another_sender(&self) -> io::Result<Sender> {
        self.socket.sender.another()
    }

    /// The thread. `others`: all workers, this one too, by index.
    pub(crate) fn run(mut self, others: Vec<(Inbox, Sender)>) {
        self.others = others;
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        // Sessions are walled off one by one inside the shard. Should the shard itself fail, its rooms are lost, but the
        // worker and the others go on.
        while catch_unwind(AssertUnwindSafe(|| self.turns(&mut events))).is_err() {
            self.failed = true;
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
        if std::mem::take(&mut self.failed) {
            self.start_over();
        }
        // Something may have come before the socket was registered.
        let (mut readable, mut queued, mut streaming) = (true, true, true);
        loop {
            let now = Instant::now();
            let timeout = if readable || queued || streaming {
                Duration::ZERO
            } else {
                let until = |due: Instant| due.saturating_duration_since(now);
                // What a phone is given, or gives browsers, is paced by timers: those are met when they are due.
                let shortest = if self.streams.is_empty() { SHORTEST_SLEEP } else { Duration::ZERO };
                let of_shard = self.shard.next_deadline().map(|due| until(due).max(shortest));
                let of_streams = self.streams.due().map(until);
                of_shard.into_iter().chain(of_streams).fold(TICK, Duration::min)
            };
            if let Err(error) = self.poll.poll(events, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, worker = self.index, "waiting for the media socket failed");
                std::thread::sleep(SOCKET_ERROR_PAUSE);
            }
            self.io.wake_ups += 1;
            if !timeout.is_zero() {
                self.waited += now.elapsed();
            }
            readable |= events.iter().any(|e| e.token() == SOCKET);
            // Looked at in every turn: a lost wake-up costs at most a tick.
            queued = match self.take_jobs() {
                Some(more) => more,
                None => return,
            };
            queued |= self.take_misrouted();
            queued |= self.take_arrivals();
            if readable {
                readable = self.take_datagrams();
            }
            streaming = self.take_streams(events);
            let now = Instant::now();
            if self.shard.next_deadline().is_some_and(|d| d <= now) {
                self.shard.advance(now, &mut self.out);
            }
            self.flush();
            if now.saturating_duration_since(self.reported) >= TICK {
                // Should an edge of the socket ever be missed, what it announced lies for a tick at most.
                readable = true;
                self.socket.sender.look_after(now);
                self.others.iter_mut().for_each(|(_, s)| s.look_after(now));
                self.report(now);
            }
        }
    }

    /// `Some(true)`: there may be more. `None`: stop.
    fn take_jobs(&mut self) -> Option<bool> {
        for _ in 0..COMMANDS_PER_TURN {
            match self.jobs.try_recv() {
                Ok(Job::Command(c)) => {
                    if let Command::Open { session, .. } | Command::OpenStreams { session, .. } = &c {
                        self.taken.entry(*session).or_insert(false);
                    }
                    self.shard.command(c, Instant::now(), &mut self.out);
                }
                Err(TryRecvError::Empty) => return Some(false),
                Ok(Job::Stop) | Err(TryRecvError::Disconnected) => return None,
            }
        }
        Some(true)
    }

    /// `true`: there may be more.
    fn take_misrouted(&mut self) -> bool {
        for _ in 0..MISROUTED_PER_TURN {
            match self.handed.try_recv() {
                Ok(Handover::Accepted { source, owner }) => self.misrouted.accepted(source, owner),
                Ok(Handover::Datagram { source, local, mut contents, at }) => {
                    let destination = SocketAddr::new(local, self.socket.port());
                    let d = Datagram { source, destination, contents: &mut contents };
                    let accepted = self.shard.receive(d, port_number(at), Instant::now(), &mut self.out);
                    // Told before the answer leaves, so that what follows it is known already.
                    if accepted && let Some((inbox, _)) = self.others.get(at) {
                        inbox.offer(Handover::Accepted { source, owner: self.index });
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }

    /// `true`: there may be more.
    fn take_arrivals(&mut self) -> bool {
        for _ in 0..ARRIVALS_PER_TURN {
            let Ok(arrival) = self.arriving.try_recv() else { return false };
            let (streams, mut world) = self.world();
            match arrival {
                Arrival::Adopt(id, moving) => streams.adopt(id, *moving, &mut world),
                Arrival::Play(stream, wanted) => streams.play(stream, wanted, &mut world),
            }
        }
        true
    }

    /// `true`: there may be more.
    fn take_datagrams(&mut self) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            let now = Instant::now();
            let (shard, out, misrouted, others) =
                (&mut self.shard, &mut self.out, &self.misrouted, &self.others);
            let index = self.index;
            let more = self.socket.receive(&mut self.io, |d, io| {
                let mut hand = |owner: usize, d: &Datagram<'_>| {
                    let (source, local, contents) = (d.source, d.destination.ip(), d.contents.to_vec());
                    let handover = Handover::Datagram { source, local, contents, at: index };
                    match others.get(owner) {
                        Some((inbox, _)) if inbox.offer(handover) => io.handed_over += 1,
                        _ => io.misrouted_dropped += 1,
                    }
                };
                match misrouted.place(&d) {
                    Place::Here => {
                        shard.receive(d, port_number(index), now, out);
                    }
                    _ if d.contents.len() > MAX_DATAGRAM => io.misrouted_dropped += 1,
                    Place::There(owner) => hand(owner, &d),
                    Place::Known(owners) => {
                        owners.each().iter().for_each(|&o| hand(o, &d));
                        if shard.knows(d.source) {
                            shard.receive(d, port_number(index), now, out);
                        }
                    }
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

    /// `true`: there may be more.
    fn take_streams(&mut self, events: &Events) -> bool {
        let (streams, mut world) = self.world();
        for event in events.iter().filter(|e| e.token() != SOCKET && e.token() != WAKER) {
            if event.token() == RTMP {
                streams.may_accept();
            } else {
                let gone = event.is_read_closed() || event.is_error();
                streams.event(event.token(), event.is_readable() || gone, event.is_writable(), &mut world);
            }
        }
        streams.receive(&mut world)
    }

    fn world(&mut self) -> (&mut Streams, WorkerParts<'_>) {
        let world = WorkerParts {
            shard: &mut self.shard,
            out: &mut self.out,
            io: &mut self.io,
            registry: self.poll.registry(),
            now: Instant::now(),
        };
        (&mut self.streams, world)
    }

    /// Sends on what TCP connections are given, and passes on those of other workers.
    fn flush_streams(&mut self) {
        if self.out.streams.is_empty() {
            return;
        }
        let (streams, mut world) = self.world();
        for (worker, id, moving) in streams.settle(&mut world) {
            // Where there is no such worker, or it is overfull, the connection is dropped: its client comes again.
            if let Some((inbox, _)) = self.others.get(usize::from(worker)) {
                inbox.hand(Arrival::Adopt(id, Box::new(moving)));
            }
        }
    }

    fn flush(&mut self) {
        self.flush_streams();
        let mut patience = Patience::new();
        for train in self.out.trains.iter() {
            let via = usize::from(train.hop.via);
            let sender = match self.others.get_mut(via) {
                Some((_, other)) if via != self.index => other,
                _ => &mut self.socket.sender,
            };
            sender.send(train, &mut patience, &mut self.io);
        }
        self.out.trains.clear();
        self.tell();
    }

    /// Tells the listener what is new. Each thing leaves the list before it is told, so that a listener that panics is
    /// not told it again.
    fn tell(&mut self) {
        self.listener_events.extend(self.out.ended.drain(..).map(ListenerEvent::Ended));
        self.listener_events.extend(self.out.notices.drain(..).map(ListenerEvent::Notice));
        while let Some(event) = self.listener_events.pop_front() {
            match event {
                ListenerEvent::Ended(session) => {
                    self.taken.remove(&session);
                    self.listener.ended(session);
                }
                ListenerEvent::Notice(notice) => {
                    if let Notice::Answered { session, .. } | Notice::StreamsOpened { session, .. } = &notice
                        && let Some(answered) = self.taken.get_mut(session)
                    {
                        *answered = true;
                    }
                    self.listener.notice(notice);
                }
            }
        }
    }

    /// After a panic outside of a session: what happened before it is told, then every session that was taken from the
    /// queue is lost, or its offer refused if that was all that there was. What still waits in the queue is carried out.
    fn start_over(&mut self) {
        tracing::error!(worker = self.index, "a media worker panicked: its sessions are lost");
        counter!("tring_media_worker_panics_total").increment(1);
        self.shard = Shard::new(self.config.clone(), Instant::now());
        self.streams.clear();
        self.out.streams.clear();
        self.out.trains.clear();
        self.tell();
        for (session, answered) in self.taken.drain() {
            self.listener_events.push_back(ListenerEvent::Ended(session));
            self.listener_events.push_back(ListenerEvent::Notice(if answered {
                Notice::Lost { session }
            } else {
                Notice::Refused { session, error: OfferError::Failed }
            }));
        }
        self.tell();
    }

    fn report(&mut self, now: Instant) {
        let since = now.saturating_duration_since(std::mem::replace(&mut self.reported, now));
        let waited = std::mem::take(&mut self.waited);
        let idle = if since.is_zero() { 1.0 } else { waited.as_secs_f64() / since.as_secs_f64() };
        let load = Load { sessions: self.shard.sessions(), busy: (1.0 - idle).clamp(0.0, 1.0) };
        let counters = self.shard.take_counters();
        let io = std::mem::take(&mut self.io);
        self.listener.counted(self.index, &counters, &io, load);
    }
}

/// The number by which the shard knows a worker's port.
fn port_number(worker: usize) -> u8 {
    // There are at most MAX_WORKERS.
    u8::try_from(worker).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
