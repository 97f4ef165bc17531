//! The one owner of all sessions and of the call engine: one task, messages in, effects out.
//!
//! Sockets, the media plane and the signing door know of each other only through here, so that the order of what a
//! device is told is the order in which it happened.
//!
//! | module | subject |
//! |---|---|
//! | here | the task, effects, what devices are told |
//! | `sign_in` | sessions begin, move to new sockets, end |
//! | `requests` | what signed-in devices ask, and its bounds |
//! | `media` | offers, and what the media plane tells |

mod media;
mod requests;
mod sign_in;

use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::Config;
use crate::limits::session_limit::SessionPermit;
use crate::limits::{Bucket, Buckets, IpPermit};
use crate::records::queue::Recorder;
use crate::signalling::ended_sessions::Tombstones;
use crate::signalling::notice_queue::Notices;
use crate::signalling::session::{EVENTS_KEPT, Frame, LAST_EVENTS, Session};
use crate::signalling::transports::Transports;
use axum::extract::ws::close_code;
use requests::Rates;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};
use tring_calls::{Departure, Effect, Engine, Input, Reply};
use tring_media::Command;
use tring_medianet::MediaNet;
use tring_protocol::log::Untrusted;
use tring_protocol::{
    ClientMessage, DeviceId, ErrorBody, ErrorCode, Event, KickReason, Outcome, SdkAppId, Success, Ticket,
    Timestamp, UserKey,
};

/// Messages that wait for the switchboard. Higher: larger bursts before a socket waits. Lower: less memory when it is
/// behind.
pub(crate) const INBOX: usize = 4096;

/// Events that a socket may be given before its client acknowledges any. Clients acknowledge every 64. One that is
/// further behind is cut: in its session, states that change often take each other's place, on a socket they pile up.
const UNACKNOWLEDGED: u32 = 128;

/// Frames that wait for one socket: all events that a session keeps, as many as it is then given, and some answers. A
/// socket that is further behind is cut; its session keeps the events.
pub(crate) const LINK: usize = EVENTS_KEPT + LAST_EVENTS + UNACKNOWLEDGED as usize + 64;

/// What a socket is sent.
pub(crate) enum Out {
    /// A text frame.
    Frame(Frame),
    /// Close with this code and reason after what was sent: the session has moved to another socket, or is over.
    Close(u16, &'static str),
}

impl fmt::Debug for Out {
    /// Without the frame: a welcome has a ticket in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(frame) => write!(f, "Frame({} bytes)", frame.len()),
            Self::Close(code, reason) => write!(f, "Close({code}, {reason:?})"),
        }
    }
}

/// The way to one socket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: u64,
    pub(crate) frames: mpsc::Sender<Out>,
    /// The host that the client asked for, without port; empty if it named none.
    pub(crate) host: Arc<str>,
    /// Events given to this socket since its client last acknowledged any.
    unacknowledged: u32,
}

impl Link {
    pub(crate) fn new(socket: u64, frames: mpsc::Sender<Out>, host: Arc<str>) -> Self {
        Self { socket, frames, host, unacknowledged: 0 }
    }

    /// Sends on a fresh link, whose queue cannot be full; a link that is gone is noticed by its socket.
    fn send(&self, frame: Frame) {
        let _ = self.frames.try_send(Out::Frame(frame));
    }

    /// A full queue closes too: the sender goes with the link, and the queue's end is its socket's.
    fn close(self, code: u16, reason: &'static str) {
        let _ = self.frames.try_send(Out::Close(code, reason));
    }
}

/// What the switchboard is told.
#[derive(Debug)]
pub(crate) enum In {
    /// A user has proved who it is.
    Login {
        owner: UserKey,
        single_login: bool,
        /// By itself, after its session was lost.
        again: bool,
        re: u32,
        link: Link,
        permit: SessionPermit,
        device: oneshot::Sender<Option<DeviceId>>,
    },
    /// A client is back with its ticket.
    Resume {
        ticket: Ticket,
        last_seq: u32,
        re: u32,
        link: Link,
        /// Room in the share of the address from which it is back.
        ip_permit: Option<IpPermit>,
        device: oneshot::Sender<Option<DeviceId>>,
    },
    /// A signed-in device asks.
    Request { device: DeviceId, socket: u64, message: ClientMessage },
    /// A socket is gone.
    Cut { device: DeviceId, socket: u64 },
    /// An app is gone. [`Apps`] does not have it any more.
    AppDeleted(SdkAppId),
    /// End all calls, tell everybody, close all sockets, and say when it is done.
    Shutdown(oneshot::Sender<()>),
    /// Fail, as a bug would.
    #[cfg(test)]
    Panic,
}

