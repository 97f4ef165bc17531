//! The switchboard under virtual time: inputs given by hand, links whose frames the test reads. No socket, no thread, no
//! clock.

mod consent;
mod ended_sessions;
mod links;
mod media_events;
mod rates;
mod shell;
mod slow_clients;

use crate::config::Config;
use crate::limits::session_limit::SessionLimit;
use crate::signalling::messages::{CloseReason, In, Link, Login, Out, Random, Resume};
use crate::signalling::session::{EVENTS_KEPT, Frame};
use crate::signalling::switchboard::{Switchboard, UNACKNOWLEDGED};
use crate::signalling::transports::MAX_PENDING_OFFERS;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tring_calls::CallRecord;
use tring_media::{Command, Notice, OfferError, SessionId};
use tring_protocol::{
    CallId, CallRequest, ClientMessage, DeviceId, EndReason, ErrorCode, Event, MediaType, Request,
    ResumeTicket, SdkAppId, Timestamp, UserId, UserKey,
};

/// A switchboard, the time, and what has come out.
struct Board {
    board: Switchboard,
    now: Timestamp,
    links: HashMap<Link, Rc<RefCell<Socket>>>,
    last_link: u64,
    commands: Vec<Command>,
    records: Vec<CallRecord>,
}

/// What has come out for a link.
#[derive(Default)]
struct Socket {
    frames: Vec<Frame>,
    closed: Option<CloseReason>,
}

/// A socket as its client sees it.
struct Client {
    link: Link,
    socket: Rc<RefCell<Socket>>,
    device: Option<DeviceId>,
    ticket: ResumeTicket,
    last_id: u32,
    last_seq: u32,
    /// Everything that came and was not looked at.
    seen: Vec<Value>,
}

fn app() -> SdkAppId {
    SdkAppId::new(1_400_000_001).unwrap()
}

fn user(name: &str) -> UserKey {
    UserKey { app: app(), user: UserId::new(name).unwrap() }
}

/// Numbers that nobody would call random, and each of them once.
fn counting() -> Random {
    let mut last = 0_u64;
    Box::new(move |bytes| {
        last += 1;
        bytes.iter_mut().zip(last.to_le_bytes()).for_each(|(byte, n)| *byte = n);
        true
    })
}

/// A switchboard with the default settings, but for those that a test changes.
fn switchboard(change: impl FnOnce(&mut Config), random: Random) -> Switchboard {
    let mut config = Config::default();
    change(&mut config);
    Switchboard::new(Arc::new(config), None, random)
}

/// No rate is a bound.
fn without_rates(config: &mut Config) {
    let l = &mut config.limits;
    (l.calls_burst, l.devices_burst, l.offers_burst) = (1e6, 1e6, 1e6);
}

/// A sign-in at any address.
fn login(link: Link, owner: UserKey, single_login: bool, again: bool) -> Login {
    let permit = SessionLimit::new(1, 1).enter(Ipv4Addr::LOCALHOST.into()).unwrap();
    Login { link, host: "localhost".into(), owner, single_login, again, re: 1, permit }
}

impl Board {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::of(switchboard(change, counting()))
    }

    fn of(board: Switchboard) -> Self {
        Self {
            board,
            now: Timestamp::from_secs(1_700_000_000),
            links: HashMap::new(),
            last_link: 0,
            commands: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Everything often, but for what a test sets by itself.
    fn unbounded(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(|config| {
            without_rates(config);
            change(config);
        })
    }

    fn give(&mut self, input: In) -> Option<DeviceId> {
        let mut out = Vec::new();
        let device = self.board.handle(input, self.now, &mut out);
        self.carry_out(out);
        device
    }

    /// Lets time pass, stopping at each deadline as the shell does.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.board.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            let mut out = Vec::new();
            self.board.advance(self.now, &mut out);
            self.carry_out(out);
        }
        self.now = end;
    }

    fn carry_out(&mut self, out: Vec<Out>) {
        for output in out {
            match output {
                Out::Frame { link, frame } => {
                    let mut socket = self.links[&link].borrow_mut();
                    assert_eq!(socket.closed, None, "{link} is told something after its end: {frame}");
                    socket.frames.push(frame);
                }
                Out::Close { link, reason } => {
                    let before = self.links[&link].borrow_mut().closed.replace(reason);
                    assert_eq!(before, None, "{link} is closed twice");
                }
                Out::Media(command) => self.commands.push(command),
                Out::Record(record) => self.records.push(record),
            }
        }
    }

    fn connect(&mut self) -> Client {
        self.last_link += 1;
        let (link, socket) = (Link(self.last_link), Rc::<RefCell<Socket>>::default());
        self.links.insert(link, socket.clone());
        let (device, ticket) = (None, "".into());
        Client { link, socket, device, ticket, last_id: 1, last_seq: 0, seen: Vec::new() }
    }

    fn try_login(&mut self, owner: UserKey, single_login: bool) -> Result<Client, String> {
        self.try_login_as(owner, single_login, false)
    }

    fn try_login_as(&mut self, owner: UserKey, single_login: bool, again: bool) -> Result<Client, String> {
        let mut client = self.connect();
        client.device = self.give(In::Login(login(client.link, owner, single_login, again)));
        let answer = client.answer(1)?;
        client.ticket = answer["ticket"].as_str().unwrap().into();
        Ok(client)
    }

    fn login(&mut self, name: &str) -> Client {
        self.try_login(user(name), false).unwrap()
    }

    /// The same session on a new socket.
    fn resume(&mut self, old: &Client) -> Result<Client, String> {
        let mut client = self.connect();
        let (link, host, last_seq, re) = (client.link, "localhost".into(), old.last_seq, 900_000);
        let resume = Resume { link, host, ticket: old.ticket.clone(), last_seq, re, ip_permit: None };
        client.device = self.give(In::Resume(resume));
        (client.ticket, client.last_id, client.last_seq) = (old.ticket.clone(), re, last_seq);
        let answer = client.answer(re)?;
        assert_eq!(answer["resumed"], true);
        Ok(client)
    }

    fn cut(&mut self, client: &Client) {
        self.give(In::Cut { device: client.device.unwrap(), link: client.link });
    }

    fn ask(&mut self, client: &mut Client, request: Request) -> Result<Value, String> {
        client.last_id += 1;
        self.ask_as(client, client.last_id, request)
    }

    fn ask_as(&mut self, client: &mut Client, id: u32, request: Request) -> Result<Value, String> {
        let message = ClientMessage { id, request };
        self.give(In::Request { device: client.device.unwrap(), link: client.link, message });
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
        let frames = std::mem::take(&mut self.socket.borrow_mut().frames);
        self.seen.extend(frames.iter().map(|frame| serde_json::from_str::<Value>(frame).unwrap()));
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

    fn is_closed(&self) -> bool {
        self.socket.borrow().closed.is_some()
    }
}
