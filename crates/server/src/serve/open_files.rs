//! The limit of open files.

use tracing::warn;

/// Lets the process have a file for each socket: the usual soft limit of 1,024 would refuse users far below the setting.
pub(super) fn raise_limit(wanted: u64) {
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            warn!(
                limit,
                wanted,
                "the system allows fewer open files than limits.max_sockets, limits.max_pending_sockets, limits.max_connections and limits.max_rtmp_connections need: raise `ulimit -Hn`, or lower them"
            );
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "cannot raise the limit of open files"),
    }
}
