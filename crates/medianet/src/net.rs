//! The handle of the running media plane.

use crate::config::{Advertised, Config, MAX_WORKERS, StartError};
use crate::counters::IoCounters;
use crate::interfaces;
use crate::placement::Placement;
use crate::udp::Socket;
use crate::worker::{Arrival, Inbox, Job, Listener, Load, Worker};
use metrics::{counter, gauge};
use mio::net::TcpListener;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tring_limits::TicketLimit;
use tring_media::{
    Certificate, Command, Counters, Direction, Notice, OfferError, Owner, SessionId, ShardConfig,
    StreamRequest, StreamTicket,
};

/// What all workers counted since the start, at most a second old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions alive.
    pub sessions: usize,
    /// What the shards counted.
    pub counters: Counters,
    /// What the sockets counted.
    pub io: IoCounters,
}

/// Bytes that the pair of sockets of an FLV player may hold. Higher: fewer wake-ups. Lower: less delay for a slow player.
const FLV_BUFFER: usize = 16 * 1024;

struct Shared<F> {
    on_notice: F,
    state: Arc<PlaneState>,
}

/// What the handle and the workers share. Locked for commands and once a second, never for a packet.
struct PlaneState {
    /// The worker of each room and session.
    placement: Mutex<Placement>,
    stats: Mutex<(Stats, Vec<usize>)>,
}

/// Nothing that holds these locks can panic halfway, so a poisoned one is as good as any.
fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Fn(Notice) + Send + Sync + 'static> Listener for Shared<F> {
    fn notice(&self, notice: Notice) {
        (self.on_notice)(notice);
    }

    fn ended(&self, session: SessionId) {
        lock(&self.state.placement).ended(session);
    }

    fn counted(&self, worker: usize, counters: &Counters, io: &IoCounters, load: Load) {
        lock(&self.state.placement).measured(worker, load.busy);
        for (name, value) in counters.each().chain(io.each()).filter(|(_, v)| *v > 0) {
            counter!("tring_media_total", "what" => name).increment(value);
        }
        gauge!("tring_media_sessions", "worker" => worker.to_string()).set(load.sessions as f64);
        gauge!("tring_media_busy_share", "worker" => worker.to_string()).set(load.busy);
        let (stats, of_workers) = &mut *lock(&self.state.stats);
        stats.counters.add(counters);
        stats.io.add(io);
        if let Some(n) = of_workers.get_mut(worker) {
            *n = load.sessions;
        }
        stats.sessions = of_workers.iter().sum();
    }
}

struct Inner {
    inboxes: Vec<Inbox>,
    addresses: Vec<SocketAddr>,
    rtmp_address: Option<SocketAddr>,
    state: Arc<PlaneState>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    refuse: Box<dyn Fn(Notice) + Send + Sync>,
}

impl Drop for Inner {
    /// The workers know each other, so the last handle must tell them that nobody is left.
    fn drop(&mut self) {
        for inbox in &self.inboxes {
            inbox.send(Job::Stop);
        }
    }
}

/// The running media plane. Clones are the same plane.
#[derive(Clone)]
pub struct MediaNet {
    inner: Arc<Inner>,
}

