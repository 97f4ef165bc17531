//! One WebSocket: frames in, requests to the switchboard, answers and events out.
//!
//! One task a socket, and no buffer larger than named here: a signed-in user who does nothing must cost little.

use crate::apps::SignInError;
use crate::clock;
use crate::host;
use crate::http::state::AppState;
use crate::limits::shared_connection_limit::{ConnectionPermit, Eviction};
use crate::limits::stranger_log::stranger_event;
use crate::limits::{Bucket, Rate};
use crate::signalling::messages::{CloseReason, In, Link, Login, Resume};
use crate::signalling::session::{Frame, to_frame};
use crate::signalling::shell::{LINK_QUEUE, ToSocket};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tracing::debug;
use tring_protocol::limits::MAX_MESSAGE_BYTES;
use tring_protocol::log::Untrusted;
use tring_protocol::{
    Answer, ClientMessage, DeviceId, ErrorBody, ErrorCode, OLDEST_PROTOCOL_VERSION, Outcome,
    PROTOCOL_VERSION, Request, UserKey, parse_client_message, refuse_unread,
};

/// Bytes read from a socket at once. The library's default of 128 KiB alone is eight times what an idle user may cost;
/// an SDP offer takes two or three reads of this size.
const READ_BUFFER: usize = 4 * 1024;

/// Bytes gathered before a write. Each frame is flushed at once, so this only bounds memory.
const WRITE_BUFFER: usize = 1024;

/// Bytes that may wait in the library for a socket that takes nothing.
const WRITE_BUFFER_MAX: usize = 512 * 1024;

/// Longest frame that is read, in bytes: more than is allowed, so that a message which is too large is answered and its
/// client does not send it again for ever. What is larger still costs its socket. Higher: more of them are answered. Lower:
/// a hostile client holds less memory.
const MAX_FRAME: usize = MAX_MESSAGE_BYTES + 28 * 1024;

/// How long a socket may take to sign in.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(15);

/// How long one frame may take to leave. A socket that is slower is cut; its session goes on.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// How long a client may take to answer the end of its socket. Without waiting, the system would throw away what the
/// client has not read yet as soon as something of the client's comes in.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A socket may be silent for this many heartbeats.
const SILENT_HEARTBEATS: f32 = 2.5;

/// Refusals for sending too often, at once and a second, after which the socket is closed. A client that is a little too
/// fast for hours is only slowed.
const REFUSALS: Rate = Rate { burst: 100.0, per_second: 0.1 };

/// The place of a socket that has not signed in, and how it is taken away. In a box, for those that have signed in are many
/// more and have none.
type Pending = Box<(ConnectionPermit, Eviction)>;

/// `GET /v1/socket`: becomes a WebSocket. Answers 503 while the server stops, and when too many have not signed in.
pub(crate) async fn upgrade(
    State(state): State<Arc<AppState>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: WebSocketUpgrade,
) -> Response {
    let overloaded = |what: &'static str| {
        stranger_event!(DEBUG, %from, what, "socket refused");
        (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Overloaded.sentence()).into_response()
    };
    if *state.stopping.borrow() {
        return overloaded("the server is stopping");
    }
    let Ok(pending) = state.pending_sockets.enter(from.ip()) else {
        return overloaded("limits.max_pending_sockets, or the address's share of them, have not signed in");
    };
    let Ok(permit) = state.sockets.clone().try_acquire_owned() else {
        return overloaded("as many are open as can be counted");
    };
    let host = host::of_request(&headers);
    request
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| serve(state, socket, from, host, Box::new(pending), permit))
}

async fn serve(
    state: Arc<AppState>,
    socket: WebSocket,
    from: SocketAddr,
    host: Arc<str>,
    pending: Pending,
    _held: OwnedSemaphorePermit,
) {
    let link = Link(state.next_socket.fetch_add(1, Ordering::Relaxed));
    let (sender, frames) = mpsc::channel(LINK_QUEUE);
    let mut connection = Connection { state, socket, link, from, host, device: None, pending: Some(pending) };
    let why = connection.run(sender, frames).await;
    let Some(device) = connection.device else {
        return stranger_event!(DEBUG, socket = link.0, %from, why, "socket closed that nobody signed in on");
    };
    debug!(socket = link.0, %from, %device, why, "socket closed");
    let _ = connection.state.switchboard.send(In::Cut { device, link }).await;
}

/// Why a socket ended, for the log.
type Why = &'static str;

