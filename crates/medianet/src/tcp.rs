//! TCP connections of one worker: bytes from sockets into the shard, bytes of the shard into sockets as they have room.

use crate::counters::IoCounters;
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Registry, Token};
use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tring_limits::{TicketLimit, TicketPermit};
use tring_media::{ConnectionId, Output, ReleasedConnection, Shard, StreamProtocol, StreamRequest};

/// Connections taken from the listening socket in one turn, so that a flood of them does not starve media.
const ACCEPTS_PER_TURN: usize = 64;

/// How long the accepting waits after the system had no file or no memory for a connection. Higher: who waits is taken
/// later. Lower: more tries, each a line in the log, while there is none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Bytes read of one connection in one turn; the rest waits for the next. Higher: fewer turns for a large key frame.
/// Lower: one fast sender delays the others less.
const READ_PER_TURN: usize = 64 * 1024;

/// Bytes that the system may hold unsent for one connection. Without a bound it holds seconds of a call for a slow
/// player, where no cut of the queue reaches them. Higher: fewer wake-ups. Lower: less delay on a slow network.
const UNSENT_IN_SYSTEM: u32 = 16 * 1024;

/// Bytes that the system may hold for one connection, sent and not acknowledged, or unsent. Linux counts its own
/// bookkeeping too and takes twice as much for it. Higher: faster streams on long ways (128 KiB are 3.4 Mb/s at a round trip
/// of 300 ms). Lower: a peer that acknowledges nothing holds less.
const SEND_BUFFER: usize = 128 * 1024;

/// How long the system may try to deliver what is left of a connection that was closed. Higher: slow links hear why it
/// was. Lower: who closes its window and goes holds that memory for less long.
#[cfg(target_os = "linux")]
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(10);

/// Memory that a connection keeps from one frame to the next. Key frames and what a player catches up with take more for
/// a moment. Higher: fewer allocations. Lower: less memory for each of a call's four connections; most pictures fit.
const KEPT_PER_CONNECTION: usize = 8 * 1024;

/// How often pushers are read. A phone sends sixty frames a second, each in a segment of its own; what of many phones has
/// come is read together, and what one player is given of it leaves in one write. Higher: fewer wake-ups and segments.
/// Lower: less delay; a player of RTMP holds some hundred milliseconds anyway.
const READ_PUSHERS_EVERY: Duration = Duration::from_millis(8);

/// Pushers that are told of at a time.
const PUSHERS_PER_LOOK: usize = 256;

/// Lowest token of a connection; those below are the worker's own.
const FIRST_TOKEN: u64 = 16;

/// What carries a connection.
pub(crate) enum Carrier {
    /// RTMP.
    Tcp(TcpStream),
    /// The other end is a task of this process, which sends it on over HTTP.
    Unix(UnixStream),
}

impl Carrier {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(s) => s,
            Self::Unix(s) => s,
        }
    }

    /// Before it is closed: what the system still holds for the peer is delivered soon, or not at all.
    fn bound_the_rest(&self, rest: Rest) {
        let Self::Tcp(stream) = self else { return };
        let socket = socket2::SockRef::from(stream);
        let set = match rest {
            #[cfg(target_os = "linux")]
            Rest::Delivered => socket.set_tcp_user_timeout(Some(LAST_WORDS_WITHIN)),
            #[cfg(not(target_os = "linux"))]
            Rest::Delivered => Ok(()),
            Rest::Dropped => socket.set_linger(Some(Duration::ZERO)),
        };
        if let Err(error) = set {
            tracing::debug!(%error, "a connection is closed as the system does it");
        }
    }
}

/// What becomes of bytes that the system holds for a connection that is closed.
#[derive(Debug, Clone, Copy)]
enum Rest {
    Delivered,
    Dropped,
}

impl Read for Carrier {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(s) => s.read(buf),
            Self::Unix(s) => s.read(buf),
        }
    }
}

