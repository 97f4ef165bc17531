//! A clock that cannot be right, without asking anybody: nothing on this machine was written in the future. Pure.

use super::Finding;
use crate::clock::NOT_BEFORE_S;
use std::time::{Duration, SystemTime};

/// Files may be this far ahead: shared folders have the clock of another machine. Higher: fewer false alarms. Lower:
/// smaller faults are seen.
const SLACK: Duration = Duration::from_secs(10 * 60);

/// Two machines may differ by this much before it is a fault. UserSigs that are signed in the future are refused past
/// some minutes, and short-lived ones are dead on arrival.
const SKEW: Duration = Duration::from_secs(2 * 60);

const SET_IT: &str = "UserSigs are valid by the clock, so users cannot sign in: set the clock (`timedatectl set-ntp true` on most \
     Linux machines, the host's for a container)";

/// Holds the clock against files that must have been written before now.
pub(super) fn check(now: SystemTime, files: &[(String, SystemTime)]) -> Option<Finding> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if since.as_secs() < NOT_BEFORE_S {
        let days = (NOT_BEFORE_S - since.as_secs()) / (24 * 3600);
        let message = format!("this machine's clock stands {days} days before this program was written");
        return Some(Finding::error("clock", message, SET_IT));
    }
    let (what, changed) = files.iter().max_by_key(|(_, changed)| *changed)?;
    let ahead = changed.duration_since(now).ok().filter(|ahead| *ahead > SLACK)?;
    let message =
        format!("this machine's clock is behind: {what} was written {} in the future by it", distance(ahead));
    Some(Finding::error("clock", message, SET_IT))
}

/// Holds this machine's clock against another's. `ahead`: the other's time less this one's, in seconds.
pub fn skew(ahead: i64) -> Option<Finding> {
    let by = Duration::from_secs(ahead.unsigned_abs());
    if by <= SKEW {
        return None;
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let message = format!("the server's clock is {} {side} this machine's", distance(by));
    Some(Finding::error(
        "clock",
        message,
        "UserSigs are valid by the clock, so users of one of the two cannot sign in: see which is wrong, and set it \
         (`timedatectl set-ntp true` on most Linux machines)",
    ))
}

fn distance(by: Duration) -> String {
    let s = by.as_secs();
    match s {
        0..120 => format!("{s} seconds"),
        120..7_200 => format!("{} minutes", s / 60),
        7_200..172_800 => format!("{} hours", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOT_BEFORE_S + n * 86_400)
    }

    #[test]
    fn a_clock_that_is_a_day_behind_its_own_files_is_named() {
        let files = [("the program itself".into(), day(3)), ("data/tring.sqlite".into(), day(9))];
        assert_eq!(check(day(9), &files), None);
        assert_eq!(check(day(9) - Duration::from_secs(60), &files), None);
        let text = check(day(8), &files).unwrap().to_string();
        assert!(text.contains("data/tring.sqlite was written 24 hours in the future"), "{text}");
        assert!(text.contains("UserSigs") && text.contains("timedatectl"), "{text}");
    }

    #[test]
    fn a_clock_before_this_source_is_named_without_any_file() {
        let text = check(SystemTime::UNIX_EPOCH, &[]).unwrap().to_string();
        assert!(text.contains("days before this program was written"), "{text}");
        assert_eq!(check(day(0), &[]), None);
    }

    #[test]
    fn two_clocks_that_differ_by_a_day_are_named_and_by_a_minute_not() {
        assert_eq!(skew(60), None);
        assert_eq!(skew(-60), None);
        assert!(skew(86_400).unwrap().message.contains("24 hours ahead of"));
        assert!(skew(-86_400 * 3).unwrap().message.contains("3 days behind"));
    }
}
