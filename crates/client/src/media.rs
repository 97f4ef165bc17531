//! One WebRTC session of a call: ICE, DTLS and SRTP on a UDP socket of its own.

use crate::path::{MediaPath, Watch};
use crate::pattern::{Due, Pattern, Player};
use crate::{Client, ClientError, Tally};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};
use tring_media::{
    Certificate, Datagram, MediaKind, Peer, PeerConfig, PeerError, PeerEvent, Rtp, SrtpProfile,
};
use tring_protocol::CallId;

/// Longest datagram. WebRTC stays below 1,500 bytes.
const MAX_DATAGRAM: usize = 2048;

/// Datagrams taken in one go before timers and sending have their turn. Higher: fewer turns. Lower: own packets leave
/// more evenly under a flood.
const DRAIN: usize = 32;

/// Commands that may wait for the session's task. A program that sends faster waits.
const COMMANDS: usize = 256;

/// How to connect.
#[derive(Debug, Clone, Default)]
pub struct MediaOptions {
    /// Offer a video line besides the audio line.
    pub video: bool,
    /// Local address of the UDP socket. None: the one that reaches the server's WebSocket.
    pub bind: Option<IpAddr>,
    /// Local port of the UDP socket. 0: the system chooses.
    pub port: u16,
    /// Send to this address alone, in place of those that the server tells: to see whether it can be reached.
    pub only: Option<SocketAddr>,
    /// Gets every RTP packet that comes; those for which it has no room are dropped.
    pub packets: Option<mpsc::Sender<Rtp>>,
}

impl MediaOptions {
    /// Sound alone.
    pub fn voice() -> Self {
        Self::default()
    }

    /// Sound and picture.
    pub fn video() -> Self {
        Self { video: true, ..Self::default() }
    }
}

/// Where a media session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaState {
    /// ICE and DTLS are under way.
    Connecting,
    /// Media may flow, once the server opens its gate.
    Connected {
        /// The SRTP protection profile, if it is known.
        profile: Option<SrtpProfile>,
    },
    /// Over: closed by either side, or broken.
    Closed {
        /// Why.
        why: String,
    },
}

enum Command {
    Play(Pattern),
    Stop,
    Send(Due),
    RequestKeyframe,
    Close,
}

#[derive(Debug)]
struct Seen {
    state: MediaState,
    tally: Tally,
    path: MediaPath,
}

#[derive(Debug)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A media session. Dropping it says goodbye to the server.
pub struct Media {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    local: SocketAddr,
    answer: String,
}

impl Media {
    /// Offers a session for a call and starts to connect. Errors: [`ClientError::Refused`] (with
    /// [`tring_protocol::ErrorCode::PreconnectRefused`]: try again after the answer), [`ClientError::Closed`],
    /// [`ClientError::Socket`], [`ClientError::Media`].
    pub async fn connect(client: &Client, call: &CallId, options: MediaOptions) -> Result<Self, ClientError> {
        let ip = options.bind.or_else(|| client.local_ip()).unwrap_or(Ipv4Addr::LOCALHOST.into());
        let address = SocketAddr::new(ip, options.port);
        let failed = |e: std::io::Error| ClientError::Socket { address, why: e.to_string() };
        let socket = UdpSocket::bind(address).await.map_err(failed)?;
        let local = socket.local_addr().map_err(failed)?;
        let config = if options.video { PeerConfig::video } else { PeerConfig::voice };
        let (mut peer, offer) = Peer::new(config(local, certificate()?), Instant::now())?;
        let answer = client.transport(call, offer).await?;
        let used = options.only.map(|address| with_only(&answer, address));
        peer.accept_answer(used.as_ref().unwrap_or(&answer), Instant::now())?;
        Ok(Self::drive(peer, answer, socket, local, options.packets))
    }

    /// Drives a peer whose offer and answer went another way than through a Tring server: to compare with other servers.
    /// `local` is the address of the socket and the one that the peer was made with.
    pub fn drive(
        peer: Peer,
        answer: String,
        socket: UdpSocket,
        local: SocketAddr,
        packets: Option<mpsc::Sender<Rtp>>,
    ) -> Self {
        let (state, tally, path) = (MediaState::Connecting, Tally::default(), MediaPath::default());
        let seen = Mutex::new(Seen { state, tally, path });
        let shared = Arc::new(Shared { seen, changed: Notify::new() });
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let driver = Driver {
            peer,
            socket,
            local,
            shared: shared.clone(),
            packets,
            player: None,
            connected: false,
            due: Vec::new(),
            watch: Watch::default(),
        };
        tokio::spawn(driver.run(inbox));
        Self { commands, shared, local, answer }
    }

