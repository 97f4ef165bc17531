//! What outlives a socket: a session. Pure: no socket, no clock.
//!
//! **Events** are numbered from 1. They are kept until the client acknowledges them (`ping.ack`, `resume.lastSeq`), so
//! that a client whose socket was cut gets what it missed, once. **Requests** carry rising numbers; the newest answers
//! are kept, so that a request sent again after a cut is answered again and not carried out again.

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use tring_protocol::{Answer, Event, EventMessage, Outcome};

/// Unacknowledged events that a session keeps. Higher: a client may be deaf for longer. Lower: less memory for each
/// dead client. A one-to-one call is about ten events.
pub(crate) const EVENTS_KEPT: usize = 256;

/// Newest answers that a session keeps for repeated requests, and so the most requests that a client may have in
/// flight. Higher costs memory in each session that asked for transports (an SDP answer is 2 to 4 kB).
pub(crate) const ANSWERS_KEPT: usize = 16;

/// A text frame, shared between the session's buffer and the socket.
pub(crate) type Frame = Arc<str>;

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// New: carry it out.
    Fresh,
    /// Seen and answered: send this again.
    Repeat(Frame),
    /// Seen, its answer is under way.
    Pending,
    /// Older than the answers that are kept.
    Forgotten,
}

/// A client asked for events that are no longer kept, or never were.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gap;

/// The buffer of a session is full: its client does not take its events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

/// The numbers and buffers of one session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    last_seq: u32,
    events: VecDeque<Frame>,
    last_request: u32,
    answers: VecDeque<(u32, Option<Frame>)>,
}

impl Session {
    /// Numbers an event and keeps it. Errors: [`Overrun`].
    pub(crate) fn event(&mut self, event: Event) -> Result<Frame, Overrun> {
        if self.events.len() >= EVENTS_KEPT {
            return Err(Overrun);
        }
        self.last_seq += 1;
        let frame = to_frame(&EventMessage { seq: self.last_seq, event });
        self.events.push_back(frame.clone());
        Ok(frame)
    }

    /// The client has handled every event up to `seq`.
    pub(crate) fn acknowledge(&mut self, seq: u32) {
        let oldest_kept = self.last_seq - self.events.len() as u32 + 1;
        let n = (seq.min(self.last_seq) + 1).saturating_sub(oldest_kept) as usize;
        self.events.drain(..n);
        if self.events.is_empty() {
            self.events.shrink_to_fit();
        }
    }

    /// The events after `last_seq`, for a client that is back. Errors: [`Gap`].
    pub(crate) fn resume(&mut self, last_seq: u32) -> Result<impl Iterator<Item = Frame> + '_, Gap> {
        let acknowledged = self.last_seq - self.events.len() as u32;
        if last_seq > self.last_seq || last_seq < acknowledged {
            return Err(Gap);
        }
        self.acknowledge(last_seq);
        Ok(self.events.iter().cloned())
    }

    /// Looks at a request's number before anything is done for it.
    pub(crate) fn admit(&mut self, id: u32) -> Admission {
        if let Some((_, answer)) = self.answers.iter().find(|(answered, _)| *answered == id) {
            return answer.clone().map_or(Admission::Pending, Admission::Repeat);
        }
        if id <= self.last_request {
            return Admission::Forgotten;
        }
        self.last_request = id;
        if self.answers.len() >= ANSWERS_KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back((id, None));
        Admission::Fresh
    }

    /// Keeps an answer and gives its frame.
    pub(crate) fn answer(&mut self, re: u32, outcome: Outcome) -> Frame {
        let frame = to_frame(&Answer { re, outcome });
        if let Some((_, kept)) = self.answers.iter_mut().find(|(id, _)| *id == re) {
            *kept = Some(frame.clone());
        }
        frame
    }
}

/// Writes a message. The types of `tring-protocol` have string keys and no failing writers, so it cannot fail; an empty
/// object would be ignored by any client.
pub(crate) fn to_frame(message: &impl Serialize) -> Frame {
    serde_json::to_string(message).unwrap_or_else(|_| "{}".to_owned()).into()
}

#[cfg(test)]
mod tests;
