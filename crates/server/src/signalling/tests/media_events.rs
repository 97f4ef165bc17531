//! Offers, what the media plane tells, and voice and video.

use super::*;

#[test]
fn a_flood_of_offers_is_refused_before_it_fills_the_queue_of_the_media_plane() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    // The test takes no notices, so that all of them count as under way.
    for _ in 0..MAX_PENDING_OFFERS {
        let result = s.offer(&mut a, &call);
        assert!(result != Err("media_unavailable".into()));
    }
    assert_eq!(s.offer(&mut a, &call), Err("media_unavailable".into()));
    assert!(ErrorCode::MediaUnavailable.retry());
    s.toggle(&mut b, &call, false).unwrap();
    s.hangup(&mut b, &call);
    assert!(a.events().contains(&"ended hangup".to_owned()), "signalling goes on");
}

#[test]
fn a_refused_offer_and_a_lost_transport_make_room_for_the_next_device() {
    let mut s = Board::unbounded(|c| c.calls.preconnect_devices = 1);
    let (mut a, mut b1, mut b2) = (s.login("a"), s.login("b"), s.login("b"));
    let call = s.call(&mut a, "b").unwrap();
    for device in [&mut b1, &mut b2] {
        s.ask(device, Request::Delivered { call_id: call.clone() }).unwrap();
    }
    assert_eq!(s.offer(&mut b1, &call), Err("nothing".into()));
    assert_eq!(s.offer(&mut b2, &call), Err("preconnect_refused".into()));
    let error = OfferError::Invalid("it is none".into());
    s.give(In::Notice(Notice::Refused { session: SessionId(1), error }));
    assert_eq!(b1.answer(b1.last_id), Err("offer_invalid".into()));
    assert_eq!(s.offer(&mut b2, &call), Err("nothing".into()), "its place is free");
    assert_eq!(s.offer(&mut b1, &call), Err("preconnect_refused".into()));
    s.give(In::Notice(Notice::Lost { session: SessionId(2) }));
    assert_eq!(b2.answer(b2.last_id), Err("media_unavailable".into()), "nobody waits for ever");
    assert_eq!(s.offer(&mut b1, &call), Err("nothing".into()));
    s.give(In::Notice(Notice::Evicted { session: SessionId(3) }));
    assert_eq!(b1.answer(b1.last_id), Err("media_unavailable".into()));
    assert_eq!(s.offer(&mut b2, &call), Err("nothing".into()));
}

#[test]
fn a_switch_is_told_to_both_also_to_one_who_was_away_and_is_in_the_record() {
    let mut b = Board::unbounded(|_| ());
    let (mut x, y, call) = b.talking("x", "y");
    b.cut(&y);
    b.switch(&mut x, &call, MediaType::Video).unwrap();
    b.toggle(&mut x, &call, false).unwrap();
    b.switch(&mut x, &call, MediaType::Audio).unwrap();
    b.switch(&mut x, &call, MediaType::Video).unwrap();
    for (client, who) in [(&mut x, "the asker"), (&mut b.resume(&y).unwrap(), "the one who was away")] {
        client.read();
        let told: Vec<_> = client.seen.iter().filter(|e| e["type"] == "media").collect();
        let each: Vec<_> = told.iter().map(|e| e["media"].as_str().unwrap()).collect();
        assert_eq!(each, ["video", "audio", "video"], "{who}");
        assert!(told.iter().all(|e| e["userID"] == "x" && e["callID"] == call.to_string()));
    }
    b.hangup(&mut x, &call);
    let last = b.records.last().unwrap();
    assert_eq!((last.media, last.reason), (MediaType::Video, Some(EndReason::Hangup)));
}

#[test]
fn everybody_is_told_before_the_media_plane_has_anything_to_do() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b) = (s.login("a"), s.login("b"));
    let call = s.call(&mut a, "b").unwrap();
    s.ask(&mut b, Request::Delivered { call_id: call.clone() }).unwrap();
    for client in [&mut a, &mut b] {
        assert_eq!(s.offer(client, &call), Err("nothing".into()), "the media plane has it");
    }
    let mut step = |client: &Client, id, request| {
        let (device, link) = (client.device.unwrap(), client.link);
        let mut out = Vec::new();
        let message = ClientMessage { id, request };
        s.board.handle(In::Request { device, link, message }, s.now, &mut out);
        // The answer to the asker stands before everything.
        out.remove(0);
        let commands = out.iter().position(|o| matches!(o, Out::Media(_))).unwrap();
        let told = out.iter().rposition(|o| matches!(o, Out::Frame { .. })).unwrap();
        assert!(told < commands, "{out:?}");
        out
    };
    let out = step(&b, 100, Request::Accept { call_id: call.clone() });
    assert!(out.iter().any(|o| matches!(o, Out::Media(Command::OpenGate { .. }))), "{out:?}");
    let out = step(&b, 101, Request::Hangup { call_id: call.clone() });
    for link in [a.link, b.link] {
        let is_end = |o: &Out| matches!(o, Out::Frame { link: l, frame } if *l == link && frame.contains(r#""ended""#));
        assert!(out.iter().any(is_end), "{out:?}");
    }
    let closed = out.iter().filter(|o| matches!(o, Out::Media(Command::Close { .. })));
    assert_eq!(closed.count(), 2, "{out:?}");
}