    /// The address of its socket.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The SDP answer, as it was given: the server's to our offer, as a rule.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// How far its ICE checks came, and from where the server saw them come.
    pub fn path(&self) -> MediaPath {
        self.shared.seen().path
    }

    /// Plays a test pattern, from the moment that the session is connected, until [`Self::stop`].
    pub async fn play(&self, pattern: Pattern) {
        self.command(Command::Play(pattern)).await;
    }

    /// Stops the test pattern.
    pub async fn stop(&self) {
        self.command(Command::Stop).await;
    }

    /// Sends one RTP payload; `timestamp` is in the codec's clock. Dropped while the session is not connected.
    pub async fn send(&self, kind: MediaKind, timestamp: u32, marker: bool, payload: Vec<u8>) {
        self.command(Command::Send(Due { kind, timestamp, marker, payload })).await;
    }

    /// Asks the sender of the picture for a key frame.
    pub async fn request_keyframe(&self) {
        self.command(Command::RequestKeyframe).await;
    }

    /// Says goodbye, and waits until that is done.
    pub async fn close(&self) {
        self.command(Command::Close).await;
        self.until(|_| false).await;
    }

    /// Where it stands.
    pub fn state(&self) -> MediaState {
        self.shared.seen().state.clone()
    }

    /// What came and went so far.
    pub fn tally(&self) -> Tally {
        self.shared.seen().tally.clone()
    }

    /// Waits until ICE and DTLS are done. Errors: [`ClientError::Media`].
    pub async fn connected(&self) -> Result<Option<SrtpProfile>, ClientError> {
        loop {
            let changed = self.shared.changed.notified();
            match self.state() {
                MediaState::Connecting => changed.await,
                MediaState::Connected { profile } => return Ok(profile),
                MediaState::Closed { why } => return Err(ClientError::Media(why)),
            }
        }
    }

    /// Waits until the counts are as wished; false if the session is over before.
    pub async fn until(&self, mut wished: impl FnMut(&Tally) -> bool) -> bool {
        loop {
            let changed = self.shared.changed.notified();
            {
                let seen = self.shared.seen();
                if wished(&seen.tally) {
                    return true;
                }
                if matches!(seen.state, MediaState::Closed { .. }) {
                    return false;
                }
            }
            changed.await;
        }
    }

    async fn command(&self, command: Command) {
        // A session that is over takes no commands; its state says so.
        let _ = self.commands.send(command).await;
    }
}

/// An answer whose candidates are this address alone.
fn with_only(answer: &str, address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    let mut told = false;
    let mut text = String::with_capacity(answer.len());
    for line in answer.lines() {
        if !line.starts_with("a=candidate:") {
            // Each section has its own.
            told &= !line.starts_with("m=");
            text += line;
        } else if told {
            continue;
        } else {
            told = true;
            text += &format!("a=candidate:1 1 udp 2130706431 {ip} {port} typ host");
        }
        text += "\r\n";
    }
    text
}

/// One certificate for all sessions of this process: making one costs more than a handshake. Errors: the cryptographic
/// library failed.
pub fn certificate() -> Result<Certificate, ClientError> {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    if let Some(certificate) = CERTIFICATE.get() {
        return Ok(certificate.clone());
    }
    let fresh = Certificate::generate()?;
    Ok(CERTIFICATE.get_or_init(|| fresh).clone())
}

/// The task of one session.
struct Driver {
    peer: Peer,
    socket: UdpSocket,
    local: SocketAddr,
    shared: Arc<Shared>,
    packets: Option<mpsc::Sender<Rtp>>,
    player: Option<Player>,
    connected: bool,
    /// Reused between turns.
    due: Vec<Due>,
    watch: Watch,
}

