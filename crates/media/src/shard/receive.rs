//! A datagram on its way to its session.

use super::Shard;
use crate::datagram::Datagram;
use crate::ice::check::Check;
use crate::ice::demux::{Destination, MAX_DATAGRAM};
use crate::ice::path::Path;
use crate::ice::ufrag::{Kind, kind};
use crate::key::Key;
use crate::output::Output;
use crate::shard::session::{HANDSHAKE, INPUT, Session};
use crate::webrtc::{Event, Received, Sink};
use std::time::Instant;

impl Shard {
    /// Takes a datagram from the socket. Whatever it is, it costs at most the session that it names. `via` is the port
    /// that it reached, by a number of the shell's: what answers it names that port. `true`: it was an ICE check that
    /// proved a session's password, so that session is at its source.
    pub fn receive(&mut self, d: Datagram<'_>, via: u8, now: Instant, out: &mut Output) -> bool {
        self.counters.datagrams_in += 1;
        if d.contents.len() > MAX_DATAGRAM {
            self.counters.dropped_oversized += 1;
            return false;
        }
        let mut accepted = false;
        match self.demux.find(d.source, d.contents) {
            Destination::Check(key, check) => accepted = self.receive_check(key, &check, d, via, now, out),
            Destination::Sessions(sessions) => match *sessions.keys() {
                // Nearly all packets.
                [key] => {
                    self.receive_from_peer(key, d, via, now, out);
                }
                ref sharers => self.receive_from_sharer(sharers, d, via, now, out),
            },
            Destination::Elsewhere => self.counters.dropped_misplaced += 1,
            Destination::Unknown => self.counters.dropped_unknown += 1,
        }
        self.settle(now, out);
        accepted
    }

    /// A datagram from an address that several sessions share: each tries it, until one has the keys that open it.
    fn receive_from_sharer(
        &mut self,
        sharers: &[Key],
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) {
        // A try may change what it is given, so each has a copy.
        let mut copy = std::mem::take(&mut self.scratch);
        for &key in sharers {
            // Somebody else who has this address too begins a handshake: a session that has had its own would answer with
            // its last words, and spoil the other's.
            let had_its_own = self.sessions.get(key).is_some_and(|s| s.connected);
            if had_its_own && begins_handshake(d.contents) {
                continue;
            }
            copy.clear();
            copy.extend_from_slice(d.contents);
            let tried = Datagram { source: d.source, destination: d.destination, contents: &mut copy };
            if self.receive_from_peer(key, tried, via, now, out) {
                self.demux.heard(d.source, key, now);
                break;
            }
        }
        self.scratch = copy;
    }

    /// `true`: the check proved the session's password.
    fn receive_check(
        &mut self,
        key: Key,
        check: &Check,
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let known = session.paths.knows(d.source);
        if !session.checks.admits(check, d.source, known, now) {
            self.counters.checks_refused += 1;
            return false;
        }
        let (source, local) = (d.source, d.destination.ip());
        let accepted = matches!(self.take(key, d, via, now, out), Received::Check);
        if accepted && let Some(session) = self.sessions.get_mut(key) {
            (session.checked, session.heard) = (Some(now), true);
            session.checks.accepted(check, source, known, now);
            let path = Path { peer: source, local, via };
            let gone = session.paths.checked(path, check.nominates, now);
            follow(session);
            self.demux.bind(source, key, now);
            if let Some(gone) = gone {
                self.demux.unbind(gone, key);
            }
        }
        self.collect(key);
        accepted
    }

    /// DTLS, RTP or RTCP. `true`: it was media that this session's keys opened.
    fn receive_from_peer(
        &mut self,
        key: Key,
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let path = Path { peer: d.source, local: d.destination.ip(), via };
        if kind(d.contents) == Kind::Dtls {
            if !session.handshake.take(HANDSHAKE, now) {
                self.counters.dropped_flood += 1;
                return false;
            }
            session.greeted.get_or_insert(now);
            session.paths.spoke(path, now);
            follow(session);
        }
        let received = self.take(key, d, via, now, out);
        let Some(session) = self.sessions.get_mut(key) else { return false };
        if self.fresh.iter().any(|e| matches!(e, Event::Connected)) {
            session.paths.connected();
        }
        // Only what the peer's keys opened counts against the peer: anybody can write its address on a datagram.
        let (opened, packet) = match received {
            Received::Packet(packet) => (true, Some(packet)),
            Received::Opened => (true, None),
            Received::Garbage | Received::Check | Received::Handshake => (false, None),
        };
        session.heard |= opened;
        let within = !opened || session.input.take(INPUT, now);
        if packet.is_some() {
            session.paths.media(path, now);
            follow(session);
        }
        self.collect(key);
        if !within {
            self.counters.dropped_flood += 1;
        } else if let Some(packet) = packet {
            self.forward(key, &packet, now, out);
            return true;
        }
        false
    }

    /// Lets a session take a datagram; what happened is in `fresh`.
    fn take<'p>(
        &mut self,
        key: Key,
        d: Datagram<'p>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) -> Received<'p> {
        let Some(session) = self.sessions.get_mut(key) else { return Received::Garbage };
        let mut sink = Sink { trains: &mut out.trains, events: &mut self.fresh };
        let taken = session.transport.receive(d, via, now, &mut sink);
        self.counters.rtx_refused += session.transport.take_rtx_refused();
        let received = taken.unwrap_or_else(|broken| {
            self.broken.push((key, broken));
            Received::Handshake
        });
        self.counters.dropped_invalid += u64::from(matches!(received, Received::Garbage));
        received
    }
}

/// The datagram begins with a record of a DTLS handshake that has no keys yet (RFC 6347 §4.1: type 22, epoch 0).
fn begins_handshake(datagram: &[u8]) -> bool {
    matches!(datagram, [22, _, _, 0, 0, ..])
}

/// Sends a session's media where its peer is now.
fn follow(session: &mut Session) {
    if let Some(path) = session.paths.current() {
        session.transport.set_path(path);
    }
}
