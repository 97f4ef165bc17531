//! A datagram on its way to its session.

use super::Shard;
use crate::datagram::Datagram;
use crate::ice::check::Check;
use crate::ice::demux::{Destination, MAX_DATAGRAM};
use crate::ice::path::Path;
use crate::ice::ufrag::{Kind, kind};
use crate::key::Key;
use crate::output::Output;
use crate::shard::session::{INPUT, Session};
use crate::webrtc::{Event, Sink};
use std::time::Instant;

impl Shard {
    /// Takes a datagram from the socket. Whatever it is, it costs at most the session that it names. `via` is the port
    /// that it reached, by a number of the shell's: what answers it names that port.
    pub fn receive(&mut self, d: Datagram<'_>, via: u8, now: Instant, out: &mut Output) {
        self.counters.datagrams_in += 1;
        if d.contents.len() > MAX_DATAGRAM {
            self.counters.dropped_oversized += 1;
            return;
        }
        match self.demux.find(d.source, d.contents) {
            Destination::Check(key, check) => self.receive_check(key, &check, d, via, now, out),
            Destination::Sessions(sessions) => {
                let keys = sessions.keys();
                for &key in keys {
                    // Somebody else who has this address too begins a handshake: a session that has had its own would answer
                    // with its last words, and spoil the other's.
                    let had_its_own = self.sessions.get(key).is_some_and(|s| s.connected);
                    if keys.len() > 1 && had_its_own && begins_handshake(d.contents) {
                        continue;
                    }
                    if self.receive_from_peer(key, d, via, now, out) {
                        // With one session there is nothing to tell apart, and nearly all packets end here.
                        if keys.len() > 1 {
                            self.demux.heard(d.source, key, now);
                        }
                        break;
                    }
                }
            }
            Destination::Elsewhere => self.counters.dropped_misplaced += 1,
            Destination::Unknown => self.counters.dropped_unknown += 1,
        }
        self.settle(now, out);
    }

    fn receive_check(
        &mut self,
        key: Key,
        check: &Check,
        d: Datagram<'_>,
        via: u8,
        now: Instant,
        out: &mut Output,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let known = session.paths.knows(d.source);
        if !session.checks.admits(check, d.source, known, now) {
            self.counters.checks_refused += 1;
            return;
        }
        if self.take(key, d, via, now, out) {
            let Some(session) = self.sessions.get_mut(key) else { return };
            (session.checked, session.heard) = (Some(now), true);
            session.checks.accepted(check, d.source, known, now);
            let path = Path { peer: d.source, local: d.destination.ip(), via };
            let gone = session.paths.checked(path, check.nominates, now);
            follow(session);
            self.demux.bind(d.source, key, now);
            if let Some(gone) = gone {
                self.demux.unbind(gone, key);
            }
        }
        self.collect(key);
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
        if !session.input.take(INPUT, now) {
            self.counters.dropped_flood += 1;
            return false;
        }
        session.heard = true;
        let path = Path { peer: d.source, local: d.destination.ip(), via };
        if kind(d.contents) == Kind::Dtls {
            session.greeted.get_or_insert(now);
            session.paths.spoke(path, now);
            follow(session);
        }
        self.take(key, d, via, now, out);
        let opened = self.fresh.iter().any(|e| matches!(e, Event::Packet(_)));
        if let Some(session) = self.sessions.get_mut(key) {
            if self.fresh.iter().any(|e| matches!(e, Event::Connected)) {
                session.paths.connected();
            }
            if opened {
                session.paths.media(path, now);
                follow(session);
            }
        }
        self.collect(key);
        opened
    }

    /// Lets a session take a datagram; what happened is in `fresh`. `true`: it was a check that proved the password.
    fn take(&mut self, key: Key, d: Datagram<'_>, via: u8, now: Instant, out: &mut Output) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let mut sink = Sink { transmits: &mut out.transmits, events: &mut self.fresh };
        let taken = session.transport.receive(d, via, now, &mut sink);
        self.counters.rtx_refused += std::mem::take(&mut session.transport.rtx_refused);
        match taken {
            Ok(received) => {
                self.counters.dropped_invalid += u64::from(received.garbage);
                received.check
            }
            Err(broken) => {
                self.broken.push((key, broken));
                false
            }
        }
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
