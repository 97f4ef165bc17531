use super::*;

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 00\r\n";

fn audio(mid: &str) -> String {
    format!("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na=rtpmap:111 opus/48000/2\r\n")
}

fn error(sdp: &str) -> String {
    check(sdp).unwrap_err().to_string()
}

#[test]
fn each_lack_has_its_own_words() {
    assert!(error("hello").contains("not SDP"));
    assert!(error(HEAD).contains("no audio"));
    let good = format!("{HEAD}{}", audio("0"));
    assert!(check(&good).is_ok());
    assert!(error(&good.replace("a=ice-pwd", "a=x")).contains("ice-pwd"));
    assert!(error(&good.replace("a=fingerprint", "a=x")).contains("fingerprint"));
    assert!(error(&good.replace("m=audio", "m=image")).contains("neither"));
    assert!(error(&format!("{good}{}", audio("0"))).contains("twice"));
}

#[test]
fn a_hundred_media_lines_and_a_huge_offer_are_too_large() {
    let lines: String = (0..100).map(|i| audio(&i.to_string())).collect();
    assert!(matches!(check(&format!("{HEAD}{lines}")), Err(OfferError::TooLarge(_))));
    let huge = format!("{HEAD}{}{}", audio("0"), "a=x:y\r\n".repeat(MAX_OFFER_BYTES / 7));
    assert!(matches!(check(&huge), Err(OfferError::TooLarge(_))));
}

#[test]
fn the_longest_offer_passes_and_one_byte_more_does_not() {
    let start = format!("{HEAD}{}", audio("0"));
    let padding = |bytes: usize| {
        let lines = "a=x\r\n".repeat((bytes - start.len()) / 5 - 1);
        let last = bytes - start.len() - lines.len() - 4;
        format!("{start}{lines}a={}\r\n", "y".repeat(last))
    };
    let longest = padding(MAX_OFFER_BYTES);
    assert_eq!(longest.len(), MAX_OFFER_BYTES);
    assert!(check(&longest).is_ok());
    assert!(matches!(check(&padding(MAX_OFFER_BYTES + 1)), Err(OfferError::TooLarge(_))));
}

#[test]
fn a_flood_of_ssrcs_is_refused() {
    let ssrcs: String = (0..99).map(|i| format!("a=ssrc:{i} cname:x\r\n")).collect();
    assert!(error(&format!("{HEAD}{}{ssrcs}", audio("0"))).contains("SSRC"));
}

#[test]
fn client_candidates_and_simulcast_are_left_out() {
    let sdp = format!(
        "{HEAD}{}a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=simulcast:send q\r\na=rid:q send\r\n",
        audio("0")
    );
    let offer = check(&sdp).unwrap();
    assert!(
        !offer.sdp.contains("candidate") && !offer.sdp.contains("simulcast") && !offer.sdp.contains("a=rid")
    );
    assert_eq!(offer.lines, [OfferLine { mid: "0".into(), kind: MediaKind::Audio, asks_round_trip: false }]);
}

#[test]
fn ssrcs_bind_only_when_every_sending_line_announces_its_own() {
    let ssrcs = |sdp: &str| check(&format!("{HEAD}{sdp}")).unwrap().ssrcs;
    let with = |mid: &str, more: &str| format!("{}{more}", audio(mid));
    assert_eq!(
        ssrcs(&with("0", "a=ssrc:7 cname:x\r\na=ssrc:7 msid:y\r\na=ssrc:8 cname:x\r\n")),
        Some(vec![(7, 0), (8, 0)])
    );
    assert_eq!(ssrcs(&audio("0")), None);
    assert_eq!(ssrcs(&(with("0", "a=ssrc:7 cname:x\r\n") + &audio("1"))), None);
    assert_eq!(
        ssrcs(&(with("0", "a=ssrc:7 cname:x\r\n") + &with("1", "a=recvonly\r\n"))),
        Some(vec![(7, 0)])
    );
    assert_eq!(
        ssrcs(&(with("1", "a=recvonly\r\n") + &with("0", "a=ssrc:7 cname:x\r\n"))),
        Some(vec![(7, 1)])
    );
}

