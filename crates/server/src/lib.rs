//! The server of Tring: HTTP, WebSocket, signalling, signing service, demo page. IO, and thin.
//!
//! | folder or module | subject |
//! |---|---|
//! | `serve` | starting and stopping; ties all of it together |
//! | `http/` | connections, routes, WebSocket, signing service, demo page, install page |
//! | `signalling/` | the one owner of all sessions and of the call engine, and what it needs |
//! | `signer` | signs UserSigs, within limits, and has them written down |
//! | `apps` | the apps and their keys, as the store has them |
//! | `records/` | call records and signatures on their way to the database, and how they grow old |
//! | `tls/` | the certificate of HTTPS: from files, or from a CA of this server's own |
//! | `diagnostics/` | what is wrong, or may be, with the settings on this machine; what is printed at the start |
//! | `config/` | every setting: one table, and what is made of it |
//! | `limits/` | how much one address, one connection and one stranger may take |
//! | `host` | hosts as they stand in headers, settings and certificates |
//! | `severity` | how bad a finding is |
//! | `clock` | the time that nobody can set |
//!
//! Nothing here decides about a call (`tring-calls` does) or touches a media packet (`tring-media` does).
//!
//! To read it, begin with `serve`, then `signalling/`.
//!
//! Imports: clock host limits severity ← config ← records tls ← apps signer ← diagnostics signalling ← http ← serve

mod apps;
mod clock;
mod config;
pub mod diagnostics;
mod host;
mod http;
mod limits;
mod records;
mod serve;
mod severity;
mod signalling;
mod signer;
pub mod tls;

pub use config::{
    CallSettings, CommandLine, Config, ConfigError, Holds, Language, LimitSettings, MediaSettings,
    RetentionSettings, RtmpSettings, SAMPLE_CONFIG, Section, Setting, Text, TlsSettings, TlsSource, Unit,
};
pub use diagnostics::banner::Announcement;
pub use serve::{RunError, Running, run, start};
