//! What goes into the switchboard and what comes out of it.

use crate::limits::IpPermit;
use crate::limits::session_limit::SessionPermit;
use crate::signalling::session::Frame;
use std::fmt;
use std::sync::Arc;
use tring_calls::CallRecord;
use tring_media::{Command, Notice};
use tring_protocol::{ClientMessage, DeviceId, ResumeTicket, SdkAppId, UserKey};

/// One WebSocket, by its number. No number is used twice, so that what comes late concerns nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Link(pub(crate) u64);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user has proved who it is.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) link: Link,
    /// The host that the client asked for, without port; empty if it named none.
    pub(crate) host: Arc<str>,
    pub(crate) owner: UserKey,
    /// The app allows one device a user.
    pub(crate) single_login: bool,
    /// The client signs in by itself, after its session was lost.
    pub(crate) again: bool,
    /// The request that is to be answered.
    pub(crate) re: u32,
    /// The place of the session, given back when the session ends.
    pub(crate) permit: SessionPermit,
}

/// A client is back with its ticket.
#[derive(Debug)]
pub(crate) struct Resume {
    pub(crate) link: Link,
    /// The host that the client asked for, without port; empty if it named none.
    pub(crate) host: Arc<str>,
    pub(crate) ticket: ResumeTicket,
    /// The last event that the client has handled.
    pub(crate) last_seq: u32,
    /// The request that is to be answered.
    pub(crate) re: u32,
    /// Room in the share of the address from which the client is back.
    pub(crate) ip_permit: Option<IpPermit>,
}

/// An input of the switchboard.
#[derive(Debug)]
pub(crate) enum In {
    Login(Login),
    Resume(Resume),
    /// A signed-in device asks.
    Request {
        device: DeviceId,
        link: Link,
        message: ClientMessage,
    },
    /// The link of a device is gone, or does not take its frames.
    Cut {
        device: DeviceId,
        link: Link,
    },
    /// The media plane tells.
    Notice(Notice),
    /// An app may be signed in to. Comes before the first login to it.
    AppAdded(SdkAppId),
    /// An app is gone. Nobody can prove any more to be its user, but a login that was checked before may come after.
    AppDeleted(SdkAppId),
    /// End all calls, tell everybody, close all links.
    Shutdown,
    /// Fail, as a bug would.
    #[cfg(test)]
    Panic,
}

/// An output of the switchboard. Outputs are carried out in their order: of one input, media commands come last.
#[derive(PartialEq)]
pub(crate) enum Out {
    /// Send a text frame. A link that does not take it is given up, with [`In::Cut`].
    Frame { link: Link, frame: Frame },
    /// Close a link after what was sent on it. Nothing more is said of it.
    Close { link: Link, reason: CloseReason },
    /// Tell the media plane.
    Media(Command),
    /// Write down what is known of a call, in place of what was written of it before.
    Record(CallRecord),
}

impl fmt::Debug for Out {
    /// Without the frame: a welcome has a ticket in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { link, frame } => write!(f, "Frame({link}, {} bytes)", frame.len()),
            Self::Close { link, reason } => write!(f, "Close({link}, {reason:?})"),
            Self::Media(command) => command.fmt(f),
            Self::Record(record) => record.fmt(f),
        }
    }
}

/// Why the switchboard closes a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The device logged out, was signed out, or was given up.
    SessionOver,
    /// Somebody showed the ticket on another link.
    TakenUp,
    /// The session had ended before; all that its device is owed was sent.
    SignedOut,
    /// The client acknowledges nothing. Its session goes on.
    TooFarBehind,
    /// The server stops.
    Stopping,
}

impl CloseReason {
    /// The close code (RFC 6455, section 7.4.1).
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::SessionOver | Self::TakenUp | Self::SignedOut | Self::TooFarBehind => 1000,
            Self::Stopping => 1001,
        }
    }

    /// For people who look at a socket's end.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::SessionOver => "the session is over",
            Self::TakenUp => "the session was taken up on another socket",
            Self::SignedOut => "signed out",
            Self::TooFarBehind => "too far behind",
            Self::Stopping => "the server is stopping",
        }
    }
}

/// Where the switchboard draws tickets, call ids and room numbers from: the system's random numbers, or in tests a seed.
/// Fills the bytes; false if there are none, which refuses the request with `internal`.
pub(crate) type Random = Box<dyn FnMut(&mut [u8]) -> bool + Send>;
