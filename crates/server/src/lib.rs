//! The doors of Tring: HTTP, WebSocket, signing service, demo page. IO, and thin.
//!
//! | folder or module | subject |
//! |---|---|
//! | `http/` | the doors: connections, routes, WebSocket, signing service, demo page, install page |
//! | `signalling/` | the one owner of all sessions and of the call engine, and what it needs |
//! | `limits/` | how much one address, one connection and one stranger may take |
//! | `records/` | call records and signatures on their way to the database, and how they grow old |
//! | `config/` | every setting, its default and its range; the sample file |
//! | `diagnostics/` | what is wrong, or may be, with the settings on this machine; what is printed at the start |
//! | `tls/` | the certificate of HTTPS: from files, or from a CA of this server's own |
//! | `apps` | the apps and their keys, as the store has them |
//! | `clock` | the time that nobody can set |
//! | `serve` | ties all of it together |
//!
//! Nothing here decides about a call (`tring-calls` does) or touches a media packet (`tring-media` does).

mod apps;
mod clock;
mod config;
pub mod diagnostics;
mod host;
mod http;
mod limits;
mod records;
mod serve;
mod signalling;
pub mod tls;

pub use config::sample::SAMPLE_CONFIG;
pub use config::{
    CallSettings, Config, ConfigError, LimitSettings, MediaSettings, RetentionSettings, RtmpSettings,
    TlsSettings, TlsSource,
};
pub use diagnostics::banner::Announcement;
pub use serve::{RunError, Running, run, start};
