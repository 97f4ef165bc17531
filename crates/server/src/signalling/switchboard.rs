//! The one owner of all sessions and of the call engine: inputs and the time in; frames, media commands and records out.
//!
//! Sockets, the media plane and the signing service know of each other only through here, so that the order of what a
//! device is told is the order in which it happened. Pure: no socket, no channel, no thread, no clock and no randomness of
//! its own. `shell` carries what comes out; the head of `signalling/mod.rs` lists the files beside it.

use crate::config::Config;
use crate::limits::Bucket;
use crate::limits::session_limit::SessionPermit;
use crate::signalling::ended_sessions::EndedSessions;
use crate::signalling::messages::{CloseReason, In, Link, Out, Random};
use crate::signalling::rates::{CallRates, Rates};
use crate::signalling::session::{Frame, Session, TicketHash};
use crate::signalling::transports::Transports;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tracing::{debug, info, warn};
use tring_calls::{Departure, Effect, Engine, Input, Reply, is_last_word};
use tring_protocol::log::Untrusted;
use tring_protocol::{DeviceId, ErrorBody, ErrorCode, Event, Outcome, SdkAppId, Success, Timestamp, UserKey};

/// Events that a link may be given before its client acknowledges any. Clients acknowledge every 64. A link that is further
/// behind is closed: in a session, states that change often take each other's place, on a socket they pile up. Higher: slow
/// clients keep their sockets for longer. Lower: less waits in their queues.
pub(super) const UNACKNOWLEDGED: u32 = 128;

/// All sessions and calls of one server.
pub(crate) struct Switchboard {
    pub(super) config: Arc<Config>,
    /// The port of RTMP, if the server has one.
    pub(super) rtmp_port: Option<u16>,
    pub(super) random: Random,
    pub(super) engine: Engine,
    pub(super) sessions: HashMap<DeviceId, Entry>,
    pub(super) tickets: HashMap<TicketHash, DeviceId>,
    pub(super) expiries: BTreeSet<(Timestamp, DeviceId)>,
    pub(super) ended_sessions: EndedSessions,
    pub(super) transports: Transports,
    pub(super) rates: Rates,
    pub(super) calls: CallRates,
    /// Apps that were deleted since the start. An operator deletes them, one by one, so they are few.
    pub(super) deleted_apps: HashSet<SdkAppId>,
    pub(super) last_device: u64,
    pub(super) stopping: bool,
    /// Two buffers in turn, reused between inputs.
    pub(super) effects: Vec<Effect>,
    spare: Vec<Effect>,
    /// Devices whose sessions are full, which the engine has still to hear.
    pub(super) overrun: Vec<DeviceId>,
}

/// A session, and what else is known of its device.
pub(super) struct Entry {
    pub(super) owner: UserKey,
    pub(super) ticket: TicketHash,
    pub(super) session: Session,
    pub(super) permit: SessionPermit,
    pub(super) link: Option<Attached>,
    /// The name by which the client reaches this server: the newest link's.
    pub(super) host: Arc<str>,
    /// When a session without a link is given up.
    pub(super) expires: Option<Timestamp>,
    /// The session is full and about to end: only how things ended is kept in it any more.
    pub(super) overrun: bool,
    pub(super) source_changes: Bucket,
    pub(super) switches: Bucket,
    pub(super) offers: Bucket,
}

/// The link by which a session is reached.
pub(super) struct Attached {
    pub(super) link: Link,
    /// Events given to this link since its client last acknowledged any.
    pub(super) unacknowledged: u32,
}

impl Attached {
    pub(super) fn new(link: Link) -> Self {
        Self { link, unacknowledged: 0 }
    }
}

