//! What the task of a session and its handles share.

use crate::error::Closed;
use std::net::IpAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};

/// What task and handles share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The `seq` of the newest event that the program has taken.
    pub(crate) handled: AtomicU32,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
pub(super) struct Now {
    pub(super) local: Option<IpAddr>,
    pub(super) closed: Option<Closed>,
}

impl Shared {
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).local
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
