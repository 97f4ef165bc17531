//! What an operator may choose about calls.

use crate::sources::SOURCES;
use std::time::Duration;
use tring_protocol::SourceSet;

/// How long a ringing device may be without a socket. Higher: a frozen phone still answers. Lower: the caller hears
/// sooner that nobody can.
pub const RING_GRACE: Duration = Duration::from_secs(15);

/// How long a talking device may be without a socket. Higher: a longer tunnel is survived. Lower: the other side looks
/// at a frozen picture for less time.
pub const TALK_GRACE: Duration = Duration::from_secs(30);

/// Ringing devices of one callee that may connect their media before the answer. Higher: whichever device answers is
/// heard at once. Lower: less work on a stranger's demand.
pub const PRECONNECT_DEVICES: usize = 2;

/// Ringing devices of all callees of one caller that may connect before the answer. Higher: group calls start faster.
/// Lower: less work on a stranger's demand. A caller has one call at a time, so this bounds the caller.
pub const MAX_PRECONNECTS_PER_CALLER: usize = 8;

/// Devices that one user may have signed in. Higher: more tabs and phones ring. Lower: less memory a user, and fewer
/// messages a call.
pub const MAX_DEVICES_PER_USER: usize = 8;

/// How long the session of a device that was signed out is kept, so that it hears why when it is back. Higher: a longer
/// tunnel is survived. Lower: less memory for devices that never come back.
pub const KICKED_SESSION_TTL: Duration = Duration::from_secs(60);

/// The settings of an [`crate::Engine`]. They are fixed for its life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How long a device that rings, or rings out, may be without a socket. Default: [`RING_GRACE`].
    pub ring_grace: Duration,
    /// How long a talking device may be without a socket. Default: [`TALK_GRACE`].
    pub talk_grace: Duration,
    /// Ringing devices of one leg that may connect before the answer; 0 turns it off. Default: [`PRECONNECT_DEVICES`].
    pub preconnect_devices: usize,
    /// Ringing devices of one caller's call that may connect before the answer. Default:
    /// [`MAX_PRECONNECTS_PER_CALLER`].
    pub max_preconnects_per_caller: usize,
    /// Devices of one user. Default: [`MAX_DEVICES_PER_USER`].
    pub max_devices_per_user: usize,
    /// How long the session of a device that was signed out is kept. Default: [`KICKED_SESSION_TTL`].
    pub kicked_session_ttl: Duration,
    /// What a device may send: microphone and camera, which are on from the start, and perhaps more. Default: [`SOURCES`].
    pub sources: SourceSet,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ring_grace: RING_GRACE,
            talk_grace: TALK_GRACE,
            preconnect_devices: PRECONNECT_DEVICES,
            max_preconnects_per_caller: MAX_PRECONNECTS_PER_CALLER,
            max_devices_per_user: MAX_DEVICES_PER_USER,
            kicked_session_ttl: KICKED_SESSION_TTL,
            sources: SOURCES,
        }
    }
}
