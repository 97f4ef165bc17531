//! The text form: JSON, compressed by zlib, in base64 with an alphabet of its own.

use crate::MalformedReason;
use base64::alphabet::{Alphabet, Symbol};
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::bufread::{ZlibDecoder, ZlibEncoder};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::io::Read;

/// Longest text that is looked at, in bytes. A plain UserSig has about 200, one with a PrivateMapKey for a string room
/// about 400. Higher: larger user buffers fit. Lower: a hostile text costs less.
pub const MAX_TEXT_BYTES: usize = 2048;

/// Most bytes that a text may decompress to. A full PrivateMapKey with every character escaped stays under 2 KiB.
/// Higher: larger user buffers fit. Lower: a decompression bomb costs less (this much is the most it gets).
pub const MAX_JSON_BYTES: usize = 4096;

/// The version of the format, as `TLS.ver`.
pub(crate) const VERSION: &str = "2.0";

/// Base64 whose text survives in a URL: `*`, `-` and `_` stand for `+`, `/` and `=`. (Not RFC 4648 base64url.)
const BASE64: GeneralPurpose = {
    // Evaluated by the compiler: with a wrong alphabet this does not build.
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-";
    let padding = match Symbol::new(b'_') {
        Some(symbol) => symbol,
        None => panic!("_ is printable"),
    };
    match Alphabet::new_with_padding(LETTERS, padding) {
        Ok(alphabet) => GeneralPurpose::new(&alphabet, PAD),
        Err(_) => panic!("64 different letters"),
    }
};

/// The JSON object. Written in the field order of the npm library; read in any order, with any spacing and with
/// unknown fields ignored. A field given twice is refused: libraries differ on which one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "TLS.ver")]
    pub(crate) version: String,
    #[serde(rename = "TLS.identifier")]
    pub(crate) user: String,
    #[serde(rename = "TLS.sdkappid", deserialize_with = "number")]
    pub(crate) app: u64,
    #[serde(rename = "TLS.time", deserialize_with = "number")]
    pub(crate) issued_at: u64,
    #[serde(rename = "TLS.expire", deserialize_with = "number")]
    pub(crate) lifetime_s: u64,
    #[serde(rename = "TLS.userbuf", default, skip_serializing_if = "Option::is_none")]
    pub(crate) userbuf: Option<String>,
    #[serde(rename = "TLS.sig")]
    pub(crate) signature: String,
}

/// A number, or its decimal text: some writers put a number that they were given as text into the JSON as text.
fn number<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number that is not negative")
        }

        fn visit_u64<E: de::Error>(self, n: u64) -> Result<u64, E> {
            Ok(n)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
    d.deserialize_any(Visitor)
}

impl Envelope {
    /// The text form.
    pub(crate) fn to_text(&self) -> String {
        let json = serde_json::to_vec(self).expect("strings and numbers always have a JSON form");
        let mut packed = Vec::with_capacity(json.len());
        ZlibEncoder::new(json.as_slice(), flate2::Compression::default())
            .read_to_end(&mut packed)
            .expect("reading from memory and compressing do not fail");
        BASE64.encode(packed)
    }

    /// Reads the text form, and gives the JSON too. White space at its ends is no part of it: the line end of a file or of
    /// a command's output comes along with a copy. Errors: [`MalformedReason`].
    pub(crate) fn from_text(text: &str) -> Result<(Self, String), MalformedReason> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(MalformedReason::Empty);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(MalformedReason::TooLong { len: text.len(), max: MAX_TEXT_BYTES });
        }
        let packed = BASE64.decode(text).map_err(|_| match text.chars().position(char::is_whitespace) {
            Some(before) => MalformedReason::Blank { position: before + 1 },
            None => MalformedReason::Base64,
        })?;
        let json = inflate(&packed)?;
        let envelope: Self = serde_json::from_str(&json).map_err(|e| MalformedReason::Json(e.to_string()))?;
        if envelope.version != VERSION {
            return Err(MalformedReason::Version(envelope.version));
        }
        Ok((envelope, json))
    }

    /// The user buffer, decoded. Errors: [`MalformedReason::Userbuf`].
    pub(crate) fn userbuf_bytes(&self) -> Result<Option<Vec<u8>>, MalformedReason> {
        let decode = |text: &String| BASE64_STANDARD.decode(text).map_err(|_| MalformedReason::Userbuf);
        self.userbuf.as_ref().map(decode).transpose()
    }
}

/// Decompresses at most [`MAX_JSON_BYTES`]; the rest of a bomb is never produced.
fn inflate(packed: &[u8]) -> Result<String, MalformedReason> {
    let mut json = Vec::new();
    let mut decoder = ZlibDecoder::new(packed);
    // One byte more than allowed tells "just fits" from "too large".
    let limit = MAX_JSON_BYTES as u64 + 1;
    decoder.by_ref().take(limit).read_to_end(&mut json).map_err(|_| MalformedReason::Zlib)?;
    if json.len() > MAX_JSON_BYTES {
        return Err(MalformedReason::TooLarge { max: MAX_JSON_BYTES });
    }
    if !decoder.into_inner().is_empty() {
        return Err(MalformedReason::Trailing);
    }
    String::from_utf8(json).map_err(|_| MalformedReason::Json("no UTF-8".to_owned()))
}