impl Write for Carrier {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(s) => s.write(buf),
            Self::Unix(s) => s.write(buf),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that goes to another worker.
pub(crate) struct Moving {
    carrier: Carrier,
    unsent: Vec<u8>,
    permit: Option<TicketPermit<ConnectionId>>,
    released: ReleasedConnection,
}

struct Stream {
    carrier: Carrier,
    /// Taken from the shard and not from us yet: `bytes[sent..]`.
    bytes: Vec<u8>,
    sent: usize,
    /// It ends when that has left.
    ends: bool,
    /// The connection pushes, and is read with the other pushers.
    pushes: bool,
    /// Its place; FLV has that of its HTTP connection.
    permit: Option<TicketPermit<ConnectionId>>,
}

impl Stream {
    fn new(carrier: Carrier, bytes: Vec<u8>, permit: Option<TicketPermit<ConnectionId>>) -> Self {
        Self { carrier, bytes, sent: 0, ends: false, pushes: false, permit }
    }
}

/// What of its worker the streams act on.
pub(crate) struct WorkerParts<'a> {
    pub(crate) shard: &'a mut Shard,
    pub(crate) out: &'a mut Output,
    pub(crate) io: &'a mut IoCounters,
    pub(crate) registry: &'a Registry,
    pub(crate) now: Instant,
}

/// All connections of a worker.
pub(crate) struct Streams {
    streams: HashMap<ConnectionId, Stream>,
    /// Sockets that may have more to read: they are told of once, when they become readable.
    readable: BTreeSet<ConnectionId>,
    listener: Option<TcpListener>,
    /// The listening socket may have more connections.
    accepting: bool,
    /// The system had nothing left for a connection: when it is asked again.
    accept_again: Option<Instant>,
    limit: TicketLimit<ConnectionId>,
    next: u64,
    buffer: Vec<u8>,
    pushers: Pushers,
}

/// Connections that push: nobody is woken by one of their frames.
struct Pushers {
    poll: Poll,
    events: Events,
    count: usize,
    /// When they are read next.
    due: Option<Instant>,
}

impl Streams {
    /// Of worker number `index`; `listener` takes RTMP connections for all workers, as many as `limit` has places.
    pub(crate) fn new(
        index: usize,
        listener: Option<TcpListener>,
        limit: TicketLimit<ConnectionId>,
    ) -> io::Result<Self> {
        let events = Events::with_capacity(PUSHERS_PER_LOOK);
        let pushers = Pushers { poll: Poll::new()?, events, count: 0, due: None };
        Ok(Self {
            streams: HashMap::new(),
            readable: BTreeSet::new(),
            listener,
            accepting: true,
            accept_again: None,
            limit,
            // Ids differ between workers, since connections move, and from the worker's own tokens.
            next: ((index as u64) << 40) + FIRST_TOKEN,
            buffer: vec![0; READ_PER_TURN],
            pushers,
        })
    }

