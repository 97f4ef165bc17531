//! Reading a UserSig without a key, for people who look for what is wrong with theirs.

use crate::envelope::Envelope;
use crate::verify::check_time;
use crate::{PrivateMapKey, SigError};

/// What a UserSig says of itself. Nothing of it is verified: anybody can write such a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The app it names.
    pub app: u64,
    /// The user it names.
    pub user: String,
    /// When it says it was signed, seconds since the Unix epoch.
    pub issued_at_s: u64,
    /// Its lifetime in seconds.
    pub lifetime_s: u64,
    /// Its user buffer, if it has one.
    pub userbuf: Option<Vec<u8>>,
    /// The user buffer read as room rights, if it can be.
    pub map_key: Option<PrivateMapKey>,
    /// Its signature, as base64.
    pub signature: String,
    /// The JSON inside, as its writer wrote it: field order and spacing tell the library.
    pub json: String,
}

impl Explained {
    /// The first second, since the Unix epoch, in which it is no longer valid.
    pub fn expires_at_s(&self) -> u64 {
        self.issued_at_s.saturating_add(self.lifetime_s)
    }

    /// Whether its times allow it at `now_s`. Errors: [`SigError::Expired`], [`SigError::NotYetValid`].
    pub fn check_time(&self, now_s: u64) -> Result<(), SigError> {
        check_time(self.issued_at_s, self.lifetime_s, now_s).map(|_| ())
    }
}

/// Decodes a UserSig without checking its signature. Errors: [`SigError::Malformed`].
pub fn explain(text: &str) -> Result<Explained, SigError> {
    let (envelope, json) = Envelope::from_text(text)?;
    let userbuf = envelope.userbuf_bytes()?;
    let map_key = userbuf.as_deref().and_then(|bytes| PrivateMapKey::decode(bytes).ok());
    Ok(Explained {
        app: envelope.app,
        user: envelope.user,
        issued_at_s: envelope.issued_at,
        lifetime_s: envelope.lifetime_s,
        userbuf,
        map_key,
        signature: envelope.signature,
        json,
    })
}
