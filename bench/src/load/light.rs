//! People of WebRTC calls: the library offers and connects, and from then on they are `LightPeer`s.

use super::Person;
use super::endpoint::{Endpoint, Received};
use crate::harness::calls::{Pair, STEP};
use crate::harness::error::BenchError;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tring_client::{CallId, Client, Due, Pattern, certificate};
use tring_media::measure::{LightPeer, LightReceived};
use tring_media::{Datagram, Peer, PeerConfig, PeerEvent, SrtpProfile};

/// Bytes of the longest datagram of a handshake.
const DATAGRAM: usize = 2048;

impl Endpoint for LightPeer {
    fn seal(&mut self, due: &Due, out: &mut Vec<u8>) -> bool {
        Self::seal(self, due.kind, due.timestamp, due.marker, &due.payload, out)
    }

    fn receive<'a>(
        &mut self,
        datagram: &'a mut [u8],
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
    ) -> Received<'a> {
        match Self::receive(self, datagram, now, send) {
            Ok(LightReceived::Media(kind, payload)) => Received::Media(kind, payload),
            Ok(LightReceived::KeyframeRequested) => Received::KeyframeRequested,
            Ok(LightReceived::Nothing) | Err(_) => Received::Nothing,
        }
    }

    fn advance(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Option<Instant> {
        Self::advance(self, now, send).ok().map(|()| self.next_deadline())
    }
}

/// The media of both people of a call, connected.
///
/// # Errors
///
/// Those of the client, [`BenchError::Peer`], [`BenchError::Late`] after [`STEP`]: the figure cannot be measured.
pub(crate) async fn connect((a, b, call): &Pair, video: bool) -> Result<[Connecting; 2], BenchError> {
    let both = async { tokio::try_join!(join(a, call, video), join(b, call, video)) };
    let (a, b) = tokio::time::timeout(STEP, both).await.map_err(|_| BenchError::Late("a join"))??;
    Ok([a, b])
}

async fn join(client: &Client, call: &CallId, video: bool) -> Result<Connecting, BenchError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(BenchError::Load)?;
    let local = socket.local_addr().map_err(BenchError::Load)?;
    let config = if video { PeerConfig::video } else { PeerConfig::voice };
    let (mut peer, offer) = Peer::new(config(local, certificate()?), Instant::now())?;
    let answer = client.transport(call, offer).await?;
    peer.accept_answer(&answer, Instant::now())?;
    Connecting::shake_hands(peer, socket, local).await
}

/// Somebody who is connected and not yet in a load.
pub(crate) struct Connecting {
    peer: LightPeer,
    socket: std::net::UdpSocket,
}

impl Connecting {
    /// Drives a peer, whose offer was answered, until it is connected.
    ///
    /// # Errors
    ///
    /// [`BenchError::Peer`], [`BenchError::Load`]: there is no connection.
    pub(crate) async fn shake_hands(
        mut peer: Peer,
        socket: UdpSocket,
        local: SocketAddr,
    ) -> Result<Self, BenchError> {
        let mut buffer = [0; DATAGRAM];
        let mut remote = None;
        loop {
            while let Some(transmit) = peer.poll_transmit() {
                socket.send_to(&transmit.contents, transmit.destination).await.map_err(BenchError::Load)?;
            }
            while let Some(event) = peer.poll_event() {
                if let (PeerEvent::Connected { .. }, Some(remote)) = (&event, remote) {
                    let peer = peer.into_light(local, remote, Instant::now())?;
                    let socket = socket.into_std().map_err(BenchError::Load)?;
                    socket.connect(remote).map_err(BenchError::Load)?;
                    return Ok(Self { peer, socket });
                }
                if event == PeerEvent::Closed {
                    return Err(BenchError::Closed);
                }
            }
            let due = peer.next_deadline().unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            tokio::select! {
                came = socket.recv_from(&mut buffer) => {
                    // An error is the echo of something that was sent.
                    let Ok((length, source)) = came else { continue };
                    remote = Some(source);
                    let datagram = Datagram { source, destination: local, contents: &mut buffer[..length] };
                    peer.receive(datagram, Instant::now())?;
                }
                () = tokio::time::sleep_until(due.into()) => peer.advance(Instant::now())?,
            }
        }
    }

    /// The SRTP protection profile, for people.
    pub(crate) fn profile(&self) -> &'static str {
        match self.peer.profile() {
            SrtpProfile::Aes256Gcm => "AES-256-GCM",
            SrtpProfile::Aes128Gcm => "AES-128-GCM",
            SrtpProfile::Aes128CmSha1 => "AES-128-CM with SHA-1",
        }
    }

    /// For a load: somebody who sends this pattern, or only receives.
    pub(crate) fn person(self, pattern: Option<Pattern>) -> Person {
        Person { socket: self.socket, endpoint: Box::new(self.peer), pattern }
    }
}