#[test]
fn a_data_channel_is_refused_alone_and_leaves_the_bundle() {
    let data =
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\na=ssrc:9 x\r\n";
    let group = "a=group:BUNDLE d 0 1\r\n";
    let offer = check(&format!("{HEAD}{group}{data}{}{}", audio("0"), audio("1"))).unwrap();
    assert!(offer.sdp.contains("a=group:BUNDLE 0 1\r\n"));
    assert!(
        !offer.sdp.contains("application") && !offer.sdp.contains("sctp") && !offer.sdp.contains("a=ssrc:9")
    );
    assert_eq!(offer.lines.len(), 2);
    let lines: Vec<String> = offer.rejected.iter().flat_map(Rejected::lines).collect();
    assert_eq!(lines, ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:d"]);
    assert!(error(&format!("{HEAD}{}", data)).contains("no audio"));
    assert!(error(&format!("{HEAD}{}{}", audio("0"), data.replace("mid:d", "mid:"))).contains("a=mid"));
}

/// Each name would be a line of its own: thousands of them in one offer.
#[test]
fn a_media_line_has_one_name() {
    let names: String = (1..4_000).map(|i| format!("a=mid:{i}\r\n")).collect();
    assert!(error(&format!("{HEAD}{}{names}", audio("0"))).contains("two a=mid"));
}

#[test]
fn ssrc_0_is_no_stream() {
    assert!(error(&format!("{HEAD}{}a=ssrc:0 cname:x\r\n", audio("0"))).contains("SSRC 0"));
}

/// What the library reads as a transport-wide number must be what is held against bounds.
#[test]
fn the_transport_wide_number_has_one_id_of_its_own_on_all_lines() {
    let line = |mid: &str, extensions: &[(&str, &str)]| {
        let extensions = extensions.iter().map(|(id, uri)| format!("a=extmap:{id} {uri}\r\n"));
        format!("{}{}", audio(mid), extensions.collect::<String>())
    };
    let (mid, level) = ("urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:ssrc-audio-level");
    let id = |lines: &[String]| check(&format!("{HEAD}{}", lines.concat())).map(|o| o.transport_wide);
    assert_eq!(
        id(&[line("0", &[("3", TRANSPORT_WIDE), ("4", mid)]), line("1", &[("3", TRANSPORT_WIDE)])]),
        Ok(Some(3))
    );
    assert_eq!(id(&[line("0", &[("7/sendonly", TRANSPORT_WIDE), ("3", level)])]), Ok(Some(7)));
    assert_eq!(id(&[line("0", &[("3", level)])]), Ok(None));
    assert_eq!(id(&[line("0", &[("200", TRANSPORT_WIDE)])]), Ok(None), "no id that is taken");
    for lines in [
        [line("0", &[("7", TRANSPORT_WIDE)]), line("1", &[("7", mid)])],
        [line("0", &[("7", mid)]), line("1", &[("7", TRANSPORT_WIDE)])],
        [line("0", &[("7", TRANSPORT_WIDE)]), line("1", &[("8", TRANSPORT_WIDE)])],
        [line("0", &[("7", TRANSPORT_WIDE), ("7", TRANSPORT_WIDE)]), line("1", &[("7", level)])],
    ] {
        assert!(id(&lines).unwrap_err().to_string().contains("transport-wide number"), "{lines:?}");
    }
}

#[test]
fn the_streams_of_retransmissions_are_known() {
    let sdp = format!(
        "{HEAD}{}a=ssrc-group:FID 11 12\r\na=ssrc-group:SIM 1 2 3\r\na=ssrc:11 cname:x\r\n",
        audio("0")
    );
    assert_eq!(check(&sdp).unwrap().rtx_ssrcs, [(12, 11)]);
}
