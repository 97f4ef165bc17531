//! Lines of the log that strangers can cause, who have shown no UserSig and no ticket that is any good: they are bounded
//! by kind, so that who knocks a thousand times a second fills no disk and hides nothing.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tring_protocol::log::LineLimit;

/// Logs an event of this level (`DEBUG`, `INFO`, `WARN`) with these fields and this text, as `tracing::event!` does, if
/// not too many of its kind were logged just now. A kind is a place in the source. How many were left out stands in the
/// next one, as `left_out`.
macro_rules! stranger_event {
    ($level:ident, $($line:tt)+) => {{
        static LINES: std::sync::Mutex<tring_protocol::log::LineLimit> =
            std::sync::Mutex::new(tring_protocol::log::LineLimit::new());
        if tracing::enabled!(tracing::Level::$level)
            && let Some(left_out) = $crate::limits::stranger_log::pass(&LINES)
        {
            tracing::event!(tracing::Level::$level, left_out = left_out, $($line)+);
        }
    }};
}

pub(crate) use stranger_event;

/// Whether a line of this kind may be written now, and how many were left out before it: [`LineLimit::pass`] by the
/// system's clock.
pub(crate) fn pass(lines: &Mutex<LineLimit>) -> Option<Option<u64>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).pass(Instant::now())
}
