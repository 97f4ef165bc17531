//! The switchboard without sockets: links whose frames the test reads, inputs given by hand.

use super::*;
use crate::limits::session_limit::SessionLimit;
use crate::records::store_health::StoreHealth;
use crate::signalling::notice_queue;
use serde_json::Value;
use std::net::Ipv4Addr;
use tring_calls::CallRecord;
use tring_media::OfferError;
use tring_protocol::{CallId, CallRequest, EndReason, MediaType, Request, UserId};
use tring_store::App;

struct Board {
    board: Switchboard,
    sockets: u64,
    /// Never read unless a test does: answers to offers wait here.
    _notices: Notices,
    _records: mpsc::Receiver<CallRecord>,
}

/// A socket as its client sees it.
struct Client {
    socket: u64,
    frames: mpsc::Receiver<Out>,
    device: Option<DeviceId>,
    ticket: Ticket,
    last_id: u32,
    last_seq: u32,
    /// Everything that came and was not looked at.
    seen: Vec<Value>,
    closed: bool,
}

const APP: u32 = 1_400_000_001;

fn app(id: u32) -> App {
    App {
        id: SdkAppId::new(id).unwrap(),
        name: format!("app-{id}"),
        key: tring_usersig::Key::from_random([7; 32]),
        api_secret_hash: [0; 32],
        single_login: false,
        created: Timestamp::default(),
        updated: Timestamp::default(),
    }
}

fn user(name: &str) -> UserKey {
    UserKey { app: SdkAppId::new(APP).unwrap(), user: UserId::new(name).unwrap() }
}

