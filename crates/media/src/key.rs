//! The name of a session within its shard.

/// Index of a session in its shard. Used again after the session has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u32);
