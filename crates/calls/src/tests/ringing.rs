//! The rows of ringing, talking, and the end of a leg.

use super::stage::{Audio, Video, request, row_tests};
use crate::Reply;
use tring_protocol::ErrorCode;

row_tests! {
    Delivered: the_caller_hears_once_that_it_rings(s) {
        let (a, b1, b2) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("b"));
        let c = s.call(a, &["b"], Audio);
        s.forget();
        s.delivered(b2, &c).unwrap();
        assert_eq!(s.seen(), [format!("{a}: c1 Ringing b")]);
        s.delivered(b1, &c).unwrap();
        assert_eq!(s.seen(), [""; 0]);
    }

    DeliveredAgain: a_repeated_delivery_says_nothing(s) {
        let (_, b, c) = s.ringing(Audio);
        assert_eq!(s.delivered(b, &c), Ok(Reply::Done));
        s.accept(b, &c).unwrap();
        s.forget();
        assert_eq!(s.delivered(b, &c), Ok(Reply::Done), "nor a late one");
        assert_eq!(s.seen(), [""; 0]);
    }

    Accept: an_answer_opens_both_gates_before_anybody_is_told(s) {
        let (a, b, c) = s.ringing(Video);
        assert_eq!(s.accept(b, &c), Ok(Reply::Done));
        assert_eq!(s.seen(), [
            format!("open c1 {a}"),
            format!("open c1 {b}"),
            format!("{a}: c1 Accepted b"),
            format!("{a}: c1 Joined b mic+cam"),
            format!("{b}: c1 Joined a mic+cam"),
        ]);
        assert_eq!(s.engine.counts().connected, 1);
        assert_eq!(s.engine.next_deadline(), None, "nothing rings any more");
    }

    AcceptJoins: a_second_callee_joins_those_who_talk(s) {
        let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
        let c = s.call(a, &["b", "x"], Audio);
        s.accept(b, &c).unwrap();
        s.forget();
        s.accept(x, &c).unwrap();
        assert_eq!(s.seen(), [
            format!("open c1 {x}"),
            format!("{a}: c1 Accepted x"),
            format!("{a}: c1 Joined x mic"),
            format!("{b}: c1 Accepted x"),
            format!("{b}: c1 Joined x mic"),
            format!("{x}: c1 Joined a mic"),
            format!("{x}: c1 Joined b mic"),
        ]);
    }

    AnsweredElsewhere: the_other_devices_of_the_callee_fall_silent(s) {
        let (_, b1, c) = s.ringing(Audio);
        let (b2, b3) = (s.sign_in("b"), s.sign_in("b"));
        s.transport(b1, &c).unwrap();
        s.forget();
        s.accept(b2, &c).unwrap();
        assert_eq!(s.seen()[..3], [
            format!("close c1 {b1}"),
            format!("{b1}: c1 Ended AnsweredElsewhere 0s"),
            format!("{b3}: c1 Ended AnsweredElsewhere 0s"),
        ]);
    }

    AcceptAgain: a_repeated_answer_is_no_error(s) {
        let (_, b, c) = s.talking(Audio);
        assert_eq!(s.accept(b, &c), Ok(Reply::Done));
        assert_eq!(s.seen(), [""; 0]);
    }

    Reject: a_refusal_ends_the_call_for_everybody_once(s) {
        let (a, b, c) = s.ringing(Audio);
        let b2 = s.sign_in("b");
        s.forget();
        assert_eq!(s.reject(b, &c), Ok(Reply::Done));
        assert_eq!(s.seen(), [
            format!("{a}: c1 LegEnded b Reject"),
            format!("{b2}: c1 Ended AnsweredElsewhere 0s"),
            format!("{b}: c1 Ended Reject by b 0s"),
            format!("{a}: c1 Ended Reject by b 0s"),
            "record c1 1/100 by a: Reject - (b Reject)".into(),
        ]);
        assert!(s.is_quiet());
    }

    Cancel: the_caller_takes_it_back(s) {
        let (a, b, c) = s.ringing(Audio);
        let b2 = s.sign_in("b");
        s.forget();
        s.hangup(a, &c);
        assert_eq!(s.seen(), [
            format!("{a}: c1 Ended Cancel by a 0s"),
            format!("{b}: c1 Ended Cancel by a 0s"),
            format!("{b2}: c1 Ended Cancel by a 0s"),
            "record c1 1/100 by a: Cancel - (b Cancel)".into(),
        ]);
        assert!(s.is_quiet());
    }

    RingTimeout: a_call_that_rang_unanswered_times_out(s) {
        let (a, b, _) = s.ringing(Audio);
        s.pass_ms(29_999);
        assert_eq!(s.seen(), [""; 0]);
        s.pass_ms(1);
        assert_eq!(s.seen(), [
            format!("{a}: c1 LegEnded b Timeout"),
            format!("{b}: c1 Ended Timeout 0s"),
            format!("{a}: c1 Ended Timeout 0s"),
            "record c1 1/100 by a: Timeout - (b Timeout)".into(),
        ]);
        assert!(s.is_quiet());
    }

    RingNoResponse: a_call_that_was_never_delivered_has_no_response(s) {
        let (a, b) = (s.sign_in("a"), s.sign_in("b"));
        s.call(a, &["b"], Audio);
        s.forget();
        s.pass(30);
        assert_eq!(s.seen(), [
            format!("{a}: c1 LegEnded b NoResponse"),
            format!("{b}: c1 Ended NoResponse 0s"),
            format!("{a}: c1 Ended NoResponse 0s"),
            "record c1 1/100 by a: NoResponse - (b NoResponse)".into(),
        ]);
        assert!(s.is_quiet());
    }

    FailFast: a_call_that_asked_for_it_does_not_ring_for_nobody(s) {
        let a = s.sign_in("a");
        let mut r = request(&["b"], Audio);
        r.fail_fast = true;
        s.try_call(a, r).unwrap();
        assert_eq!(s.told(a), ["c1 Unreachable b", "c1 LegEnded b NoResponse", "c1 Ended NoResponse 0s"]);
        assert!(s.is_quiet());
    }

    Unreachable: the_caller_hears_when_the_last_ringing_device_is_gone(s) {
        let (a, b, _) = s.ringing(Audio);
        s.expire(b);
        assert_eq!(s.seen(), [format!("{b}: c1 Ended Lost by b 0s"), format!("{a}: c1 Unreachable b")]);
        s.pass(30);
        assert_eq!(s.told(a), ["c1 LegEnded b Timeout", "c1 Ended Timeout 0s"], "it had rung");
    }

    Hangup: either_side_hangs_up_and_both_hear_the_same_duration(s) {
        let (a, b, c) = s.talking(Audio);
        s.pass_ms(65_999);
        s.hangup(b, &c);
        assert_eq!(s.seen(), [
            format!("{a}: c1 Left b"),
            format!("{b}: c1 Ended Hangup by b 65s"),
            format!("{a}: c1 Ended Hangup by b 65s"),
            "record c1 1/100 by a: Hangup 65s (b Hangup)".into(),
        ]);
        assert!(s.is_quiet());
    }

    HangupOver: a_hang_up_is_never_an_error_for_a_call_that_is_over(s) {
        let (a, b, c) = s.talking(Audio);
        s.hangup(a, &c);
        s.forget();
        for device in [a, b, a] {
            s.hangup(device, &c);
        }
        s.hangup(a, &super::stage::call(77));
        assert_eq!(s.seen(), [""; 0]);
    }

    GoesOn: a_group_call_goes_on_without_one_who_refuses(s) {
        let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
        let c = s.call(a, &["b", "x"], Audio);
        s.forget();
        s.reject(b, &c).unwrap();
        assert_eq!(s.seen(), [format!("{a}: c1 LegEnded b Reject"), format!("{b}: c1 Ended Reject by b 0s")]);
        s.accept(x, &c).unwrap();
        assert_eq!(s.told(a), ["c1 Accepted x", "c1 Joined x mic"]);
    }

    OverUnanswered: a_call_that_nobody_answers_ends_with_its_last_leg(s) {
        let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
        let c = s.call(a, &["b", "x"], Audio);
        s.reject(b, &c).unwrap();
        s.forget();
        s.reject(x, &c).unwrap();
        assert_eq!(s.told(a), ["c1 LegEnded x Reject", "c1 Ended Reject by x 0s"]);
        assert!(s.is_quiet());
    }

    OverAlone: nobody_talks_alone(s) {
        let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
        let c = s.call(a, &["b", "x"], Audio);
        s.accept(b, &c).unwrap();
        s.accept(x, &c).unwrap();
        s.pass(5);
        s.hangup(a, &c);
        s.forget();
        s.pass(5);
        s.hangup(x, &c);
        assert_eq!(s.seen(), [
            format!("{b}: c1 Left x"),
            format!("{x}: c1 Ended Hangup by x 10s"),
            format!("{b}: c1 Ended Hangup by x 10s"),
            "record c1 1/100 by a: Hangup 10s (b Hangup, x Hangup)".into(),
        ]);
        assert!(s.is_quiet());
    }

    OverNobody: a_ring_ends_when_nobody_is_left_to_answer_to(s) {
        let (a, b, x) = (s.sign_in("a"), s.sign_in("b"), s.sign_in("x"));
        let c = s.call(a, &["b", "x"], Audio);
        s.accept(b, &c).unwrap();
        s.hangup(a, &c);
        s.forget();
        s.hangup(b, &c);
        assert_eq!(s.told(x), ["c1 Ended Cancel by b 0s"]);
        assert!(s.is_quiet());
    }
}

