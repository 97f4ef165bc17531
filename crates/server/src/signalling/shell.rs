//! Around the switchboard: one task that gives it inputs and the time, and carries out what comes out. Nothing is decided
//! here but that a link which does not take a frame is cut.

use crate::apps::AppChange;
use crate::clock::Clock;
use crate::records::queue::Recorder;
use crate::signalling::messages::{CloseReason, In, Link, Out};
use crate::signalling::notice_queue::Notices;
use crate::signalling::session::{EVENTS_KEPT, Frame, LAST_EVENTS};
use crate::signalling::switchboard::{Switchboard, UNACKNOWLEDGED};
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;
use tring_media::Command;
use tring_protocol::DeviceId;

/// Messages that wait for the switchboard. Higher: larger bursts before a socket waits. Lower: less memory when it is
/// behind.
const INBOX: usize = 4096;

/// Frames that wait for one socket: all events that a session keeps, as many as it is then given, and some answers. A
/// socket that is further behind is cut; its session keeps the events. Higher: answers to more requests may wait. Lower:
/// less memory for a socket that takes nothing.
pub(crate) const LINK_QUEUE: usize = EVENTS_KEPT + LAST_EVENTS + UNACKNOWLEDGED as usize + 64;

/// What a socket is sent.
pub(crate) enum ToSocket {
    /// A text frame.
    Frame(Frame),
    /// Close after what was sent.
    Close(CloseReason),
}

/// What waits in the inbox.
pub(crate) enum Mail {
    Input(In),
    /// [`In::Login`] or [`In::Resume`], the way to its link, and where to say which device is signed in on it.
    SignIn {
        input: In,
        link: Link,
        frames: mpsc::Sender<ToSocket>,
        device: oneshot::Sender<Option<DeviceId>>,
    },
    /// [`In::Shutdown`], and where to say that everybody has been told.
    Shutdown(oneshot::Sender<()>),
}

/// The switchboard is gone: nothing is carried out any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// The way to the switchboard. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox(mpsc::Sender<Mail>);

/// An inbox, and what [`Shell::run`] reads.
pub(crate) fn inbox() -> (Inbox, mpsc::Receiver<Mail>) {
    let (sender, mail) = mpsc::channel(INBOX);
    (Inbox(sender), mail)
}

impl Inbox {
    /// Hands an input over, as soon as there is room.
    ///
    /// # Errors
    /// [`Closed`]. A socket need not care: the server is about to close it.
    pub(crate) async fn send(&self, input: In) -> Result<(), Closed> {
        self.0.send(Mail::Input(input)).await.map_err(|_| Closed)
    }

    /// Hands over a [`In::Login`] or [`In::Resume`] on a link, and the way to the link's socket. Gives the device that is
    /// signed in on it. From then on only the shell has a sender: when it lets go, the socket's queue ends.
    pub(crate) async fn sign_in(
        &self,
        input: In,
        link: Link,
        frames: mpsc::Sender<ToSocket>,
    ) -> Option<DeviceId> {
        let (device, known) = oneshot::channel();
        self.0.send(Mail::SignIn { input, link, frames, device }).await.ok()?;
        known.await.ok().flatten()
    }

    /// Tells the switchboard which apps there are. One that is gone has no calls of any.
    pub(crate) async fn app_changed(&self, change: AppChange) {
        let input = match change {
            AppChange::Added(app) => In::AppAdded(app),
            AppChange::Deleted(app) => In::AppDeleted(app),
        };
        let _ = self.send(input).await;
    }

    /// Ends all calls. What it gives ends when everybody has been told.
    pub(crate) async fn shut_down(&self) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        // A switchboard that is gone tells nobody: `told` has ended already.
        let _ = self.0.send(Mail::Shutdown(done)).await;
        told
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// A link whose socket is there.
struct Socket {
    frames: mpsc::Sender<ToSocket>,
    /// Who is signed in on it. None while its sign-in is carried out.
    device: Option<DeviceId>,
}

/// The task's state. `M` takes what the media plane is told, and never waits.
pub(crate) struct Shell<M> {
    switchboard: Switchboard,
    clock: Clock,
    media: M,
    records: Recorder,
    links: HashMap<Link, Socket>,
    /// Reused between inputs.
    out: Vec<Out>,
    /// Links that did not take a frame, which the switchboard has still to hear.
    cut: Vec<(DeviceId, Link)>,
}

impl<M: FnMut(Command)> Shell<M> {
    pub(crate) fn new(switchboard: Switchboard, clock: Clock, media: M, records: Recorder) -> Self {
        Self { switchboard, clock, media, records, links: HashMap::new(), out: Vec::new(), cut: Vec::new() }
    }

    /// Runs until every [`Inbox`] is gone.
    pub(crate) async fn run(mut self, mut mail: mpsc::Receiver<Mail>, mut notices: Notices) {
        loop {
            let deadline = self.switchboard.next_deadline();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(self.clock.instant(at).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                mail = mail.recv() => match mail {
                    Some(mail) => self.take(mail),
                    None => return,
                },
                Some(notice) = notices.recv() => {
                    self.give(In::Notice(notice));
                }
                () = timer => {
                    self.switchboard.advance(self.clock.now(), &mut self.out);
                    self.carry_out();
                }
            }
        }
    }

    fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Input(input) => {
                if let In::Cut { link, .. } = &input {
                    self.links.remove(link);
                }
                self.give(input);
            }
            Mail::SignIn { input, link, frames, device } => {
                self.links.insert(link, Socket { frames, device: None });
                let signed_in = self.give(input);
                if signed_in.is_none() {
                    self.links.remove(&link);
                } else if let Some(socket) = self.links.get_mut(&link) {
                    socket.device = signed_in;
                }
                let _ = device.send(signed_in);
            }
            Mail::Shutdown(done) => {
                self.give(In::Shutdown);
                let _ = done.send(());
            }
        }
    }

    fn give(&mut self, input: In) -> Option<DeviceId> {
        let signed_in = self.switchboard.handle(input, self.clock.now(), &mut self.out);
        self.carry_out();
        signed_in
    }

    /// Carries out what has come out, and what follows from links that do not take it.
    fn carry_out(&mut self) {
        loop {
            let mut out = std::mem::take(&mut self.out);
            for output in out.drain(..) {
                self.output(output);
            }
            self.out = out;
            let Some((device, link)) = self.cut.pop() else { break };
            self.switchboard.handle(In::Cut { device, link }, self.clock.now(), &mut self.out);
        }
        metrics::gauge!("tring_sessions").set(self.switchboard.sessions() as f64);
        metrics::gauge!("tring_transports").set(self.switchboard.transports() as f64);
    }

    fn output(&mut self, output: Out) {
        match output {
            Out::Frame { link, frame } => {
                let Some(socket) = self.links.get(&link) else { return };
                // A fresh link's queue cannot be full, and one that is gone is noticed by its socket.
                if socket.frames.try_send(ToSocket::Frame(frame)).is_err()
                    && let Some(device) = socket.device
                {
                    debug!(%device, "socket is too far behind, or gone: cut");
                    self.links.remove(&link);
                    self.cut.push((device, link));
                }
            }
            Out::Close { link, reason } => {
                // A full queue closes too: the sender goes with the link, and the queue's end is its socket's.
                if let Some(socket) = self.links.remove(&link) {
                    let _ = socket.frames.try_send(ToSocket::Close(reason));
                }
            }
            Out::Media(command) => (self.media)(command),
            Out::Record(record) => {
                if record.reason.is_some() {
                    metrics::counter!("tring_calls_ended_total").increment(1);
                }
                self.records.record(record);
            }
        }
    }
}
