//! The bounds of what a client may send, and why each is where it is.

/// Longest WebSocket text frame, in bytes. Higher: larger SDP offers fit. Lower: a hostile client holds less memory.
/// Chromium's offer with audio and video is about 7 kB; Firefox's about 5 kB.
///
/// In JSON a line end takes twice its bytes, and so does a quote or a backslash: each offer of [`MAX_OFFER_BYTES`] fits, with
/// its call id, whatever an SDP has in it.
pub const MAX_MESSAGE_BYTES: usize = 100 * 1024;

/// Longest SDP offer, in bytes.
pub const MAX_OFFER_BYTES: usize = 48 * 1024;

/// Most media lines of an offer. Group calls need two for each person on the screen.
pub const MAX_OFFER_MEDIA_LINES: usize = 32;

/// Longest userID, in bytes of UTF-8. The guide's documents say 32; a WeChat openid has 28.
pub const MAX_USER_ID_BYTES: usize = 64;

/// Longest call id, in bytes.
pub const MAX_CALL_ID_BYTES: usize = 64;

/// Longest `data` that a caller attaches to an invitation, in bytes.
pub const MAX_CALL_DATA_BYTES: usize = 1024;

/// Most people that one call invites at once (the caller not counted).
pub const MAX_CALLEES: usize = 8;

/// Shortest ring that a caller may ask for, in seconds.
pub const RING_TIMEOUT_MIN_S: u16 = 5;

/// Longest ring that a caller may ask for, in seconds.
pub const RING_TIMEOUT_MAX_S: u16 = 300;

/// The rings that a caller may ask for, in seconds.
pub const RING_TIMEOUT_RANGE_S: core::ops::RangeInclusive<u16> = RING_TIMEOUT_MIN_S..=RING_TIMEOUT_MAX_S;

/// Ring timeout of a call that asks for none, in seconds (the guide's 30 s).
pub const RING_TIMEOUT_DEFAULT_S: u16 = 30;

/// Longest UserSig text, in bytes. One with a PrivateMapKey for a string room is about 400.
pub const MAX_USER_SIG_BYTES: usize = 2048;
