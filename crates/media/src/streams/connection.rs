//! One TCP connection: RTMP, or FLV over HTTP. Bytes in, bytes and requests out.

use super::player::Player;
use super::progress::Progress;
use crate::key::Key;
use crate::rtmp::{self, FLV_HEADER, RtmpError, write_flv};
use std::time::{Duration, Instant};
use tring_protocol::UserId;

/// From the opening of a connection until its ticket was taken, whatever is said in between. Higher: a slow link makes
/// it. Lower: strangers hold memory for less long.
const GREETING_WITHIN: Duration = Duration::from_secs(10);

/// A pusher is silent for so long: the connection is dead. Phones push sound all the time.
/// Higher: a tunnel is survived on one connection. Lower: a new connection is not kept waiting by a ghost.
const SILENT_FOR: Duration = Duration::from_secs(20);

/// Bytes given to the socket at a time. Higher: fewer system calls for a large key frame. Lower: less that a cut of the
/// queue cannot reach any more.
const FILL_BYTES: usize = 32 * 1024;

/// Answers of the protocol that wait for a peer which does not take them, in bytes. Handshake and greeting make 4 KiB.
/// Higher: a stranger that reads nothing holds more memory. Lower: a burst of requests on a slow link is taken for that.
pub(super) const MAX_ANSWERS: usize = 16 * 1024;

/// What a connection does.
#[derive(Debug)]
pub(crate) enum Role {
    /// A stranger: no ticket was seen yet.
    Stranger,
    /// It pushes the stream of a session.
    Pusher(Key),
    /// It plays a user's stream for a session.
    Player { session: Key, of: UserId, player: Box<Player> },
    /// The connection ends, and its peer is only told why.
    Leaving,
}

#[derive(Debug)]
enum Protocol {
    Rtmp(Box<rtmp::Session>),
    Flv,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    protocol: Protocol,
    pub(crate) role: Role,
    /// Answers of the protocol that have not left yet. They go before tags.
    answers: Vec<u8>,
    opened: Instant,
    /// A pusher has sent.
    heard: Instant,
    progress: Progress,
}

/// Why a connection has outlived what it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// It says nothing, or not what it must.
    Silent,
    /// The peer does not take what it is given: no word would reach it.
    Stuck,
}

impl Connection {
    pub(crate) fn rtmp(random: [u8; 8], now: Instant) -> Self {
        Self::new(Protocol::Rtmp(Box::new(rtmp::Session::new(random))), now)
    }

    /// FLV begins when its ticket is taken.
    pub(crate) fn flv(now: Instant) -> Self {
        Self::new(Protocol::Flv, now)
    }

    fn new(protocol: Protocol, now: Instant) -> Self {
        Self {
            protocol,
            role: Role::Stranger,
            answers: Vec::new(),
            opened: now,
            heard: now,
            progress: Progress::default(),
        }
    }

    /// Takes bytes from the peer. FLV's has nothing to say.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        now: Instant,
        events: &mut Vec<rtmp::Event>,
    ) -> Result<(), RtmpError> {
        if matches!(self.role, Role::Pusher(_)) {
            self.heard = now;
        }
        let Protocol::Rtmp(session) = &mut self.protocol else { return Ok(()) };
        session.receive(bytes, &mut self.answers, events)?;
        if !self.answers.is_empty() {
            self.progress.waits(now);
        }
        if self.answers.len() > MAX_ANSWERS { Err(RtmpError::AnswersNotTaken) } else { Ok(()) }
    }

    /// The connection's ticket was valid: it pushes or plays from now on.
    pub(crate) fn accept(&mut self, role: Role, now: Instant) {
        self.role = role;
        self.heard = now;
        self.progress.waits(now);
        match &mut self.protocol {
            Protocol::Rtmp(session) => session.accept(&mut self.answers),
            Protocol::Flv => self.answers.extend_from_slice(&FLV_HEADER),
        }
    }

    /// It ends, with a reason where the protocol has a place for one.
    pub(crate) fn leave(&mut self, reason: &str) {
        if let Protocol::Rtmp(session) = &mut self.protocol {
            session.refuse(reason, &mut self.answers);
            session.end(&mut self.answers);
        }
        self.role = Role::Leaving;
    }

    /// It ends without a word, since none would be taken. Gives what it did.
    pub(crate) fn give_up(&mut self) -> Role {
        self.progress.nothing_waits();
        std::mem::replace(&mut self.role, Role::Leaving)
    }

    /// Tells the peer that the connection is about to end for what the peer did.
    pub(crate) fn blame(&mut self, reason: &str) {
        if let Protocol::Rtmp(session) = &mut self.protocol {
            session.fail(reason, &mut self.answers);
        }
    }

    /// A frame for its player. What `act` says, `false` if it plays nothing.
    pub(crate) fn play(&mut self, act: impl FnOnce(&mut Player) -> bool, now: Instant) -> bool {
        let Role::Player { player, .. } = &mut self.role else { return false };
        self.progress.waits(now);
        act(player)
    }

    /// Appends what may be sent now; nothing if there is nothing. What was given before has left: see [`Self::took`].
    pub(crate) fn fill(&mut self, now: Instant, out: &mut Vec<u8>) {
        let before = out.len();
        // Taken with its memory: after the handshake a call has hardly another answer.
        out.append(&mut std::mem::take(&mut self.answers));
        if let Role::Player { player, .. } = &mut self.role {
            while out.len() - before < FILL_BYTES
                && let Some((at, tag)) = player.pull()
            {
                match &self.protocol {
                    Protocol::Rtmp(session) => session.write_tag(&tag, at, out),
                    Protocol::Flv => write_flv(&tag, at, out),
                }
            }
        }
        if out.len() == before {
            self.progress.nothing_waits();
        } else {
            self.progress.waits(now);
        }
    }

    /// Of what [`Self::fill`] gave, so many bytes have left, and the rest waits.
    pub(crate) fn took(&mut self, bytes: usize, now: Instant) {
        self.progress.waits(now);
        self.progress.took(bytes, now);
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// It has a ticket that was good, and has not ended.
    pub(crate) fn is_admitted(&self) -> bool {
        matches!(self.role, Role::Pusher(_) | Role::Player { .. })
    }

    /// It has outlived what it may.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Overdue> {
        if self.progress.is_stuck(now) {
            return Some(Overdue::Stuck);
        }
        let is_silent = match &self.role {
            Role::Stranger | Role::Leaving => now >= self.opened + GREETING_WITHIN,
            Role::Pusher(_) => now >= self.heard + SILENT_FOR,
            Role::Player { .. } => false,
        };
        is_silent.then_some(Overdue::Silent)
    }
}
