//! What an SDP offer must have before it is worth a session (RFC 8866, RFC 9429 §5), read cheaply.

use tring_protocol::MediaKind;
use tring_protocol::limits::{MAX_OFFER_BYTES, MAX_OFFER_MEDIA_LINES};

/// Most SSRCs that an offer may announce for one media line: the stream, its RTX and the same again for simulcast. Each
/// costs receive state before a packet has come.
const MAX_SSRCS_PER_LINE: usize = 8;

/// Longest `a=mid` value, in bytes: what a header extension can carry of it (RFC 9143 §15).
const MAX_MID_BYTES: usize = 16;

/// Why an offer was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// It is no SDP, or lacks what a session needs: the text says what the client must change.
    #[error("{0}")]
    Invalid(String),
    /// Too many media lines or bytes.
    #[error("{0}")]
    TooLarge(String),
    /// The worker has no room for another session: offer again later.
    #[error("the media worker has reached its limit of sessions")]
    Full,
    /// The worker failed while it carried out the offer: offer again.
    #[error("the media worker failed: offer again")]
    Failed,
}

/// An offer that passed the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The SDP without what is ignored: client candidates (the server is ICE-lite, it learns addresses from checks) and
    /// simulcast (the answer then lacks it, and the browser sends one encoding).
    pub(crate) sdp: String,
    /// The audio and video lines, in order.
    pub(crate) lines: Vec<OfferLine>,
    /// All SSRCs that the peer may send with, RTX included, each with the index of its line among [`Offer::lines`], if each
    /// line that it sends on announces its own.
    pub(crate) ssrcs: Option<Vec<(u32, usize)>>,
    /// The announced SSRCs of retransmissions, each with the one that it repeats (RTX: RFC 4588, RFC 5576 §4.2).
    pub(crate) rtx_ssrcs: Vec<(u32, u32)>,
    /// The id of the header extension that numbers all packets of the transport, the same on each line that has it.
    pub(crate) transport_wide: Option<u8>,
    /// The media lines that are refused (data channels), in order. They are not in [`Offer::sdp`].
    pub(crate) rejected: Vec<Rejected>,
}

/// A media line that the answer refuses, while the others are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// The place of the line among all media lines.
    pub(crate) index: usize,
    /// What the offer said behind the port.
    pub(crate) description: String,
    pub(crate) mid: Option<String>,
}

impl Rejected {
    /// The line's section of the answer (RFC 3264 §6): port 0, and its name.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let media = format!("m=application 0 {}", self.description);
        let mid = self.mid.as_ref().map(|mid| format!("a=mid:{mid}"));
        [media, "c=IN IP4 0.0.0.0".into()].into_iter().chain(mid)
    }
}

/// A media line of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferLine {
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    /// The peer asks for its round trip although it sends nothing, if the answer has [`ROUND_TRIP_OF_RECEIVER`] too.
    pub(crate) asks_round_trip: bool,
}

/// The attribute of a line whose receivers ask for their round trip (RFC 3611 §5.1).
pub(crate) const ROUND_TRIP_OF_RECEIVER: &str = "a=rtcp-xr:rcvr-rtt=all";

/// The header extension that numbers all packets of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
const TRANSPORT_WIDE: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The greatest id of a header extension that is taken, as by the library.
const MAX_EXTENSION_ID: u8 = 16;

const IGNORED: [&str; 4] = ["a=candidate:", "a=end-of-candidates", "a=simulcast:", "a=rid:"];

