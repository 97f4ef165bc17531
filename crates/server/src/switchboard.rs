//! The one owner of all sessions and of the call engine: one task, messages in, effects out.
//!
//! Sockets, the media plane and the signing door know of each other only through here, so that the order of what a
//! device is told is the order in which it happened.

use crate::clock::Clock;
use crate::config::Config;
use crate::rate::{Bucket, Rate};
use crate::session::{Admission, EVENTS_KEPT, Frame, Session, to_frame};
use crate::transports::Transports;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};
use tring_calls::{CallRecord, Effect, Engine, Gone, Input, Reply};
use tring_media::{Command, Notice, OfferError};
use tring_medianet::MediaNet;
use tring_protocol::{
    Answer, CallId, ClientMessage, DeviceId, ErrorBody, ErrorCode, Event, KickReason, Outcome, Request,
    SdkAppId, Success, Ticket, Timestamp, UserKey, Welcome,
};

/// Messages that wait for the switchboard. Higher: larger bursts before a socket waits. Lower: less memory when it is
/// behind.
pub(crate) const INBOX: usize = 4096;

/// Frames that wait for one socket: all events that a session keeps, and some answers. A socket that is further behind
/// is cut; its session keeps the events.
pub(crate) const LINK: usize = EVENTS_KEPT + 64;

/// Random bytes of a session ticket: beyond guessing.
const TICKET_BYTES: usize = 24;

/// What a socket is sent.
#[derive(Debug)]
pub(crate) enum Out {
    /// A text frame.
    Frame(Frame),
    /// Close after what was sent: the session has moved to another socket, or is over.
    Close,
}

/// The way to one socket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: u64,
    pub(crate) frames: mpsc::Sender<Out>,
}

/// What the switchboard is told.
#[derive(Debug)]
pub(crate) enum In {
    /// A user has proved who it is.
    Login {
        owner: UserKey,
        single_login: bool,
        re: u32,
        link: Link,
        device: oneshot::Sender<Option<DeviceId>>,
    },
    /// A client is back with its ticket.
    Resume { ticket: Ticket, last_seq: u32, re: u32, link: Link, device: oneshot::Sender<Option<DeviceId>> },
    /// A signed-in device asks.
    Request { device: DeviceId, socket: u64, message: ClientMessage },
    /// A socket is gone.
    Cut { device: DeviceId, socket: u64 },
    /// An app is gone.
    AppDeleted(SdkAppId),
    /// End all calls, tell everybody, and say when it is done.
    Shutdown(oneshot::Sender<()>),
}

struct Entry {
    owner: UserKey,
    ticket: TicketHash,
    session: Session,
    link: Option<Link>,
    /// When a session without a socket is given up.
    expires: Option<Timestamp>,
    calls: Bucket,
}

/// Tickets are kept as hashes, so that neither a core dump nor a lookup's timing gives one away.
type TicketHash = [u8; 32];

fn hash(ticket: &Ticket) -> TicketHash {
    Sha256::digest(ticket.expose().as_bytes()).into()
}

