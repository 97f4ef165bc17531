//! Signs and verifies UserSig (TLSSigAPIv2) and PrivateMapKey, compatible with every published library of that format.
//!
//! A UserSig is the password of one user of one app: the app's secret key signs the user's name, the time and a
//! lifetime. Any server that holds the key can make one; this crate makes them and checks them.
//!
//! This crate is pure: no socket, no clock (`now_s` comes in, seconds since the Unix epoch), no randomness, and it
//! depends on nothing else of Tring. Nothing in it prints, logs or returns a secret key except [`Key::expose`].
//! To read it, begin with `sign`; `docs/usersig.md` has the format.
//!
//! | module | subject |
//! |---|---|
//! | `key` | the secret key |
//! | `envelope` | the text: base64 with its own alphabet, zlib, JSON |
//! | `content` | what is signed |
//! | `sign`, `verify`, `explain` | the three things to do with a UserSig |
//! | `map_key` | PrivateMapKey: the rights of one user in one room |

mod content;
mod envelope;
mod error;
mod explain;
mod key;
mod map_key;
mod sign;
mod verify;

pub use envelope::{MAX_JSON_BYTES, MAX_TEXT_BYTES};
pub use error::{KeyError, MalformedReason, MapKeyError, SigError, SignError};
pub use explain::{Explained, explain};
pub use key::{KEY_CHARS, Key};
pub use map_key::{MAX_ROOM_BYTES, PrivateMapKey, Privileges, Room};
pub use sign::{MAX_LIFETIME, MAX_USER_BYTES, MAX_USERBUF_BYTES, sign, sign_map_key, sign_with_userbuf};
pub use verify::{CLOCK_SKEW, Claims, verify, verify_map_key};

#[cfg(test)]
mod tests;
