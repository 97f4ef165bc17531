use super::*;
use tring_protocol::{CallId, Success, UserId};

fn event(n: u32) -> Event {
    Event::TransportLost { call_id: CallId::from_random(n.into()) }
}

fn seqs(frames: impl Iterator<Item = Frame>) -> Vec<u32> {
    frames.map(|f| serde_json::from_str::<EventMessage>(&f).unwrap().seq).collect()
}

#[test]
fn a_client_that_is_back_gets_what_it_missed_once_and_in_order() {
    let mut s = Session::default();
    for n in 0..5 {
        s.event(event(n)).unwrap();
    }
    assert_eq!(seqs(s.resume(2).unwrap()), [3, 4, 5]);
    assert_eq!(seqs(s.resume(2).unwrap()), [3, 4, 5], "a second cut before anything was handled");
    assert_eq!(seqs(s.resume(5).unwrap()), [0_u32; 0]);
    s.event(event(5)).unwrap();
    assert_eq!(seqs(s.resume(5).unwrap()), [6]);
}

#[test]
fn a_client_that_lies_about_its_number_is_told_to_sign_in_again() {
    let mut s = Session::default();
    s.event(event(0)).unwrap();
    s.event(event(1)).unwrap();
    assert_eq!(s.resume(3).map(|_| ()), Err(Gap), "from the future");
    s.acknowledge(2);
    assert_eq!(s.resume(1).map(|_| ()), Err(Gap), "handled events are gone");
    s.acknowledge(u32::MAX);
    assert_eq!(seqs(s.resume(2).unwrap()), [0_u32; 0]);
}

#[test]
fn the_buffer_is_bounded_and_acknowledging_frees_it() {
    let mut s = Session::default();
    for n in 0..EVENTS_KEPT as u32 {
        s.event(event(n)).unwrap();
    }
    assert_eq!(s.event(event(0)), Err(Overrun));
    s.acknowledge(10);
    assert!(s.event(event(0)).is_ok());
    assert_eq!(seqs(s.resume(10).unwrap()).first(), Some(&11));
}

#[test]
fn a_repeated_request_is_answered_again_and_not_carried_out_again() {
    let mut s = Session::default();
    assert_eq!(s.admit(1), Admission::Fresh);
    assert_eq!(s.admit(1), Admission::Pending);
    let frame = s.answer(1, Outcome::Ok(Success::Done {}));
    assert_eq!(&*frame, r#"{"re":1,"ok":{}}"#);
    assert_eq!(s.admit(1), Admission::Repeat(frame));
    for id in 2..=ANSWERS_KEPT as u32 + 1 {
        assert_eq!(s.admit(id), Admission::Fresh);
    }
    assert_eq!(s.admit(1), Admission::Forgotten, "never carried out twice, even when its answer is gone");
}

fn devices(call: u32, user: &str, microphone: bool) -> Event {
    let user_id = UserId::new(user).unwrap();
    Event::Devices {
        call_id: CallId::from_random(call.into()),
        user_id,
        microphone,
        camera: false,
        sources: None,
    }
}

fn network(user: &str, level: u8) -> Event {
    Event::Network { call_id: CallId::from_random(1), user_id: UserId::new(user).unwrap(), level }
}

fn missed(s: &mut Session, last_seq: u32) -> Vec<EventMessage> {
    s.resume(last_seq).unwrap().map(|f| serde_json::from_str(&f).unwrap()).collect()
}

#[test]
fn states_that_no_socket_was_given_take_each_others_place_and_number() {
    let mut s = Session::default();
    s.event(devices(1, "a", true)).unwrap();
    s.sent();
    for n in 0..10_000_u32 {
        s.event(devices(1, "a", n % 2 == 0)).unwrap();
        s.event(devices(1, "b", n % 2 == 1)).unwrap();
        s.event(devices(2, "a", true)).unwrap();
        s.event(network("a", 1 + (n % 6) as u8)).unwrap();
    }
    let missed = missed(&mut s, 1);
    assert_eq!(missed.iter().map(|m| m.seq).collect::<Vec<_>>(), [2, 3, 4, 5]);
    let events: Vec<_> = missed.into_iter().map(|m| m.event).collect();
    assert_eq!(
        events,
        [devices(1, "a", false), devices(1, "b", true), devices(2, "a", true), network("a", 4)]
    );
}

#[test]
fn a_state_that_may_have_been_seen_and_one_before_something_else_stay() {
    let mut s = Session::default();
    s.event(devices(1, "a", true)).unwrap();
    s.sent();
    s.event(devices(1, "a", false)).unwrap();
    s.event(event(9)).unwrap();
    s.event(devices(1, "a", true)).unwrap();
    let heard: Vec<_> = missed(&mut s, 0).into_iter().map(|m| m.event).collect();
    assert_eq!(heard, [devices(1, "a", true), devices(1, "a", false), event(9), devices(1, "a", true)]);
    // A socket has been given them all now.
    s.event(devices(1, "a", false)).unwrap();
    assert_eq!(missed(&mut s, 4).len(), 1);
}

#[test]
fn the_last_words_find_room_in_a_full_buffer() {
    let mut s = Session::default();
    for n in 0..EVENTS_KEPT as u32 {
        s.event(event(n)).unwrap();
    }
    let ended = || Event::Ended {
        call_id: CallId::from_random(1),
        reason: tring_protocol::EndReason::Lost,
        by: None,
        duration_s: 0,
    };
    for _ in 1..LAST_EVENTS {
        assert!(s.event(ended()).is_ok());
        assert_eq!(s.event(event(0)), Err(Overrun), "nothing else does");
    }
    assert!(s.event(Event::KickedOut { reason: tring_protocol::KickReason::TooSlow }).is_ok());
    assert_eq!(s.event(ended()), Err(Overrun), "and that is bounded too");
}
