//! The task of a media session: datagrams, timers and commands in turn.

use super::state::{MediaState, Shared};
use crate::path::Watch;
use crate::pattern::{Due, Pattern, Player};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tring_media::{Datagram, MediaKind, Peer, PeerError, PeerEvent, Rtp};

/// Longest datagram. WebRTC stays below 1,500 bytes.
const MAX_DATAGRAM: usize = 2048;

/// Datagrams taken in one go before timers and sending have their turn. Higher: fewer turns. Lower: own packets leave
/// more evenly under a flood.
const DRAIN: usize = 32;

/// What a handle wants of the task.
pub(super) enum Command {
    Play(Pattern),
    Stop,
    Send(Due),
    RequestKeyframe,
    Close,
}

/// The task of one session.
pub(super) struct Driver {
    pub(super) peer: Peer,
    pub(super) socket: UdpSocket,
    pub(super) local: SocketAddr,
    pub(super) shared: Arc<Shared>,
    pub(super) packets: Option<mpsc::Sender<Rtp>>,
    pub(super) player: Option<Player>,
    pub(super) connected: bool,
    /// Reused between turns.
    pub(super) due: Vec<Due>,
    pub(super) watch: Watch,
}

impl Driver {
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
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
                        let contents = &mut buffer[..len];
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