/// The owner task's state.
pub(crate) struct Switchboard {
    clock: Clock,
    config: Arc<Config>,
    engine: Engine,
    sessions: HashMap<DeviceId, Entry>,
    tickets: HashMap<TicketHash, DeviceId>,
    expiries: BTreeSet<(Timestamp, DeviceId)>,
    transports: Transports,
    media: MediaNet,
    records: mpsc::Sender<CallRecord>,
    last_device: u64,
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
        media: MediaNet,
        records: mpsc::Sender<CallRecord>,
    ) -> Self {
        let mut settings = tring_calls::Settings::default();
        settings.ring_grace = Duration::from_secs(config.calls.ring_grace_s.into());
        settings.talk_grace = Duration::from_secs(config.calls.talk_grace_s.into());
        settings.preconnect_devices = config.calls.preconnect_devices;
        settings.max_devices_per_user = config.calls.max_devices_per_user;
        Self {
            clock,
            config,
            engine: Engine::new(settings),
            sessions: HashMap::new(),
            tickets: HashMap::new(),
            expiries: BTreeSet::new(),
            transports: Transports::default(),
            media,
            records,
            last_device: 0,
            effects: Vec::new(),
            spare: Vec::new(),
            commands: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// Runs until every sender of `inbox` is gone.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<In>,
        mut notices: mpsc::UnboundedReceiver<Notice>,
    ) {
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
            self.drop_session(device, Gone::Dropped);
        }
        self.engine.advance(now, &mut self.effects);
        self.carry_out();
    }

    fn take(&mut self, message: In) {
        match message {
            In::Login { owner, single_login, re, link, device } => {
                let _ = device.send(self.login(owner, single_login, re, link));
            }
            In::Resume { ticket, last_seq, re, link, device } => {
                let _ = device.send(self.resume(&ticket, last_seq, re, link));
            }
            In::Request { device, socket, message } => self.request(device, socket, message),
            In::Cut { device, socket } => {
                let current = self.sessions.get(&device).and_then(|e| e.link.as_ref());
                if current.is_some_and(|link| link.socket == socket) {
                    self.detach(device);
                }
            }
            In::AppDeleted(app) => {
                info!(%app, "app deleted: its calls end and its users are signed out");
                let _ = self.engine_input(Input::AppDeleted { app });
            }
            In::Shutdown(done) => {
                let _ = self.engine_input(Input::Shutdown);
                let _ = done.send(());
            }
        }
    }

    fn login(&mut self, owner: UserKey, single_login: bool, re: u32, link: Link) -> Option<DeviceId> {
        let now = self.clock.now();
        self.last_device += 1;
        let device = DeviceId(self.last_device);
        let input = Input::DeviceOnline { device, owner: owner.clone(), single_login };
        if let Err(code) = self.engine.handle(input, now, &mut self.effects) {
            self.carry_out();
            send(&link, to_frame(&Answer { re, outcome: Outcome::Error(code.into()) }));
            return None;
        }
        let Some(ticket) = new_ticket() else {
            let _ =
                self.engine.handle(Input::DeviceGone { device, why: Gone::Dropped }, now, &mut self.effects);
            self.carry_out();
            send(&link, to_frame(&Answer { re, outcome: Outcome::Error(ErrorCode::Internal.into()) }));
            return None;
        };
        info!(%device, user = %owner, "signed in");
        send(&link, to_frame(&Answer { re, outcome: self.welcome(ticket.clone(), false) }));
        let calls = Bucket::full(self.call_rate(), now);
        let ticket = hash(&ticket);
        self.tickets.insert(ticket, device);
        let entry =
            Entry { owner, ticket, session: Session::default(), link: Some(link), expires: None, calls };
        self.sessions.insert(device, entry);
        self.carry_out();
        Some(device)
    }

    fn welcome(&self, ticket: Ticket, resumed: bool) -> Outcome {
        let l = &self.config.limits;
        Outcome::Ok(Success::Welcome(Welcome {
            ticket,
            resumed,
            heartbeat_s: l.heartbeat_s,
            resume_s: l.resume_s,
        }))
    }

    fn resume(&mut self, ticket: &Ticket, last_seq: u32, re: u32, link: Link) -> Option<DeviceId> {
        let device = self.tickets.get(&hash(ticket)).copied();
        let welcome = self.welcome(ticket.clone(), true);
        let missed = device
            .and_then(|d| self.sessions.get_mut(&d))
            .and_then(|entry| entry.session.resume(last_seq).ok().map(Iterator::collect::<Vec<_>>));
        let (Some(device), Some(missed)) = (device, missed) else {
            send(&link, to_frame(&Answer { re, outcome: Outcome::Error(ErrorCode::TicketInvalid.into()) }));
            return None;
        };
        debug!(%device, missed = missed.len(), "resumed");
        send(&link, to_frame(&Answer { re, outcome: welcome }));
        for frame in missed {
            send(&link, frame);
        }
        if let Some(entry) = self.sessions.get_mut(&device) {
            if let Some(at) = entry.expires.take() {
                self.expiries.remove(&(at, device));
            }
            if let Some(old) = entry.link.replace(link) {
                let _ = old.frames.try_send(Out::Close);
            }
        }
        let _ = self.engine_input(Input::DeviceAttached { device });
        Some(device)
    }

    fn call_rate(&self) -> Rate {
        let l = &self.config.limits;
        Rate { burst: l.calls_burst, per_second: l.calls_per_minute / 60.0 }
    }

    fn request(&mut self, device: DeviceId, socket: u64, ClientMessage { id, request }: ClientMessage) {
        let call_rate = self.call_rate();
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        let current = entry.link.as_ref().is_some_and(|l| l.socket == socket);
        if !current {
            return; // sent on a socket that this session has left; the client repeats it on the new one
        }
        match entry.session.admit(id) {
            Admission::Fresh => {}
            Admission::Pending => return,
            Admission::Repeat(frame) => return self.push(device, frame),
            Admission::Forgotten => {
                let body = ErrorBody::new(ErrorCode::AnswerForgotten);
                let frame = to_frame(&Answer { re: id, outcome: Outcome::Error(body) });
                return self.push(device, frame);
            }
        }
        let input = match request {
            Request::Ping { ack } => {
                entry.session.acknowledge(ack);
                return self.answer(device, id, Ok(Success::Done {}));
            }
            Request::Login { .. } | Request::Resume { .. } => {
                return self.answer(device, id, Err(ErrorCode::AlreadyLoggedIn.into()));
            }
            Request::Logout {} => {
                self.drop_session_after(device, id);
                return;
            }
            Request::Transport { call_id, offer } => return self.transport(device, id, call_id, offer),
            Request::Call(request) => {
                if !entry.calls.take(call_rate, self.clock.now()) {
                    let body = ErrorBody::with(ErrorCode::TooMany, "too many calls: wait some seconds");
                    return self.answer(device, id, Err(body));
                }
                let (Some(call), Some(room_seed)) = (random_bytes().map(u128::from_le_bytes), random_bytes())
                else {
                    return self.answer(device, id, Err(ErrorCode::Internal.into()));
                };
                let room_seed = u32::from_le_bytes(room_seed);
                Input::Call { device, call: CallId::from_random(call), room_seed, request }
            }
            Request::Delivered { call_id } => Input::Delivered { device, call: call_id },
            Request::Accept { call_id } => {
                info!(call = %call_id, %device, "answers");
                Input::Accept { device, call: call_id }
            }
            Request::Reject { call_id } => Input::Reject { device, call: call_id },
            Request::Hangup { call_id } => Input::Hangup { device, call: call_id },
            Request::Devices { call_id, microphone, camera } => {
                Input::Devices { device, call: call_id, microphone, camera }
            }
            _ => return self.answer(device, id, Err(ErrorCode::UnknownType.into())),
        };
        // The answer goes out before the events that the same input causes, so that a client knows its call's id when
        // it hears of it.
        let result = self.engine.handle(input, self.clock.now(), &mut self.effects);
        let result = match result {
            Ok(Reply::Calling { call, room }) => {
                info!(%call, room = room.get(), %device, "calls");
                Ok(Success::Calling { call_id: call, room_id: room })
            }
            Ok(_) => Ok(Success::Done {}),
            Err(code) => Err(code.into()),
        };
        self.answer(device, id, result);
        self.carry_out();
    }

    fn transport(&mut self, device: DeviceId, id: u32, call: CallId, offer: String) {
        let input = Input::Transport { device, call: call.clone() };
        match self.engine_input(input) {
            Ok(Reply::Transport(permit)) => {
                let replaced = self.transports.open(call, device, id, permit, offer, &mut self.commands);
                self.send_commands();
                if let Some(waiting) = replaced {
                    let body =
                        ErrorBody::with(ErrorCode::MediaUnavailable, "a newer offer has replaced this one");
                    self.answer(device, waiting, Err(body));
                }
            }
            Ok(_) => self.answer(device, id, Err(ErrorCode::Internal.into())),
            Err(code) => self.answer(device, id, Err(code.into())),
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Answered { session, answer } => {
                let waiting =
                    self.transports.get_mut(session).and_then(|t| Some((t.device, t.request.take()?)));
                if let Some((device, id)) = waiting {
                    self.answer(device, id, Ok(Success::Transport { answer }));
                }
            }
            Notice::Refused { session, error } => {
                let Some(transport) = self.transports.forget(session) else { return };
                info!(call = %transport.call, device = %transport.device, %error, "offer refused");
                let code = match error {
                    OfferError::TooLarge(_) => ErrorCode::OfferTooLarge,
                    OfferError::Full => ErrorCode::MediaUnavailable,
                    _ => ErrorCode::OfferInvalid,
                };
                if let Some(id) = transport.request {
                    self.answer(transport.device, id, Err(ErrorBody::with(code, error.to_string())));
                }
            }
            Notice::Connected { session } => {
                if let Some(t) = self.transports.get_mut(session) {
                    debug!(call = %t.call, device = %t.device, %session, "transport connected");
                }
            }
            Notice::Lost { session } => {
                let Some(transport) = self.transports.forget(session) else { return };
                info!(call = %transport.call, device = %transport.device, "transport lost");
                self.tell(transport.device, Event::TransportLost { call_id: transport.call });
                self.carry_out();
            }
            Notice::Network { session, level } => {
                let Some(t) = self.transports.get_mut(session) else { return };
                let (call, user) = (t.call.clone(), t.user.clone());
                let devices: Vec<DeviceId> = self.transports.flowing(&call).map(|t| t.device).collect();
                for device in devices {
                    self.tell(device, Event::Network { call_id: call.clone(), user_id: user.clone(), level });
                }
                self.carry_out();
            }
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
                let now = self.clock.now();
                self.kick(device, KickReason::TooSlow);
                let _ = self.engine.handle(
                    Input::DeviceGone { device, why: Gone::Dropped },
                    now,
                    &mut self.effects,
                );
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
            Effect::Evict { device } => self.remove(device),
            Effect::OpenGate { call, device } => self.transports.open_gate(&call, device, &mut self.commands),
            Effect::SetDevices { call, device, microphone, camera } => {
                self.transports.set_devices(&call, device, microphone, camera, &mut self.commands);
            }
            Effect::CloseTransport { call, device } => {
                if let Some(waiting) = self.transports.close(&call, device, &mut self.commands) {
                    self.answer(device, waiting, Err(ErrorCode::NotRinging.into()));
                }
            }
            Effect::Record(record) => {
                info!(
                    call = %record.call, room = %record.room, caller = %record.caller, reason = ?record.reason,
                    talked_s = record.accepted.map_or(0, |at| record.ended.since(at).as_secs()), "call ended"
                );
                metrics::counter!("tring_calls_ended_total").increment(1);
                if let Err(e) = self.records.try_send(record) {
                    warn!(error = %e, "a call record was not written: the database does not keep up");
                }
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
        match entry.session.event(event) {
            Ok(frame) => self.push(device, frame),
            Err(_) => {
                warn!(%device, user = %entry.owner, "client does not take its events: session dropped");
                self.dropped.push(device);
            }
        }
    }

    fn answer(&mut self, device: DeviceId, id: u32, result: Result<Success, ErrorBody>) {
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        let outcome = match result {
            Ok(ok) => Outcome::Ok(ok),
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
            debug!(%device, "socket is too far behind: cut");
            self.unlink(device);
            let _ = self.engine.handle(Input::DeviceDetached { device }, self.clock.now(), &mut self.effects);
        }
    }

    fn detach(&mut self, device: DeviceId) {
        self.unlink(device);
        let _ = self.engine_input(Input::DeviceDetached { device });
    }

    fn unlink(&mut self, device: DeviceId) {
        let expires = self.clock.now() + Duration::from_secs(self.config.limits.resume_s.into());
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        entry.link = None;
        if let Some(old) = entry.expires.replace(expires) {
            self.expiries.remove(&(old, device));
        }
        self.expiries.insert((expires, device));
    }

    fn kick(&mut self, device: DeviceId, reason: KickReason) {
        if let Some(entry) = self.sessions.get_mut(&device) {
            info!(%device, user = %entry.owner, ?reason, "signed out by the server");
            if let (Some(link), Ok(frame)) = (&entry.link, entry.session.event(Event::KickedOut { reason })) {
                send(link, frame);
            }
        }
        self.remove(device);
    }

    /// Logout: the engine first, so that its last events and the answer still reach the socket.
    fn drop_session_after(&mut self, device: DeviceId, id: u32) {
        let _ = self.engine_input(Input::DeviceGone { device, why: Gone::LoggedOut });
        self.answer(device, id, Ok(Success::Done {}));
        debug!(%device, "logged out");
        self.remove(device);
    }

    fn drop_session(&mut self, device: DeviceId, why: Gone) {
        self.remove(device);
        let _ = self.engine_input(Input::DeviceGone { device, why });
    }

    fn remove(&mut self, device: DeviceId) {
        let Some(entry) = self.sessions.remove(&device) else { return };
        self.tickets.remove(&entry.ticket);
        if let Some(at) = entry.expires {
            self.expiries.remove(&(at, device));
        }
        if let Some(link) = entry.link {
            let _ = link.frames.try_send(Out::Close);
        }
    }
}

/// Sends on a fresh link, whose queue cannot be full; a link that is gone is noticed by its socket.
fn send(link: &Link, frame: Frame) {
    let _ = link.frames.try_send(Out::Frame(frame));
}

fn random_bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

fn new_ticket() -> Option<Ticket> {
    use std::fmt::Write;
    let bytes: [u8; TICKET_BYTES] = random_bytes()?;
    let text = bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    });
    Some(text.into())
}