impl Board {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        // Nothing comes back in time, so that no test depends on how fast it runs.
        let l = &mut config.limits;
        (l.calls_per_minute, l.devices_per_second, l.offers_per_second) = (0.0, 0.0, 0.0);
        change(&mut config);
        let (send, notices) = notice_queue::channel();
        let bind = Ipv4Addr::LOCALHOST.into();
        let media = tring_medianet::Config { bind, udp_port: 0, workers: 1, ..Default::default() };
        let media = tring_medianet::start(media, send).unwrap();
        let (records, kept) = mpsc::channel(1 << 16);
        let apps = [APP].map(|id| (SdkAppId::new(id).unwrap(), app(id))).into();
        let apps = Apps::of(apps, false, StoreHealth::new(Clock::start()));
        let clock = Clock::start();
        let records = Recorder::new(records, StoreHealth::new(clock));
        let board = Switchboard::new(clock, Arc::new(config), apps, media, records);
        Self { board, sockets: 0, _notices: notices, _records: kept }
    }

    /// Everything often, but for what a test sets by itself.
    fn unbounded(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(|config| {
            let l = &mut config.limits;
            (l.calls_burst, l.devices_burst, l.offers_burst) = (1e6, 1e6, 1e6);
            change(config);
        })
    }

    fn connect(&mut self) -> (Client, Link) {
        self.sockets += 1;
        let (sender, frames) = mpsc::channel(LINK);
        let client = Client {
            socket: self.sockets,
            frames,
            device: None,
            ticket: "".into(),
            last_id: 1,
            last_seq: 0,
            seen: Vec::new(),
            closed: false,
        };
        (client, Link::new(self.sockets, sender, "localhost".into()))
    }

    fn try_login(&mut self, owner: UserKey, single_login: bool) -> Result<Client, String> {
        self.try_login_as(owner, single_login, false)
    }

    fn try_login_as(&mut self, owner: UserKey, single_login: bool, again: bool) -> Result<Client, String> {
        let (mut client, link) = self.connect();
        let (device, mut known) = oneshot::channel();
        let permit = SessionLimit::new(1, 1).enter(Ipv4Addr::LOCALHOST.into()).unwrap();
        self.board.take(In::Login { owner, single_login, again, re: 1, link, permit, device });
        client.device = known.try_recv().unwrap();
        let answer = client.answer(1)?;
        client.ticket = answer["ticket"].as_str().unwrap().into();
        Ok(client)
    }

    fn login(&mut self, name: &str) -> Client {
        self.try_login(user(name), false).unwrap()
    }

    /// The same session on a new socket.
    fn resume(&mut self, old: &Client) -> Result<Client, String> {
        let (mut client, link) = self.connect();
        let (device, mut known) = oneshot::channel();
        let (ticket, last_seq) = (old.ticket.clone(), old.last_seq);
        let ticket_shown = ticket.clone();
        self.board.take(In::Resume {
            ticket: ticket_shown,
            last_seq,
            re: 900_000,
            link,
            ip_permit: None,
            device,
        });
        client.device = known.try_recv().unwrap();
        (client.ticket, client.last_id, client.last_seq) = (ticket, 900_000, last_seq);
        let answer = client.answer(900_000)?;
        assert_eq!(answer["resumed"], true);
        Ok(client)
    }

    fn cut(&mut self, client: &Client) {
        self.board.take(In::Cut { device: client.device.unwrap(), socket: client.socket });
    }

    fn ask(&mut self, client: &mut Client, request: Request) -> Result<Value, String> {
        client.last_id += 1;
        self.ask_as(client, client.last_id, request)
    }

    fn ask_as(&mut self, client: &mut Client, id: u32, request: Request) -> Result<Value, String> {
        let message = ClientMessage { id, request };
        self.board.take(In::Request { device: client.device.unwrap(), socket: client.socket, message });
        client.answer(id)
    }

    fn call(&mut self, client: &mut Client, to: &str) -> Result<CallId, String> {
        let to = vec![UserId::new(to).unwrap()];
        let request =
            CallRequest { to, media: MediaType::Audio, timeout_s: None, fail_fast: false, data: None };
        let answer = self.ask(client, Request::Call(request))?;
        Ok(CallId::new(answer["callID"].as_str().unwrap()).unwrap())
    }

    fn hangup(&mut self, client: &mut Client, call: &CallId) {
        self.ask(client, Request::Hangup { call_id: call.clone() }).unwrap();
    }

    fn toggle(&mut self, client: &mut Client, call: &CallId, microphone: bool) -> Result<Value, String> {
        self.ask(client, Request::Devices { call_id: call.clone(), microphone, camera: false, sources: None })
    }

    fn switch(&mut self, client: &mut Client, call: &CallId, media: MediaType) -> Result<Value, String> {
        self.ask(client, Request::Media { call_id: call.clone(), media })
    }

    fn offer(&mut self, client: &mut Client, call: &CallId) -> Result<Value, String> {
        self.ask(client, Request::Transport { call_id: call.clone(), offer: "v=0".into() })
    }

    /// Two who talk; what they heard until then is of no interest.
    fn talking(&mut self, a: &str, b: &str) -> (Client, Client, CallId) {
        let (mut a, mut b) = (self.login(a), self.login(b));
        let call = self.call(&mut a, &name_of(&self.board, &b)).unwrap();
        self.ask(&mut b, Request::Delivered { call_id: call.clone() }).unwrap();
        self.ask(&mut b, Request::Accept { call_id: call.clone() }).unwrap();
        for client in [&mut a, &mut b] {
            client.events();
            let ack = client.last_seq;
            self.ask(client, Request::Ping { ack }).unwrap();
        }
        (a, b, call)
    }
}

fn name_of(board: &Switchboard, client: &Client) -> String {
    board.sessions[&client.device.unwrap()].owner.user.to_string()
}

