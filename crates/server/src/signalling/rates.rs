//! How often signed-in devices may ask.

use crate::config::LimitSettings;
use crate::limits::{Buckets, Rate};
use tring_protocol::{CallRequest, ErrorBody, ErrorCode, Timestamp, UserKey};

/// Calls at once that one user may always have to one other, however small `calls_to_one_share` makes it. Higher: more
/// mistaken hang-ups are called again at once. Lower: one user rings another less often.
const CALLS_TO_ONE_MIN: f64 = 3.0;

/// How often a device may switch between voice and video. Higher: quicker hands. Lower: fewer events wait for a device
/// that is away, where a switch never takes the place of an older one, since what follows has its meaning from it.
const SWITCHES: Rate = Rate { burst: 8.0, per_second: 0.1 };

/// The rates of what one device asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// Changes of the sources that are on: each is told to everybody in the call.
    pub(super) source_changes: Rate,
    /// Switches between voice and video.
    pub(super) switches: Rate,
    /// Offers, and requests for the addresses of streams.
    pub(super) offers: Rate,
}

impl Rates {
    pub(super) fn of(l: &LimitSettings) -> Self {
        Self {
            source_changes: Rate { burst: l.devices_burst, per_second: l.devices_per_second },
            switches: SWITCHES,
            offers: Rate { burst: l.offers_burst, per_second: l.offers_per_second },
        }
    }
}

/// Who has called whom lately. The buckets are of users, not of sessions: signing in anew fills none.
#[derive(Debug)]
pub(super) struct CallRates {
    by_caller: Buckets<UserKey>,
    by_caller_and_callee: Buckets<(UserKey, UserKey)>,
    by_callee: Buckets<UserKey>,
}

impl CallRates {
    pub(super) fn new(l: &LimitSettings) -> Self {
        let calls = Rate { burst: l.calls_burst, per_second: l.calls_per_minute / 60.0 };
        let times = |factor: f64| Rate { burst: calls.burst * factor, per_second: calls.per_second * factor };
        let to_one = times(l.calls_to_one_share);
        let to_one = Rate { burst: to_one.burst.max(CALLS_TO_ONE_MIN), ..to_one };
        Self {
            by_caller: Buckets::new(calls),
            by_caller_and_callee: Buckets::new(to_one),
            by_callee: Buckets::new(times(l.calls_received_factor)),
        }
    }

    /// Counts a call, of its caller and at each callee.
    ///
    /// # Errors
    /// [`ErrorCode::TooMany`], for the caller to be told. A refused call takes nothing from anybody.
    pub(super) fn take(
        &mut self,
        caller: &UserKey,
        request: &CallRequest,
        now: Timestamp,
    ) -> Result<(), ErrorBody> {
        if !self.by_caller.has(caller, now) {
            return Err(too_many("too many calls"));
        }
        // The engine refuses longer lists; here they would only cost.
        let to = &request.to[..request.to.len().min(tring_protocol::limits::MAX_CALLEES)];
        let callees: Vec<UserKey> =
            to.iter().map(|user| UserKey { app: caller.app, user: user.clone() }).collect();
        for callee in &callees {
            if !self.by_caller_and_callee.has(&(caller.clone(), callee.clone()), now) {
                return Err(too_many("too many calls to this user"));
            }
            if !self.by_callee.has(callee, now) {
                return Err(too_many("this user is being called too often"));
            }
        }
        self.by_caller.take(caller.clone(), now);
        for callee in callees {
            self.by_caller_and_callee.take((caller.clone(), callee.clone()), now);
            self.by_callee.take(callee, now);
        }
        Ok(())
    }
}

/// A refusal for asking too often.
pub(super) fn too_many(what: &str) -> ErrorBody {
    ErrorBody::with(ErrorCode::TooMany, format!("{what}: wait some seconds"))
}
