//! HTTPS: the certificate that phones and browsers are shown.
//!
//! | module | subject |
//! |---|---|
//! | `finding` | what can be wrong with a certificate, and what to do about it |
//! | `certificate` | certificates and keys: read from files, held against the clock and the machine (pure but for the reading) |
//! | `constraints` | what the local CA may sign for |
//! | `files` | PEM files, written whole or not at all |
//! | `names` | the names and addresses by which this machine is reached |
//! | `authority` | the local CA: made once, kept in the data folder, signs for this machine's own names |
//! | `identity` | where the certificate comes from; taking a new one while the server runs |
//!
//! A phone gives a page its microphone only over HTTPS, and iOS opens no secure socket on the strength of a warning that
//! was tapped away. So a server without a certificate of its own makes a CA that a phone's owner can install; see
//! `docs/https.md`.
//!
//! To read it, begin with `identity`.

mod authority;
mod certificate;
mod constraints;
mod files;
mod finding;
mod identity;
mod names;

pub use crate::severity::Severity;
pub use finding::CertificateFinding;
pub use identity::check;

pub(crate) use authority::Authority;
pub(crate) use identity::Identity;
pub(crate) use names::Machine;
