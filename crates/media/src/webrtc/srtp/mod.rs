//! SRTP and SRTCP (RFC 3711, RFC 7714) under keys from a DTLS handshake (RFC 5764): in place, and with no allocation for
//! a packet. Which packets there are and what they mean is not known here.
//!
//! | file | subject |
//! |---|---|
//! | `keys` | master keys out of a handshake's export; session keys out of a master key |
//! | `cipher` | AES-GCM, and AES-CM with HMAC-SHA1, over parts of a packet; what one packet costs |
//! | `seal` | packets that leave |
//! | `open` | packets that come; the replay check of SRTCP |
//! | `replay` | the rollover counter and the replay window of a stream |
//!
//! To read it, begin with `seal`.

mod cipher;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod keys;
mod open;
mod replay;
mod seal;
#[cfg(test)]
mod tests;

pub(crate) use keys::master_keys;
pub(crate) use open::Opener;
pub(crate) use replay::ReplayWindow;
pub(crate) use seal::Sealer;

/// Bytes of an RTP header without contributing sources and extensions (RFC 3550 §5.1).
const FIXED_RTP_HEADER: usize = 12;

/// Bytes at the head of an RTCP compound that SRTCP leaves in the clear: the first header and the sender's SSRC
/// (RFC 3711 §3.4).
const RTCP_HEADER: usize = 8;

/// Bytes of the word between an SRTCP packet's compound and its end: [`ENCRYPTED`] and the index.
const INDEX_WORD: usize = 4;

/// The bit of an SRTCP packet's index word that says that the compound is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;