struct Entry {
    owner: UserKey,
    ticket: TicketHash,
    session: Session,
    permit: SessionPermit,
    link: Option<Link>,
    /// The name by which its client reaches this server: the newest socket's.
    host: Arc<str>,
    /// When a session without a socket is given up.
    expires: Option<Timestamp>,
    /// It has overrun its buffer and is about to be dropped: only how things ended is for it any more.
    overrun: bool,
    devices: Bucket,
    switches: Bucket,
    offers: Bucket,
}

/// Tickets are kept as hashes, so that neither a core dump nor a lookup's timing gives one away.
pub(crate) type TicketHash = [u8; 32];

/// The owner task's state.
pub(crate) struct Switchboard {
    clock: Clock,
    config: Arc<Config>,
    apps: Apps,
    engine: Engine,
    sessions: HashMap<DeviceId, Entry>,
    tickets: HashMap<TicketHash, DeviceId>,
    expiries: BTreeSet<(Timestamp, DeviceId)>,
    tombstones: Tombstones,
    transports: Transports,
    media: MediaNet,
    records: Recorder,
    rates: Rates,
    /// By caller.
    calls: Buckets<UserKey>,
    /// By caller and callee.
    calls_to_one: Buckets<(UserKey, UserKey)>,
    /// By callee.
    calls_received: Buckets<UserKey>,
    last_device: u64,
    stopping: bool,
    /// Two buffers in turn, reused between inputs.
    effects: Vec<Effect>,
    spare: Vec<Effect>,
    commands: Vec<Command>,
    dropped: Vec<DeviceId>,
}

impl Switchboard {
    pub(crate) fn new(
        clock: Clock,
        config: Arc<Config>,
        apps: Apps,
        media: MediaNet,
        records: Recorder,
    ) -> Self {
        let mut settings = tring_calls::Settings::default();
        settings.ring_grace = Duration::from_secs(config.calls.ring_grace_s.into());
        settings.talk_grace = Duration::from_secs(config.calls.talk_grace_s.into());
        settings.preconnect_devices = config.calls.preconnect_devices;
        settings.max_devices_per_user = config.calls.max_devices_per_user;
        let rates = Rates::of(&config.limits);
        Self {
            clock,
            apps,
            engine: Engine::new(settings),
            sessions: HashMap::new(),
            tickets: HashMap::new(),
            expiries: BTreeSet::new(),
            tombstones: Tombstones::new(Duration::from_secs(config.limits.resume_s.into())),
            transports: Transports::default(),
            media,
            records,
            rates,
            calls: Buckets::new(rates.calls),
            calls_to_one: Buckets::new(rates.calls_to_one),
            calls_received: Buckets::new(rates.calls_received),
            last_device: 0,
            stopping: false,
            effects: Vec::new(),
            spare: Vec::new(),
            commands: Vec::new(),
            dropped: Vec::new(),
            config,
        }
    }

