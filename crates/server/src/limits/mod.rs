//! How much one address, one connection and one stranger may take. Pure, but for the handles of connections.

pub(crate) mod connection_limit;
pub(crate) mod ip_quota;
pub(crate) mod rate_limit;
pub(crate) mod session_limit;
pub(crate) mod stranger_log;