impl Switchboard {
    /// A switchboard without sessions.
    pub(crate) fn new(config: Arc<Config>, rtmp_port: Option<u16>, random: Random) -> Self {
        let mut settings = tring_calls::Settings::default();
        settings.ring_grace = Duration::from_secs(config.calls.ring_grace_s.into());
        settings.talk_grace = Duration::from_secs(config.calls.talk_grace_s.into());
        settings.preconnect_devices = config.calls.preconnect_devices;
        settings.max_devices_per_user = config.calls.max_devices_per_user;
        settings.kicked_session_ttl = Duration::from_secs(config.limits.resume_s.into());
        let rates = Rates::of(&config.limits);
        Self {
            rtmp_port,
            random,
            engine: Engine::new(settings),
            sessions: HashMap::new(),
            tickets: HashMap::new(),
            expiries: BTreeSet::new(),
            ended_sessions: EndedSessions::default(),
            transports: Transports::default(),
            rates,
            calls: CallRates::new(&config.limits),
            deleted_apps: HashSet::new(),
            last_device: 0,
            stopping: false,
            effects: Vec::new(),
            spare: Vec::new(),
            overrun: Vec::new(),
            config,
        }
    }

    /// Carries out one input and appends what follows from it to `out`. `now` never runs backwards. Gives the device that
    /// is signed in on the link of a [`In::Login`] or [`In::Resume`] from now on; None if it is refused, and after all
    /// other inputs.
    pub(crate) fn handle(&mut self, input: In, now: Timestamp, out: &mut Vec<Out>) -> Option<DeviceId> {
        let from = out.len();
        let device = Step { board: self, now, out }.input(input);
        media_last(&mut out[from..]);
        device
    }

    /// When [`Self::advance`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        expiry.into_iter().chain(self.engine.next_deadline()).min()
    }

    /// Carries out everything that is due.
    pub(crate) fn advance(&mut self, now: Timestamp, out: &mut Vec<Out>) {
        let from = out.len();
        Step { board: self, now, out }.advance();
        media_last(&mut out[from..]);
    }

    /// Sessions, with a link or without.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Media sessions.
    pub(crate) fn transports(&self) -> usize {
        self.transports.len()
    }
}

/// Puts what the media plane is to do behind what everybody is told, and changes no other order. Giving a worker a command
/// blocks while the worker's queue is full: a worker that hangs must not keep a thousand users from hearing that their
/// calls have ended.
fn media_last(out: &mut [Out]) {
    out.sort_by_key(|output| matches!(output, Out::Media(_)));
}

/// One input being carried out: the switchboard, the time, and where what follows goes.
pub(super) struct Step<'a> {
    pub(super) board: &'a mut Switchboard,
    pub(super) now: Timestamp,
    pub(super) out: &'a mut Vec<Out>,
}

