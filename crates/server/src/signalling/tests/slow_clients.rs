//! Clients that do not take their events.

use super::*;

#[test]
fn a_peer_that_toggles_its_devices_does_not_get_its_neighbour_signed_out() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    s.cut(&b);
    for n in 0..2000 {
        s.toggle(&mut a, &call, n % 2 == 1).unwrap();
    }
    s.toggle(&mut a, &call, false).unwrap();
    b = s.resume(&b).unwrap();
    assert_eq!(b.events(), ["devices false"], "the newest state, once");
    s.hangup(&mut a, &call);
    assert_eq!(b.events(), ["left", "ended hangup"]);
}

#[test]
fn a_socket_that_acknowledges_nothing_is_cut_and_its_session_goes_on() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    let mut told = 0;
    while !b.is_closed() {
        s.toggle(&mut a, &call, told % 2 == 1).unwrap();
        told += 1;
        assert!(told < 1000, "it was never cut");
    }
    assert_eq!(told, UNACKNOWLEDGED + 1);
    for n in 0..1000 {
        s.toggle(&mut a, &call, n % 2 == 1).unwrap();
    }
    let heard = b.events().len();
    b = s.resume(&b).unwrap();
    assert_eq!(heard + b.events().len(), UNACKNOWLEDGED as usize + 2, "what was sent, and the newest state");
    let ack = b.last_seq;
    s.ask(&mut b, Request::Ping { ack }).unwrap();
    for n in 0..UNACKNOWLEDGED {
        s.toggle(&mut a, &call, n % 2 == 0).unwrap();
    }
    assert!(!b.is_closed(), "acknowledging makes room");
}

fn fill(s: &mut Board, client: &Client) {
    let session = &mut s.board.sessions.get_mut(&client.device.unwrap()).unwrap().session;
    while session.event(Event::TransportLost { call_id: CallId::from_random(1) }).is_ok() {}
}

#[test]
fn who_overruns_its_buffer_still_hears_how_its_call_ended_and_that_it_is_signed_out() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    s.cut(&b);
    fill(&mut s, &b);
    s.toggle(&mut a, &call, false).unwrap();
    assert_eq!(a.events(), ["left", "ended lost"], "the neighbour hears that it is gone");
    assert!(s.board.sessions.len() == 1 && s.board.overrun.is_empty());
    b = s.resume(&b).unwrap();
    let told = b.events();
    assert_eq!(told.len(), EVENTS_KEPT + 2);
    assert_eq!(told[EVENTS_KEPT..], ["ended lost", "kicked_out too_slow"]);
    assert!(b.is_closed());
    assert_eq!(s.resume(&b).err().as_deref(), Some("ticket_invalid"), "it knows now");
}

#[test]
fn the_end_of_a_call_finds_room_in_a_full_buffer_and_costs_no_session() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    s.cut(&b);
    let session = &mut s.board.sessions.get_mut(&b.device.unwrap()).unwrap().session;
    // One place is left, for `left`.
    for _ in 1..EVENTS_KEPT {
        session.event(Event::TransportLost { call_id: CallId::from_random(1) }).unwrap();
    }
    s.hangup(&mut a, &call);
    b = s.resume(&b).unwrap();
    let told = b.events();
    assert_eq!(told[EVENTS_KEPT - 1..], ["left", "ended hangup"]);
    assert!(!b.is_closed());
}

#[test]
fn a_device_that_is_rung_without_end_while_it_is_away_is_dropped_and_told() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b) = (s.login("a"), s.login("b"));
    s.cut(&b);
    for _ in 0..=EVENTS_KEPT / 2 {
        let call = s.call(&mut a, "b").unwrap();
        s.hangup(&mut a, &call);
        a.events();
        let ack = a.last_seq;
        s.ask(&mut a, Request::Ping { ack }).unwrap();
    }
    b = s.resume(&b).unwrap();
    let told = b.events();
    assert_eq!(told.last().unwrap(), "kicked_out too_slow");
    assert!(b.is_closed());
    s.login("b");
}
