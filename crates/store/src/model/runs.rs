//! Starts of servers, which carry calls.

use super::error::StoreError;
use super::random;

/// One start of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunId(pub(crate) i64);

impl RunId {
    /// Draws a new one.
    ///
    /// # Errors
    /// [`StoreError::Random`]: the system has none; the server cannot start.
    pub fn draw() -> Result<Self, StoreError> {
        Ok(Self(i64::from_le_bytes(random()?)))
    }
}
