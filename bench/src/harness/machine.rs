//! What the figures were measured on, and when.

use std::fs::read_to_string;
use std::time::{SystemTime, UNIX_EPOCH};

/// A machine and a day.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: u64,
    kernel: String,
    day: String,
}

impl Machine {
    /// Reads it from `/proc`; what is not there is named as unknown.
    pub(crate) fn read() -> Self {
        let unknown = || "unknown".to_owned();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|l| l.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let cpu = read_to_string("/proc/cpuinfo").ok().and_then(|t| field(&t, "model name"));
        let memory = read_to_string("/proc/meminfo").ok().and_then(|t| field(&t, "MemTotal"));
        let kib: u64 = memory.and_then(|m| m.strip_suffix(" kB")?.parse().ok()).unwrap_or(0);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Self {
            cpu: cpu.unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.div_ceil(1024 * 1024),
            kernel: read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |k| k.trim().to_owned()),
            day: day(seconds / 86_400),
        }
    }

    /// One line for the report.
    pub(crate) fn describe(&self) -> String {
        let Self { cpu, cores, memory_gib, kernel, day } = self;
        let profile = if cfg!(debug_assertions) {
            "**debug build: the figures mean nothing**"
        } else {
            "release build (thin LTO, no `target-cpu`)"
        };
        format!("{day} (UTC) · {cpu}, {cores} cores, {memory_gib} GiB · Linux {kernel} · {profile}")
    }
}

/// The date of a day since 1970-01-01, in the Gregorian calendar.
fn day(mut days: u64) -> String {
    let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(11_016), "2000-02-29");
        assert_eq!(day(20_453), "2025-12-31");
    }
}
