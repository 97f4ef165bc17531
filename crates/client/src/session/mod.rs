//! The task behind a client: one session over as many sockets as it takes.

mod shared;
mod socket;

pub(crate) use shared::Shared;

use crate::error::{ClientError, Closed};
use crate::options::Options;
use futures_util::{SinkExt, StreamExt};
use socket::{Socket, open};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tracing::debug;
use tring_protocol::log::Untrusted;
use tring_protocol::{
    Answer, CallId, ClientMessage, DeviceInfo, EndReason, ErrorCode, Event, EventMessage, KickReason,
    Outcome, PROTOCOL_VERSION, Request, ServerMessage, Success, Welcome, parse_server_message,
};

/// Requests under way at once. The server keeps 16 answers for repeated requests; what is left is for pings and
/// acknowledged invitations.
const MAX_IN_FLIGHT: usize = 10;

/// Events that may wait to be taken: more than the server keeps for a session, so that it complains first.
const EVENTS: usize = 512;

/// Events after which a ping acknowledges them at once. Higher: fewer pings. Lower: the server, which keeps 256 for a
/// session, has to keep fewer.
const ACK_EVERY: u32 = 64;

/// A socket must open and the sign-in be answered within this. Higher: slow links still make it. Lower: a black hole is
/// left sooner.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Part of the heartbeat after which a ping is sent. Higher: fewer pings. Lower: a dead socket is seen sooner.
const HEARTBEAT_SHARE: f32 = 0.8;

/// A socket on which nothing came for this many heartbeats is dead.
const SILENT_HEARTBEATS: f32 = 2.0;

/// First and longest wait between attempts to come back. Lower: sooner back. Higher: a server that restarts is not
/// stormed.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What the handle asks of the task.
#[derive(Debug)]
pub(crate) enum Ask {
    Request { request: Request, reply: Reply },
    Cut(Duration),
}

type Reply = oneshot::Sender<Result<Success, ClientError>>;

/// Signs in and starts the task. Errors: [`ClientError::Unreachable`], [`ClientError::Refused`].
pub(crate) async fn start(
    options: Options,
    asks: mpsc::Receiver<Ask>,
) -> Result<(Arc<Shared>, mpsc::Receiver<(u32, Event)>), ClientError> {
    let shared = Arc::new(Shared::default());
    let (events, taken) = mpsc::channel(EVENTS);
    let mut session = Session {
        options,
        asks,
        events,
        shared: shared.clone(),
        last_id: 0,
        last_seq: 0,
        acked: 0,
        welcome: None,
        again: false,
        pending: BTreeMap::new(),
        calls: BTreeSet::new(),
    };
    let socket = session.greet().await?;
    tokio::spawn(session.run(socket));
    Ok((shared, taken))
}

struct Pending {
    text: String,
    /// None for what the session asks by itself.
    reply: Option<Reply>,
    logout: bool,
}

struct Session {
    options: Options,
    asks: mpsc::Receiver<Ask>,
    events: mpsc::Sender<(u32, Event)>,
    shared: Arc<Shared>,
    last_id: u32,
    /// The `seq` of the newest event that came.
    last_seq: u32,
    /// The newest `seq` that the server knows to be handled.
    acked: u32,
    welcome: Option<Welcome>,
    /// The session was lost: the next sign-in is nobody's wish.
    again: bool,
    /// Requests without an answer, by number.
    pending: BTreeMap<u32, Pending>,
    /// Calls that this device has a part in.
    calls: BTreeSet<CallId>,
}

/// How a socket ended.
enum End {
    /// Come back after this long.
    Cut(Duration),
    /// Stay away.
    Over(Closed),
}

impl Session {
    async fn run(mut self, mut socket: Socket) {
        let closed = loop {
            let away = match self.talk(&mut socket).await {
                End::Over(closed) => break closed,
                End::Cut(away) => away,
            };
            drop(socket);
            tokio::time::sleep(away).await;
            socket = match self.come_back().await {
                Ok(socket) => socket,
                Err(closed) => break closed,
            };
        };
        debug!(user = %Untrusted(&self.options.user_id), %closed, "client closed");
        self.shared.set(|now| now.closed = Some(closed));
    }

