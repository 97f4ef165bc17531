//! What the rest of Tring says to the media plane and hears from it.

use std::net::SocketAddr;
use tring_protocol::{RoomKey, UserId};

/// One transport of one device in one room. Chosen by the caller of [`Command::Open`], never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// What the media plane is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Answer an SDP offer. [`Notice::Answered`] or [`Notice::Refused`] follows.
    Open {
        /// The new session.
        session: SessionId,
        /// Its room.
        room: RoomKey,
        /// Whose it is.
        user: UserId,
        /// The call id, for the log.
        label: String,
        /// The SDP offer.
        offer: String,
        /// Media may flow at once. False while it rings: the transport connects, nothing is forwarded.
        gate_open: bool,
        /// The microphone is on: else its packets are dropped.
        microphone: bool,
        /// The camera is on: else its packets are dropped.
        camera: bool,
    },
    /// Let media through, both ways.
    OpenGate {
        /// The session.
        session: SessionId,
    },
    /// Drop what the session sends of a kind that is off.
    SetDevices {
        /// The session.
        session: SessionId,
        /// The microphone is on.
        microphone: bool,
        /// The camera is on.
        camera: bool,
    },
    /// Close the session and tell its peer (DTLS close notify).
    Close {
        /// The session.
        session: SessionId,
    },
}

/// What the media plane tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The answer to an offer.
    Answered {
        /// The session.
        session: SessionId,
        /// The SDP answer.
        answer: String,
    },
    /// The offer was refused; there is no session.
    Refused {
        /// The session.
        session: SessionId,
        /// Why.
        error: OfferError,
    },
    /// ICE and DTLS are done.
    Connected {
        /// The session.
        session: SessionId,
    },
    /// The transport broke (no ICE consent, DTLS failure, or a bug that cost this session): it is closed.
    Lost {
        /// The session.
        session: SessionId,
    },
    /// The network of a session got better or worse: 1 (excellent) to 6 (cut off).
    Network {
        /// The session.
        session: SessionId,
        /// The level.
        level: u8,
    },
}

/// A received datagram.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// Where it comes from.
    pub source: SocketAddr,
    /// The local address it was sent to: never a wildcard.
    pub destination: SocketAddr,
    /// Its bytes.
    pub contents: &'a [u8],
}

/// Why an offer was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// It is no SDP, or lacks what a session needs.
    #[error("{0}")]
    Invalid(String),
    /// Too many media lines or bytes.
    #[error("{0}")]
    TooLarge(String),
    /// The worker has no room for another session.
    #[error("the media worker has reached its limit of sessions")]
    Full,
}
