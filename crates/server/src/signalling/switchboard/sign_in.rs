//! Sessions: they begin, move to new sockets, and end.

use super::{Entry, Link, Switchboard, TicketHash};
use crate::limits::session_limit::SessionPermit;
use crate::limits::{Bucket, IpPermit};
use crate::signalling::session::{Session, to_frame};
use axum::extract::ws::close_code;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tracing::{debug, info};
use tring_calls::{Departure, Input};
use tring_protocol::log::Untrusted;
use tring_protocol::{
    Answer, DeviceId, ErrorBody, ErrorCode, Event, KickReason, Outcome, Success, Ticket, UserKey, Welcome,
};

/// Random bytes of a session ticket: beyond guessing.
const TICKET_BYTES: usize = 24;

fn hash(ticket: &Ticket) -> TicketHash {
    Sha256::digest(ticket.expose().as_bytes()).into()
}

fn refuse(link: &Link, re: u32, error: impl Into<ErrorBody>) -> Option<DeviceId> {
    link.send(to_frame(&Answer { re, outcome: Outcome::Error(error.into()) }));
    None
}

impl Switchboard {
    pub(super) fn login(
        &mut self,
        owner: UserKey,
        single_login: bool,
        re: u32,
        link: Link,
        permit: SessionPermit,
    ) -> Option<DeviceId> {
        if self.stopping {
            return refuse(&link, re, ErrorBody::with(ErrorCode::Overloaded, "the server is stopping"));
        }
        // The UserSig was checked before this message waited in the queue. Had the app gone since, nothing would come
        // after that signs the user out.
        if self.apps.app(owner.app).is_none() {
            return refuse(&link, re, ErrorCode::AppUnknown);
        }
        let Some(ticket) = new_ticket() else { return refuse(&link, re, ErrorCode::Internal) };
        let now = self.clock.now();
        self.last_device += 1;
        let device = DeviceId(self.last_device);
        let input = Input::DeviceOnline { device, owner: owner.clone(), single_login };
        if let Err(code) = self.engine.handle(input, now, &mut self.effects) {
            self.carry_out();
            return refuse(&link, re, code);
        }
        info!(%device, user = %Untrusted(&owner), "signed in");
        link.send(to_frame(&Answer { re, outcome: self.welcome(ticket.clone(), false) }));
        let ticket = hash(&ticket);
        self.tickets.insert(ticket, device);
        let entry = Entry {
            owner,
            ticket,
            session: Session::default(),
            permit,
            host: link.host.clone(),
            link: Some(link),
            expires: None,
            overrun: false,
            devices: Bucket::full(self.rates.devices, now),
            switches: Bucket::full(self.rates.switches, now),
            offers: Bucket::full(self.rates.offers, now),
        };
        self.sessions.insert(device, entry);
        self.carry_out();
        Some(device)
    }

    /// A device that was signed out while it was away, for longer than anybody remembers, has found its session gone and
    /// wants to sign in again. Whoever signed in since is the one to stay.
    pub(super) fn login_too_late(&self, owner: &UserKey, re: u32, link: &Link) -> Option<DeviceId> {
        info!(user = %Untrusted(owner), "a device that was replaced while it was away stays out");
        refuse(link, re, ErrorCode::SignedInElsewhere)
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

    /// A ticket has one socket: the newest that shows it. The one before is closed, so a thief and the owner cannot
    /// both be live, and each notices the other.
    pub(super) fn resume(
        &mut self,
        ticket: &Ticket,
        last_seq: u32,
        re: u32,
        link: Link,
        ip_permit: Option<IpPermit>,
    ) -> Option<DeviceId> {
        if self.stopping {
            return refuse(&link, re, ErrorBody::with(ErrorCode::Overloaded, "the server is stopping"));
        }
        let hash = hash(ticket);
        let welcome = to_frame(&Answer { re, outcome: self.welcome(ticket.clone(), true) });
        let Some(&device) = self.tickets.get(&hash) else {
            let Some(missed) = self.tombstones.visit(&hash, last_seq, self.clock.now()) else {
                return refuse(&link, re, ErrorCode::TicketInvalid);
            };
            debug!(missed = missed.len(), "a device is told that its session was ended while it was away");
            link.send(welcome);
            for frame in missed {
                link.send(frame);
            }
            link.close(close_code::NORMAL, "signed out");
            return None;
        };
        let missed = self
            .sessions
            .get_mut(&device)
            .and_then(|entry| entry.session.resume(last_seq).ok().map(Iterator::collect::<Vec<_>>));
        let Some(missed) = missed else { return refuse(&link, re, ErrorCode::TicketInvalid) };
        debug!(%device, missed = missed.len(), "resumed");
        link.send(welcome);
        for frame in missed {
            link.send(frame);
        }
        if let Some(entry) = self.sessions.get_mut(&device) {
            if let Some(at) = entry.expires.take() {
                self.expiries.remove(&(at, device));
            }
            entry.host = link.host.clone();
            entry.permit.moves(ip_permit);
            if let Some(old) = entry.link.replace(link) {
                old.close(close_code::NORMAL, "the session was taken up on another socket");
            }
        }
        let _ = self.engine_input(Input::DeviceAttached { device });
        Some(device)
    }

    /// A device has no socket any more. The effects that follow are carried out by who called.
    pub(super) fn detach(&mut self, device: DeviceId) {
        let expires = self.clock.now() + Duration::from_secs(self.config.limits.resume_s.into());
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        entry.link = None;
        if let Some(old) = entry.expires.replace(expires) {
            self.expiries.remove(&(old, device));
        }
        self.expiries.insert((expires, device));
        let _ = self.engine.handle(Input::DeviceDetached { device }, self.clock.now(), &mut self.effects);
    }

    /// Signs a device out, which is told now or when it comes back.
    pub(super) fn kick(&mut self, device: DeviceId, reason: KickReason) {
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        info!(%device, user = %Untrusted(&entry.owner), ?reason, "signed out by the server");
        if let Ok(frame) = entry.session.event(Event::KickedOut { reason })
            && let Some(link) = &entry.link
        {
            link.send(frame);
        }
        if let Some(entry) = self.remove(device) {
            let now = self.clock.now();
            self.tombstones.bury(entry.ticket, entry.owner, entry.session, reason, now);
        }
    }

    /// The engine first, so that its last events and the answer still reach the socket.
    pub(super) fn logout(&mut self, device: DeviceId, id: u32) {
        let _ = self.engine_input(Input::DeviceGone { device, why: Departure::LoggedOut });
        self.answer(device, id, Ok(Success::Done {}));
        debug!(%device, "logged out");
        self.remove(device);
    }

    /// Forgets a session and closes its socket.
    pub(super) fn remove(&mut self, device: DeviceId) -> Option<Entry> {
        let mut entry = self.sessions.remove(&device)?;
        self.tickets.remove(&entry.ticket);
        if let Some(at) = entry.expires {
            self.expiries.remove(&(at, device));
        }
        if let Some(link) = entry.link.take() {
            link.close(close_code::NORMAL, "the session is over");
        }
        Some(entry)
    }
}

fn new_ticket() -> Option<Ticket> {
    use std::fmt::Write;
    let mut bytes = [0; TICKET_BYTES];
    getrandom::fill(&mut bytes).ok()?;
    let text = bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    });
    Some(text.into())
}
