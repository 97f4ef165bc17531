//! A person in a video room: signalling through a WebSocket of its own, one connection that sends and one that receives.

use super::server::Janus;
use crate::harness::error::BenchError;
use crate::load::light::Connecting;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tring_client::certificate;
use tring_media::{MediaKind, MediaLine, Peer, PeerConfig};

/// Longest wait for an answer.
const STEP: Duration = Duration::from_secs(10);

/// One person in a video room.
pub(super) struct Person {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    address: SocketAddr,
    session: u64,
    sender: u64,
    room: u64,
    id: u64,
    video: bool,
    asked: u64,
}

fn failed(e: impl std::fmt::Display) -> BenchError {
    BenchError::Janus(e.to_string())
}

impl Person {
    /// Signs in, makes the room if this person is the `first`, and enters it under the number `id`.
    pub(super) async fn enter(
        janus: &Janus,
        (room, id): (u64, u64),
        first: bool,
        video: bool,
    ) -> Result<Self, BenchError> {
        let mut request = janus.url().into_client_request().map_err(failed)?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _) = connect_async(request).await.map_err(failed)?;
        let address = SocketAddr::new(janus.address(), 0);
        let mut person = Self { socket, address, session: 0, sender: 0, room, id, video, asked: 0 };
        let made = person.ask(json!({ "janus": "create" }), None).await?;
        person.session = number(&made)?;
        person.sender = person.attach().await?;
        if first {
            let body = json!({
                "request": "create", "room": room, "publishers": 2, "audiocodec": "opus", "videocodec": "h264",
                "h264_profile": "42e01f", "notify_joining": false, "permanent": false,
            });
            person.say(person.sender, body, None).await?;
        }
        let body = json!({ "request": "join", "ptype": "publisher", "room": room, "id": id });
        person.say(person.sender, body, None).await?;
        Ok(person)
    }

    /// Offers what this person sends, and connects.
    pub(super) async fn publish(&mut self) -> Result<Connecting, BenchError> {
        let (socket, mut config) = self.config().await?;
        for line in &mut config.lines {
            line.receive = false;
        }
        let local = config.local[0];
        let (mut peer, offer) = Peer::new(config, Instant::now()).map_err(failed)?;
        let body = json!({ "request": "publish", "audio": true, "video": self.video });
        let jsep = json!({ "type": "offer", "sdp": offer, "trickle": false });
        let answered = self.say(self.sender, body, Some(jsep)).await?;
        let answer = sdp(&answered)?;
        peer.accept_answer(answer, Instant::now()).map_err(failed)?;
        Connecting::shake_hands(peer, socket, local).await
    }

    /// Waits until Janus says that what it sends may flow: until then nobody finds it in the room.
    pub(super) async fn up(&mut self) -> Result<(), BenchError> {
        let socket = &mut self.socket;
        let said = async {
            while let Some(message) = socket.next().await {
                let Message::Text(text) = message.map_err(failed)? else { continue };
                let event: Value = serde_json::from_str(&text).map_err(failed)?;
                if event["janus"] == "webrtcup" {
                    return Ok(());
                }
            }
            Err(BenchError::Closed)
        };
        tokio::time::timeout(STEP, said).await.map_err(|_| BenchError::Late("a connection to Janus"))?
    }

    /// Receives what another sends: Janus offers, this answers and connects.
    pub(super) async fn subscribe(&mut self, feed: u64) -> Result<Connecting, BenchError> {
        let receiver = self.attach().await?;
        let body = json!({
            "request": "join", "ptype": "subscriber", "room": self.room, "streams": [{ "feed": feed }],
        });
        let offered = self.say(receiver, body, None).await?;
        let (socket, config) = self.config().await?;
        let local = config.local[0];
        let (peer, answer) = Peer::answer(config, sdp(&offered)?, Instant::now()).map_err(failed)?;
        let jsep = json!({ "type": "answer", "sdp": &answer, "trickle": false });
        self.say(receiver, json!({ "request": "start" }), Some(jsep)).await?;
        Connecting::shake_hands(peer, socket, local).await
    }

    /// The person's own number in the room.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    async fn config(&self) -> Result<(UdpSocket, PeerConfig), BenchError> {
        let socket = UdpSocket::bind(self.address).await.map_err(failed)?;
        let local = socket.local_addr().map_err(failed)?;
        let mut config = PeerConfig::voice(local, certificate()?);
        if self.video {
            config.lines.push(MediaLine { kind: MediaKind::Video, send: true, receive: true });
        }
        Ok((socket, config))
    }

    async fn attach(&mut self) -> Result<u64, BenchError> {
        let request = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        number(&self.ask(request, None).await?)
    }

    /// Says something to the video room, and gives its answer.
    async fn say(&mut self, handle: u64, body: Value, jsep: Option<Value>) -> Result<Value, BenchError> {
        let mut request = json!({ "janus": "message", "body": body });
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        let answer = self.ask(request, Some(handle)).await?;
        let data = &answer["plugindata"]["data"];
        if let Some(error) = data.get("error") {
            return Err(failed(format!("{error} ({data})")));
        }
        Ok(answer)
    }

    /// Sends a request, and waits for the answer that belongs to it: not for `ack`, and not for what happens meanwhile.
    async fn ask(&mut self, mut request: Value, handle: Option<u64>) -> Result<Value, BenchError> {
        self.asked += 1;
        let transaction = self.asked.to_string();
        request["transaction"] = transaction.clone().into();
        if self.session != 0 {
            request["session_id"] = self.session.into();
        }
        if let Some(handle) = handle {
            request["handle_id"] = handle.into();
        }
        self.socket.send(Message::text(request.to_string())).await.map_err(failed)?;
        let socket = &mut self.socket;
        let answered = async {
            while let Some(message) = socket.next().await {
                let Message::Text(text) = message.map_err(failed)? else { continue };
                let answer: Value = serde_json::from_str(&text).map_err(failed)?;
                if answer["transaction"] != *transaction || answer["janus"] == "ack" {
                    continue;
                }
                if answer["janus"] == "error" {
                    return Err(failed(&answer["error"]));
                }
                return Ok(answer);
            }
            Err(BenchError::Closed)
        };
        tokio::time::timeout(STEP, answered).await.map_err(|_| BenchError::Late("an answer of Janus"))?
    }
}

fn number(answer: &Value) -> Result<u64, BenchError> {
    answer["data"]["id"].as_u64().ok_or_else(|| failed(format!("no number: {answer}")))
}

fn sdp(answer: &Value) -> Result<&str, BenchError> {
    answer["jsep"]["sdp"].as_str().ok_or_else(|| failed(format!("no SDP: {answer}")))
}
