//! The audit of the signing service: who got a UserSig, when, through which door. Never the UserSig itself.

use tring_protocol::Timestamp;

/// One UserSig that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// For whom.
    pub user: String,
    /// Its lifetime in seconds.
    pub lifetime_s: u32,
    /// Through which door: `api`, `demo`, `cli`.
    pub door: String,
    /// When.
    pub at: Timestamp,
}