    /// Opens a socket and signs in, or takes the session up. Errors: [`ClientError::Unreachable`],
    /// [`ClientError::Refused`].
    async fn greet(&mut self) -> Result<Socket, ClientError> {
        let url = self.options.url.clone();
        let unreachable = |why: String| ClientError::Unreachable { url: url.clone(), why };
        let request = match &self.welcome {
            Some(welcome) => Request::Resume {
                protocol: PROTOCOL_VERSION,
                ticket: welcome.ticket.clone(),
                last_seq: self.last_seq,
            },
            None => Request::Login {
                protocol: PROTOCOL_VERSION,
                sdk_app_id: self.options.sdk_app_id,
                user_id: self.options.user_id.clone(),
                user_sig: self.options.user_sig.clone(),
                device: DeviceInfo { kind: self.options.kind },
                again: self.again,
            },
        };
        let (id, text) = self.number(request);
        let (local, socket, answer) = timeout(CONNECT_WITHIN, open(&url, self.options.tls.clone(), text))
            .await
            .map_err(|_| unreachable("no answer in time".into()))?
            .map_err(unreachable)?;
        match answer {
            Answer { re, outcome: Outcome::Ok(Success::Welcome(welcome)) } if re == id => {
                self.welcome = Some(welcome);
                self.again = false;
                self.shared.set(|now| now.local = local);
                Ok(socket)
            }
            Answer { outcome: Outcome::Error(body), .. } => Err(ClientError::Refused(body)),
            _ => Err(ClientError::Answer),
        }
    }

    /// Comes back after a cut. Errors: it cannot, ever.
    async fn come_back(&mut self) -> Result<Socket, Closed> {
        let mut wait = RETRY.0;
        loop {
            if self.asks.is_closed() {
                return Err(Closed::LoggedOut);
            }
            match self.greet().await {
                Ok(socket) => return Ok(socket),
                Err(ClientError::Refused(body))
                    if body.code == ErrorCode::TicketInvalid && self.welcome.is_some() =>
                {
                    self.lose_session();
                }
                Err(ClientError::Refused(body)) if body.code == ErrorCode::SignedInElsewhere => {
                    let _ =
                        self.events.try_send((0, Event::KickedOut { reason: KickReason::SignedInElsewhere }));
                    return Err(Closed::KickedOut);
                }
                Err(ClientError::Refused(body)) if !body.retry => {
                    debug!(user = %Untrusted(&self.options.user_id), code = ?body.code, "refused");
                    return Err(Closed::Refused);
                }
                Err(error) => {
                    debug!(user = %Untrusted(&self.options.user_id), error = %Untrusted(&error), "not back yet");
                    tokio::time::sleep(wait.mul_f32(spread())).await;
                    wait = (wait * 2).min(RETRY.1);
                }
            }
        }
    }

    /// The server has forgotten this session: what was asked of it fails, its calls are over.
    fn lose_session(&mut self) {
        self.welcome = None;
        self.again = true;
        self.last_seq = 0;
        self.acked = 0;
        self.shared.handled.store(0, Ordering::Relaxed);
        for (_, pending) in std::mem::take(&mut self.pending) {
            pending.tell(Err(ClientError::Refused(ErrorCode::TicketInvalid.into())));
        }
        for call_id in std::mem::take(&mut self.calls) {
            let event = Event::Ended { call_id, reason: EndReason::Lost, by: None, duration_s: 0 };
            // A full queue is noticed with the next event.
            let _ = self.events.try_send((0, event));
        }
    }

