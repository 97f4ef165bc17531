//! The secret key of an app.

use crate::KeyError;
use subtle::ConstantTimeEq;

/// Characters of a secret key.
pub const KEY_CHARS: usize = 64;

/// The secret key of an app: 64 hexadecimal characters. What signs is the text as printed, not the 32 bytes it spells,
/// so `AB…` and `ab…` are two keys. `Debug` hides it; comparing takes constant time.
#[derive(Clone)]
pub struct Key(Box<str>);

impl Key {
    /// Checks and wraps a key as the console prints it. Errors: [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if let Some(i) = text.chars().position(|c| !c.is_ascii_hexdigit())
            && text.chars().count() == KEY_CHARS
        {
            return Err(KeyError::Character { position: i + 1 });
        }
        if text.len() != KEY_CHARS {
            return Err(KeyError::Length { found: text.chars().count() });
        }
        Ok(Self(text.into()))
    }

    /// A key from 32 random bytes.
    pub fn from_random(bytes: [u8; KEY_CHARS / 2]) -> Self {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let text: String =
            bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).collect();
        Self(text.into())
    }

    /// The key itself, for the one place that stores it and the one that prints it on request.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A key of any length: the published test vector for non-ASCII ids uses one of a single letter.
    #[cfg(test)]
    pub(crate) fn of_any_length(text: &str) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Key {}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(hidden)")
    }
}