/// Binds the sockets and starts the workers. `on_notice` is called on their threads and must not wait. Errors say which
/// setting to change.
pub fn start(
    config: Config,
    on_notice: impl Fn(Notice) + Send + Sync + 'static,
) -> Result<MediaNet, StartError> {
    let Config { bind, udp_port: port, workers, .. } = config;
    if !(1..=MAX_WORKERS).contains(&workers) {
        return Err(StartError::BadWorkers { workers });
    }
    if port != 0 && usize::from(port) + workers - 1 > usize::from(u16::MAX) {
        return Err(StartError::PortsPastEnd { port, workers });
    }
    let advertise = config.advertise.iter().map(|e| Advertised::parse(e)).collect::<Result<Vec<_>, _>>()?;
    let certificate = Certificate::generate()?;
    let ips = interfaces::addresses(bind);
    if ips.is_empty() {
        return Err(StartError::NoAddress);
    }
    let state = Arc::new(PlaneState {
        placement: Mutex::new(Placement::new(workers, config.max_sessions_per_worker)),
        stats: Mutex::new((Stats::default(), vec![0; workers])),
    });
    let on_notice = Arc::new(on_notice);
    let for_workers = Arc::clone(&on_notice);
    let shared = Arc::new(Shared { on_notice: move |n| for_workers(n), state: Arc::clone(&state) });
    let (mut inboxes, mut threads, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    // All sockets before any thread: a taken port leaves nothing running.
    let mut ready = Vec::new();
    let (mut rtmp, rtmp_address) = listen(config.rtmp)?;
    let limit = TicketLimit::new(config.rtmp_connections, config.rtmp_connections_of_address);
    for index in 0..=u8::try_from(workers - 1).unwrap_or(u8::MAX) {
        let wanted = if port == 0 { 0 } else { port + u16::from(index) };
        let socket = Socket::bind(bind, wanted)?;
        let bound = socket.port();
        let local: Vec<SocketAddr> = ips.iter().map(|&ip| SocketAddr::new(ip, bound)).collect();
        let advertise = advertise
            .iter()
            .map(|a| a.of_worker(index.into(), bound).ok_or(StartError::PortsPastEnd { port, workers }))
            .collect::<Result<Vec<_>, _>>()?;
        addresses.extend(if advertise.is_empty() { local.clone() } else { advertise.clone() });
        let shard = ShardConfig {
            owner: Owner { node: config.node, worker: index },
            certificate: certificate.clone(),
            local,
            advertise,
            max_sessions: config.max_sessions_per_worker,
            max_connections: config.rtmp_connections.saturating_add(config.flv_players),
        };
        let (worker, inbox) =
            Worker::new(index.into(), workers, socket, (rtmp.take(), &limit), shard, Arc::clone(&shared))
                .map_err(|error| StartError::Io { port: bound, error })?;
        inboxes.push(inbox);
        ready.push((index, bound, worker));
    }
    // Each worker has a way to send through every other's socket.
    let mut ways = Vec::new();
    for _ in &ready {
        let senders = ready
            .iter()
            .map(|(_, port, w)| w.another_sender().map_err(|error| StartError::Io { port: *port, error }));
        ways.push(senders.collect::<Result<Vec<_>, _>>()?);
    }
    for ((index, port, worker), senders) in ready.into_iter().zip(ways) {
        let all: Vec<_> = inboxes.iter().cloned().zip(senders).collect();
        let thread = std::thread::Builder::new().name(format!("media-{index}"));
        threads.push(thread.spawn(move || worker.run(all)).map_err(|error| StartError::Io { port, error })?);
    }
    let refuse = Box::new(move |n| on_notice(n));
    Ok(MediaNet {
        inner: Arc::new(Inner {
            inboxes,
            addresses,
            rtmp_address,
            state,
            threads: Mutex::new(threads),
            refuse,
        }),
    })
}

impl MediaNet {
    /// Hands a command to the worker of its room. Waits only while that worker's queue is full. A command for a session
    /// that is gone does nothing.
    pub fn send(&self, c: Command) {
        let session = session_of(&c);
        let worker = match &c {
            Command::Open { room, .. } | Command::OpenStreams { room, .. } => {
                Some(lock(&self.inner.state.placement).place(session, *room))
            }
            _ => lock(&self.inner.state.placement).worker_of(session),
        };
        let Some(inbox) = worker.and_then(|w| self.inner.inboxes.get(w)) else { return };
        let opens = matches!(c, Command::Open { .. } | Command::OpenStreams { .. });
        if !inbox.send(Job::Command(c)) && opens {
            lock(&self.inner.state.placement).ended(session);
            (self.inner.refuse)(Notice::Refused { session, error: OfferError::Full });
        }
    }

    /// The addresses that clients are told: those of worker 0 first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.inner.addresses
    }

    /// Where RTMP listens, if it does.
    pub fn rtmp_address(&self) -> Option<SocketAddr> {
        self.inner.rtmp_address
    }

    /// Plays a stream as FLV: the far end of a pair of sockets whose near end its worker writes to. It ends where the
    /// ticket is not valid, or not any more. Errors: the system gives no more sockets, or the worker has no time.
    pub fn play(
        &self,
        name: String,
        ticket: &StreamTicket,
    ) -> std::io::Result<std::os::unix::net::UnixStream> {
        let (near, far) = std::os::unix::net::UnixStream::pair()?;
        near.set_nonblocking(true)?;
        // What waits in the pair is out of reach of the queue's cut.
        socket2::SockRef::from(&near).set_send_buffer_size(FLV_BUFFER)?;
        let query = format!("ticket={}", ticket.as_str());
        let wanted = StreamRequest { direction: Direction::Play, app: String::new(), name, query };
        let inbox = self.inner.inboxes.get(usize::from(ticket.worker()));
        let near = mio::net::UnixStream::from_std(near);
        if inbox.is_some_and(|i| i.hand(Arrival::Play(near, wanted))) {
            return Ok(far);
        }
        Err(std::io::Error::other("the media worker takes no more connections now"))
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        lock(&self.inner.state.stats).0
    }

    /// Says goodbye to every peer and ends the threads. Later commands of clones do nothing.
    pub fn shutdown(self) {
        for inbox in &self.inner.inboxes {
            inbox.send(Job::Stop);
        }
        let threads = std::mem::take(&mut *lock(&self.inner.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a media worker had panicked");
            }
        }
    }
}

/// Binds the RTMP socket.
fn listen(address: Option<SocketAddr>) -> Result<(Option<TcpListener>, Option<SocketAddr>), StartError> {
    let Some(address) = address else { return Ok((None, None)) };
    let bound = TcpListener::bind(address).and_then(|l| l.local_addr().map(|a| (l, a)));
    let (listener, address) = bound.map_err(|error| StartError::Rtmp { address, error })?;
    Ok((Some(listener), Some(address)))
}

fn session_of(c: &Command) -> SessionId {
    match c {
        Command::Open { session, .. }
        | Command::OpenStreams { session, .. }
        | Command::OpenGate { session }
        | Command::KeepFirstPicture { session }
        | Command::SetSources { session, .. }
        | Command::Close { session } => *session,
    }
}
