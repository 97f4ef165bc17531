//! What the rest of Tring says to the media plane and hears from it.

use crate::rtp::codec::Codec;
use crate::streams::StreamTickets;
use crate::webrtc::offer::OfferError;
use tring_protocol::{RoomKey, Source, SourceSet, StreamFault, UserId};

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
        /// The room that it joins.
        room: RoomKey,
        /// Whose it is.
        user: UserId,
        /// The call id, for the log.
        label: String,
        /// The SDP offer.
        offer: String,
        /// Media may flow at once. False while it rings: the transport connects, nothing is forwarded.
        gate_open: bool,
        /// The sources that are on: packets of the others are dropped.
        on: SourceSet,
    },
    /// Give a mini-program tickets, by which its pusher and players connect. [`Notice::StreamsOpened`] or [`Notice::Refused`]
    /// follows.
    OpenStreams {
        /// The new session.
        session: SessionId,
        /// The room that it joins.
        room: RoomKey,
        /// Whose it is.
        user: UserId,
        /// The call id, for the log.
        label: String,
        /// Whom it will play.
        others: Vec<UserId>,
        /// Media may flow at once.
        gate_open: bool,
        /// The sources that are on, of microphone and camera: sound or pictures of the others are dropped.
        on: SourceSet,
    },
    /// Let media through, both ways. The user's other sessions in the room end, without a notice.
    OpenGate {
        /// The session.
        session: SessionId,
    },
    /// The session's user calls, which is its consent: keep the newest key frame of its camera while the gate is shut, and
    /// send that first to who accepts. A session of a mini-program keeps nothing.
    KeepFirstPicture {
        /// The session.
        session: SessionId,
    },
    /// Drop what the session sends of each source that is off. Nothing is negotiated.
    SetSources {
        /// The session.
        session: SessionId,
        /// The sources that are on.
        on: SourceSet,
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
    /// What a mini-program's pusher and players connect with.
    StreamsOpened {
        /// The session.
        session: SessionId,
        /// The tickets.
        tickets: StreamTickets,
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
    /// The session had to go because its user has too many in the room ([`MAX_SESSIONS_PER_USER`]).
    Evicted {
        /// The session.
        session: SessionId,
    },
    /// A session sends video that somebody in its room cannot decode: that one is not sent it, and sees nothing. Told
    /// once for each codec and wish, and at most once a second.
    CodecMismatch {
        /// The session that sends.
        session: SessionId,
        /// Which of its sources.
        source: Source,
        /// What it should send instead: it has it, and everybody who is to see it takes it. It is first in the answer to
        /// the session's next offer, so a client either changes its sender's codec or offers again. None: there is no
        /// such codec, the call goes on by voice.
        wanted: Option<Codec>,
    },
    /// What a session sends cannot be given to everybody in its room. Told once for each fault, after its gate is open.
    StreamFault {
        /// The session that sends.
        session: SessionId,
        /// What is wrong.
        fault: StreamFault,
        /// What is wrong and what to do about it, for developers.
        detail: String,
    },
    /// How the network of a session is: 1 (excellent) to 6 (cut off). The first level is told, then changes, and a level
    /// above 1 again every five seconds.
    Network {
        /// The session.
        session: SessionId,
        /// The level.
        level: u8,
    },
}
