//! RTP and RTCP of one session once DTLS has given its keys (RFC 3550, RFC 3711, RFC 4585): all of it is here, both ways.
//!
//! ```text
//!  datagram ─▶ Incoming ── Packet ─▶ rooms ── Write ─▶ Outgoing ─▶ train
//!                 │ what is missing, what arrived          ▲ what was sent, what is kept
//!                 ▼                                        │
//!            control_out ─▶ train        datagram ─▶ control_in
//! ```
//!
//! Who owns what, for each stream that leaves:
//!
//! | what | owner |
//! |---|---|
//! | which packets, and from whom | the room ([`crate::room`]) |
//! | sequence number and timestamp of the slot's stream | the slot's [`Rewriter`](crate::rtp::rewriter::Rewriter) |
//! | SSRC, payload type, header extensions | `outgoing`, as the answer negotiated them |
//! | transport-wide number | [`SentPackets`]: one counter for all that leaves to a receiver |
//! | retransmission cache, and the numbers of the RTX stream | `outgoing` |
//! | sender reports | `control_out`, from the capture times of what was sent |
//! | SRTP keys and the SRTCP index | [`Sealer`] |
//!
//! To read it, begin with [`RtpSession`] in this file.

mod control_in;
mod control_out;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod incoming;
mod outgoing;
mod reception;
#[cfg(test)]
mod tests;

use super::dtls::ExportedKeys;
use super::line::Line;
use super::offer::Offer;
use super::rtx_budget::RtxBudget;
use super::srtp::{Opener, Sealer, master_keys};
use super::traffic::Traffic;
use super::transport::{Event, Write};
use super::twcc::{Arrivals, SentPackets};
use crate::rtp::packet::Packet;
use crate::trains::{Hop, TrainHint, Trains};
use control_out::Reports;
use incoming::Incoming;
use outgoing::{Outgoing, Way};
use std::time::{Duration, Instant};
use tring_limits::{Bucket, Rate};
use tring_protocol::MediaKind;

pub(crate) use incoming::Refused;

/// RTCP of one peer, in bytes, at once and a second. What it says of many packets costs far more than it weighs. In a call of
/// nine a browser sends some 10 kB/s. Higher: larger calls. Lower: a liar takes less of a worker.
const RTCP: Rate = Rate { burst: 64_000.0, per_second: 24_000.0 };

/// Both ends' keys.
struct Keys {
    sealer: Sealer,
    opener: Opener,
}

/// What RTP and RTCP need of one session.
pub(crate) struct RtpSession {
    /// None: DTLS has not come so far.
    keys: Option<Keys>,
    incoming: Incoming,
    outgoing: Vec<Outgoing>,
    arrivals: Arrivals,
    sent: SentPackets,
    traffic: Traffic,
    budget: RtxBudget,
    rtcp: Bucket,
    reports: Reports,
    /// The newest measured time to the peer and back.
    round_trip: Option<Duration>,
    /// Retransmissions that were asked for beyond the budget, since they were last taken.
    pub(super) rtx_refused: u64,
}

/// Where what a session sends by itself goes.
pub(super) struct Out<'a> {
    pub(super) hop: Hop,
    pub(super) hint: &'a mut TrainHint,
    pub(super) trains: &'a mut Trains,
}

impl RtpSession {
    /// A session as offer and answer have it, without keys.
    pub(super) fn new(offer: &Offer, lines: &[Line], cname: String, now: Instant) -> Self {
        let outgoing = lines.iter().enumerate().filter_map(|(at, line)| Outgoing::of_line(at, line));
        Self {
            keys: None,
            incoming: Incoming::new(offer.ssrcs.clone(), offer.rtx_ssrcs.clone(), now),
            outgoing: outgoing.collect(),
            arrivals: Arrivals::new(),
            sent: SentPackets::new(),
            traffic: Traffic::default(),
            budget: RtxBudget::new(now),
            rtcp: Bucket::full(RTCP, now),
            reports: Reports::new(cname, now),
            round_trip: None,
            rtx_refused: 0,
        }
    }

    /// Takes the keys of the handshake. `false`: they do not fit the profile that was agreed on.
    pub(super) fn set_keys(&mut self, exported: &ExportedKeys, now: Instant) -> bool {
        let both = master_keys(exported.profile, &exported.material);
        let keys = both.and_then(|(client, server)| {
            let (own, theirs) = if exported.is_client { (client, server) } else { (server, client) };
            Some(Keys { sealer: Sealer::new(&own)?, opener: Opener::new(&theirs)? })
        });
        self.keys = keys;
        if self.keys.is_some() {
            self.reports.begin(now);
        }
        self.keys.is_some()
    }

    /// Takes a datagram that is RTP.
    ///
    /// # Errors
    /// It is not forwarded: see [`Refused`].
    pub(super) fn receive<'p>(
        &mut self,
        packet: &'p mut [u8],
        lines: &[Line],
        now: Instant,
    ) -> Result<Packet<'p>, Refused> {
        let keys = self.keys.as_mut().ok_or(Refused::Invalid)?;
        let received = self.incoming.receive(packet, &mut keys.opener, lines, &mut self.arrivals, now);
        if self.arrivals.pending() > 0 {
            self.reports.arrived(now);
        }
        received
    }

    /// Takes a datagram that is RTCP.
    ///
    /// # Errors
    /// It is not the peer's, or one of too many: nothing was done with it.
    pub(super) fn receive_control(
        &mut self,
        packet: &mut [u8],
        lines: &[Line],
        now: Instant,
        out: &mut Out<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Refused> {
        let keys = self.keys.as_mut().ok_or(Refused::Invalid)?;
        let length = keys.opener.open_rtcp(packet).ok_or(Refused::Invalid)?;
        #[allow(clippy::cast_precision_loss)] // a datagram's length
        if !self.rtcp.take_many(length as f64, RTCP, now) {
            return Err(Refused::Useless);
        }
        self.control(&packet[..length], lines, now, out, events);
        Ok(())
    }

    /// Sends a packet into a slot. Does nothing if the slot does not take its codec.
    pub(super) fn send(&mut self, w: &Write<'_>, lines: &[Line], now: Instant, out: &mut Out<'_>) {
        let Self { keys: Some(keys), outgoing, sent, budget, .. } = self else { return };
        let Some(line) = lines.get(w.line) else { return };
        let Some(stream) = outgoing.iter_mut().find(|s| s.line == w.line) else { return };
        let mut way = Way { sealer: &mut keys.sealer, sent };
        let mut length = 0;
        let sent = out.trains.push(out.hop, out.hint, |buffer| {
            let before = buffer.len();
            let written = stream.write(w, line, &mut way, now, buffer);
            length = buffer.len() - before;
            written
        });
        if sent {
            budget.sent(length);
            if line.is_confirmed() {
                self.traffic.sent();
            }
            // Behind the last packet of a picture: what is shorter ends a train.
            if w.packet.marker || line.kind == MediaKind::Audio {
                self.ride_along(lines, now, out);
            }
        }
    }
}
