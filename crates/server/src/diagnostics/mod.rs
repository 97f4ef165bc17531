//! What is wrong, or may be, with the settings on this machine, each with what to do. The same findings are logged when
//! the server starts and shown by `tring doctor`.
//!
//! | module | subject |
//! |---|---|
//! | `advertise` | the addresses that clients are told to send media to (pure) |
//! | `banner` | what is printed at the start, with a QR code for the phone (pure) |
//! | `clock` | a clock that cannot be right (pure) |
//! | `machine` | what is read of this machine for it |
//! | `qr` | a QR code in half blocks (pure) |
//!
//! To read it, begin with `advertise`, the finding that most often matters.

mod advertise;
pub(crate) mod banner;
mod clock;
mod machine;
mod qr;

use crate::config::Config;
use crate::tls::{self, CertificateFinding};
use machine::Machine;
use serde::Serialize;
use std::fmt;
use tracing::{error, info, warn};

pub use crate::severity::Severity;
pub use clock::skew;

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The setting or the part that it is about.
    pub subject: String,
    /// What was found.
    pub message: String,
    /// What to do, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// Something wrong.
    pub fn error(subject: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { severity: Severity::Error, subject: subject.into(), message: message.into(), advice }
    }

    /// Something that may be wrong.
    pub fn warning(
        subject: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(subject, message, advice) }
    }

    /// A fact.
    pub fn info(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, subject: subject.into(), message: message.into(), advice: None }
    }
}

impl From<&CertificateFinding> for Finding {
    fn from(found: &CertificateFinding) -> Self {
        Self { severity: found.severity(), ..Self::info("https", found.to_string()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)?;
        match &self.advice {
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}

/// What is said elsewhere at the start of a server, with what was done about it.
const SAID_AT_START: [&str; 2] = ["open files", "https"];

/// Everything that is wrong, or may be, with these settings on this machine: addresses, container, clock, certificates,
/// open files. Changes nothing.
pub fn check(config: &Config) -> Vec<Finding> {
    let machine = Machine::read(config);
    let mut found = advertise::check(&config.media, &machine);
    found.extend(clock::check(machine.now, &machine.files));
    // The clock has its own finding, which looks at more.
    let certificates = tls::check(config);
    let certificates = certificates.iter().filter(|f| !matches!(f, CertificateFinding::ClockAbsurd { .. }));
    found.extend(certificates.map(Finding::from));
    let wanted = config.open_files();
    if let Some(limit) = machine.max_files.filter(|limit| *limit < wanted) {
        found.push(Finding::warning(
            "open files",
            format!(
                "the system allows {limit}, and limits.max_sockets, limits.max_pending_sockets, limits.max_connections and limits.max_rtmp_connections together need {wanted}"
            ),
            "Raise `ulimit -Hn` (LimitNOFILE in systemd, ulimits in Docker), or lower these settings",
        ));
    }
    found
}

/// Logs what [`check`] finds, at the start of a server.
pub(crate) fn log(config: &Config) {
    for finding in check(config).into_iter().filter(|f| !SAID_AT_START.contains(&f.subject.as_str())) {
        match finding.severity {
            Severity::Error => error!("{finding}"),
            Severity::Warning => warn!("{finding}"),
            Severity::Info => info!("{finding}"),
        }
    }
}
