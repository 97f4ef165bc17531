//! The handle of a signed-in device.

use crate::error::{ClientError, Closed};
use crate::options::Options;
use crate::session::{self, Ask, Shared};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tring_protocol::{
    CallId, CallRequest, ErrorBody, ErrorCode, Event, MediaType, MediaUrl, PlayStream, Request, Source,
    SourceSet, Success, UserId,
};

/// Requests that may wait for the session's task. A caller that is further ahead waits.
const ASKS: usize = 64;

/// A signed-in device. It stays signed in: a cut socket is replaced, its session taken up where it was, and requests
/// without an answer sent again under the same numbers; a session that the server has forgotten is replaced by a new
/// sign-in, and its calls are told as ended ([`tring_protocol::EndReason::Lost`]).
///
/// Clones are handles of the same device; an event goes to one of them. When the last is dropped the socket closes
/// without a log-out, as when a program dies: the server keeps the session for its grace.
#[derive(Clone)]
pub struct Client {
    user: UserId,
    asks: mpsc::Sender<Ask>,
    events: Arc<Mutex<mpsc::Receiver<(u32, Event)>>>,
    shared: Arc<Shared>,
}

/// Where a device of a call pushes its stream, and plays the others'.
#[derive(Debug, Clone)]
pub struct Streams {
    /// RTMP URL of its own.
    pub push: MediaUrl,
    /// Each of the others'.
    pub play: Vec<PlayStream>,
}

impl Client {
    /// Signs in. Errors: [`ClientError::Unreachable`], [`ClientError::Refused`].
    pub async fn connect(options: Options) -> Result<Self, ClientError> {
        let (asks, inbox) = mpsc::channel(ASKS);
        let user = options.user_id.clone();
        let (shared, events) = session::start(options, inbox).await?;
        Ok(Self { user, asks, events: Arc::new(Mutex::new(events)), shared })
    }

    /// Who is signed in.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The next event, in the server's order, each once. None once the client is closed.
    pub async fn next_event(&self) -> Option<Event> {
        let (seq, event) = self.events.lock().await.recv().await?;
        self.shared.handled.fetch_max(seq, Ordering::Relaxed);
        Some(event)
    }

    /// Calls one user; gives the call's id. Errors: [`ClientError::Refused`], [`ClientError::Closed`].
    pub async fn call(&self, to: &str, media: MediaType) -> Result<CallId, ClientError> {
        let to = UserId::new(to)
            .map_err(|e| ClientError::Refused(ErrorBody::with(ErrorCode::CalleesInvalid, e.to_string())))?;
        self.call_with(CallRequest { to: vec![to], media, timeout_s: None, fail_fast: false, data: None })
            .await
    }

    /// Calls with every option. Errors: as [`Self::call`].
    pub async fn call_with(&self, request: CallRequest) -> Result<CallId, ClientError> {
        match self.ask(Request::Call(request)).await? {
            Success::Calling { call_id, .. } => Ok(call_id),
            _ => Err(ClientError::Answer),
        }
    }

    /// Says that an invitation rings here: only for [`Options::deliver`] off. Errors: as [`Self::call`].
    pub async fn delivered(&self, call: &CallId) -> Result<(), ClientError> {
        self.ask(Request::Delivered { call_id: call.clone() }).await.map(drop)
    }

    /// Answers. Errors: as [`Self::call`].
    pub async fn accept(&self, call: &CallId) -> Result<(), ClientError> {
        self.ask(Request::Accept { call_id: call.clone() }).await.map(drop)
    }

    /// Refuses. Errors: as [`Self::call`].
    pub async fn reject(&self, call: &CallId) -> Result<(), ClientError> {
        self.ask(Request::Reject { call_id: call.clone() }).await.map(drop)
    }

    /// Leaves: cancels, refuses or hangs up, by where the call stands; a call that is over is no error. Errors: as
    /// [`Self::call`].
    pub async fn hangup(&self, call: &CallId) -> Result<(), ClientError> {
        self.ask(Request::Hangup { call_id: call.clone() }).await.map(drop)
    }

    /// Says whether microphone and camera are on; the server drops what is off. Errors: as [`Self::call`].
    pub async fn devices(&self, call: &CallId, microphone: bool, camera: bool) -> Result<(), ClientError> {
        self.sources(call, SourceSet::said(microphone, camera, None)).await
    }

    /// Says which sources are on; the server drops what is off. Errors: as [`Self::call`], and with
    /// [`ErrorCode::SourceUnsupported`] nothing has changed: leave out what the server does not take.
    pub async fn sources(&self, call: &CallId, sources: SourceSet) -> Result<(), ClientError> {
        let (microphone, camera) = (sources.contains(Source::Microphone), sources.contains(Source::Camera));
        let (call_id, sources) = (call.clone(), Some(sources));
        self.ask(Request::Devices { call_id, microphone, camera, sources }).await.map(drop)
    }

    /// Makes a connected one-to-one call a voice or a video call; [`Event::Media`] tells both. Errors: as [`Self::call`].
    pub async fn switch(&self, call: &CallId, media: MediaType) -> Result<(), ClientError> {
        self.ask(Request::Media { call_id: call.clone(), media }).await.map(drop)
    }

    /// Hands over an SDP offer; gives the answer. [`crate::Media::connect`] does it for this crate's media. Errors: as
    /// [`Self::call`].
    pub async fn transport(&self, call: &CallId, offer: String) -> Result<String, ClientError> {
        match self.ask(Request::Transport { call_id: call.clone(), offer }).await? {
            Success::Transport { answer } => Ok(answer),
            _ => Err(ClientError::Answer),
        }
    }

    /// Asks where a mini-program pushes its stream and plays the others': for tests and load. Errors: as [`Self::call`].
    pub async fn streams(&self, call: &CallId) -> Result<Streams, ClientError> {
        match self.ask(Request::Streams { call_id: call.clone() }).await? {
            Success::Streams { push, play } => Ok(Streams { push, play }),
            _ => Err(ClientError::Answer),
        }
    }

    /// Ends the session and every handle of it. Errors: [`ClientError::Closed`] if it was over before.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.ask(Request::Logout {}).await.map(drop)
    }

    /// Cuts the socket and stays away for that long, as a network change does. Nothing is lost if the server still has
    /// the session then.
    pub async fn cut(&self, away: Duration) {
        // A client that is closed has no socket to cut.
        let _ = self.asks.send(Ask::Cut(away)).await;
    }

    /// Why the client is closed, if it is.
    pub fn closed(&self) -> Option<Closed> {
        self.shared.closed()
    }

    /// The local address of the newest socket: the one that reaches the server.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        self.shared.local_ip()
    }

    async fn ask(&self, request: Request) -> Result<Success, ClientError> {
        let (reply, answer) = oneshot::channel();
        let over = || ClientError::Closed(self.shared.closed().unwrap_or(Closed::LoggedOut));
        self.asks.send(Ask::Request { request, reply }).await.map_err(|_| over())?;
        answer.await.unwrap_or_else(|_| Err(over()))
    }
}
