//! The emulator of one direction of a link: packets in, packets out at their times. No clock and no IO: `now` is an
//! argument, the time since any fixed moment.
//!
//! ```text
//! push ─→ down? UDP blocked? ─→ queue (drop tail) ─→ line (rate) ─→ loss ─→ delay, jitter, hold, repeat ─→ pop
//! ```

use crate::random::Random;
use crate::shape::Shape;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Most packets that a link holds, whatever its delay and queue: beyond it they are dropped. Higher takes memory under a
/// flood, lower cuts a fast line with a long delay.
pub const MAX_HELD: usize = 100_000;

/// What happened to packets since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Packets that were sent into the link.
    pub packets: u64,
    /// Their bytes, with IP headers.
    pub bytes: u64,
    /// Packets that came out, repeated ones twice.
    pub delivered: u64,
    /// Their bytes.
    pub delivered_bytes: u64,
    /// Lost by `loss`.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub dropped: u64,
    /// Sent while the link was down.
    pub cut: u64,
    /// Stopped by `block_udp`.
    pub blocked: u64,
    /// Repeated.
    pub duplicated: u64,
    /// Held back for others to pass.
    pub held: u64,
    /// Packets that came out later than they went in.
    pub delayed: u64,
    /// The longest that one was in the link, in microseconds.
    pub longest_us: u64,
}

/// A packet that waits for the line.
#[derive(Debug)]
struct Waiting<P> {
    packet: P,
    bytes: usize,
    since: Duration,
}

/// A packet that is under way.
#[derive(Debug)]
struct Flying<P> {
    due: Duration,
    /// Packets that are due together keep their order.
    number: u64,
    packet: P,
    bytes: usize,
    since: Duration,
}

