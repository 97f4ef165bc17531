//! RTP packets of H.264, put in order and together to pictures (RFC 6184 §5, §7).
//!
//! The library's own depacketizer works only in its frame mode, which keeps the packets from being forwarded. This one sees
//! the packets that are forwarded anyway: decrypted, once each, retransmissions among them, so not always in order.

use super::{Config, MAX_PICTURE, nal};
use crate::bridge::reorder::{Next, Reorder};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a missing packet is waited for. A retransmission takes a round trip and a little. Higher: pictures survive on
/// long ways with loss, and are later. Lower: a loss costs a key frame sooner.
const WAIT: Duration = Duration::from_millis(150);

/// Packets that wait behind a missing one. Higher: memory under a liar. Lower: fast streams are not waited for long.
const MAX_WAITING: usize = 512;

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// RTP time of 90 kHz.
    pub(crate) timestamp: u32,
    /// It needs no picture before it.
    pub(crate) key: bool,
    /// Its units, a length of four bytes before each, without parameter sets.
    pub(crate) body: Vec<u8>,
}

/// One packet's payload, waiting for its turn.
#[derive(Debug)]
struct Waiting {
    timestamp: u32,
    marker: bool,
    payload: Arc<[u8]>,
}

/// The reader of one stream.
#[derive(Debug)]
pub(crate) struct Depacketizer {
    packets: Reorder<Waiting>,
    /// Nothing can be decoded before the next key frame.
    needs_keyframe: bool,
    /// The parameter sets that the newest key frame needs.
    pub(crate) config: Config,
    /// Those that came since; they count from the next key frame.
    fresh: Config,
    building: Building,
}

/// The picture that is being put together.
#[derive(Debug, Default)]
struct Building {
    timestamp: u32,
    body: Vec<u8>,
    key: bool,
    /// Where the unit begins whose fragments are coming.
    fragment: Option<usize>,
    /// Something of it is missing or makes no sense.
    broken: bool,
}

impl Default for Depacketizer {
    fn default() -> Self {
        Self {
            packets: Reorder::new(WAIT, MAX_WAITING),
            needs_keyframe: true,
            config: Config::new(),
            fresh: Config::new(),
            building: Building::default(),
        }
    }
}

impl Depacketizer {
    /// Takes a packet; appends the pictures that are whole now.
    pub(crate) fn take(
        &mut self,
        seq: u64,
        (timestamp, marker): (u32, bool),
        payload: &[u8],
        now: Instant,
        out: &mut Vec<Picture>,
    ) {
        self.packets.insert(seq, Waiting { timestamp, marker, payload: payload.into() });
        self.run(now, out);
    }

    /// Lets time pass: what was waited for too long is given up.
    pub(crate) fn run(&mut self, now: Instant, out: &mut Vec<Picture>) {
        while let Some(next) = self.packets.next(now) {
            match next {
                Next::Packet(w) => self.consume(&w, out),
                Next::Lost => {
                    self.needs_keyframe = true;
                    self.building.broken = true;
                }
            }
        }
    }

    /// Forwarding begins anew: what came before has nothing to do with what comes now.
    pub(crate) fn restart(&mut self) {
        let (config, fresh) = (std::mem::take(&mut self.config), std::mem::take(&mut self.fresh));
        *self = Self { config, fresh, ..Self::default() };
    }

    /// Pictures come, but none makes sense before a key frame.
    pub(crate) fn needs_keyframe(&self) -> bool {
        self.needs_keyframe
    }

    fn consume(&mut self, w: &Waiting, out: &mut Vec<Picture>) {
        let started =
            !self.building.body.is_empty() || self.building.fragment.is_some() || self.building.broken;
        if started && w.timestamp != self.building.timestamp {
            self.finish(out); // its marker was lost or never sent
        }
        self.building.timestamp = w.timestamp;
        self.payload(&w.payload);
        if w.marker {
            self.finish(out);
        }
    }

    fn payload(&mut self, payload: &[u8]) {
        let Some((&first, rest)) = payload.split_first() else { return };
        if nal::kind(first) != nal::FU_A && self.building.fragment.is_some() {
            self.building.broken = true; // its last part never came
            self.building.fragment = None;
        }
        match nal::kind(first) {
            nal::STAP_A => {
                let mut rest = rest;
                while let Some((length, after)) = rest.split_first_chunk::<2>() {
                    let Some((unit, after)) =
                        after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
                    else {
                        self.building.broken = true;
                        return;
                    };
                    self.unit(unit);
                    rest = after;
                }
            }
            nal::FU_A => self.fragment(first, rest),
            1..nal::STAP_A => self.unit(payload),
            _ => self.building.broken = true, // not of packetization mode 1
        }
    }

    fn fragment(&mut self, indicator: u8, rest: &[u8]) {
        let Some((&header, part)) = rest.split_first() else {
            self.building.broken = true;
            return;
        };
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        let b = &mut self.building;
        if start != b.fragment.is_none() {
            b.broken = true;
        }
        if start {
            b.fragment = Some(b.body.len());
            b.body.extend_from_slice(&[0; 4]);
            b.body.push(indicator & 0xe0 | nal::kind(header));
        }
        let Some(at) = b.fragment else { return };
        if b.body.len() + part.len() > MAX_PICTURE {
            b.broken = true;
            b.body.truncate(at);
            b.fragment = None;
            return;
        }
        b.body.extend_from_slice(part);
        if end {
            b.fragment = None;
            let unit = b.body.split_off(at);
            self.unit(&unit[4..]);
        }
    }

    fn unit(&mut self, unit: &[u8]) {
        let Some(&first) = unit.first() else { return };
        match nal::kind(first) {
            nal::SPS | nal::PPS => {
                self.fresh.learn(unit);
            }
            kind @ (nal::SLICE | nal::KEY_SLICE) => {
                let b = &mut self.building;
                if b.body.len() + unit.len() > MAX_PICTURE {
                    b.broken = true;
                    return;
                }
                b.key |= kind == nal::KEY_SLICE;
                // Bounded by MAX_PICTURE.
                b.body.extend_from_slice(&u32::try_from(unit.len()).unwrap_or(0).to_be_bytes());
                b.body.extend_from_slice(unit);
            }
            _ => {} // delimiters, hints and padding mean nothing to a decoder
        }
    }

    fn finish(&mut self, out: &mut Vec<Picture>) {
        let b = std::mem::take(&mut self.building);
        if b.broken || b.fragment.is_some() {
            self.needs_keyframe = true;
            return;
        }
        if b.body.is_empty() || (self.needs_keyframe && !b.key) {
            return;
        }
        if b.key {
            if !self.fresh.is_whole() {
                return; // a key frame that nobody can decode
            }
            self.config.clone_from(&self.fresh);
            self.needs_keyframe = false;
        }
        out.push(Picture { timestamp: b.timestamp, key: b.key, body: b.body });
    }
}

#[cfg(test)]
mod tests;
