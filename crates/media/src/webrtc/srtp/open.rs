//! SRTP and SRTCP that come.

use super::cipher::{GCM_TAG, Gcm, SessionCipher};
use super::keys::{MasterKey, Purpose};
use super::replay::Window;
use super::{ENCRYPTED, FIXED_RTP_HEADER, INDEX_WORD, RTCP_HEADER};

/// SSRCs of one session that may send RTCP; packets of further ones are refused. A browser has one for each stream that it
/// sends. Higher: a peer that makes up SSRCs under its own keys takes more memory (48 bytes each) and time. Lower: the
/// reports of a peer that keeps adding streams to one session are lost.
pub(super) const MAX_RTCP_SENDERS: usize = 64;

/// Words of the replay window of one SSRC's SRTCP: it reaches back 128 packets (RFC 3711 §3.3.2 asks for 64). Higher: memory.
/// Lower: a packet that was overtaken by so many is lost.
const RTCP_WINDOW_WORDS: usize = 3;

/// Opens what the other end of a session sends.
pub(crate) struct Opener {
    rtp: SessionCipher,
    rtcp: SessionCipher,
    /// What came by SRTCP from each SSRC.
    rtcp_senders: Vec<(u32, Window<RTCP_WINDOW_WORDS>)>,
}

impl Opener {
    /// Derives session keys. `None`: the cryptographic library refuses the key, which it never does to one of
    /// [`super::master_keys`].
    pub(crate) fn new(key: &MasterKey) -> Option<Self> {
        let rtp = SessionCipher::derive(key, Purpose::Rtp)?;
        Some(Self { rtp, rtcp: SessionCipher::derive(key, Purpose::Rtcp)?, rtcp_senders: Vec::new() })
    }

    /// With session keys that were not derived, as test vectors have them.
    #[cfg(test)]
    pub(super) fn given(keys: &super::keys::SessionKeys) -> Self {
        let cipher = || SessionCipher::new(keys).expect("a key of the right length");
        Self { rtp: cipher(), rtcp: cipher(), rtcp_senders: Vec::new() }
    }

    /// Opens an RTP packet in place, and gives the length of header and payload; behind that is what is left of the tag. Of a
    /// packet that was received before it is not known here: that is [`super::ReplayWindow`]'s, which gives the index for the
    /// sequence number in the header.
    ///
    /// `None`: the packet is not the other end's, or was changed, or has another index. Its payload may be destroyed.
    pub(crate) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let len = packet.len().checked_sub(self.rtp.tag_len())?;
        if header < FIXED_RTP_HEADER || header > len {
            return None;
        }
        let (sealed, tag) = packet.split_at_mut(len);
        match &self.rtp {
            SessionCipher::Gcm(gcm) => {
                let (header, payload) = sealed.split_at_mut(header);
                gcm.open((ssrc, index), header, payload, tag)?;
            }
            SessionCipher::CmSha1(cm) => {
                let rollovers = &index.to_be_bytes()[2..6];
                cm.verify(sealed, rollovers, tag)?;
                cm.apply_keystream(ssrc, index, &mut sealed[header..])?;
            }
        }
        Some(len)
    }

    /// Opens an SRTCP packet in place, and gives the length of the compound. One that is authenticated but not encrypted is
    /// taken too, as RFC 3711 §3.4 and RFC 7714 §9 say.
    ///
    /// `None`: the packet is not the other end's, or was changed, or was received before, or is older than the window, or its
    /// SSRC is one too many. Its text may be destroyed.
    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let len = packet.len().checked_sub(self.rtcp.tag_len() + INDEX_WORD)?;
        if len < RTCP_HEADER {
            return None;
        }
        let (compound, trailer) = packet.split_at_mut(len);
        let word = match &self.rtcp {
            SessionCipher::Gcm(_) => *trailer.last_chunk::<INDEX_WORD>()?,
            SessionCipher::CmSha1(_) => *trailer.first_chunk::<INDEX_WORD>()?,
        };
        let ssrc = u32::from_be_bytes([compound[4], compound[5], compound[6], compound[7]]);
        let encrypted = u32::from_be_bytes(word) & ENCRYPTED != 0;
        let index = u64::from(u32::from_be_bytes(word) & !ENCRYPTED);

        let known = self.rtcp_senders.iter().position(|&(sender, _)| sender == ssrc);
        match known {
            Some(at) if !self.rtcp_senders[at].1.is_new(index) => return None,
            None if self.rtcp_senders.len() >= MAX_RTCP_SENDERS => return None,
            _ => {}
        }
        match &self.rtcp {
            SessionCipher::Gcm(gcm) if encrypted => {
                let mut clear = [0; RTCP_HEADER + INDEX_WORD];
                let (header, text) = compound.split_at_mut(RTCP_HEADER);
                clear[..RTCP_HEADER].copy_from_slice(header);
                clear[RTCP_HEADER..].copy_from_slice(&word);
                gcm.open((ssrc, index), &clear, text, &trailer[..GCM_TAG])?;
            }
            SessionCipher::Gcm(gcm) => authenticate(gcm, (ssrc, index), packet, len)?,
            SessionCipher::CmSha1(cm) => {
                cm.verify(compound, &word, &trailer[INDEX_WORD..])?;
                if encrypted {
                    cm.apply_keystream(ssrc, index, &mut compound[RTCP_HEADER..])?;
                }
            }
        }
        // Only what was authenticated moves a window or makes one.
        let at = known.unwrap_or_else(|| {
            self.rtcp_senders.push((ssrc, Window::default()));
            self.rtcp_senders.len() - 1
        });
        self.rtcp_senders[at].1.accept(index);
        Some(len)
    }
}

/// Checks the tag of an SRTCP packet that is not encrypted: it is over compound and index word (RFC 7714 §9.3), between
/// which it stands itself. So the word is moved to where the tag was.
fn authenticate(gcm: &Gcm, (ssrc, index): (u32, u64), packet: &mut [u8], len: usize) -> Option<()> {
    let tag: [u8; GCM_TAG] = *packet.get(len..)?.first_chunk()?;
    packet.copy_within(len + GCM_TAG.., len);
    gcm.open((ssrc, index), &packet[..len + INDEX_WORD], &mut [], &tag)
}