impl<P> Ord for Flying<P> {
    /// The one that is due first is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}
impl<P> PartialOrd for Flying<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<P> PartialEq for Flying<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<P> Eq for Flying<P> {}

/// One direction of a link.
#[derive(Debug)]
pub struct Link<P> {
    shape: Shape,
    /// The latest time that it was told.
    now: Duration,
    queue: VecDeque<Waiting<P>>,
    queued_bytes: usize,
    /// When the first of the queue has left it, all of it on the line.
    line_free: Duration,
    flying: BinaryHeap<Flying<P>>,
    number: u64,
    /// No packet in order arrives before this one has.
    last_due: Duration,
    /// The Gilbert–Elliott model is in its bad state.
    bad: bool,
    // One stream for each purpose: which packets are lost does not depend on the jitter.
    losses: Random,
    jitters: Random,
    holds: Random,
    repeats: Random,
    counts: Counts,
}

impl<P: Clone> Link<P> {
    /// A link whose fate is this seed's.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            now: Duration::ZERO,
            queue: VecDeque::new(),
            queued_bytes: 0,
            line_free: Duration::ZERO,
            flying: BinaryHeap::new(),
            number: 0,
            last_due: Duration::ZERO,
            bad: false,
            losses: Random::new(seed, 1),
            jitters: Random::new(seed, 2),
            holds: Random::new(seed, 3),
            repeats: Random::new(seed, 4),
            counts: Counts::default(),
        }
    }

    /// What it does now.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// From `now` on it does this. What waits for the line waits for the new one, with what was sent of it counted; what
    /// is under way arrives as it would have; what is over the new queue's bound stays in it.
    pub fn set(&mut self, now: Duration, shape: Shape) {
        self.advance(now);
        let now = self.now;
        if !self.queue.is_empty() {
            let left = self.line_free.saturating_sub(now);
            self.line_free = match (self.shape.rate(), shape.rate()) {
                (Some(old), Some(new)) => now + left.mul_f64(old / new),
                _ => now,
            };
        }
        self.shape = shape;
        self.advance(now);
    }

    /// A packet of so many bytes enters.
    pub fn push(&mut self, now: Duration, packet: P, bytes: usize, is_udp: bool) {
        self.advance(now);
        let now = self.now;
        self.counts.packets += 1;
        self.counts.bytes += bytes as u64;
        let fields = self.shape.fields();
        if fields.down {
            self.counts.cut += 1;
        } else if fields.block_udp && is_udp {
            self.counts.blocked += 1;
        } else if self.is_full(bytes) {
            self.counts.dropped += 1;
        } else {
            if self.queue.is_empty() {
                self.line_free = now + self.time_of(bytes);
            }
            self.queue.push_back(Waiting { packet, bytes, since: now });
            self.queued_bytes += bytes;
            self.advance(now);
        }
    }

    fn is_full(&self, bytes: usize) -> bool {
        if self.queue.len() + self.flying.len() >= MAX_HELD {
            return true;
        }
        let Some(first) = self.queue.front() else { return false };
        // Until the line is free for it: the rest of the first one, then all the others.
        let left = self.line_free.saturating_sub(self.now);
        let wait = left + self.time_of(self.queued_bytes - first.bytes);
        let too_long = self.shape.queue_time().is_some_and(|most| wait > most);
        let too_much =
            self.shape.fields().queue_bytes.is_some_and(|most| (self.queued_bytes + bytes) as u64 > most);
        too_long || too_much
    }

    /// How long the line is busy with so many bytes.
    fn time_of(&self, bytes: usize) -> Duration {
        self.shape.rate().map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 * 8.0 / rate))
    }

    /// Lets what has left the queue by `now` fly.
    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while self.line_free <= self.now
            && let Some(waiting) = self.queue.pop_front()
        {
            self.queued_bytes -= waiting.bytes;
            let left_at = self.line_free;
            if let Some(next) = self.queue.front() {
                self.line_free = left_at + self.time_of(next.bytes);
            }
            self.depart(left_at, waiting);
        }
    }

    fn depart(&mut self, at: Duration, Waiting { packet, bytes, since }: Waiting<P>) {
        // Each stream moves by one for each packet, whatever the shape: changes in mid-run do not shift it.
        let lost = self.loses();
        let jitter = self.shape.jitter().mul_f64(self.jitters.share());
        let fields = self.shape.fields();
        let held = self.holds.happens(fields.reorder);
        let repeated = self.repeats.happens(fields.duplicate);
        if lost {
            self.counts.lost += 1;
            return;
        }
        let mut due = at + self.shape.delay() + jitter;
        if held {
            self.counts.held += 1;
            due += self.shape.hold();
        } else {
            due = due.max(self.last_due);
            self.last_due = due;
        }
        if repeated {
            self.counts.duplicated += 1;
            self.fly(due, packet.clone(), bytes, since);
        }
        self.fly(due, packet, bytes, since);
    }

    fn fly(&mut self, due: Duration, packet: P, bytes: usize, since: Duration) {
        self.number += 1;
        self.flying.push(Flying { due, number: self.number, packet, bytes, since });
    }

    fn loses(&mut self) -> bool {
        let fields = self.shape.fields();
        let draw = self.losses.share();
        let Some(burst) = fields.burst else {
            self.bad = false;
            return draw < fields.loss;
        };
        // The share of time in the bad state is the loss, and the mean stay in it is the burst.
        let changes = if self.bad { 1.0 / burst } else { fields.loss / (burst * (1.0 - fields.loss)) };
        if draw < changes {
            self.bad = !self.bad;
        }
        self.bad
    }

    /// The next packet that has arrived by `now`, and when it did.
    pub fn pop(&mut self, now: Duration) -> Option<(Duration, P)> {
        self.advance(now);
        if self.flying.peek()?.due > self.now {
            return None;
        }
        let Flying { due, packet, bytes, since, .. } = self.flying.pop()?;
        self.counts.delivered += 1;
        self.counts.delivered_bytes += bytes as u64;
        self.counts.delayed += u64::from(due > since);
        self.counts.longest_us = self.counts.longest_us.max((due - since).as_micros() as u64);
        Some((due, packet))
    }

    /// When something happens next, if nothing is pushed: [`pop`](Self::pop) is of use then, and may give nothing.
    pub fn next_at(&self) -> Option<Duration> {
        let line = (!self.queue.is_empty()).then_some(self.line_free);
        let arrival = self.flying.peek().map(|flying| flying.due);
        line.into_iter().chain(arrival).min()
    }
}

#[cfg(test)]
mod tests;
