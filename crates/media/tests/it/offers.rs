//! Offers of browsers, recorded or as they are known, and what the answer to each may hold: nothing that its offer lacks.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{BOTH, World, room, user};
use std::collections::HashMap;
use tring_media::{Command, Notice, SessionId};

/// Chromium 156 on this client: H.264 first, RED, RTX, transport-wide feedback, extended reports.
const CHROMIUM: &str = include_str!("offers/chromium-156.sdp");
/// Firefox 153 on this client, without its H.264 plug-in: no RED, feedback for payload types that are not offered, extensions
/// that are only received.
const FIREFOX: &str = include_str!("offers/firefox-153.sdp");
/// Firefox 68: no RED, no RTX, no transport-wide feedback; H.264 by its plug-in. The shape of an offer of Firefox 153 without
/// what Firefox learned after (transport-wide feedback and RTX), and with the codecs that Firefox 68 had.
const FIREFOX_68: &str = include_str!("offers/firefox-68.sdp");
/// Safari 12: H.264 in two profiles before VP8, no RED, the old plan of SDP (`mslabel`, lines named by their kind), feedback
/// for sound that no header extension numbers. Made, not recorded: the audio line has the shape of offers in public bug reports
/// of Safari 12 (aiortc, 2019), the video line that of reports of Safari 12 and 13 (pion, ion-sfu).
const SAFARI_12: &str = include_str!("offers/safari-12.sdp");

const ALL: [(&str, &str); 4] =
    [("Chromium", CHROMIUM), ("Firefox", FIREFOX), ("Firefox 68", FIREFOX_68), ("Safari 12", SAFARI_12)];

const TRANSPORT_WIDE: &str = "draft-holmer-rmcat-transport-wide-cc-extensions-01";

fn answer(offer: &str) -> String {
    let mut w = World::new();
    let session = SessionId(1);
    w.command(Command::Open {
        session,
        room: room(1),
        user: user("alice"),
        label: String::new(),
        offer: offer.replace('\n', "\r\n"),
        gate_open: true,
        on: BOTH,
    });
    let told = w.take_notices();
    let answered = told.iter().find_map(|n| match n {
        Notice::Answered { answer, .. } => Some(answer.clone()),
        _ => None,
    });
    answered.unwrap_or_else(|| panic!("no answer: {told:?}"))
}

/// The media sections of a description.
fn sections(sdp: &str) -> Vec<String> {
    let text = sdp.replace("\r\n", "\n");
    text.split("\nm=").skip(1).map(|s| format!("m={s}")).collect()
}

/// The values of all attributes of this name.
fn values<'a>(section: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("a={name}:");
    section.lines().filter_map(|l| l.strip_prefix(prefix.as_str())).collect()
}

/// Payload types of a section's first line.
fn payload_types(section: &str) -> Vec<&str> {
    section.lines().next().unwrap().split(' ').skip(3).collect()
}

/// The header extensions of a section: id and name, whatever the direction.
fn extensions(section: &str) -> HashMap<&str, &str> {
    let parts = values(section, "extmap").into_iter().map(|v| v.split_once(' ').unwrap());
    parts.map(|(id, uri)| (id.split('/').next().unwrap(), uri)).collect()
}

#[test]
fn each_is_answered_on_all_lines_and_by_their_names() {
    for (browser, offer) in ALL {
        let (offered, answered) = (sections(offer), sections(&answer(offer)));
        assert_eq!(answered.len(), 2, "{browser}");
        for (theirs, ours) in offered.iter().zip(&answered) {
            assert!(!ours.contains(" 0 UDP"), "{browser}: a line is refused:\n{ours}");
            assert_eq!(values(ours, "mid"), values(theirs, "mid"), "{browser}");
            assert_eq!(values(ours, "setup"), ["passive"], "{browser}");
        }
    }
}

#[test]
fn an_answer_has_only_payload_types_feedback_and_extensions_of_its_offer() {
    for (browser, offer) in ALL {
        for (theirs, ours) in sections(offer).iter().zip(&sections(&answer(offer))) {
            let (types, offered) = (payload_types(ours), payload_types(theirs));
            assert!(!types.is_empty() && types.iter().all(|t| offered.contains(t)), "{browser}: {types:?}");
            // What a payload type means is the offer's word (RFC 3264 §6.1), as is what may be reported of it.
            for name in ["rtpmap", "rtcp-fb"] {
                let (ours, theirs) = (values(ours, name), values(theirs, name));
                for value in ours {
                    assert!(theirs.contains(&value), "{browser} did not offer {name} {value}: {theirs:?}");
                }
            }
            for of_retransmissions in values(ours, "fmtp").iter().filter(|f| f.contains("apt=")) {
                assert!(
                    values(theirs, "fmtp").contains(of_retransmissions),
                    "{browser}: {of_retransmissions}"
                );
            }
            let (ours, theirs) = (extensions(ours), extensions(theirs));
            assert!(!ours.is_empty(), "{browser}");
            for (id, uri) in ours {
                assert_eq!(theirs.get(id), Some(&uri), "{browser}: extension {id}");
            }
        }
    }
}

#[test]
fn sound_repeats_only_for_who_offers_it() {
    let repeats = |offer| answer(offer).contains("red/48000");
    assert!(repeats(CHROMIUM));
    assert!(!repeats(FIREFOX) && !repeats(FIREFOX_68) && !repeats(SAFARI_12));
}

#[test]
fn retransmissions_have_payload_types_only_for_who_offers_them() {
    let rtx = |offer| answer(offer).contains("rtx/90000");
    assert!(rtx(CHROMIUM) && rtx(FIREFOX) && rtx(SAFARI_12));
    assert!(!rtx(FIREFOX_68));
    assert!(answer(FIREFOX_68).contains("a=rtcp-fb:126 nack\r\n"), "it still asks for what it lacks");
}

#[test]
fn packets_are_numbered_only_on_lines_that_offer_it() {
    let numbered =
        |offer| sections(&answer(offer)).iter().map(|s| s.contains(TRANSPORT_WIDE)).collect::<Vec<_>>();
    assert_eq!(numbered(CHROMIUM), [true, true]);
    assert_eq!(numbered(FIREFOX), [true, true]);
    assert_eq!(numbered(FIREFOX_68), [false, false]);
    assert_eq!(numbered(SAFARI_12), [false, true]);
    assert!(!answer(FIREFOX_68).contains("transport-cc"));
}

#[test]
fn pictures_are_in_h264_where_it_is_offered_and_in_vp8_elsewhere() {
    for (browser, offer) in ALL {
        let answer = answer(offer);
        let video = &sections(&answer)[1];
        let first = payload_types(video)[0];
        let codec = if browser == "Firefox" { "VP8" } else { "H264" };
        assert!(
            values(video, "rtpmap").contains(&format!("{first} {codec}/90000").as_str()),
            "{browser}: {video}"
        );
    }
}