/// Checks an offer. Errors say what the sender must change.
pub(crate) fn check(sdp: &str) -> Result<Offer, OfferError> {
    if sdp.len() > MAX_OFFER_BYTES {
        let n = sdp.len();
        return Err(OfferError::TooLarge(format!("the offer has {n} bytes, the limit is {MAX_OFFER_BYTES}")));
    }
    let invalid = |why: &str| Err(OfferError::Invalid(why.into()));
    if !sdp.starts_with("v=0") {
        return invalid("the offer is not SDP: it does not start with v=0");
    }
    let media_lines = sdp.lines().filter(|l| l.starts_with("m=")).count();
    if media_lines > MAX_OFFER_MEDIA_LINES {
        return Err(OfferError::TooLarge(format!(
            "the offer has {media_lines} media lines, the limit is {MAX_OFFER_MEDIA_LINES}"
        )));
    }
    let mut kept = String::with_capacity(sdp.len());
    let mut lines: Vec<OfferLine> = Vec::with_capacity(media_lines);
    let mut rejected: Vec<Rejected> = Vec::new();
    let mut section = Section::Session;
    let (mut sections, mut named) = (0, false);
    let (mut ufrag, mut password, mut fingerprint) = (false, false, false);
    let mut ssrcs: Vec<&str> = Vec::new();
    let mut announced: Vec<(u32, usize)> = Vec::new();
    let (mut all_announced, mut sending) = (true, false);
    let mut rtx_ssrcs: Vec<(u32, u32)> = Vec::new();
    // Lines with a name come before their SSRCs in every offer that browsers make; an SSRC before its line's name is of the
    // next line.
    let line_of = |lines: &[OfferLine], named: bool| lines.len() - usize::from(named);
    let mut extensions: Vec<(u8, bool)> = Vec::new();
    let mut asking: Vec<usize> = Vec::new();
    for line in sdp.lines() {
        if IGNORED.iter().any(|i| line.starts_with(i)) {
            continue;
        }
        if let Some(m) = line.strip_prefix("m=") {
            all_announced &= !sending || !ssrcs.is_empty();
            ssrcs.clear();
            section = match m.split(' ').next() {
                Some("audio") => Section::Media(MediaKind::Audio),
                Some("video") => Section::Media(MediaKind::Video),
                Some("application") => {
                    let description = m.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
                    rejected.push(Rejected { index: sections, description, mid: None });
                    Section::Rejected
                }
                _ => {
                    return invalid(
                        "the offer has a media line that is neither audio, video nor application",
                    );
                }
            };
            sections += 1;
            named = false;
            // The default direction is sendrecv (RFC 8866 §6.7).
            sending = matches!(section, Section::Media(_));
        }
        let kind = match section {
            Section::Session => None,
            Section::Media(kind) => Some(kind),
            Section::Rejected => {
                if let (Some(mid), Some(r)) = (line.strip_prefix("a=mid:"), rejected.last_mut()) {
                    check_mid(mid)?;
                    r.mid = Some(mid.into());
                }
                continue;
            }
        };
        kept.push_str(line);
        kept.push_str("\r\n");
        if let (Some(mid), Some(kind)) = (line.strip_prefix("a=mid:"), kind) {
            check_mid(mid)?;
            if std::mem::replace(&mut named, true) {
                return invalid("the offer has two a=mid in one media line");
            }
            if lines.iter().any(|l| l.mid == mid) {
                return invalid("the offer has the same a=mid twice");
            }
            lines.push(OfferLine { mid: mid.into(), kind, asks_round_trip: false });
        } else if let Some(ssrc) = line.strip_prefix("a=ssrc:") {
            let ssrc = ssrc.split(' ').next().unwrap_or_default();
            if !ssrcs.contains(&ssrc) {
                ssrcs.push(ssrc);
                if ssrcs.len() > MAX_SSRCS_PER_LINE {
                    return invalid("the offer announces too many SSRCs for one media line");
                }
                match ssrc.parse() {
                    // Not an SSRC of a stream: libwebrtc probes with it.
                    Ok(0) => return invalid("the offer announces SSRC 0"),
                    Ok(number) => announced.push((number, line_of(&lines, named))),
                    Err(_) => {}
                }
            }
        } else if let Some(group) = line.strip_prefix("a=ssrc-group:FID ") {
            let mut group = group.split(' ').filter_map(|ssrc| ssrc.parse::<u32>().ok());
            if let Some(media) = group.next() {
                rtx_ssrcs.extend(group.map(|rtx| (rtx, media)));
            }
            if rtx_ssrcs.len() > MAX_SSRCS_PER_LINE * media_lines {
                return invalid("the offer announces too many SSRCs that repeat others");
            }
        } else if kind.is_some() && line == ROUND_TRIP_OF_RECEIVER {
            asking.push(line_of(&lines, named));
        } else if let Some(extension) = line.strip_prefix("a=extmap:") {
            extensions.extend(numbers_transport(extension));
        } else if kind.is_some() && (line == "a=recvonly" || line == "a=inactive") {
            sending = false;
        } else {
            ufrag |= line.starts_with("a=ice-ufrag:");
            password |= line.starts_with("a=ice-pwd:");
            fingerprint |= line.starts_with("a=fingerprint:");
        }
    }
    if !lines.iter().any(|l| l.kind == MediaKind::Audio) {
        return invalid(
            "the offer has no audio line with an a=mid: add an audio transceiver, even if there is no microphone",
        );
    }
    if !ufrag || !password {
        return invalid("the offer has no a=ice-ufrag or no a=ice-pwd");
    }
    if !fingerprint {
        return invalid("the offer has no a=fingerprint: only DTLS-SRTP is spoken");
    }
    all_announced &= !sending || !ssrcs.is_empty();
    for (at, line) in lines.iter_mut().enumerate() {
        line.asks_round_trip = asking.contains(&at);
    }
    let sdp = without_mids(kept, &rejected);
    let transport_wide = transport_wide(&extensions)?;
    let ssrcs = all_announced.then_some(announced);
    Ok(Offer { sdp, lines, ssrcs, rtx_ssrcs, transport_wide, rejected })
}

