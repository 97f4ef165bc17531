//! How bad a finding is.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be, or a fact that helps to read the rest.
    Info,
    /// Something may be wrong, or is for some clients.
    Warning,
    /// Something is wrong: the server does not start, or calls fail, until it is put right.
    Error,
}