impl Step<'_> {
    fn input(&mut self, input: In) -> Option<DeviceId> {
        match input {
            In::Login(login) => return self.login(login),
            In::Resume(resume) => return self.resume(resume),
            In::Request { device, link, message } => self.request(device, link, message),
            In::Cut { device, link } => {
                let current = self.board.sessions.get(&device).and_then(|e| e.link.as_ref());
                if current.is_some_and(|attached| attached.link == link) {
                    self.detach(device);
                    self.carry_out();
                }
            }
            In::Notice(notice) => self.notice(notice),
            In::AppAdded(app) => {
                self.board.deleted_apps.remove(&app);
            }
            In::AppDeleted(app) => {
                info!(%app, "app deleted: its calls end and its users are signed out");
                self.board.deleted_apps.insert(app);
                let _ = self.engine(Input::AppDeleted { app });
            }
            In::Shutdown => {
                self.board.stopping = true;
                let _ = self.engine(Input::Shutdown);
                for attached in self.board.sessions.values_mut().filter_map(|entry| entry.link.take()) {
                    self.out.push(Out::Close { link: attached.link, reason: CloseReason::Stopping });
                }
            }
            #[cfg(test)]
            In::Panic => panic!("as a bug would"),
        }
        None
    }

    fn advance(&mut self) {
        while let Some(&(at, device)) = self.board.expiries.first()
            && at <= self.now
        {
            debug!(%device, "session expired");
            self.remove(device);
            let _ = self.engine(Input::DeviceGone { device, why: Departure::Expired });
        }
        self.board.engine.advance(self.now, &mut self.board.effects);
        self.carry_out();
    }

    /// Gives the engine an input and carries out what follows.
    pub(super) fn engine(&mut self, input: Input) -> Result<Reply, ErrorCode> {
        let result = self.decide(input);
        self.carry_out();
        result
    }

    /// Gives the engine an input. What follows is carried out by [`Self::carry_out`], which the caller does.
    pub(super) fn decide(&mut self, input: Input) -> Result<Reply, ErrorCode> {
        self.board.engine.handle(input, self.now, &mut self.board.effects)
    }

    /// Carries out the effects that have gathered, and those that follow from them: an effect can fill a session.
    pub(super) fn carry_out(&mut self) {
        loop {
            let spare = std::mem::take(&mut self.board.spare);
            let mut batch = std::mem::replace(&mut self.board.effects, spare);
            for effect in batch.drain(..) {
                self.effect(effect);
            }
            self.board.spare = batch;
            if let Some(device) = self.board.overrun.pop() {
                let _ = self.decide(Input::DeviceGone { device, why: Departure::TooSlow });
            } else if self.board.effects.is_empty() {
                break;
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        let transports = &mut self.board.transports;
        match effect {
            Effect::Tell { device, event } => self.tell(device, event),
            Effect::Kick { device, reason, until } => self.kick(device, reason, until),
            Effect::Evict { device } => {
                debug!(%device, "session given up for a new one of the same user");
                self.remove(device);
            }
            Effect::OpenGate { call, device } => transports.open_gate(&call, device, self.out),
            Effect::SetSources { call, device, sources } => {
                transports.set_sources(&call, device, sources, self.out);
            }
            Effect::CloseTransport { call, device } => {
                if let Some(waiting) = transports.close(&call, device, self.out) {
                    self.answer(device, waiting, Err(ErrorCode::NotRinging.into()));
                }
            }
            Effect::Record(record) => {
                if let Some(reason) = record.reason {
                    info!(
                        call = %record.call, room = %record.room, caller = %Untrusted(&record.caller), ?reason,
                        talked_s = record.accepted.map_or(0, |at| record.at.since(at).as_secs()), "call ended"
                    );
                }
                self.out.push(Out::Record(record));
            }
        }
    }

    /// Tells a device something: now, if it has a link; and until it has said that it knows.
    pub(super) fn tell(&mut self, device: DeviceId, event: Event) {
        let Some(entry) = self.board.sessions.get_mut(&device) else { return };
        if entry.overrun && !is_last_word(&event) {
            return;
        }
        let Ok(frame) = entry.session.event(event) else {
            if !entry.overrun {
                warn!(%device, user = %Untrusted(&entry.owner), "client does not take its events: session dropped");
                entry.overrun = true;
                self.board.overrun.push(device);
            }
            return;
        };
        let Some(attached) = entry.link.as_mut() else { return };
        let link = attached.link;
        attached.unacknowledged += 1;
        let behind = attached.unacknowledged > UNACKNOWLEDGED;
        entry.session.sent();
        self.out.push(Out::Frame { link, frame });
        if behind {
            self.out.push(Out::Close { link, reason: CloseReason::TooFarBehind });
            self.detach(device);
        }
    }

    /// Answers a request: now, if the device has a link; and again if it asks again.
    pub(super) fn answer(&mut self, device: DeviceId, id: u32, result: Result<Success, ErrorBody>) {
        let Some(entry) = self.board.sessions.get_mut(&device) else { return };
        let outcome = match result {
            Ok(success) => Outcome::Ok(success),
            Err(error) => {
                debug!(%device, code = ?error.code, "request refused");
                Outcome::Error(error)
            }
        };
        let frame = entry.session.answer(id, outcome);
        self.send(device, frame);
    }

    /// Sends a frame if the device has a link; else its session keeps what must not be lost.
    pub(super) fn send(&mut self, device: DeviceId, frame: Frame) {
        if let Some(attached) = self.board.sessions.get(&device).and_then(|e| e.link.as_ref()) {
            self.out.push(Out::Frame { link: attached.link, frame });
        }
    }
}