#[test]
fn a_hang_up_where_it_rings_is_a_refusal() {
    let mut s = super::stage::Stage::new();
    let (a, b, c) = s.ringing(Audio);
    s.hangup(b, &c);
    assert_eq!(
        s.seen()[..3],
        [
            format!("{a}: c1 LegEnded b Reject"),
            format!("{b}: c1 Ended Reject by b 0s"),
            format!("{a}: c1 Ended Reject by b 0s"),
        ]
    );
}

#[test]
fn an_accept_without_a_delivery_is_an_answer() {
    let mut s = super::stage::Stage::new();
    let (a, b) = (s.sign_in("a"), s.sign_in("b"));
    let c = s.call(a, &["b"], Audio);
    s.forget();
    s.accept(b, &c).unwrap();
    assert_eq!(s.told(a), ["c1 Accepted b", "c1 Joined b mic"]);
}

#[test]
fn an_answer_that_comes_before_the_shell_has_advanced_still_counts() {
    let mut s = super::stage::Stage::new();
    let (a, b, c) = s.ringing(Audio);
    s.now = s.now + std::time::Duration::from_secs(31);
    assert_eq!(s.accept(b, &c), Ok(Reply::Done));
    s.pass(0);
    assert_eq!(s.told(a), ["c1 Accepted b", "c1 Joined b mic"]);
}

#[test]
fn an_answer_after_the_cancel_is_refused() {
    let mut s = super::stage::Stage::new();
    let (a, b, c) = s.ringing(Audio);
    s.hangup(a, &c);
    s.forget();
    assert_eq!(s.accept(b, &c), Err(ErrorCode::CallUnknown));
    assert_eq!(s.reject(b, &c), Err(ErrorCode::CallUnknown));
    assert_eq!(s.seen(), [""; 0]);
}
