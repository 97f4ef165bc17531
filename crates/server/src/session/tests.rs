use super::*;
use tring_protocol::{CallId, Success};

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