impl Client {
    fn read(&mut self) {
        loop {
            match self.frames.try_recv() {
                Ok(Out::Frame(frame)) => self.seen.push(serde_json::from_str(&frame).unwrap()),
                Ok(Out::Close(..)) | Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.closed = true;
                    return;
                }
                Err(mpsc::error::TryRecvError::Empty) => return,
            }
        }
    }

    /// The answer to a request: what it brought, or the code of the error. "nothing" if there is none yet.
    fn answer(&mut self, re: u32) -> Result<Value, String> {
        self.read();
        let Some(place) = self.seen.iter().position(|m| m["re"] == re) else { return Err("nothing".into()) };
        let answer = self.seen.remove(place);
        match answer.get("error") {
            Some(error) => Err(error["code"].as_str().unwrap().to_owned()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// The events since the last look: their types, with the reason where there is one.
    fn events(&mut self) -> Vec<String> {
        self.read();
        let mut events = Vec::new();
        for event in self.seen.drain(..).filter(|m| m.get("seq").is_some()) {
            let seq = u32::try_from(event["seq"].as_u64().unwrap()).unwrap();
            assert_eq!(seq, self.last_seq + 1, "events come without a gap and once: {event}");
            self.last_seq = seq;
            let kind = event["type"].as_str().unwrap();
            events.push(match event.get("reason") {
                Some(reason) => format!("{kind} {}", reason.as_str().unwrap()),
                None if kind == "devices" => format!("{kind} {}", event["microphone"]),
                None => kind.to_owned(),
            });
        }
        events
    }

    fn is_closed(&mut self) -> bool {
        self.read();
        self.closed
    }
}

// --- who does not take its events ---

#[tokio::test]
async fn a_peer_that_toggles_its_devices_does_not_get_its_neighbour_signed_out() {
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

#[tokio::test]
async fn a_socket_that_acknowledges_nothing_is_cut_and_its_session_goes_on() {
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

#[tokio::test]
async fn who_overruns_its_buffer_still_hears_how_its_call_ended_and_that_it_is_signed_out() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    s.cut(&b);
    fill(&mut s, &b);
    s.toggle(&mut a, &call, false).unwrap();
    assert_eq!(a.events(), ["left", "ended lost"], "the neighbour hears that it is gone");
    assert!(s.board.sessions.len() == 1 && s.board.dropped.is_empty());
    b = s.resume(&b).unwrap();
    let told = b.events();
    assert_eq!(told.len(), EVENTS_KEPT + 2);
    assert_eq!(told[EVENTS_KEPT..], ["ended lost", "kicked_out too_slow"]);
    assert!(b.is_closed());
    assert_eq!(s.resume(&b).err().as_deref(), Some("ticket_invalid"), "it knows now");
}

#[tokio::test]
async fn the_end_of_a_call_finds_room_in_a_full_buffer_and_costs_no_session() {
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

#[tokio::test]
async fn a_device_that_is_rung_without_end_while_it_is_away_is_dropped_and_told() {
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

// --- sessions that the server ends ---

#[tokio::test]
async fn a_phone_that_was_away_when_it_was_signed_out_hears_so_and_does_not_sign_out_the_laptop() {
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

#[tokio::test]
async fn a_phone_whose_socket_died_unnoticed_hears_of_its_call_and_its_kick_too() {
    let mut s = Board::new();
    let (mut a, b, _) = s.talking("a", "b");
    // The server has written to b's socket; nothing of it arrived.
    s.try_login(user("b"), true).unwrap();
    assert_eq!(a.events(), ["left", "ended kicked"]);
    let mut b = s.resume(&b).unwrap();
    assert_eq!(b.events(), ["ended kicked", "kicked_out signed_in_elsewhere"]);
}

#[tokio::test]
async fn a_device_that_made_room_for_another_may_come_back() {
    let mut s = Board::with(|c| c.calls.max_devices_per_user = 2);
    let (first, _second) = (s.login("a"), s.login("a"));
    s.cut(&first);
    s.login("a");
    assert_eq!(s.resume(&first).err().as_deref(), Some("ticket_invalid"), "and not: signed out");
}

#[tokio::test]
async fn nobody_signs_in_to_an_app_that_went_while_the_login_waited() {
    let mut s = Board::new();
    let mut a = s.login("a");
    // The app goes first, then the message, then a login that was checked before both.
    s.board.apps.replace([].into());
    s.board.take(In::AppDeleted(SdkAppId::new(APP).unwrap()));
    assert_eq!(a.events(), ["kicked_out app_deleted"]);
    assert_eq!(s.try_login(user("late"), false).err().as_deref(), Some("app_unknown"));
    assert_eq!(s.board.engine.counts().devices, 0);
}

#[tokio::test]
async fn a_ticket_has_one_live_socket_the_newest() {
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

#[tokio::test]
async fn a_reconnect_storm_leaves_each_session_as_it_was() {
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

// --- how often ---

#[tokio::test]
async fn signing_in_anew_does_not_make_room_for_more_calls() {
    let mut s = Board::with(|c| (c.limits.calls_burst, c.limits.calls_to_one_share) = (4.0, 1.0));
    let mut made = 0;
    for _ in 0..3 {
        let mut a = s.login("a");
        while let Ok(call) = s.call(&mut a, "b") {
            s.hangup(&mut a, &call);
            made += 1;
            assert!(made < 50);
        }
        s.ask(&mut a, Request::Logout {}).unwrap();
    }
    assert_eq!(made, 4);
    let mut other = s.login("c");
    s.call(&mut other, "b").unwrap();
}

#[tokio::test]
async fn one_caller_cannot_ring_and_cancel_a_victim_without_end() {
    let mut s = Board::with(|c| (c.limits.calls_burst, c.limits.calls_to_one_share) = (40.0, 0.1));
    let (mut a, mut victim) = (s.login("a"), s.login("victim"));
    let mut rung = 0;
    while let Ok(call) = s.call(&mut a, "victim") {
        s.hangup(&mut a, &call);
        rung += 1;
    }
    assert_eq!(rung, 4);
    assert_eq!(victim.events().len(), 8);
    s.call(&mut a, "friend").expect("others may be called");
    assert_eq!(victim.events(), [""; 0]);
    s.call(&mut victim, "friend").expect("the victim may call");
}

#[tokio::test]
async fn many_callers_together_are_bounded_too_and_a_refused_call_takes_nothing() {
    let mut s = Board::with(|c| (c.limits.calls_burst, c.limits.calls_received_factor) = (4.0, 2.0));
    let mut rung = 0;
    let mut refused = Vec::new();
    for n in 0..12 {
        let mut caller = s.login(&format!("u{n}"));
        match s.call(&mut caller, "victim") {
            Ok(call) => {
                s.hangup(&mut caller, &call);
                rung += 1;
            }
            Err(code) => {
                assert_eq!(code, "too_many");
                refused.push(caller);
            }
        }
    }
    assert_eq!(rung, 8);
    for caller in &mut refused {
        for n in 0..4 {
            let call = s.call(caller, &format!("friend{n}")).expect("the refused call was not counted");
            s.hangup(caller, &call);
        }
    }
}

#[tokio::test]
async fn devices_and_offers_have_a_bound_each_that_time_cures() {
    let mut s = Board::with(|c| (c.limits.devices_burst, c.limits.offers_burst) = (5.0, 3.0));
    let (mut a, mut b, call) = s.talking("a", "b");
    for n in 0..5 {
        s.toggle(&mut a, &call, n % 2 == 1).unwrap();
    }
    assert_eq!(s.toggle(&mut a, &call, true), Err("too_many".into()));
    assert_eq!(b.events().len(), 5);
    for _ in 0..3 {
        assert_eq!(s.offer(&mut a, &call), Err("nothing".into()), "the media plane has it");
    }
    assert_eq!(s.offer(&mut a, &call), Err("too_many".into()));
    assert!(ErrorCode::TooMany.retry());
    s.ask(&mut a, Request::Ping { ack: 0 }).expect("the rest goes on");
}

#[tokio::test]
async fn a_flood_of_offers_is_refused_before_it_fills_the_queue_of_the_media_plane() {
    let mut s = Board::unbounded(|_| ());
    let (mut a, mut b, call) = s.talking("a", "b");
    // The test takes no notices, so that all of them count as under way.
    for _ in 0..crate::signalling::transports::OFFERS_UNDER_WAY {
        let result = s.offer(&mut a, &call);
        assert!(result != Err("media_unavailable".into()));
    }
    assert_eq!(s.offer(&mut a, &call), Err("media_unavailable".into()));
    assert!(ErrorCode::MediaUnavailable.retry());
    s.toggle(&mut b, &call, false).unwrap();
    s.hangup(&mut b, &call);
    assert!(a.events().contains(&"ended hangup".to_owned()), "signalling goes on");
}

#[tokio::test]
async fn a_refused_offer_and_a_lost_transport_make_room_for_the_next_device() {
    let mut s = Board::unbounded(|c| c.calls.preconnect_devices = 1);
    let (mut a, mut b1, mut b2) = (s.login("a"), s.login("b"), s.login("b"));
    let call = s.call(&mut a, "b").unwrap();
    for device in [&mut b1, &mut b2] {
        s.ask(device, Request::Delivered { call_id: call.clone() }).unwrap();
    }
    assert_eq!(s.offer(&mut b1, &call), Err("nothing".into()));
    assert_eq!(s.offer(&mut b2, &call), Err("preconnect_refused".into()));
    let error = OfferError::Invalid("it is none".into());
    s.board.notice(tring_media::Notice::Refused { session: tring_media::SessionId(1), error });
    assert_eq!(b1.answer(b1.last_id), Err("offer_invalid".into()));
    assert_eq!(s.offer(&mut b2, &call), Err("nothing".into()), "its place is free");
    assert_eq!(s.offer(&mut b1, &call), Err("preconnect_refused".into()));
    s.board.notice(tring_media::Notice::Lost { session: tring_media::SessionId(2) });
    assert_eq!(b2.answer(b2.last_id), Err("media_unavailable".into()), "nobody waits for ever");
    assert_eq!(s.offer(&mut b1, &call), Err("nothing".into()));
    s.board.notice(tring_media::Notice::Evicted { session: tring_media::SessionId(3) });
    assert_eq!(b1.answer(b1.last_id), Err("media_unavailable".into()));
    assert_eq!(s.offer(&mut b2, &call), Err("nothing".into()));
}

#[tokio::test]
async fn a_request_whose_answer_is_gone_is_told_so_and_not_carried_out_again() {
    let mut s = Board::new();
    let mut a = s.login("a");
    for id in 2..40 {
        s.ask_as(&mut a, id, Request::Ping { ack: 0 }).unwrap();
    }
    assert_eq!(s.ask_as(&mut a, 3, Request::Ping { ack: 0 }), Err("answer_forgotten".into()));
}

#[test]
fn what_is_logged_of_a_message_has_no_secret() {
    let (device, _) = oneshot::channel();
    let (frames, _socket) = mpsc::channel(1);
    let resume = In::Resume {
        ticket: "hush".into(),
        last_seq: 0,
        re: 1,
        link: Link::new(1, frames, "localhost".into()),
        ip_permit: None,
        device,
    };
    let out = Out::Frame(r#"{"re":1,"ok":{"ticket":"hush"}}"#.into());
    for text in [format!("{resume:?}"), format!("{out:?}")] {
        assert!(!text.contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn a_stop_tells_everybody_closes_their_sockets_and_lets_nobody_in() {
    let mut s = Board::new();
    let (mut a, mut b, _) = s.talking("a", "b");
    let (done, mut told) = oneshot::channel();
    s.board.take(In::Shutdown(done));
    told.try_recv().unwrap();
    for client in [&mut a, &mut b] {
        assert_eq!(client.events(), ["ended server"]);
        assert!(client.is_closed());
    }
    assert_eq!(s.try_login(user("late"), false).err().as_deref(), Some("overloaded"));
    assert_eq!(s.resume(&a).err().as_deref(), Some("overloaded"));
}

#[tokio::test]
async fn a_device_that_was_replaced_too_long_ago_signs_nobody_out_by_itself() {
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

#[tokio::test]
async fn a_switch_is_told_to_both_also_to_one_who_was_away_and_is_in_the_record() {
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
    let mut last = None;
    while let Ok(record) = b._records.try_recv() {
        last = Some(record);
    }
    let last = last.unwrap();
    assert_eq!((last.media, last.reason), (MediaType::Video, Some(EndReason::Hangup)));
}

#[tokio::test]
async fn whoever_switches_on_and_on_is_refused_for_a_while() {
    let mut b = Board::unbounded(|_| ());
    let (mut x, mut y, call) = b.talking("x", "y");
    let both = [MediaType::Video, MediaType::Audio];
    let refused = (0..100).filter(|n| b.switch(&mut x, &call, both[n % 2]) == Err("too_many".into())).count();
    assert!((80..100).contains(&refused), "{refused}");
    assert_eq!(y.events(), vec!["media"; 100 - refused]);
    assert!(b.switch(&mut y, &call, MediaType::Video).is_ok(), "each device has its own measure");
}
