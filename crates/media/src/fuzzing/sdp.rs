//! Offers.

use crate::webrtc::offer;
use tring_protocol::MediaKind;
use tring_protocol::limits::{MAX_OFFER_BYTES, MAX_OFFER_MEDIA_LINES};

/// An offer that passes is bounded in what it may cost, and passes again without being changed.
pub(super) fn offer(bytes: &[u8]) {
    let Ok(sdp) = std::str::from_utf8(bytes) else { return };
    let Ok(offer) = offer::check(sdp) else { return };
    assert!(offer.sdp.len() <= 2 * MAX_OFFER_BYTES, "only line ends may grow");
    let sections = sdp.lines().filter(|l| l.starts_with("m=")).count();
    assert!(sections <= MAX_OFFER_MEDIA_LINES);
    assert!(offer.lines.len() + offer.rejected.len() <= sections, "more lines than sections");
    assert!(offer.lines.iter().any(|l| l.kind == MediaKind::Audio));
    for (i, line) in offer.lines.iter().enumerate() {
        assert!(offer.lines[..i].iter().all(|l| l.mid != line.mid), "two lines of one name");
    }
    assert!(offer.rejected.is_sorted_by(|a, b| a.index < b.index));
    if let Some(ssrcs) = &offer.ssrcs {
        assert!(ssrcs.len() <= 8 * MAX_OFFER_MEDIA_LINES && ssrcs.iter().all(|&(ssrc, _)| ssrc != 0));
    }
    for ignored in ["a=candidate:", "a=simulcast:", "a=rid:", "m=application"] {
        assert!(!offer.sdp.lines().any(|l| l.starts_with(ignored)), "{ignored} is left");
    }
    if offer.sdp.len() <= MAX_OFFER_BYTES {
        let again = offer::check(&offer.sdp).expect("what passed passes again");
        assert_eq!((&again.sdp, &again.lines, &again.ssrcs), (&offer.sdp, &offer.lines, &offer.ssrcs));
        assert!(again.rejected.is_empty());
    }
}
