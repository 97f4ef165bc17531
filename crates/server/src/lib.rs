//! The doors of Tring: HTTP, WebSocket, signing service, demo page. IO, and thin.
//!
//! | module | subject |
//! |---|---|
//! | `config` | every setting, its default and its range |
//! | `check` | what is wrong, or may be, with the settings on this machine, and what to do |
//! | `accept` | connections: how many, from where, how long they may take |
//! | `sample` | all settings with their defaults as a file, and as the table of the docs |
//! | `greeting` | what is printed at the start, with a QR code for the phone (pure) |
//! | `cross_origin` | which pages of other origins may ask the demo (pure) |
//! | `install` | the page that leads a phone to trust the local CA |
//! | `connection_limit` | who may hold a place, and who has to go when somebody else needs one (pure, but for its handle) |
//! | `guarded_stream` | a connection that ends if its peer does not take what it is sent |
//! | `addresses` | how much one address may hold (pure) |
//! | `http` | routes, static files, health |
//! | `socket` | one WebSocket: frames in, requests to the switchboard, answers and events out |
//! | `switchboard` | the one owner of all sessions and of the call engine |
//! | `session_limit` | how many sessions there may be |
//! | `session` | what outlives a socket: event numbers, unacknowledged events, repeated requests (pure) |
//! | `tombstones` | what is kept of sessions that the server ended (pure) |
//! | `transports` | which media session belongs to which device of which call |
//! | `streams` | where mini-programs push and play; FLV over HTTP |
//! | `notices` | the way from the media plane to the switchboard |
//! | `directory` | the apps and their keys, as the store has them |
//! | `writer` | call records and signatures on their way to the database |
//! | `store_health` | whether the database takes them |
//! | `retention` | old rows of the database go away |
//! | `signing` | `POST /v1/usersig` and the demo's signer |
//! | `demo_guard` | which pages may ask the demo's signer, and how often |
//! | `tls` | the certificate of HTTPS: from files, or from a CA of this server's own |
//! | `rate` | token buckets (pure) |
//! | `strangers` | lines of the log that strangers cause, bounded |
//!
//! Nothing here decides about a call (`tring-calls` does) or touches a media packet (`tring-media` does).

mod accept;
mod addresses;
mod assets;
pub mod check;
mod clock;
mod config;
mod connection_limit;
mod cross_origin;
mod demo_guard;
mod directory;
mod greeting;
mod guarded_stream;
mod http;
mod install;
mod notices;
mod rate;
mod retention;
mod sample;
mod serve;
mod session;
mod session_limit;
mod signing;
mod socket;
mod store_health;
mod strangers;
mod streams;
mod switchboard;
pub mod tls;
mod tombstones;
mod transports;
mod writer;

pub use config::{
    CallSettings, Config, ConfigError, LimitSettings, MediaSettings, RetentionSettings, RtmpSettings,
    TlsSettings, TlsSource,
};
pub use greeting::Announcement;
pub use sample::SAMPLE_CONFIG;
pub use serve::{RunError, Running, run, start};