/// An upgraded connection.
struct Connection {
    state: Arc<AppState>,
    socket: WebSocket,
    link: Link,
    from: SocketAddr,
    host: Arc<str>,
    /// None until it has signed in.
    device: Option<DeviceId>,
    /// The place among those that have not signed in.
    pending: Option<Pending>,
}

/// Waits until the place of a socket that has not signed in is taken away.
async fn evicted(pending: &mut Option<Pending>) {
    match pending {
        Some(pending) => pending.1.happens().await,
        None => std::future::pending().await,
    }
}

impl Connection {
    async fn run(&mut self, sender: mpsc::Sender<ToSocket>, mut frames: mpsc::Receiver<ToSocket>) -> Why {
        let limits = &self.state.config.limits;
        let rate = Rate { burst: limits.messages_burst, per_second: limits.messages_per_second };
        let silence = Duration::from_secs_f32(f32::from(limits.heartbeat_s) * SILENT_HEARTBEATS);
        let now = self.state.clock.now();
        let (mut bucket, mut refusals) = (Bucket::full(rate, now), Bucket::full(REFUSALS, now));
        let mut stopping = self.state.stopping.clone();
        let idle = tokio::time::sleep(SIGN_IN_WITHIN);
        tokio::pin!(idle);
        // Held until sign-in. Then only signalling has one: when it lets go, `frames` ends and so does the socket.
        let mut sender = Some(sender);
        loop {
            tokio::select! {
                out = frames.recv() => match out {
                    Some(ToSocket::Frame(frame)) => if self.send(frame).await.is_err() { return "does not take its frames" },
                    Some(ToSocket::Close(reason)) => {
                        self.close(reason.code(), reason.text()).await;
                        return reason.text();
                    }
                    None => {
                        let reason = CloseReason::TooFarBehind;
                        self.close(reason.code(), reason.text()).await;
                        return "closed by the server";
                    }
                },
                message = self.socket.recv() => {
                    let text = match message {
                        Some(Ok(Message::Text(text))) => Some(text),
                        // The library answers them by itself; they cost like any message.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                        Some(Ok(Message::Binary(_))) => {
                            self.close(close_code::UNSUPPORTED, "text frames only").await;
                            return "binary frame";
                        }
                        Some(Ok(Message::Close(_))) | None => {
                            self.drain().await;
                            return "closed by the client";
                        }
                        Some(Err(e)) => {
                            stranger_event!(DEBUG, socket = self.link.0, error = %Untrusted(&e), "socket error");
                            self.close(close_code::SIZE, "frame too large or broken").await;
                            return "broken";
                        }
                    };
                    let now = self.state.clock.now();
                    let admitted = bucket.take(rate, now);
                    if !admitted && !refusals.take(REFUSALS, now) {
                        self.close(close_code::POLICY, ErrorCode::TooMany.sentence()).await;
                        return "too many messages";
                    }
                    let Some(text) = text else { continue };
                    if !admitted {
                        let answer = refuse_unread(&text, ErrorCode::TooMany.into());
                        if self.send(to_frame(&answer)).await.is_err() { return "does not take its frames" }
                        continue;
                    }
                    if self.message(&text, &mut sender).await.is_err() { return "does not take its frames" }
                    if self.device.is_some() {
                        idle.as_mut().reset(Instant::now() + silence);
                    }
                },
                // Those that are signed in are closed by the switchboard, after what it has to tell them.
                Ok(()) = stopping.changed(), if self.device.is_none() => {
                    self.close(close_code::AWAY, "the server is stopping").await;
                    return "stopping";
                }
                () = evicted(&mut self.pending) => {
                    self.make_way();
                    return "another needs its place";
                }
                () = &mut idle => {
                    self.close(close_code::POLICY, "silent for too long").await;
                    return "silent";
                }
            }
        }
    }

    async fn message(
        &mut self,
        text: &str,
        sender: &mut Option<mpsc::Sender<ToSocket>>,
    ) -> Result<(), axum::Error> {
        let ClientMessage { id, request } = match parse_client_message(text) {
            Ok(message) => message,
            Err(answer) => return self.send(to_frame(&answer)).await,
        };
        if let Some(device) = self.device {
            let message = ClientMessage { id, request };
            let _ = self.state.switchboard.send(In::Request { device, link: self.link, message }).await;
            return Ok(());
        }
        let (link, host) = (self.link, self.host.clone());
        let (input, frames) = match request {
            Request::Login { protocol, sdk_app_id, user_id, user_sig, device: _, again } => {
                let owner = UserKey { app: sdk_app_id, user: user_id };
                let now = clock::wall();
                let checked = check_version(protocol)
                    .and_then(|()| Ok(self.state.apps.sign_in(&owner, user_sig.expose(), now)?));
                match (checked, sender.clone()) {
                    (Ok(single_login), Some(frames)) => {
                        let permit = match self.state.session_limit.enter(self.from.ip()) {
                            Ok(permit) => permit,
                            Err(full) => {
                                stranger_event!(DEBUG, socket = self.link.0, from = %self.from, full, "no place for a session");
                                return self.refuse(id, ErrorCode::Overloaded.into()).await;
                            }
                        };
                        let login = Login { link, host, owner, single_login, again, re: id, permit };
                        (In::Login(login), frames)
                    }
                    (Err(error), _) => {
                        stranger_event!(DEBUG, socket = self.link.0, user = %Untrusted(&owner), code = ?error.code, "sign-in refused");
                        return self.refuse(id, error).await;
                    }
                    (_, None) => return self.refuse(id, ErrorCode::LoginRequired.into()).await,
                }
            }
            Request::Resume { protocol, ticket, last_seq } => match (check_version(protocol), sender.clone())
            {
                (Ok(()), Some(frames)) => {
                    let ip_permit = self.state.session_limit.ip_permit(self.from.ip());
                    (In::Resume(Resume { link, host, ticket, last_seq, re: id, ip_permit }), frames)
                }
                (Err(error), _) => return self.refuse(id, error).await,
                (_, None) => return self.refuse(id, ErrorCode::LoginRequired.into()).await,
            },
            _ => return self.refuse(id, ErrorCode::LoginRequired.into()).await,
        };
        self.device = self.state.switchboard.sign_in(input, link, frames).await;
        if self.device.is_some() {
            *sender = None;
            self.pending = None;
        }
        Ok(())
    }

    async fn refuse(&mut self, re: u32, error: ErrorBody) -> Result<(), axum::Error> {
        self.send(to_frame(&Answer { re, outcome: Outcome::Error(error) })).await
    }

    async fn send(&mut self, frame: Frame) -> Result<(), axum::Error> {
        let message = Message::Text((&*frame).into());
        tokio::select! {
            sent = tokio::time::timeout(SEND_WITHIN, self.socket.send(message)) => {
                sent.unwrap_or_else(|elapsed| Err(axum::Error::new(elapsed)))
            }
            () = evicted(&mut self.pending) => Err(axum::Error::new("another needs its place")),
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = tokio::time::timeout(SEND_WITHIN, self.socket.send(Message::Close(Some(frame)))).await;
        self.drain().await;
    }

    /// Closes without waiting for anything: the place is somebody else's already.
    fn make_way(&mut self) {
        let frame = CloseFrame { code: close_code::AGAIN, reason: ErrorCode::Overloaded.sentence().into() };
        let _ = self.socket.send(Message::Close(Some(frame))).now_or_never();
    }

    /// Reads on until the client has closed its side too.
    async fn drain(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = tokio::time::timeout(CLOSE_WITHIN, rest).await;
    }
}

fn check_version(protocol: u16) -> Result<(), ErrorBody> {
    if (OLDEST_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&protocol) {
        return Ok(());
    }
    let newest = PROTOCOL_VERSION;
    let what = if protocol > newest { "update the server" } else { "update the client" };
    let message = format!(
        "the client speaks protocol {protocol}, this server {OLDEST_PROTOCOL_VERSION} to {newest}: {what}"
    );
    Err(ErrorBody::with(ErrorCode::ProtocolVersion, message))
}

impl From<SignInError> for ErrorBody {
    fn from(error: SignInError) -> Self {
        Self::with(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::Timestamp;

    #[test]
    fn a_client_that_is_a_little_too_fast_for_hours_is_only_slowed() {
        let mut now = Timestamp::from_secs(1000);
        let mut refusals = Bucket::full(REFUSALS, now);
        for _ in 0..1000 {
            assert!(refusals.take(REFUSALS, now), "once in ten seconds is forgiven");
            now = now + Duration::from_secs(10);
        }
        let flood = (0..1000).filter(|_| refusals.take(REFUSALS, now)).count();
        assert_eq!(flood, 100, "a flood is not");
    }
}
