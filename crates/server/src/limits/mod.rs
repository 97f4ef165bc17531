//! How much one address, one connection and one stranger may take: the rules of `tring-limits`, with the server's clock,
//! metrics and log.
//!
//! To read it, begin with `session_limit`.

pub(crate) mod session_limit;
pub(crate) mod shared_connection_limit;
pub(crate) mod stranger_log;

use tring_protocol::Timestamp;

pub(crate) use tring_limits::{IpPermit, Rate, quota_key};

/// A token bucket by the server's clock.
pub(crate) type Bucket = tring_limits::Bucket<Timestamp>;

/// Token buckets by the server's clock.
pub(crate) type Buckets<K> = tring_limits::Buckets<K, Timestamp>;
