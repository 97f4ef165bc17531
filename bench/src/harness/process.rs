//! What `/proc` tells of a process.

use crate::harness::error::BenchError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;

/// Ticks a second in `/proc/PID/stat`: a constant of the kernel's interface (USER_HZ), whatever its own clock.
const TICKS_PER_SECOND: u32 = 100;

/// A process that is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// This program.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// User and system CPU time of all threads of the process since it began; exact to 10 ms.
    pub(crate) fn cpu(self) -> Result<Duration, BenchError> {
        let path = format!("/proc/{}/stat", self.0);
        let text = read(&path)?;
        // The name in parentheses may hold anything; the fields after it are numbers. utime and stime are 14 and 15,
        // counted from 1.
        let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
        let mut times = fields.into_iter().flatten().skip(11).take(2).map(str::parse::<u32>);
        match (times.next(), times.next()) {
            (Some(Ok(user)), Some(Ok(system))) => {
                Ok(Duration::from_secs(1) * (user + system) / TICKS_PER_SECOND)
            }
            _ => Err(BenchError::Proc { path, why: "no times".into() }),
        }
    }

    /// Resident memory of the process in bytes, without what the kernel holds for its sockets.
    pub(crate) fn resident(self) -> Result<u64, BenchError> {
        let path = format!("/proc/{}/status", self.0);
        let text = read(&path)?;
        let kib = text
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|n| n * 1024).ok_or(BenchError::Proc { path, why: "no VmRSS".into() })
    }
}

fn read(path: &str) -> Result<String, BenchError> {
    std::fs::read_to_string(path).map_err(|e| BenchError::Proc { path: path.to_owned(), why: e.to_string() })
}

/// Raises the limit of open files of this process and its children to `wanted`, if it is lower.
///
/// # Errors
///
/// [`BenchError::Files`] where the hard limit is lower: a run would fail in its midst.
pub(crate) fn raise_open_files(wanted: u64) -> Result<(), BenchError> {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|n| n >= wanted) {
        return Ok(());
    }
    let found = now.maximum.unwrap_or(wanted);
    let raised = Rlimit { current: Some(wanted), maximum: now.maximum };
    if found < wanted || setrlimit(Resource::Nofile, raised).is_err() {
        return Err(BenchError::Files { found, wanted });
    }
    Ok(())
}
