//! The rows of signing in.

use super::stage::{Audio, Stage, row_tests, user};
use crate::Settings;
use tring_protocol::{DeviceId, ErrorCode};

row_tests! {
    SignIn: a_device_that_signs_in_is_told_nothing(s) {
        let a = s.sign_in("a");
        assert_eq!(s.seen(), [""; 0]);
        assert_eq!(s.engine.devices_of(&user("a")), [a]);
    }

    SignInRings: a_device_that_signs_in_while_its_user_is_called_rings_for_what_is_left(s) {
        s.ringing(Audio);
        s.pass(12);
        let b2 = s.sign_in("b");
        assert_eq!(s.seen(), [format!("{b2}: c1 Invited 100 a>b Audio 18000ms")]);
    }

    SignInEvicts: a_new_device_takes_the_place_of_the_one_that_was_cut_off_longest_ago(s) {
        *s = Stage::with(Settings { max_devices_per_user: 3, ..Settings::default() });
        let (first, second, _third) = (s.sign_in("a"), s.sign_in("a"), s.sign_in("a"));
        s.cut(second);
        s.pass(1);
        s.cut(first);
        s.sign_in("a");
        assert_eq!(s.seen(), [format!("evict {second}")]);
        s.sign_in("a");
        assert_eq!(s.seen(), [format!("evict {first}")]);
        assert_eq!(s.engine.devices_of(&user("a")).len(), 3);
    }

    SignInRefused: a_user_has_no_more_devices_than_allowed(s) {
        for _ in 0..8 {
            s.sign_in("a");
        }
        assert_eq!(s.try_sign_in(user("a"), false), Err(ErrorCode::TooManyDevices));
        assert_eq!(s.engine.counts().devices, 8);
        s.log_out(DeviceId(3));
        s.sign_in("a");
    }

    SignInKnown: a_device_signs_in_once(s) {
        let device = s.sign_in("a");
        let again = crate::Input::DeviceOnline { device, owner: user("b"), single_login: true, again: false };
        assert_eq!(s.give(again), Err(ErrorCode::AlreadyLoggedIn));
        assert_eq!(s.engine.devices_of(&user("a")), [device]);
    }

    SignInReplaced: a_device_that_signs_in_by_itself_signs_nobody_out(s) {
        let again = |s: &mut Stage| s.sign_in_as(user("a"), true, true);
        let old = again(s).expect("nobody else is there");
        let newer = s.sign_in_alone("a");
        s.forget();
        assert_eq!(again(s), Err(ErrorCode::SignedInElsewhere));
        s.cut(newer);
        assert_eq!(again(s), Err(ErrorCode::SignedInElsewhere), "the newer device may be back in a moment");
        assert_eq!(s.seen(), [""; 0], "it has heard nothing of it");
        assert_eq!(s.engine.devices_of(&user("a")), [newer]);
        let beside = s.sign_in_as(user("a"), false, true).expect("an app of several devices");
        s.sign_in_alone("a");
        assert_eq!(
            s.seen(),
            [newer, beside].map(|device| format!("kick {device} SignedInElsewhere")),
            "a user who asks for it takes the account back"
        );
        assert_ne!(old, newer);
    }

    KickIdle: single_login_signs_out_the_older_device(s) {
        let (old, new) = (s.sign_in_alone("a"), s.sign_in_alone("a"));
        assert_eq!(s.seen(), [format!("kick {old} SignedInElsewhere")]);
        assert_eq!(s.engine.devices_of(&user("a")), [new]);
    }

    KickRinging: a_kicked_device_that_rang_hands_the_ring_to_the_new_one(s) {
        let (_, b, c) = s.ringing(Audio);
        let new = s.sign_in_alone("b");
        assert_eq!(s.seen(), [
            format!("{new}: c1 Invited 100 a>b Audio 30000ms"),
            format!("{b}: c1 Ended Kicked by b 0s"),
            format!("kick {b} SignedInElsewhere"),
        ]);
        s.accept(new, &c).unwrap();
        assert!(s.told(DeviceId(1)).contains(&"c1 Accepted b".to_owned()));
    }

    KickCalling: a_kicked_caller_takes_its_call_back(s) {
        let (a, b, _) = s.ringing(Audio);
        s.sign_in_alone("a");
        assert_eq!(s.seen(), [
            format!("{a}: c1 Ended Kicked by a 0s"),
            format!("{b}: c1 Ended Cancel by a 0s"),
            "record c1 1/100 by a: Cancel - (b Cancel)".into(),
            format!("kick {a} SignedInElsewhere"),
        ]);
        assert!(s.is_quiet());
    }

    KickTalking: a_kicked_talker_leaves(s) {
        let (a, b, _) = s.talking(Audio);
        s.pass(7);
        s.sign_in_alone("b");
        assert_eq!(s.seen(), [
            format!("{a}: c1 Left b"),
            format!("{b}: c1 Ended Kicked by b 7s"),
            format!("{a}: c1 Ended Kicked by b 7s"),
            "record c1 1/100 by a: Kicked 7s (b Kicked)".into(),
            format!("kick {b} SignedInElsewhere"),
        ]);
        assert!(s.is_quiet());
    }
}

#[test]
fn a_device_in_a_call_is_not_given_up_for_a_new_one() {
    let mut s = Stage::with(Settings { max_devices_per_user: 1, ..Settings::default() });
    let (a, _, _) = s.talking(Audio);
    s.cut(a);
    assert_eq!(s.try_sign_in(user("a"), false), Err(ErrorCode::TooManyDevices));
}

#[test]
fn a_kick_while_ringing_does_not_fail_a_call_that_asked_to_fail_fast() {
    let mut s = Stage::new();
    let (a, _) = (s.sign_in("a"), s.sign_in_alone("b"));
    let mut request = super::stage::request(&["b"], Audio);
    request.fail_fast = true;
    s.try_call(a, request).unwrap();
    s.forget();
    s.sign_in_alone("b");
    assert_eq!(s.told(a), [""; 0]);
    assert_eq!(s.engine.counts().calls, 1);
}
