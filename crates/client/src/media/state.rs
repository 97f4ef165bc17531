//! What a media session and its handles share.

use crate::path::MediaPath;
use crate::tally::Tally;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tring_media::SrtpProfile;

/// Where a media session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaState {
    /// ICE and DTLS are under way.
    Connecting,
    /// Media may flow, once the server opens its gate.
    Connected {
        /// The SRTP protection profile, if it is known.
        profile: Option<SrtpProfile>,
    },
    /// Over: closed by either side, or broken.
    Closed {
        /// Why.
        why: String,
    },
}

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) state: MediaState,
    pub(super) tally: Tally,
    pub(super) path: MediaPath,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) seen: Mutex<Seen>,
    pub(super) changed: Notify,
}

impl Shared {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
