//! One session of a shard: its transport and what belongs to it alone.

use crate::demux::Key;
use crate::keyframes::Throttle;
use crate::offer::MediaKind;
use crate::quality::{Quality, Sample};
use crate::rewrite::Rewriter;
use crate::rtc::{CaptureClock, Transport};
use crate::ufrag::Ufrag;
use crate::{RoomKey, SessionId};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a new session may take until ICE and DTLS are done. Higher: a browser whose user ponders a permission
/// prompt survives. Lower: offers that nobody follows up hold memory for less long.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(40);

/// How long a session lives without an authenticated ICE check. Browsers check every 2.5 to 5 s; RFC 7675 §5.1 lets
/// consent run out after 30 s. Lower: a dead peer is noticed sooner. Higher: a lift or a tunnel is survived.
pub(crate) const CONSENT_TIMEOUT: Duration = Duration::from_secs(18);

/// A place where a remote user's track goes.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Its media line.
    pub(crate) line: usize,
    pub(crate) rewriter: Rewriter,
}

/// A session.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) room: RoomKey,
    pub(crate) label: String,
    pub(crate) ufrag: Ufrag,
    pub(crate) transport: Transport,
    /// The line that the user's track of each kind comes on: the first that the offer sends on.
    pub(crate) publishes: [Option<usize>; 2],
    pub(crate) slots: [Vec<Slot>; 2],
    pub(crate) clock: CaptureClock,
    pub(crate) keyframes: Throttle,
    pub(crate) quality: Quality,
    pub(crate) heard: bool,
    /// Addresses that passed a check, the oldest first.
    pub(crate) bound: Vec<SocketAddr>,
    pub(crate) opened: Instant,
    pub(crate) connected: bool,
    /// The last authenticated ICE check.
    pub(crate) checked: Option<Instant>,
    /// The deadline that the shard's list has.
    pub(crate) listed: Option<Instant>,
}

impl Session {
    pub(crate) fn new(
        (id, room, label): (SessionId, RoomKey, String),
        ufrag: Ufrag,
        transport: Transport,
        now: Instant,
    ) -> Self {
        let lines = || transport.lines().iter().enumerate();
        let publishes =
            MediaKind::ALL.map(|kind| lines().find(|(_, l)| l.kind == kind && l.receives).map(|(i, _)| i));
        let slots = MediaKind::ALL.map(|kind| {
            let of_kind = lines().filter(|(_, l)| l.kind == kind && l.sends);
            of_kind.map(|(line, _)| Slot { line, ..Slot::default() }).collect()
        });
        Self {
            id,
            room,
            label,
            ufrag,
            transport,
            publishes,
            slots,
            clock: CaptureClock::default(),
            keyframes: Throttle::default(),
            quality: Quality::default(),
            heard: false,
            bound: Vec::new(),
            opened: now,
            connected: false,
            checked: None,
            listed: None,
        }
    }

    /// When the session is dropped unless something happens.
    pub(crate) fn expires(&self) -> Instant {
        match self.checked {
            Some(checked) if self.connected => checked + CONSENT_TIMEOUT,
            _ => self.opened + CONNECT_TIMEOUT,
        }
    }

    /// When it needs time to pass.
    pub(crate) fn deadline(&self) -> Instant {
        let due = self.transport.deadline().min(self.expires());
        self.keyframes.due().map_or(due, |k| k.min(due))
    }

    /// A second has passed; gives the network level if it changed.
    pub(crate) fn judge(
        &mut self,
        sent_lost: Option<f32>,
        received_lost: Option<f32>,
        rtt: Option<Duration>,
    ) -> Option<u8> {
        let heard = std::mem::take(&mut self.heard);
        if !self.connected {
            return None;
        }
        self.quality.sample(Sample { sent_lost, received_lost, round_trip: rtt, heard })
    }

    /// The slot index of a line.
    pub(crate) fn slot_of(&self, line: usize) -> Option<(MediaKind, usize)> {
        MediaKind::ALL.into_iter().find_map(|kind| {
            let slot = self.slots[kind.index()].iter().position(|s| s.line == line)?;
            Some((kind, slot))
        })
    }
}

/// Sessions by index.
#[derive(Default)]
pub(crate) struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
}

impl Sessions {
    /// The key that the next [`Sessions::insert`] gives.
    pub(crate) fn insert(&mut self, session: Session) -> Key {
        let session = Some(Box::new(session));
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = session;
            return Key(index);
        }
        self.slots.push(session);
        // The limit of sessions keeps this far below 2^32.
        Key(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Session> {
        self.slots.get(key.0 as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Session> {
        self.slots.get_mut(key.0 as usize)?.as_deref_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Box<Session>> {
        let session = self.slots.get_mut(key.0 as usize)?.take()?;
        self.free.push(key.0);
        Some(session)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