    /// When [`Streams::receive`] is due, whatever sockets say.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.pushers.due.into_iter().chain(self.accept_again).min()
    }

    /// The worker has no TCP connections: no stream's times hang on its timers.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The listening socket, to be registered once.
    pub(crate) fn listener(&mut self) -> Option<&mut TcpListener> {
        self.listener.as_mut()
    }

    /// New connections wait.
    pub(crate) fn may_accept(&mut self) {
        self.accepting |= self.accept_again.is_none();
    }

    /// A socket is ready.
    pub(crate) fn event(&mut self, token: Token, readable: bool, writable: bool, w: &mut WorkerParts<'_>) {
        let id = ConnectionId(token.0 as u64);
        if readable {
            self.readable.insert(id);
        }
        if writable {
            self.send(id, w);
        }
    }

    /// Takes new connections and what sockets have. `true`: there may be more.
    pub(crate) fn receive(&mut self, w: &mut WorkerParts<'_>) -> bool {
        if self.accept_again.is_some_and(|at| at <= w.now) {
            self.accept_again = None;
            self.accepting = true;
        }
        self.accept(w);
        self.look_at_pushers(w.now);
        for id in std::mem::take(&mut self.readable) {
            if self.read(id, w) {
                self.readable.insert(id);
            }
        }
        self.accepting || !self.readable.is_empty()
    }

    fn look_at_pushers(&mut self, now: Instant) {
        let Pushers { poll, events, count, due } = &mut self.pushers;
        if due.is_none_or(|at| at > now) {
            return;
        }
        *due = (*count > 0).then(|| now + READ_PUSHERS_EVERY);
        loop {
            if let Err(error) = poll.poll(events, Some(Duration::ZERO)) {
                tracing::error!(%error, "pushers cannot be looked at");
                return;
            }
            self.readable.extend(events.iter().map(|e| ConnectionId(e.token().0 as u64)));
            if events.iter().count() < PUSHERS_PER_LOOK {
                return;
            }
        }
    }

    /// A connection that has begun to push is read with the others from now on.
    fn gather(&mut self, id: ConnectionId, w: &mut WorkerParts<'_>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.pushes || !w.shard.pushes(id) {
            return;
        }
        let source = stream.carrier.source();
        let moved = w.registry.deregister(source).and_then(|()| {
            let registry = self.pushers.poll.registry();
            registry.register(source, token(id), Interest::READABLE)
        });
        if let Err(error) = moved {
            tracing::warn!(%error, "a pusher cannot be read");
            return self.close(id, Rest::Delivered, w);
        }
        stream.pushes = true;
        self.pushers.count += 1;
        self.pushers.due.get_or_insert(w.now + READ_PUSHERS_EVERY);
    }

    /// Carries out what the shard wants of connections. Gives those that go to another worker.
    pub(crate) fn settle(&mut self, w: &mut WorkerParts<'_>) -> Vec<(u8, ConnectionId, Moving)> {
        let mut moving = Vec::new();
        // Sending can end a connection, which can make others ready: until nothing is left.
        loop {
            let wanted = std::mem::take(&mut w.out.streams);
            if wanted.is_empty() {
                return moving;
            }
            for (id, worker) in wanted.moves {
                moving.extend(self.take_out(id, w).map(|m| (worker, id, m)));
            }
            for id in wanted.reset {
                self.close(id, Rest::Dropped, w);
            }
            for id in wanted.hang_up {
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.ends = true;
                }
            }
            let mut ready = wanted.ready;
            ready.sort_unstable();
            ready.dedup();
            for id in ready {
                self.send(id, w);
            }
        }
    }

    /// Takes in a connection of another worker.
    pub(crate) fn adopt(&mut self, id: ConnectionId, moving: Moving, w: &mut WorkerParts<'_>) {
        let Moving { carrier, unsent, permit, released } = moving;
        if self.insert(id, Stream::new(carrier, unsent, permit), w) {
            w.shard.adopt(id, released, w.now, w.out);
            self.keep_place(id, w);
        }
    }

    /// Takes in a connection whose other end is a task of this process.
    pub(crate) fn play(&mut self, stream: UnixStream, wanted: StreamRequest, w: &mut WorkerParts<'_>) {
        let id = self.fresh();
        let stream = Stream::new(Carrier::Unix(stream), Vec::new(), None);
        if w.shard.connect(id, StreamProtocol::Flv, w.now) && self.insert(id, stream, w) {
            w.shard.admit(id, wanted, w.now, w.out);
        }
    }

    /// All connections end: the shard has forgotten them.
    pub(crate) fn clear(&mut self) {
        self.streams.clear();
        self.readable.clear();
        self.pushers.count = 0;
    }

    fn fresh(&mut self) -> ConnectionId {
        self.next += 1;
        ConnectionId(self.next)
    }

    fn accept(&mut self, w: &mut WorkerParts<'_>) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.accepting {
                return;
            }
            let Some(listener) = &self.listener else {
                self.accepting = false;
                return;
            };
            match listener.accept() {
                Ok((stream, from)) => self.take_in(stream, from.ip(), w),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.accepting = false,
                // A signal, or a peer that is gone already.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                    ) => {}
                Err(error) => {
                    // Out of files or memory: nobody wakes us when there are some again.
                    tracing::warn!(%error, "RTMP connections wait: the system has no room for one");
                    w.io.accept_failures += 1;
                    self.accepting = false;
                    self.accept_again = Some(w.now + ACCEPT_PAUSE);
                }
            }
        }
    }

    /// A connection was accepted. Without a place it is closed at once: a queue would make everybody wait for those who
    /// ask for nothing.
    fn take_in(&mut self, stream: TcpStream, from: IpAddr, w: &mut WorkerParts<'_>) {
        let id = self.fresh();
        let Some((permit, gone)) = self.limit.enter(from, id) else {
            tracing::debug!(%from, "an RTMP connection is refused: too many are open");
            w.io.connections_refused += 1;
            return;
        };
        if let Some(stranger) = gone {
            // On its way to another worker it finds there that its place is lost.
            w.io.strangers_evicted += 1;
            self.close(stranger, Rest::Dropped, w);
        }
        let mut random = [0; 8];
        if getrandom::fill(&mut random).is_ok() && w.shard.connect(id, StreamProtocol::Rtmp(random), w.now) {
            prepare(&stream);
            self.insert(id, Stream::new(Carrier::Tcp(stream), Vec::new(), Some(permit)), w);
            self.readable.insert(id);
        }
    }

    /// Whoever has shown a ticket that is good keeps its place.
    fn keep_place(&mut self, id: ConnectionId, w: &mut WorkerParts<'_>) {
        let permit = self.streams.get_mut(&id).and_then(|s| s.permit.as_mut());
        if let Some(permit) = permit.filter(|p| p.is_stranger())
            && w.shard.is_admitted(id)
            && !permit.keep()
        {
            self.close(id, Rest::Dropped, w);
        }
    }

    fn insert(&mut self, id: ConnectionId, mut stream: Stream, w: &mut WorkerParts<'_>) -> bool {
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = w.registry.register(stream.carrier.source(), token(id), interest) {
            tracing::warn!(%error, "a connection was not taken");
            w.shard.disconnected(id);
            return false;
        }
        self.streams.insert(id, stream);
        true
    }

    fn take_out(&mut self, id: ConnectionId, w: &mut WorkerParts<'_>) -> Option<Moving> {
        let mut stream = self.streams.remove(&id)?;
        self.readable.remove(&id);
        // The next worker registers it anew; a failure shows there.
        self.deregister(&mut stream, w.registry);
        w.shard.fill(id, w.now, &mut stream.bytes);
        stream.bytes.drain(..stream.sent);
        let released = w.shard.release(id)?;
        Some(Moving { carrier: stream.carrier, unsent: stream.bytes, permit: stream.permit, released })
    }

    /// `true`: there may be more.
    fn read(&mut self, id: ConnectionId, w: &mut WorkerParts<'_>) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        match stream.carrier.read(&mut self.buffer) {
            Ok(0) => {
                self.close(id, Rest::Delivered, w);
                false
            }
            Ok(n) => {
                let (ends, pushes) = (stream.ends, stream.pushes);
                let waits = stream.sent < stream.bytes.len();
                if !ends {
                    w.shard.receive_stream(id, &self.buffer[..n], w.now, w.out);
                    self.keep_place(id, w);
                }
                if !ends && !pushes {
                    self.gather(id, w);
                }
                // Nobody is told when a pusher's socket has room again.
                if pushes && waits {
                    self.send(id, w);
                }
                n == self.buffer.len()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(_) => {
                self.close(id, Rest::Delivered, w);
                false
            }
        }
    }

    fn send(&mut self, id: ConnectionId, w: &mut WorkerParts<'_>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let mut taken = 0;
        loop {
            if stream.sent == stream.bytes.len() {
                stream.bytes.clear();
                stream.sent = 0;
                stream.bytes.shrink_to(KEPT_PER_CONNECTION);
                w.shard.fill(id, w.now, &mut stream.bytes);
                if stream.bytes.is_empty() {
                    break;
                }
            }
            match stream.carrier.write(&stream.bytes[stream.sent..]) {
                Ok(n) => {
                    stream.sent += n;
                    taken += n;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && !stream.ends => {
                    return w.shard.took(id, taken, w.now);
                }
                // One that ends and takes nothing is not waited for.
                Err(_) => return self.close(id, Rest::Delivered, w),
            }
        }
        if stream.ends {
            self.close(id, Rest::Delivered, w);
        }
    }

    fn close(&mut self, id: ConnectionId, rest: Rest, w: &mut WorkerParts<'_>) {
        if let Some(mut stream) = self.streams.remove(&id) {
            self.deregister(&mut stream, w.registry);
            stream.carrier.bound_the_rest(rest);
        }
        self.readable.remove(&id);
        w.shard.disconnected(id);
    }

    fn deregister(&mut self, stream: &mut Stream, registry: &Registry) {
        let registry = if stream.pushes { self.pushers.poll.registry() } else { registry };
        // It is closed or registered anew; a failure shows there.
        let _ = registry.deregister(stream.carrier.source());
        self.pushers.count -= usize::from(stream.pushes);
    }
}

fn token(id: ConnectionId) -> Token {
    #[allow(clippy::cast_possible_truncation)] // ids are below 2^48
    let token = Token(id.0 as usize);
    token
}

/// No waiting for larger segments, and little that waits where we cannot reach it.
fn prepare(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let set = socket.set_tcp_nodelay(true).and_then(|()| socket.set_send_buffer_size(SEND_BUFFER));
    #[cfg(target_os = "linux")]
    let set = set.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_IN_SYSTEM));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection keeps the system's settings");
    }
}

#[cfg(test)]
mod tests;