    /// Runs until every sender of `inbox` is gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<In>, mut notices: Notices) {
        loop {
            let deadline = self.next_deadline();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(self.clock.instant(at).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                Some(notice) = notices.recv() => self.notice(notice),
                () = timer => self.advance(),
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        expiry.into_iter().chain(self.engine.next_deadline()).min()
    }

    fn advance(&mut self) {
        let now = self.clock.now();
        while let Some(&(at, device)) = self.expiries.first()
            && at <= now
        {
            debug!(%device, "session expired");
            self.remove(device);
            let _ = self.engine_input(Input::DeviceGone { device, why: Departure::Dropped });
        }
        self.engine.advance(now, &mut self.effects);
        self.carry_out();
    }

    fn take(&mut self, message: In) {
        match message {
            In::Login { owner, single_login, again, re, link, permit, device } => {
                let known = !again || !single_login || self.engine.devices_of(&owner).is_empty();
                let _ = device.send(if known {
                    self.login(owner, single_login, re, link, permit)
                } else {
                    self.login_too_late(&owner, re, &link)
                });
            }
            In::Resume { ticket, last_seq, re, link, ip_permit, device } => {
                let _ = device.send(self.resume(&ticket, last_seq, re, link, ip_permit));
            }
            In::Request { device, socket, message } => self.request(device, socket, message),
            In::Cut { device, socket } => {
                let current = self.sessions.get(&device).and_then(|e| e.link.as_ref());
                if current.is_some_and(|link| link.socket == socket) {
                    self.detach(device);
                    self.carry_out();
                }
            }
            In::AppDeleted(app) => {
                info!(%app, "app deleted: its calls end and its users are signed out");
                let _ = self.engine_input(Input::AppDeleted { app });
            }
            In::Shutdown(done) => {
                self.stopping = true;
                let _ = self.engine_input(Input::Shutdown);
                for link in self.sessions.values_mut().filter_map(|entry| entry.link.take()) {
                    link.close(close_code::AWAY, "the server is stopping");
                }
                let _ = done.send(());
            }
            #[cfg(test)]
            In::Panic => panic!("as a bug would"),
        }
    }

    /// Gives the engine an input and carries out what follows.
    fn engine_input(&mut self, input: Input) -> Result<Reply, ErrorCode> {
        let result = self.engine.handle(input, self.clock.now(), &mut self.effects);
        self.carry_out();
        result
    }

    /// Carries out the effects that have gathered, and those that follow from them: an effect can cut a socket that is
    /// too far behind, or drop a session that is.
    fn carry_out(&mut self) {
        loop {
            let mut batch = std::mem::replace(&mut self.effects, std::mem::take(&mut self.spare));
            for effect in batch.drain(..) {
                self.effect(effect);
            }
            self.spare = batch;
            self.send_commands();
            if let Some(device) = self.dropped.pop() {
                // The engine first: how its call ended is for this device too, and the kick comes last.
                let input = Input::DeviceGone { device, why: Departure::Dropped };
                let _ = self.engine.handle(input, self.clock.now(), &mut self.effects);
                self.effects.push(Effect::Kick { device, reason: KickReason::TooSlow });
            } else if self.effects.is_empty() {
                break;
            }
        }
        metrics::gauge!("tring_sessions").set(self.sessions.len() as f64);
        metrics::gauge!("tring_transports").set(self.transports.len() as f64);
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { device, event } => self.tell(device, event),
            Effect::Kick { device, reason } => self.kick(device, reason),
            Effect::Evict { device } => {
                debug!(%device, "session given up for a new one of the same user");
                self.remove(device);
            }
            Effect::OpenGate { call, device } => self.transports.open_gate(&call, device, &mut self.commands),
            Effect::SetSources { call, device, sources } => {
                self.transports.set_sources(&call, device, sources, &mut self.commands);
            }
            Effect::CloseTransport { call, device } => {
                if let Some(waiting) = self.transports.close(&call, device, &mut self.commands) {
                    self.answer(device, waiting, Err(ErrorCode::NotRinging.into()));
                }
            }
            Effect::Record(record) => {
                if let Some(reason) = record.reason {
                    info!(
                        call = %record.call, room = %record.room, caller = %Untrusted(&record.caller), ?reason,
                        talked_s = record.accepted.map_or(0, |at| record.at.since(at).as_secs()), "call ended"
                    );
                    metrics::counter!("tring_calls_ended_total").increment(1);
                }
                self.records.record(record);
            }
        }
    }

    fn send_commands(&mut self) {
        for command in self.commands.drain(..) {
            self.media.send(command);
        }
    }

    fn tell(&mut self, device: DeviceId, event: Event) {
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        if entry.overrun && !matches!(event, Event::Ended { .. }) {
            return;
        }
        let Ok(frame) = entry.session.event(event) else {
            if !entry.overrun {
                warn!(%device, user = %Untrusted(&entry.owner), "client does not take its events: session dropped");
                entry.overrun = true;
                self.dropped.push(device);
            }
            return;
        };
        let Some(link) = entry.link.as_mut() else { return };
        link.unacknowledged += 1;
        let behind = link.unacknowledged > UNACKNOWLEDGED;
        entry.session.sent();
        self.push(device, frame);
        if behind {
            self.detach(device);
        }
    }

    fn answer(&mut self, device: DeviceId, id: u32, result: Result<Success, ErrorBody>) {
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        let outcome = match result {
            Ok(success) => Outcome::Ok(success),
            Err(error) => {
                debug!(%device, code = ?error.code, "request refused");
                Outcome::Error(error)
            }
        };
        let frame = entry.session.answer(id, outcome);
        self.push(device, frame);
    }

    /// Sends a frame if there is a socket that takes it; else the session keeps what must not be lost.
    fn push(&mut self, device: DeviceId, frame: Frame) {
        let Some(link) = self.sessions.get(&device).and_then(|e| e.link.as_ref()) else { return };
        if link.frames.try_send(Out::Frame(frame)).is_err() {
            debug!(%device, "socket is too far behind, or gone: cut");
            self.detach(device);
        }
    }
}

#[cfg(test)]
mod tests;