impl Driver {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let why = match self.work(&mut commands).await {
            Ok(()) => "closed".to_owned(),
            Err(e) => e.to_string(),
        };
        self.peer.close(Instant::now());
        self.flush().await;
        self.shared.seen().state = MediaState::Closed { why };
        self.shared.changed.notify_waiters();
    }

    async fn work(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), PeerError> {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let timer = tokio::time::sleep_until(Instant::now().into());
        tokio::pin!(timer);
        loop {
            self.flush().await;
            self.take_events();
            let Some(mut deadline) = self.peer.next_deadline() else { return Ok(()) };
            if self.connected
                && let Some(due) = self.player.as_ref().and_then(Player::due)
            {
                deadline = deadline.min(due);
            }
            timer.as_mut().reset(deadline.into());
            tokio::select! {
                datagram = self.socket.recv_from(&mut buffer) => {
                    // An error here is an ICMP message about something that was sent; ICE has its own idea of that.
                    let Ok(first) = datagram else { continue };
                    let (mut next, mut left) = (Some(first), DRAIN);
                    while let Some((len, source)) = next {
                        let contents = &buffer[..len];
                        if self.watch.came(contents, Instant::now()) {
                            self.shared.seen().path = self.watch.path;
                            self.shared.changed.notify_waiters();
                        }
                        let datagram_in = Datagram { source, destination: self.local, contents };
                        self.peer.receive(datagram_in, Instant::now())?;
                        self.take_events();
                        left -= 1;
                        // One that is read is taken: nothing is read that this turn has no place for.
                        next = if left > 0 { self.socket.try_recv_from(&mut buffer).ok() } else { None };
                    }
                }
                command = commands.recv() => match command {
                    Some(Command::Close) | None => return Ok(()),
                    Some(command) => self.command(command)?,
                },
                () = &mut timer => {
                    let now = Instant::now();
                    self.play(now)?;
                    if self.peer.next_deadline().is_some_and(|due| due <= now) {
                        self.peer.advance(now)?;
                    }
                }
            }
        }
    }

    fn command(&mut self, command: Command) -> Result<(), PeerError> {
        let now = Instant::now();
        match command {
            Command::Play(pattern) => match &mut self.player {
                Some(player) => player.change(pattern),
                None => self.player = Some(Player::new(pattern, now)),
            },
            Command::Stop => {
                if let Some(player) = &mut self.player {
                    player.change(Pattern { sender: 0, sound: false, video_kbps: 0 });
                }
            }
            Command::Send(due) if self.connected => self.send(due, now)?,
            Command::RequestKeyframe => self.peer.request_keyframe(now)?,
            Command::Send(_) | Command::Close => {}
        }
        Ok(())
    }

    fn play(&mut self, now: Instant) -> Result<(), PeerError> {
        let Some(player) = self.player.as_mut().filter(|_| self.connected) else { return Ok(()) };
        let mut due = std::mem::take(&mut self.due);
        player.play(now, &mut due);
        let sent = due.drain(..).try_for_each(|d| self.send(d, now));
        self.due = due;
        sent
    }

    fn send(&mut self, due: Due, now: Instant) -> Result<(), PeerError> {
        match self.peer.send(due.kind, due.timestamp, due.marker, due.payload, now) {
            // A pattern with a picture on a session without: the picture has nowhere to go.
            Err(PeerError::NotSending(_)) => return Ok(()),
            other => other?,
        };
        let mut seen = self.shared.seen();
        match due.kind {
            MediaKind::Audio => seen.tally.sent_audio += 1,
            MediaKind::Video => seen.tally.sent_video += 1,
        }
        Ok(())
    }

    fn take_events(&mut self) {
        let mut any = false;
        while let Some(event) = self.peer.poll_event() {
            any = true;
            let mut seen = self.shared.seen();
            match event {
                PeerEvent::Connected { profile } => {
                    self.connected = true;
                    seen.state = MediaState::Connected { profile };
                    // What was to be played while it connected is not made up for.
                    if let Some(player) = &mut self.player {
                        player.restart(Instant::now());
                    }
                }
                PeerEvent::Rtp(rtp) => {
                    seen.tally.take(&rtp, Instant::now());
                    if let Some(packets) = &self.packets {
                        // A program that is too slow loses packets, as on a network.
                        let _ = packets.try_send(rtp);
                    }
                }
                PeerEvent::KeyframeRequested => {
                    seen.tally.keyframes_wanted += 1;
                    if let Some(player) = &mut self.player {
                        player.want_key();
                    }
                }
                PeerEvent::Stats { round_trip, .. } => {
                    seen.tally.round_trip = round_trip.or(seen.tally.round_trip)
                }
                _ => {}
            }
        }
        if any {
            self.shared.changed.notify_waiters();
        }
    }

    async fn flush(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit() {
            self.watch.sent(&transmit.contents, Instant::now());
            let sent = self.socket.try_send_to(&transmit.contents, transmit.destination);
            if sent.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock) {
                // Nothing else that can go wrong here is worth more than a lost packet.
                let _ = self.socket.send_to(&transmit.contents, transmit.destination).await;
            }
        }
    }
}
