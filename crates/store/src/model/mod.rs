//! What the store keeps, whichever database holds it: plain values, the rules that are no database's, and how a value
//! looks in a column.
//!
//! To read it, begin with `apps`.

pub(crate) mod apps;
pub(crate) mod calls;
pub(crate) mod columns;
pub(crate) mod error;
pub(crate) mod retention;
pub(crate) mod runs;
pub(crate) mod signatures;

use error::StoreError;

/// Random bytes of the system's. Errors: [`StoreError::Random`].
fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
