//! What is changed in the library's SDP answer before it is sent.

use crate::rtp::by_kind::ByKind;
use crate::webrtc::offer::{Offer, ROUND_TRIP_OF_RECEIVER, Rejected};
use tring_protocol::MediaKind;

/// Sound may repeat what was sent before: every audio line offers it (RFC 2198 §5). The library has one set of codecs for
/// all lines, and puts it first in each, as browsers want it that are to send so.
pub(super) fn may_repeat(offer: &Offer) -> bool {
    let lines = offer.lines.iter().filter(|l| l.kind == MediaKind::Audio).count();
    let offered = |l: &&str| l.starts_with("a=rtpmap:") && l.ends_with(" red/48000/2");
    offer.sdp.lines().filter(offered).count() == lines
}

/// Finishes an answer of the library: our candidates, all of them and no other, go into the first media section (it
/// knows only the bound addresses; clients are told the advertised ones), and the n-th audio slot gets the same stream
/// name as the n-th video slot, since browsers keep in step what is in one stream (RFC 8830). The media lines that the
/// library never saw are back at their places, refused (RFC 3264 §6, RFC 9429 §5.3.1). Where the peer asks for its round
/// trip although it only receives, the answer agrees.
pub(super) fn finish(answer: &str, candidates: &[String], offer: &Offer) -> String {
    let mut text = String::with_capacity(answer.len() + candidates.len() * 96);
    let mut push = |line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    // Sections of the library's, and all.
    let (mut sections, mut all) = (0, 0);
    let mut rejected = offer.rejected.iter().peekable();
    // Slots so far and the name of the section, by kind.
    let (mut slots, mut kind) = (ByKind::<usize>::default(), MediaKind::Audio);
    for line in answer.lines() {
        if line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates") {
            continue;
        }
        if line.starts_with("m=") {
            while let Some(r) = rejected.next_if(|r| r.index == all) {
                r.lines().for_each(|l| push(&l));
                all += 1;
            }
            (sections, all) = (sections + 1, all + 1);
            kind = if line.starts_with("m=video") { MediaKind::Video } else { MediaKind::Audio };
        }
        let slot =
            |n: usize| format!("slot{n} {}{n}", if kind == MediaKind::Audio { "audio" } else { "video" });
        if line.starts_with("a=msid:") {
            push(&format!("a=msid:{}", slot(slots[kind])));
            slots[kind] += 1;
        } else if let Some((head, _)) = line.split_once(" msid:")
            && line.starts_with("a=ssrc:")
        {
            // These follow the section's own msid.
            push(&format!("{head} msid:{}", slot(slots[kind].saturating_sub(1))));
        } else if line.starts_with("a=msid-semantic:") {
            push("a=msid-semantic: WMS *");
        } else {
            push(line);
        }
        if line.starts_with("a=mid:") && offer.lines.get(sections - 1).is_some_and(|l| l.asks_round_trip) {
            push(ROUND_TRIP_OF_RECEIVER);
        }
        // The attributes of the first section start after its c= line.
        if sections == 1 && line.starts_with("c=") {
            candidates.iter().for_each(|c| push(c));
            push("a=end-of-candidates");
        }
    }
    rejected.flat_map(Rejected::lines).for_each(|l| push(&l));
    text
}

