//! Why something did not work.

use std::net::SocketAddr;
use tring_media::{CertificateError, PeerError};
use tring_protocol::ErrorBody;

/// A client failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server cannot be reached.
    #[error("cannot reach {url}: {why}. Check the address, and that the server runs")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// The server refused the request.
    #[error("{}", .0.message)]
    Refused(ErrorBody),
    /// The server answered with something that does not belong to the request.
    #[error("the server's answer does not belong to the request: update the client, or the server")]
    Answer,
    /// The client is closed: it was logged out, signed out by the server, or refused at its return.
    #[error("the client is closed ({0}): connect again")]
    Closed(Closed),
    /// No media session.
    #[error("no media session: {0}")]
    Media(String),
    /// No socket for media.
    #[error("cannot open a UDP socket at {address}: {why}")]
    Socket {
        /// Where.
        address: SocketAddr,
        /// Why.
        why: String,
    },
}

/// Why a client is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// [`crate::Client::logout`], or every handle was dropped.
    #[error("logged out")]
    LoggedOut,
    /// The server has signed it out; the event before the end says why.
    #[error("signed out by the server")]
    KickedOut,
    /// Its return after a cut socket was refused for good.
    #[error("refused at its return")]
    Refused,
    /// Nobody took its events.
    #[error("its events were not taken")]
    Overrun,
}

impl From<PeerError> for ClientError {
    fn from(e: PeerError) -> Self {
        Self::Media(e.to_string())
    }
}

impl From<CertificateError> for ClientError {
    fn from(e: CertificateError) -> Self {
        Self::Media(e.to_string())
    }
}
