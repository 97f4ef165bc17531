//! Points in time for people: a date in UTC and a distance in words.

use std::time::{SystemTime, UNIX_EPOCH};
use tring_protocol::Timestamp;

const DAY_S: u64 = 24 * 3600;

/// Later times are all shown as this year: nothing real is dated there.
const LAST_YEAR: u64 = 9999;

/// The time of this machine's clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::default() + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// As `2023-11-14 22:13:20 UTC`.
pub(crate) fn date(at_s: u64) -> String {
    let is_leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let (mut year, mut day) = (1970, at_s / DAY_S);
    loop {
        let days = if is_leap(year) { 366 } else { 365 };
        if day < days {
            break;
        }
        if year == LAST_YEAR {
            return format!("after the year {LAST_YEAR}");
        }
        day -= days;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (day, s) = (day + 1, at_s % DAY_S);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", s / 3600, s / 60 % 60, s % 60)
}

/// As `now`, `in 3 days` or `2 hours ago`, in the largest unit of which there are two.
pub(crate) fn distance(at_s: u64, now_s: u64) -> String {
    let s = at_s.abs_diff(now_s);
    let (count, unit) = match s {
        0 => return "now".to_owned(),
        1..120 => (s, "second"),
        120..7200 => (s / 60, "minute"),
        7200..172_800 => (s / 3600, "hour"),
        _ => (s / DAY_S, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if at_s < now_s { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at_s, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (1_700_000_000, "2023-11-14 22:13:20 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (253_402_300_800, "after the year 9999"),
            (u64::MAX, "after the year 9999"),
        ] {
            assert_eq!(date(at_s), text);
        }
    }

    #[test]
    fn distances_are_in_the_unit_that_people_would_use() {
        for (at_s, text) in [
            (1_000_000, "now"),
            (1_000_001, "in 1 second"),
            (999_900, "100 seconds ago"),
            (1_000_120, "in 2 minutes"),
            (1_007_200, "in 2 hours"),
            (1_172_799, "in 47 hours"),
            (827_200, "2 days ago"),
        ] {
            assert_eq!(distance(at_s, 1_000_000), text);
        }
    }
}