    async fn talk(&mut self, socket: &mut Socket) -> End {
        let unanswered: Vec<String> = self.pending.values().map(|p| p.text.clone()).collect();
        for text in unanswered {
            if socket.send(Message::text(text)).await.is_err() {
                return End::Cut(Duration::ZERO);
            }
        }
        let heartbeat =
            Duration::from_secs(self.welcome.as_ref().map_or(15, |w| w.heartbeat_s.max(1)).into());
        let beat = heartbeat.mul_f32(HEARTBEAT_SHARE);
        let mut beats = tokio::time::interval_at(Instant::now() + beat.mul_f32(spread()), beat);
        let mut heard = Instant::now();
        loop {
            let sent = tokio::select! {
                frame = socket.next() => {
                    heard = Instant::now();
                    match frame {
                        Some(Ok(Message::Text(text))) => match self.hear(&text) {
                            Ok(Some(request)) => self.send(socket, request, None).await,
                            Ok(None) => Ok(()),
                            Err(end) => Err(end),
                        },
                        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Cut(Duration::ZERO)),
                        Some(Ok(_)) => Ok(()),
                    }
                }
                ask = self.asks.recv(), if self.pending.len() < MAX_IN_FLIGHT => match ask {
                    Some(Ask::Request { request, reply }) => self.send(socket, request, Some(reply)).await,
                    Some(Ask::Cut(away)) => Err(End::Cut(away)),
                    None => {
                        // Whether the goodbye arrives makes no difference.
                        let _ = socket.close(None).await;
                        Err(End::Over(Closed::LoggedOut))
                    }
                },
                _ = beats.tick() => {
                    if heard.elapsed() > heartbeat.mul_f32(SILENT_HEARTBEATS) {
                        Err(End::Cut(Duration::ZERO))
                    } else {
                        self.acknowledge(socket).await
                    }
                }
            };
            if let Err(end) = sent {
                return end;
            }
            if self.shared.handled.load(Ordering::Relaxed).saturating_sub(self.acked) >= ACK_EVERY
                && let Err(end) = self.acknowledge(socket).await
            {
                return end;
            }
        }
    }

    async fn acknowledge(&mut self, socket: &mut Socket) -> Result<(), End> {
        self.acked = self.shared.handled.load(Ordering::Relaxed);
        self.send(socket, Request::Ping { ack: self.acked }, None).await
    }

    fn number(&mut self, request: Request) -> (u32, String) {
        self.last_id += 1;
        let message = ClientMessage { id: self.last_id, request };
        // The types of the protocol have string keys and no failing writers; an empty object would be refused.
        (self.last_id, serde_json::to_string(&message).unwrap_or_else(|_| "{}".to_owned()))
    }

    async fn send(&mut self, socket: &mut Socket, request: Request, reply: Option<Reply>) -> Result<(), End> {
        let logout = matches!(request, Request::Logout {});
        let (id, text) = self.number(request);
        self.pending.insert(id, Pending { text: text.clone(), reply, logout });
        // One that did not leave is sent again on the next socket.
        socket.send(Message::text(text)).await.map_err(|_| End::Cut(Duration::ZERO))
    }

    /// Takes a frame; gives what has to be said to it.
    fn hear(&mut self, text: &str) -> Result<Option<Request>, End> {
        let Answer { re, outcome } = match parse_server_message(text) {
            Ok(ServerMessage::Event(EventMessage { seq, event })) => return self.event(seq, event),
            Ok(ServerMessage::Answer(answer)) => answer,
            Err(error) => {
                debug!(user = %Untrusted(&self.options.user_id), error = %Untrusted(&error), "a message that this version does not know");
                return Ok(None);
            }
        };
        let Some(pending) = self.pending.remove(&re) else { return Ok(None) };
        let result = match outcome {
            Outcome::Ok(ok) => Ok(ok),
            Outcome::Error(body) => Err(ClientError::Refused(body)),
        };
        if let Ok(Success::Calling { call_id, .. }) = &result {
            self.calls.insert(call_id.clone());
        }
        let over = pending.logout && result.is_ok();
        if over {
            self.shared.set(|now| now.closed = Some(Closed::LoggedOut));
        }
        pending.tell(result);
        if over { Err(End::Over(Closed::LoggedOut)) } else { Ok(None) }
    }

    fn event(&mut self, seq: u32, event: Event) -> Result<Option<Request>, End> {
        if seq <= self.last_seq {
            return Ok(None); // seen before the cut
        }
        if seq != self.last_seq + 1 {
            return Err(End::Cut(Duration::ZERO)); // a gap: what is missing comes with the return
        }
        self.last_seq = seq;
        let mut reply = None;
        match &event {
            Event::Invited { call_id, .. } => {
                self.calls.insert(call_id.clone());
                reply = self.options.deliver.then(|| Request::Delivered { call_id: call_id.clone() });
            }
            Event::Merged { call_id, into, .. } => {
                self.calls.remove(call_id);
                self.calls.insert(into.clone());
            }
            Event::Ended { call_id, .. } => {
                self.calls.remove(call_id);
            }
            _ => {}
        }
        let kicked = matches!(event, Event::KickedOut { .. });
        if self.events.try_send((seq, event)).is_err() && !self.events.is_closed() {
            return Err(End::Over(Closed::Overrun));
        }
        if kicked { Err(End::Over(Closed::KickedOut)) } else { Ok(reply) }
    }
}

impl Pending {
    fn tell(self, result: Result<Success, ClientError>) {
        if let Some(reply) = self.reply {
            // Who asked may have stopped waiting.
            let _ = reply.send(result);
        }
    }
}

/// A random factor, 0.5 to 1, so that clients cut together do not come back together.
fn spread() -> f32 {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    #[allow(clippy::cast_precision_loss)] // precise enough for a wait
    let unit = random as f32 / u32::MAX as f32;
    0.5 + unit / 2.0
}
