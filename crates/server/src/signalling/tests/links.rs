//! Sessions that move between links, and what is said on a link.

use super::*;

#[test]
fn a_ticket_has_one_live_socket_the_newest() {
    let mut s = Board::new();
    let mut owner = s.login("a");
    let mut thief = s.resume(&owner).unwrap();
    assert!(owner.is_closed(), "the owner notices");
    s.ask(&mut thief, Request::Ping { ack: 0 }).unwrap();
    assert_eq!(s.ask(&mut owner, Request::Ping { ack: 0 }), Err("nothing".into()), "the old socket is deaf");
    let mut owner = s.resume(&owner).unwrap();
    assert!(thief.is_closed(), "and so is the thief's, when the owner comes back");
    s.ask(&mut owner, Request::Ping { ack: 0 }).unwrap();
    assert_eq!(s.board.sessions.len(), 1);
}

#[test]
fn a_reconnect_storm_leaves_each_session_as_it_was() {
    let mut s = Board::new();
    let (mut a, mut b, call) = s.talking("a", "b");
    let mut others: Vec<Client> = (0..200).map(|n| s.login(&format!("u{n}"))).collect();
    for round in 0..5 {
        for client in &mut others {
            // Some come back before the server has noticed that they went.
            if round % 2 == 0 {
                s.cut(client);
            }
            *client = s.resume(client).unwrap();
        }
    }
    assert_eq!((s.board.sessions.len(), s.board.expiries.len(), s.board.tickets.len()), (202, 0, 202));
    assert!(others.iter_mut().all(|client| client.events().is_empty() && !client.is_closed()));
    s.toggle(&mut a, &call, false).unwrap();
    assert_eq!(b.events(), ["devices false"], "the call between others goes on");
}

#[test]
fn a_request_whose_answer_is_gone_is_told_so_and_not_carried_out_again() {
    let mut s = Board::new();
    let mut a = s.login("a");
    for id in 2..40 {
        s.ask_as(&mut a, id, Request::Ping { ack: 0 }).unwrap();
    }
    assert_eq!(s.ask_as(&mut a, 3, Request::Ping { ack: 0 }), Err("answer_forgotten".into()));
}

#[test]
fn what_is_logged_of_a_message_has_no_secret() {
    let (link, host, ticket) = (Link(1), "localhost".into(), "hush".into());
    let resume = In::Resume(Resume { link, host, ticket, last_seq: 0, re: 1, ip_permit: None });
    let out = Out::Frame { link, frame: r#"{"re":1,"ok":{"ticket":"hush"}}"#.into() };
    for text in [format!("{resume:?}"), format!("{out:?}")] {
        assert!(!text.contains("hush"), "{text}");
    }
}

#[test]
fn a_stop_tells_everybody_closes_their_sockets_and_lets_nobody_in() {
    let mut s = Board::new();
    let (mut a, mut b, _) = s.talking("a", "b");
    s.give(In::Shutdown);
    for client in [&mut a, &mut b] {
        assert_eq!(client.events(), ["ended server"]);
        assert!(client.is_closed());
    }
    assert_eq!(s.try_login(user("late"), false).err().as_deref(), Some("overloaded"));
    assert_eq!(s.resume(&a).err().as_deref(), Some("overloaded"));
}

#[test]
fn a_link_that_does_not_take_a_frame_costs_its_session_nothing() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    // What the shell makes of it; the frame that was not taken comes again.
    s.toggle(&mut a, &call, false).unwrap();
    s.cut(&b);
    s.cut(&b);
    s.toggle(&mut a, &call, true).unwrap();
    let mut back = s.resume(&b).unwrap();
    assert_eq!(back.events(), ["devices false", "devices true"]);
    s.cut(&b);
    s.toggle(&mut a, &call, false).unwrap();
    assert_eq!(back.events(), ["devices false"], "what is said of an old link concerns it alone");
    assert!(!back.is_closed());
    b.read();
    assert_eq!(b.seen.len(), 1);
}

#[test]
fn without_random_numbers_nobody_signs_in_and_nobody_calls() {
    let dry = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (is_dry, mut numbers) = (dry.clone(), counting());
    let random: Random =
        Box::new(move |bytes| !is_dry.load(std::sync::atomic::Ordering::Relaxed) && numbers(bytes));
    let mut s = Board::of(switchboard(without_rates, random));
    let (mut a, _b) = (s.login("a"), s.login("b"));
    dry.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(s.try_login(user("c"), false).err().as_deref(), Some("internal"));
    assert_eq!(s.call(&mut a, "b").err().as_deref(), Some("internal"));
    dry.store(false, std::sync::atomic::Ordering::Relaxed);
    s.call(&mut a, "b").unwrap();
}
