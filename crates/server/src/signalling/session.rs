//! What outlives a socket: a session. Pure: no socket, no clock.
//!
//! **Events** are numbered from 1. They are kept until the client acknowledges them (`ping.ack`, `resume.lastSeq`), so
//! that a client whose socket was cut gets what it missed, once. **Requests** carry rising numbers; the newest answers
//! are kept, so that a request sent again after a cut is answered again and not carried out again.

use serde::Serialize;
use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use tring_protocol::{Answer, CallId, Event, EventMessage, Outcome, UserId};

/// Unacknowledged events that a session keeps. Higher: a client may be deaf for longer. Lower: less memory for each
/// dead client. A one-to-one call is about ten events.
pub(crate) const EVENTS_KEPT: usize = 256;

/// Room beyond it for the last words: the end of its call, of one more that was just ringing in, and that the session
/// is over. Whoever overruns the buffer still hears how things ended.
pub(crate) const LAST_EVENTS: usize = 4;

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

/// What an event is the newest word on, if the words before it do not matter any more.
#[derive(Debug, PartialEq, Eq)]
struct Subject {
    kind: Discriminant<Event>,
    call: CallId,
    user: UserId,
}

impl Subject {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Devices { call_id, user_id, .. } | Event::Network { call_id, user_id, .. } => {
                Some(Self { kind: discriminant(event), call: call_id.clone(), user: user_id.clone() })
            }
            // `Media` neither: it says what the devices before and after it mean.
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Kept {
    frame: Frame,
    subject: Option<Subject>,
}

/// The numbers and buffers of one session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    last_seq: u32,
    /// The newest event that was given to a socket: the client may have handled it.
    sent_seq: u32,
    events: VecDeque<Kept>,
    last_request: u32,
    answers: VecDeque<(u32, Option<Frame>)>,
}

impl Session {
    /// Numbers an event and keeps it. Errors: [`Overrun`].
    ///
    /// While there is no socket, newer states of the same user's devices or network take the place and the number of
    /// older ones: otherwise a peer that plays with its mute key would fill the buffer of one that is away, who would
    /// be signed out for it.
    pub(crate) fn event(&mut self, event: Event) -> Result<Frame, Overrun> {
        let subject = Subject::of(&event);
        if let Some(place) = subject.as_ref().and_then(|subject| self.unsent(subject)) {
            let frame = to_frame(&EventMessage { seq: self.seq_at(place), event });
            self.events[place].frame = frame.clone();
            return Ok(frame);
        }
        let last_word = matches!(event, Event::Ended { .. } | Event::KickedOut { .. });
        if self.events.len() >= EVENTS_KEPT + if last_word { LAST_EVENTS } else { 0 } {
            return Err(Overrun);
        }
        self.last_seq += 1;
        let frame = to_frame(&EventMessage { seq: self.last_seq, event });
        self.events.push_back(Kept { frame: frame.clone(), subject });
        Ok(frame)
    }

    /// Where an older word on this subject waits that no socket was given. Only states may stand behind it: a state
    /// must not be moved before whatever changed its meaning (the user left and came again, say).
    fn unsent(&self, subject: &Subject) -> Option<usize> {
        for (place, kept) in self.events.iter().enumerate().rev() {
            let known = kept.subject.as_ref()?;
            if self.seq_at(place) <= self.sent_seq {
                return None;
            }
            if known == subject {
                return Some(place);
            }
        }
        None
    }

    fn seq_at(&self, place: usize) -> u32 {
        self.acknowledged() + 1 + place as u32
    }

    fn acknowledged(&self) -> u32 {
        self.last_seq - self.events.len() as u32
    }

    /// Every event so far was given to a socket.
    pub(crate) fn sent(&mut self) {
        self.sent_seq = self.last_seq;
    }

    /// The client has handled every event up to `seq`.
    pub(crate) fn acknowledge(&mut self, seq: u32) {
        let n = seq.min(self.last_seq).saturating_sub(self.acknowledged()) as usize;
        self.events.drain(..n);
        if self.events.is_empty() {
            self.events.shrink_to_fit();
        }
    }

    /// The events after `last_seq`, for a client that is back. Errors: [`Gap`].
    pub(crate) fn resume(&mut self, last_seq: u32) -> Result<impl Iterator<Item = Frame> + '_, Gap> {
        if last_seq > self.last_seq || last_seq < self.acknowledged() {
            return Err(Gap);
        }
        self.acknowledge(last_seq);
        self.sent();
        Ok(self.events.iter().map(|kept| kept.frame.clone()))
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
