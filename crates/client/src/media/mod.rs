//! One WebRTC session of a call: ICE, DTLS and SRTP on a UDP socket of its own.

mod driver;
mod state;

pub use state::MediaState;

use crate::client::Client;
use crate::error::ClientError;
use crate::path::{MediaPath, Watch};
use crate::pattern::{Due, Pattern};
use crate::tally::Tally;
use driver::{Command, Driver};
use state::{Seen, Shared};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};
use tring_media::{Certificate, MediaKind, Peer, PeerConfig, Rtp, SrtpProfile};
use tring_protocol::{CallId, MediaKind as Kind, SourceSet};

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

    /// What these sources need. The audio line is always offered: the others are heard by it too.
    pub fn of(sources: SourceSet) -> Self {
        Self { video: !sources.of_kind(Kind::Video).is_empty(), ..Self::default() }
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