/// The name that the answer gives all our streams (RFC 5576 §6.1): reports repeat it.
pub(super) fn cname(answer: &str) -> &str {
    let name = |l: &'_ str| l.starts_with("a=ssrc:").then(|| l.find(" cname:")).flatten();
    answer.lines().find_map(|l| name(l).map(|at| &l[at + " cname:".len()..])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webrtc::offer::OfferLine;

    const ANSWER: &str = "v=0\r\na=msid-semantic: WMS x y\r\nm=audio 9 X 1\r\nc=IN IP4 0.0.0.0\r\na=candidate:9 old\r\na=sendrecv\r\n\
        a=msid:x 1\r\na=ssrc:5 cname:c\r\na=ssrc:5 msid:x 1\r\nm=video 9 X 1\r\nc=IN IP4 0.0.0.0\r\na=msid:y 2\r\n\
        m=audio 9 X 1\r\na=msid:z 3\r\n";

    fn line(n: usize, kind: MediaKind) -> OfferLine {
        OfferLine { mid: n.to_string(), kind, asks_round_trip: false }
    }

    fn offer(rejected: Vec<Rejected>) -> Offer {
        let (sdp, lines, rtx_ssrcs) = (String::new(), Vec::new(), Vec::new());
        Offer { sdp, lines, ssrcs: None, rtx_ssrcs, transport_wide: None, rejected }
    }

    #[test]
    fn who_only_receives_is_told_that_it_may_ask_for_its_round_trip_where_it_wants_to() {
        let with_names = ANSWER.replace("c=IN IP4 0.0.0.0\r\n", "c=IN IP4 0.0.0.0\r\na=mid:x\r\n");
        let asking = |n| OfferLine { asks_round_trip: n == 1, ..line(n, MediaKind::Audio) };
        let offer = Offer { lines: (0..2).map(asking).collect(), ..offer(Vec::new()) };
        let answer = finish(&with_names, &[], &offer);
        let sections: Vec<usize> =
            answer.split("\r\nm=").map(|s| s.matches(ROUND_TRIP_OF_RECEIVER).count()).collect();
        assert_eq!(sections, [0, 0, 1, 0], "in the section whose offer has it");
    }

    #[test]
    fn the_name_of_our_streams_is_the_answers() {
        assert_eq!((cname(ANSWER), cname("v=0\r\n")), ("c", ""));
    }

    #[test]
    fn the_slots_of_one_person_are_one_stream() {
        let answer = finish(ANSWER, &[], &offer(Vec::new()));
        let msids: Vec<&str> = answer.lines().filter(|l| l.contains("msid:")).collect();
        assert_eq!(
            msids,
            [
                "a=msid:slot0 audio0",
                "a=ssrc:5 msid:slot0 audio0",
                "a=msid:slot0 video0",
                "a=msid:slot1 audio1"
            ]
        );
        assert!(answer.contains("a=ssrc:5 cname:c\r\n"), "as in the source description that is sent");
    }

    #[test]
    fn sound_repeats_if_every_audio_line_offers_it() {
        use MediaKind::{Audio, Video};
        let may = |rtpmaps: &[&str]| {
            let lines =
                [Audio, Video, Audio].into_iter().enumerate().map(|(n, kind)| line(n, kind)).collect();
            let sdp = rtpmaps.iter().map(|l| format!("a=rtpmap:{l}\r\n")).collect();
            may_repeat(&Offer { sdp, lines, ..offer(Vec::new()) })
        };
        assert!(may(&["63 red/48000/2", "116 red/90000", "63 red/48000/2"]));
        assert!(!may(&["63 red/48000/2", "116 red/90000"]));
        assert!(!may(&["111 opus/48000/2"]));
    }

    #[test]
    fn only_our_candidates_are_in_an_answer_and_in_its_first_section() {
        let answer = finish(ANSWER, &["a=candidate:1 ours".into()], &offer(Vec::new()));
        assert!(
            answer.contains("c=IN IP4 0.0.0.0\r\na=candidate:1 ours\r\na=end-of-candidates\r\na=sendrecv")
        );
        assert_eq!(answer.matches("a=candidate:").count(), 1);
    }

    #[test]
    fn refused_lines_are_back_at_their_places() {
        let line = |index, mid: &str| Rejected {
            index,
            description: "UDP/DTLS/SCTP webrtc-datachannel".into(),
            mid: Some(mid.into()),
        };
        let offer = offer(vec![line(0, "d"), line(2, "e"), line(5, "f")]);
        let answer = finish(ANSWER, &["a=candidate:1 ours".into()], &offer);
        let kinds: Vec<&str> =
            answer.lines().filter_map(|l| l.strip_prefix("m=")?.split(' ').next()).collect();
        assert_eq!(kinds, ["application", "audio", "application", "video", "audio", "application"]);
        assert!(answer.contains(
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\nm=audio"
        ));
        assert!(
            answer.contains("m=audio 9 X 1\r\nc=IN IP4 0.0.0.0\r\na=candidate:1 ours"),
            "not in a refused one"
        );
    }
}
