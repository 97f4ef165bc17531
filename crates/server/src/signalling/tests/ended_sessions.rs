//! Sessions that the server ends, and who may sign in beside whom.

use super::*;

#[test]
fn a_phone_that_was_away_when_it_was_signed_out_hears_so_and_does_not_sign_out_the_laptop() {
    let mut s = Board::new();
    let mut phone = s.try_login(user("a"), true).unwrap();
    s.cut(&phone);
    let mut laptop = s.try_login(user("a"), true).unwrap();
    phone = s.resume(&phone).unwrap();
    assert_eq!(phone.device, None, "there is no session any more");
    assert_eq!(phone.events(), ["kicked_out signed_in_elsewhere"]);
    assert!(phone.is_closed());
    assert!(!laptop.is_closed());
    s.ask(&mut laptop, Request::Ping { ack: 0 }).unwrap();
    assert_eq!(s.resume(&phone).err().as_deref(), Some("ticket_invalid"), "told once it is void");
}

#[test]
fn a_phone_whose_socket_died_unnoticed_hears_of_its_call_and_its_kick_too() {
    let mut s = Board::new();
    let (mut a, b, _) = s.talking("a", "b");
    // The server has written to b's socket; nothing of it arrived.
    s.try_login(user("b"), true).unwrap();
    assert_eq!(a.events(), ["left", "ended kicked"]);
    let mut b = s.resume(&b).unwrap();
    assert_eq!(b.events(), ["ended kicked", "kicked_out signed_in_elsewhere"]);
}

#[test]
fn a_device_that_made_room_for_another_may_come_back() {
    let mut s = Board::with(|c| c.calls.max_devices_per_user = 2);
    let (first, _second) = (s.login("a"), s.login("a"));
    s.cut(&first);
    s.login("a");
    assert_eq!(s.resume(&first).err().as_deref(), Some("ticket_invalid"), "and not: signed out");
}

#[test]
fn a_device_that_was_replaced_too_long_ago_signs_nobody_out_by_itself() {
    let mut b = Board::new();
    let again = |b: &mut Board, single| b.try_login_as(user("a"), single, true);
    let old = again(&mut b, true).expect("nobody else is there");
    let mut newer = b.try_login(user("a"), true).unwrap();
    assert_eq!(again(&mut b, true).err().as_deref(), Some("signed_in_elsewhere"));
    b.cut(&newer);
    assert_eq!(
        again(&mut b, true).err().as_deref(),
        Some("signed_in_elsewhere"),
        "it may be back in a moment"
    );
    newer = b.resume(&newer).unwrap();
    assert!(newer.events().is_empty(), "the newer device has heard nothing of it");
    assert!(b.board.sessions.len() == 1 && !b.board.sessions.contains_key(&old.device.unwrap()));
    let beside = again(&mut b, false).expect("an app of several devices");
    assert!(b.try_login(user("a"), true).is_ok(), "a user who asks for it takes the account back");
    assert!(!b.board.sessions.contains_key(&beside.device.unwrap()));
}

#[test]
fn nobody_signs_in_to_an_app_that_went_while_the_login_waited() {
    let mut s = Board::new();
    let mut a = s.login("a");
    // A login that was checked before the app went, and waited behind the news of it.
    s.give(In::AppDeleted(app()));
    assert_eq!(a.events(), ["kicked_out app_deleted"]);
    assert_eq!(s.try_login(user("late"), false).err().as_deref(), Some("app_unknown"));
    assert_eq!(s.board.engine.counts().devices, 0);
    s.give(In::AppAdded(app()));
    s.try_login(user("late"), false).expect("an app that is made anew has users");
}

#[test]
fn what_an_ended_session_is_owed_it_is_owed_for_a_while() {
    let mut s = Board::with(|c| c.limits.resume_s = 40);
    let phone = s.try_login(user("a"), true).unwrap();
    s.cut(&phone);
    s.try_login(user("a"), true).unwrap();
    s.pass(39);
    let mut back = s.resume(&phone).unwrap();
    assert_eq!(back.events(), ["kicked_out signed_in_elsewhere"]);
    s.pass(1);
    assert_eq!(s.resume(&phone).err().as_deref(), Some("ticket_invalid"));
}

#[test]
fn a_session_without_a_socket_is_given_up_in_time_and_owed_nothing() {
    let mut s = Board::with(|c| c.limits.resume_s = 40);
    let a = s.login("a");
    s.cut(&a);
    s.pass(39);
    let a = s.resume(&a).expect("it is still there");
    s.pass(1000);
    assert!(!a.is_closed(), "how long a socket may be silent is the socket's business");
    s.cut(&a);
    s.pass(40);
    assert_eq!(s.resume(&a).err().as_deref(), Some("ticket_invalid"));
    assert_eq!((s.board.sessions.len(), s.board.engine.counts().devices), (0, 0));
}
