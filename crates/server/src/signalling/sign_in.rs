//! Sessions begin, and move to new links.

use crate::limits::Bucket;
use crate::signalling::messages::{CloseReason, Link, Login, Out, Resume};
use crate::signalling::session::{Frame, Session, TicketHash, to_frame};
use crate::signalling::switchboard::{Attached, Entry, Step};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tracing::{debug, info};
use tring_calls::Input;
use tring_protocol::log::Untrusted;
use tring_protocol::{Answer, DeviceId, ErrorBody, ErrorCode, Outcome, ResumeTicket, Success, Welcome};

/// Random bytes of a session ticket. Higher: longer tickets. Lower: within guessing, at some length.
const TICKET_BYTES: usize = 24;

fn hash(ticket: &ResumeTicket) -> TicketHash {
    Sha256::digest(ticket.expose().as_bytes()).into()
}

impl Step<'_> {
    fn send_on(&mut self, link: Link, frame: Frame) {
        self.out.push(Out::Frame { link, frame });
    }

    fn refuse(&mut self, link: Link, re: u32, error: impl Into<ErrorBody>) -> Option<DeviceId> {
        self.send_on(link, to_frame(&Answer { re, outcome: Outcome::Error(error.into()) }));
        None
    }

    /// Random bytes. None if the system has none.
    pub(super) fn random<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.board.random)(&mut bytes).then_some(bytes)
    }

    fn new_ticket(&mut self) -> Option<ResumeTicket> {
        let bytes = self.random::<TICKET_BYTES>()?;
        let text = bytes.iter().fold(String::new(), |mut text, b| {
            let _ = write!(text, "{b:02x}");
            text
        });
        Some(text.into())
    }

    /// A session begins. Gives its device; None if the sign-in is refused.
    pub(super) fn login(&mut self, login: Login) -> Option<DeviceId> {
        let Login { link, host, owner, single_login, again, re, permit } = login;
        if self.board.stopping {
            let error = ErrorBody::with(ErrorCode::Overloaded, "the server is stopping");
            return self.refuse(link, re, error);
        }
        // The UserSig was checked before this input waited in the inbox. Had the app gone since, nothing would come after
        // that signs the user out.
        if self.board.deleted_apps.contains(&owner.app) {
            return self.refuse(link, re, ErrorCode::AppUnknown);
        }
        let Some(ticket) = self.new_ticket() else { return self.refuse(link, re, ErrorCode::Internal) };
        self.board.last_device += 1;
        let device = DeviceId(self.board.last_device);
        if let Err(code) =
            self.decide(Input::DeviceOnline { device, owner: owner.clone(), single_login, again })
        {
            if code == ErrorCode::SignedInElsewhere {
                info!(user = %Untrusted(&owner), "a device that was replaced while it was away stays out");
            }
            return self.refuse(link, re, code);
        }
        info!(%device, user = %Untrusted(&owner), "signed in");
        let welcome = self.welcome(ticket.clone(), false);
        self.send_on(link, to_frame(&Answer { re, outcome: welcome }));
        let ticket = hash(&ticket);
        let (rates, now) = (self.board.rates, self.now);
        let entry = Entry {
            owner,
            ticket,
            session: Session::default(),
            permit,
            host,
            link: Some(Attached::new(link)),
            expires: None,
            overrun: false,
            source_changes: Bucket::full(rates.source_changes, now),
            switches: Bucket::full(rates.switches, now),
            offers: Bucket::full(rates.offers, now),
        };
        self.board.tickets.insert(ticket, device);
        self.board.sessions.insert(device, entry);
        self.carry_out();
        Some(device)
    }

    fn welcome(&self, ticket: ResumeTicket, resumed: bool) -> Outcome {
        let l = &self.board.config.limits;
        Outcome::Ok(Success::Welcome(Welcome {
            ticket,
            resumed,
            heartbeat_s: l.heartbeat_s,
            resume_s: l.resume_s,
        }))
    }

    /// A session moves to a new link. A ticket has one link: the newest that shows it. The one before is closed, so a thief
    /// and the owner cannot both be live, and each notices the other. Gives the session's device; None if it has ended.
    pub(super) fn resume(&mut self, resume: Resume) -> Option<DeviceId> {
        let Resume { link, host, ticket, last_seq, re, ip_permit } = resume;
        if self.board.stopping {
            let error = ErrorBody::with(ErrorCode::Overloaded, "the server is stopping");
            return self.refuse(link, re, error);
        }
        let hash = hash(&ticket);
        let Some(&device) = self.board.tickets.get(&hash) else {
            return self.resume_ended(link, &hash, ticket, last_seq, re);
        };
        let session = self.board.sessions.get_mut(&device).map(|entry| &mut entry.session);
        let missed = session.and_then(|s| s.resume(last_seq).ok().map(Iterator::collect::<Vec<_>>));
        let Some(missed) = missed else { return self.refuse(link, re, ErrorCode::TicketInvalid) };
        debug!(%device, missed = missed.len(), "resumed");
        self.welcome_back(link, ticket, re, missed);
        if let Some(entry) = self.board.sessions.get_mut(&device) {
            if let Some(at) = entry.expires.take() {
                self.board.expiries.remove(&(at, device));
            }
            entry.host = host;
            entry.permit.moves(ip_permit);
            if let Some(old) = entry.link.replace(Attached::new(link)) {
                self.out.push(Out::Close { link: old.link, reason: CloseReason::TakenUp });
            }
        }
        let _ = self.engine(Input::DeviceAttached { device });
        Some(device)
    }

    /// A device whose session the server has ended is told what it is still owed, the kick last.
    fn resume_ended(
        &mut self,
        link: Link,
        hash: &TicketHash,
        ticket: ResumeTicket,
        last_seq: u32,
        re: u32,
    ) -> Option<DeviceId> {
        let Some(missed) = self.board.ended_sessions.resume(hash, last_seq, self.now) else {
            return self.refuse(link, re, ErrorCode::TicketInvalid);
        };
        debug!(missed = missed.len(), "a device is told that its session was ended while it was away");
        self.welcome_back(link, ticket, re, missed);
        self.out.push(Out::Close { link, reason: CloseReason::SignedOut });
        None
    }

    fn welcome_back(&mut self, link: Link, ticket: ResumeTicket, re: u32, missed: Vec<Frame>) {
        let welcome = to_frame(&Answer { re, outcome: self.welcome(ticket, true) });
        self.out.extend([welcome].into_iter().chain(missed).map(|frame| Out::Frame { link, frame }));
    }
}
