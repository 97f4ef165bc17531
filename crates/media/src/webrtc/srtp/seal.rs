//! SRTP and SRTCP that leave.

use super::cipher::SessionCipher;
use super::keys::{MasterKey, Purpose};
use super::{ENCRYPTED, FIXED_RTP_HEADER, INDEX_WORD, RTCP_HEADER};

/// The first SRTP index that there is not: 32 bits of rollovers and 16 of sequence numbers (RFC 3711 §3.3.1).
const RTP_INDEX_END: u64 = 1 << 48;

/// Seals what one end of a session sends.
pub(crate) struct Sealer {
    rtp: SessionCipher,
    rtcp: SessionCipher,
    /// The index of the next SRTCP packet: one count for all sending SSRCs, so that none has an index twice.
    /// [`ENCRYPTED`]: all are used up.
    next_rtcp: u32,
}

impl Sealer {
    /// Derives session keys. `None`: the cryptographic library refuses the key, which it never does to one of
    /// [`super::master_keys`].
    pub(crate) fn new(key: &MasterKey) -> Option<Self> {
        let rtp = SessionCipher::derive(key, Purpose::Rtp)?;
        Some(Self { rtp, rtcp: SessionCipher::derive(key, Purpose::Rtcp)?, next_rtcp: 0 })
    }

    /// With session keys that were not derived and the index that comes next, as test vectors have them.
    #[cfg(test)]
    pub(super) fn given(keys: &super::keys::SessionKeys, next_rtcp: u32) -> Self {
        let cipher = || SessionCipher::new(keys).expect("a key of the right length");
        Self { rtp: cipher(), rtcp: cipher(), next_rtcp }
    }

    /// Bytes that [`Self::seal_rtp`] adds to a packet.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn rtp_overhead(&self) -> usize {
        self.rtp.tag_len()
    }

    /// Bytes that [`Self::seal_rtcp`] adds to a compound.
    #[cfg(test)]
    pub(crate) fn rtcp_overhead(&self) -> usize {
        self.rtcp.tag_len() + INDEX_WORD
    }

    /// Seals in place the RTP packet that reaches from `start` to the end of `buffer` and has a header of `header` bytes
    /// (fixed part, contributing sources and extensions), and appends the tag. `index`: rollover counter << 16 | sequence
    /// number, whose low half is the header's. No index may be used for two packets of an SSRC that differ: with GCM that
    /// gives away the key of the tag.
    ///
    /// `false`: the packet is shorter than its header, or the index has more than 48 bits; nothing was changed.
    pub(crate) fn seal_rtp(
        &mut self,
        buffer: &mut Vec<u8>,
        start: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> bool {
        if header < FIXED_RTP_HEADER || index >= RTP_INDEX_END {
            return false;
        }
        let packet = buffer.get_mut(start..).and_then(|packet| packet.split_at_mut_checked(header));
        let Some((header, payload)) = packet else { return false };
        debug_assert_eq!(
            header[2..4],
            index.to_be_bytes()[6..],
            "the sequence number is the index' low half"
        );
        debug_assert_eq!(header[8..12], ssrc.to_be_bytes());
        match &self.rtp {
            SessionCipher::Gcm(gcm) => {
                let Some(tag) = gcm.seal((ssrc, index), header, payload) else { return false };
                buffer.extend_from_slice(tag.as_ref());
            }
            SessionCipher::CmSha1(cm) => {
                if cm.apply_keystream(ssrc, index, payload).is_none() {
                    return false;
                }
                let rollovers = &index.to_be_bytes()[2..6];
                let tag = cm.tag(&buffer[start..], rollovers);
                buffer.extend_from_slice(&tag);
            }
        }
        true
    }

    /// Seals in place the RTCP compound that reaches from `start` to the end of `buffer`, and appends tag and index.
    ///
    /// `false`: the compound is shorter than a header with an SSRC, or all 2³¹ indices are used up (at a thousand a second:
    /// after 24 days); nothing was changed.
    pub(crate) fn seal_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) -> bool {
        if self.next_rtcp >= ENCRYPTED {
            return false;
        }
        let packet = buffer.get_mut(start..).and_then(|packet| packet.split_at_mut_checked(RTCP_HEADER));
        let Some((header, text)) = packet else { return false };
        let ssrc = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let index = u64::from(self.next_rtcp);
        let word = (ENCRYPTED | self.next_rtcp).to_be_bytes();
        match &self.rtcp {
            SessionCipher::Gcm(gcm) => {
                let mut clear = [0; RTCP_HEADER + INDEX_WORD];
                clear[..RTCP_HEADER].copy_from_slice(header);
                clear[RTCP_HEADER..].copy_from_slice(&word);
                let Some(tag) = gcm.seal((ssrc, index), &clear, text) else { return false };
                buffer.extend_from_slice(tag.as_ref());
                buffer.extend_from_slice(&word);
            }
            SessionCipher::CmSha1(cm) => {
                if cm.apply_keystream(ssrc, index, text).is_none() {
                    return false;
                }
                let tag = cm.tag(&buffer[start..], &word);
                buffer.extend_from_slice(&word);
                buffer.extend_from_slice(&tag);
            }
        }
        self.next_rtcp += 1;
        true
    }
}
