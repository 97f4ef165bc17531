//! A real server on free ports, and devices that speak the protocol over real sockets.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod netns;
pub mod proxy;

use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tring_protocol::*;
use tring_server::{Config, Running};
use tring_store::{App, CreatedApp, Store};
use tring_testkit::settings::ON_LOOPBACK;

/// Longest wait for something that must come.
pub const SOON: Duration = Duration::from_secs(10);

/// How long a test listens for something that must not come.
pub const QUIET: Duration = Duration::from_millis(150);

pub struct Server {
    pub running: Running,
    pub store: Store,
    pub dir: TempDir,
}

pub fn config(dir: &TempDir) -> Config {
    let file = dir.path().join("tring.toml");
    std::fs::write(&file, ON_LOOPBACK).unwrap();
    let mut config = Config::load(Some(&file)).unwrap();
    config.data = dir.path().to_owned();
    config
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&dir);
        change(&mut config);
        let running = tring_server::start(config).await.unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        Self { running, store, dir }
    }

    /// Creates an app and waits until the server serves it.
    pub async fn app(&self, name: &str) -> App {
        self.create_app(name).await.app
    }

    /// The same, with the app's API secret.
    pub async fn create_app(&self, name: &str) -> CreatedApp {
        let created = self.store.create_app(name).await.unwrap();
        let app = &created.app;
        for _ in 0..200 {
            let mut socket = self.socket().await;
            let text = login_text(app, "probe", &sign(app, "probe"));
            socket.send(Message::text(text)).await.unwrap();
            if answer(&mut socket).await.is_ok() {
                return created;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server never served the new app");
    }

    pub fn url(&self) -> String {
        format!("ws://{}/v1/socket", self.running.address)
    }

    pub async fn socket(&self) -> Socket {
        tokio_tungstenite::connect_async(self.url()).await.unwrap().0
    }

    pub async fn device(&self, app: &App, user: &str) -> Device {
        let mut device = Device::connect(self).await;
        let welcome = device.login(app, user).await.unwrap();
        device.ticket = welcome.ticket;
        device
    }

    /// A plain HTTP request; returns the status and the body.
    pub async fn http(&self, request: &str, headers: &str, body: &str) -> (u16, String) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = TcpStream::connect(self.running.address).await.unwrap();
        let length = body.len();
        let text = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
        (status, reply.split_once("\r\n\r\n").unwrap().1.to_owned())
    }
}

pub fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub fn sign(app: &App, user: &str) -> String {
    tring_usersig::sign(&app.key, app.id.get(), user, Duration::from_secs(600), now_s()).unwrap()
}

pub fn login_text(app: &App, user: &str, sig: &str) -> String {
    serde_json::json!({
        "id": 1, "type": "login", "protocol": 1, "sdkAppID": app.id, "userID": user, "userSig": sig,
        "device": { "kind": "native" },
    })
    .to_string()
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The next answer on a socket; events before it are skipped.
pub async fn answer(socket: &mut Socket) -> Result<Success, ErrorBody> {
    loop {
        let message =
            tokio::time::timeout(SOON, socket.next()).await.expect("an answer").expect("an open socket");
        let Message::Text(text) = message.unwrap() else { continue };
        if let Ok(answer) = serde_json::from_str::<Answer>(&text) {
            return match answer.outcome {
                Outcome::Ok(ok) => Ok(ok),
                Outcome::Error(error) => Err(error),
            };
        }
    }
}

pub struct Device {
    pub socket: Socket,
    pub ticket: ResumeTicket,
    pub last_seq: u32,
    next_id: u32,
    events: VecDeque<Event>,
    /// The code with which the server has closed the socket.
    pub closed_with: Option<CloseCode>,
}

impl Device {
    pub async fn connect(server: &Server) -> Self {
        let socket = server.socket().await;
        Self {
            socket,
            ticket: "".into(),
            last_seq: 0,
            next_id: 1,
            events: VecDeque::new(),
            closed_with: None,
        }
    }

    pub async fn login(&mut self, app: &App, user: &str) -> Result<Welcome, ErrorBody> {
        let request = Request::Login {
            protocol: 1,
            sdk_app_id: app.id,
            user_id: UserId::new(user).unwrap(),
            user_sig: sign(app, user).into(),
            device: DeviceInfo { kind: DeviceKind::Native },
            again: false,
        };
        match self.ask(request).await? {
            Success::Welcome(welcome) => Ok(welcome),
            other => panic!("{other:?}"),
        }
    }

    /// Comes back on a new socket.
    pub async fn resume(&mut self, server: &Server) -> Result<(), ErrorBody> {
        self.socket = server.socket().await;
        let request = Request::Resume { protocol: 1, ticket: self.ticket.clone(), last_seq: self.last_seq };
        match self.ask(request).await? {
            Success::Welcome(welcome) => {
                assert!(welcome.resumed);
                Ok(())
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn send(&mut self, request: Request) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.send_as(id, request).await;
        id
    }

    pub async fn send_as(&mut self, id: u32, request: Request) {
        let text = serde_json::to_string(&ClientMessage { id, request }).unwrap();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn ask(&mut self, request: Request) -> Result<Success, ErrorBody> {
        let id = self.send(request).await;
        self.answer_to(id).await
    }

    pub async fn answer_to(&mut self, id: u32) -> Result<Success, ErrorBody> {
        loop {
            let text = self.text(SOON).await.expect("an answer");
            match serde_json::from_str::<Answer>(&text) {
                Ok(Answer { re, outcome }) => {
                    assert_eq!(re, id, "{text}");
                    return match outcome {
                        Outcome::Ok(ok) => Ok(ok),
                        Outcome::Error(error) => Err(error),
                    };
                }
                Err(_) => self.keep(&text),
            }
        }
    }

    async fn text(&mut self, within: Duration) -> Option<String> {
        loop {
            match tokio::time::timeout(within, self.socket.next()).await.ok()?? {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(close)) => self.closed_with = close.map(|c| c.code),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    fn keep(&mut self, text: &str) {
        let EventMessage { seq, event } =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(seq, self.last_seq + 1, "events are numbered without a gap: {text}");
        self.last_seq = seq;
        self.events.push_back(event);
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        while self.events.is_empty() {
            let text = self.text(SOON).await.expect("an event");
            self.keep(&text);
        }
        self.events.pop_front().unwrap()
    }

    /// The next event; none if the socket ends before one comes. Answers are skipped.
    pub async fn event_or_end(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let text = self.text(SOON).await?;
            if serde_json::from_str::<Answer>(&text).is_err() {
                self.keep(&text);
            }
        }
        self.events.pop_front()
    }

    /// Fails if anything comes in the next moment.
    pub async fn hears_nothing(&mut self) {
        if self.events.is_empty() {
            let Some(text) = self.text(QUIET).await else { return };
            self.keep(&text);
        }
        panic!("unexpected: {:?}", self.events);
    }

    pub async fn call(&mut self, to: &str, media: MediaType) -> CallId {
        match self.ask(call_to(to, media)).await.unwrap() {
            Success::Calling { call_id, .. } => call_id,
            other => panic!("{other:?}"),
        }
    }

    /// Takes an invitation and rings.
    pub async fn ring(&mut self) -> CallId {
        let Event::Invited { call_id, .. } = self.event().await else { panic!("no invitation") };
        self.ask(Request::Delivered { call_id: call_id.clone() }).await.unwrap();
        call_id
    }
}

pub fn call_to(to: &str, media: MediaType) -> Request {
    let to = vec![UserId::new(to).unwrap()];
    Request::Call(CallRequest { to, media, timeout_s: None, fail_fast: false, data: None })
}