/// Where a line of an offer stands.
#[derive(Clone, Copy)]
enum Section {
    Session,
    Media(MediaKind),
    Rejected,
}

/// The id of a header extension (RFC 8285 §5), and whether it is the one that numbers a transport's packets.
fn numbers_transport(extmap: &str) -> Option<(u8, bool)> {
    let (id, rest) = extmap.split_once(' ')?;
    let id = id.split('/').next()?.parse().ok()?;
    Some((id, rest.split(' ').next() == Some(TRANSPORT_WIDE)))
}

/// The one id of that extension. In a bundle a number means the same on each line (RFC 9143 §9.3): where it does not, the
/// library would read other bytes than those that are held against bounds.
fn transport_wide(extensions: &[(u8, bool)]) -> Result<Option<u8>, OfferError> {
    let Some(&(id, _)) = extensions.iter().find(|(_, numbers)| *numbers) else { return Ok(None) };
    if extensions.iter().any(|&(other, numbers)| numbers != (other == id)) {
        let why = "the offer gives the transport-wide number two extmap ids, or its id to another extension";
        return Err(OfferError::Invalid(why.into()));
    }
    Ok((1..=MAX_EXTENSION_ID).contains(&id).then_some(id))
}

fn check_mid(mid: &str) -> Result<(), OfferError> {
    if mid.is_empty() || mid.len() > MAX_MID_BYTES || !mid.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(OfferError::Invalid(
            "the offer has an a=mid that is empty, too long or not ASCII".into(),
        ));
    }
    Ok(())
}

/// Takes the refused lines out of the bundle (RFC 9143 §7.3).
fn without_mids(sdp: String, rejected: &[Rejected]) -> String {
    if rejected.is_empty() {
        return sdp;
    }
    let stays = |mid: &&str| rejected.iter().all(|r| r.mid.as_deref() != Some(mid));
    let line = |l: &str| match l.strip_prefix("a=group:BUNDLE ") {
        Some(mids) => {
            let mids: Vec<&str> = mids.split(' ').filter(stays).collect();
            if mids.is_empty() { String::new() } else { format!("a=group:BUNDLE {}\r\n", mids.join(" ")) }
        }
        None => format!("{l}\r\n"),
    };
    sdp.lines().map(line).collect()
}

#[cfg(test)]
mod tests;
