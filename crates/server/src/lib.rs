//! The doors of Tring: HTTP, WebSocket, signing service, demo page. IO, and thin.
//!
//! | module | subject |
//! |---|---|
//! | `config` | every setting, its default and its range |
//! | `http` | routes, static files, health |
//! | `socket` | one WebSocket: frames in, requests to the switchboard, answers and events out |
//! | `switchboard` | the one owner of all sessions and of the call engine |
//! | `session` | what outlives a socket: event numbers, unacknowledged events, repeated requests (pure) |
//! | `transports` | which media session belongs to which device of which call |
//! | `directory` | the apps and their keys, as the store has them |
//! | `signing` | `POST /v1/usersig` and the demo's signer |
//! | `rate` | token buckets (pure) |
//!
//! Nothing here decides about a call (`tring-calls` does) or touches a media packet (`tring-media` does).

mod assets;
mod clock;
mod config;
mod directory;
mod http;
mod rate;
mod serve;
mod session;
mod signing;
mod socket;
mod switchboard;
mod transports;

pub use config::{CallSettings, Config, ConfigError, LimitSettings, MediaSettings};
pub use serve::{RunError, Running, run, start};
