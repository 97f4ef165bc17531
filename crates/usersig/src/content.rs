//! What is signed: five lines of text, and their HMAC-SHA256.

use crate::Key;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a signature.
pub(crate) const SIGNATURE_BYTES: usize = 32;

/// The signed fields. Borrowed, so that a text under check is signed as it was read.
pub(crate) struct Content<'a> {
    pub(crate) app: u64,
    pub(crate) user: &'a str,
    pub(crate) issued_at: u64,
    pub(crate) lifetime_s: u64,
    /// Standard base64.
    pub(crate) userbuf: Option<&'a str>,
}

impl Content<'_> {
    /// The text that is signed, each line ended by LF.
    ///
    /// Two different contents never give the same text although a user name may hold a line break: read from its end,
    /// each line is told from the next by its name, and no other field can hold a line break (`userbuf` is base64).
    fn text(&self) -> String {
        let Self { app, user, issued_at, lifetime_s, .. } = self;
        let mut text = format!(
            "TLS.identifier:{user}\nTLS.sdkappid:{app}\nTLS.time:{issued_at}\nTLS.expire:{lifetime_s}\n"
        );
        if let Some(userbuf) = self.userbuf {
            text.push_str("TLS.userbuf:");
            text.push_str(userbuf);
            text.push('\n');
        }
        text
    }

    /// The signature under this key.
    pub(crate) fn signature(&self, key: &Key) -> [u8; SIGNATURE_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
            .expect("HMAC takes a key of any length (RFC 2104 section 2)");
        mac.update(self.text().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// A signature as `TLS.sig` carries it.
pub(crate) fn signature_text(signature: [u8; SIGNATURE_BYTES]) -> String {
    BASE64_STANDARD.encode(signature)
}

/// Reads a `TLS.sig`.
pub(crate) fn parse_signature(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}
