//! Sessions lose their links, and end: log-outs, and devices that the server signs out.

use crate::signalling::messages::{CloseReason, Out};
use crate::signalling::switchboard::{Entry, Step};
use std::time::Duration;
use tracing::{debug, info};
use tring_calls::{Departure, Input};
use tring_protocol::log::Untrusted;
use tring_protocol::{DeviceId, Event, KickReason, Success, Timestamp};

impl Step<'_> {
    /// A device has no link any more. The effects that follow are carried out by [`Self::carry_out`], which the caller does.
    pub(super) fn detach(&mut self, device: DeviceId) {
        let expires = self.now + Duration::from_secs(self.board.config.limits.resume_s.into());
        let Some(entry) = self.board.sessions.get_mut(&device) else { return };
        entry.link = None;
        if let Some(old) = entry.expires.replace(expires) {
            self.board.expiries.remove(&(old, device));
        }
        self.board.expiries.insert((expires, device));
        let _ = self.decide(Input::DeviceDetached { device });
    }

    /// Signs a device out, which is told now or when it comes back, until its session is forgotten.
    pub(super) fn kick(&mut self, device: DeviceId, reason: KickReason, until: Timestamp) {
        let Some(entry) = self.board.sessions.get_mut(&device) else { return };
        info!(%device, user = %Untrusted(&entry.owner), ?reason, "signed out by the server");
        if let Ok(frame) = entry.session.event(Event::KickedOut { reason })
            && let Some(attached) = &entry.link
        {
            self.out.push(Out::Frame { link: attached.link, frame });
        }
        if let Some(Entry { ticket, owner, session, .. }) = self.remove(device) {
            self.board.ended_sessions.keep(ticket, owner, session, reason, until, self.now);
        }
    }

    /// A device logs out. The engine first, so that its last events and the answer still reach the client.
    pub(super) fn logout(&mut self, device: DeviceId, id: u32) {
        let _ = self.engine(Input::DeviceGone { device, why: Departure::LoggedOut });
        self.answer(device, id, Ok(Success::Done {}));
        debug!(%device, "logged out");
        self.remove(device);
    }

    /// Forgets a session and closes its link.
    pub(super) fn remove(&mut self, device: DeviceId) -> Option<Entry> {
        let mut entry = self.board.sessions.remove(&device)?;
        self.board.tickets.remove(&entry.ticket);
        if let Some(at) = entry.expires {
            self.board.expiries.remove(&(at, device));
        }
        if let Some(attached) = entry.link.take() {
            self.out.push(Out::Close { link: attached.link, reason: CloseReason::SessionOver });
        }
        Some(entry)
    }
}
