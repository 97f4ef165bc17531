//! Which rows grow old.

/// What grows old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aging {
    /// Signatures, from when they were made.
    Signatures,
    /// Calls that are over, with their callees, from when they started.
    EndedCalls,
}
