//! What goes into the engine and what comes out of it.

use tring_protocol::{
    CallId, CallRequest, DeviceId, EndReason, Event, KickReason, MediaType, RoomId, RoomKey, SdkAppId,
    SourceSet, Timestamp, UserId, UserKey,
};

/// Something that happened, for [`crate::Engine::handle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A device has signed in. Calls that still ring for its user ring on it.
    DeviceOnline {
        /// The new device.
        device: DeviceId,
        /// Whose it is.
        owner: UserKey,
        /// The app's rule: this sign-in signs out the user's other devices.
        single_login: bool,
        /// The device signs in by itself, since it found its session gone. Under single login that signs out nobody: it
        /// is refused with [`tring_protocol::ErrorCode::SignedInElsewhere`] while the user has another device.
        again: bool,
    },
    /// The socket of a device was cut. Its grace begins.
    DeviceDetached {
        /// The device.
        device: DeviceId,
    },
    /// A device is back within its grace.
    DeviceAttached {
        /// The device.
        device: DeviceId,
    },
    /// A device is gone for good: logged out, or its session was dropped by the shell.
    DeviceGone {
        /// The device.
        device: DeviceId,
        /// What became of it: how its part in a call ends, and what it is still owed.
        why: Departure,
    },
    /// A user calls.
    Call {
        /// The caller's device.
        device: DeviceId,
        /// A fresh random id, drawn by the shell.
        call: CallId,
        /// A random number; the engine finds the next free room from it.
        room_seed: u32,
        /// Who and how.
        request: CallRequest,
    },
    /// An invitation has reached a device, which now rings.
    Delivered {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
    },
    /// A device answers.
    Accept {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
    },
    /// A device refuses.
    Reject {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
    },
    /// A device leaves: cancel, refuse or hang up, by where it stands. Idempotent.
    Hangup {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
    },
    /// A device asks to connect its media (again).
    Transport {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
    },
    /// The media plane refused or lost the transport of a device: it is work no more, and holds no place among those
    /// that may connect before the answer.
    TransportGone {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
    },
    /// Sources of a device went on or off.
    SetSources {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
        /// Every source that is on.
        sources: SourceSet,
    },
    /// A device makes the call a voice or a video call.
    Media {
        /// The device.
        device: DeviceId,
        /// The call.
        call: CallId,
        /// What it shall be.
        media: MediaType,
    },
    /// An app is gone: its calls end, its devices are signed out.
    AppDeleted {
        /// The app.
        app: SdkAppId,
    },
    /// The server stops: every call ends with [`EndReason::Server`].
    Shutdown,
}

/// How a device went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It logged out: as if it had hung up first. Its session is over, and it knows.
    LoggedOut,
    /// Its session was without a socket for longer than the shell keeps one. It is owed nothing.
    Expired,
    /// It does not take its events, and its session has no room for more: it is signed out, with [`Effect::Kick`].
    TooSlow,
}

/// The answer to an input that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// The call rings.
    Calling {
        /// The call.
        call: CallId,
        /// Its room.
        room: RoomId,
    },
    /// The device may connect.
    Transport(TransportPermit),
}

/// What the media plane needs to know of a device that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportPermit {
    /// Its room.
    pub room: RoomKey,
    /// Who it is.
    pub user: UserId,
    /// The others in the call, but for those who have left or will not come.
    pub others: Vec<UserId>,
    /// Its leg has accepted and the call is connected: media may flow. False while it rings.
    pub gate_open: bool,
    /// Its user calls and nobody has answered: calling is its consent, so the newest key frame of its camera may wait at the
    /// shut gate.
    pub calling: bool,
    /// What is on, as the device last said.
    pub sources: SourceSet,
}

/// What the shell must do. Effects are carried out in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell a device.
    Tell {
        /// Whom.
        device: DeviceId,
        /// What.
        event: Event,
    },
    /// Sign a device out. The engine has forgotten it already; its part in a call has ended by effects before this.
    ///
    /// The shell keeps the session until then: a device that is back with its ticket before is told what it missed, the
    /// kick last. Afterwards its ticket is as good as none.
    Kick {
        /// Whom.
        device: DeviceId,
        /// Why.
        reason: KickReason,
        /// How long its session is kept.
        until: Timestamp,
    },
    /// Forget the session of a device that is idle and without a socket, to make room for a new device of its user. It
    /// is not told and not kept out: when it comes back, it signs in again like any other. The engine has forgotten it
    /// already.
    Evict {
        /// Which.
        device: DeviceId,
    },
    /// Let the media of this device through: its leg has accepted. (No effect on a device without a transport yet: its
    /// permit will say so.)
    OpenGate {
        /// The call.
        call: CallId,
        /// The device.
        device: DeviceId,
    },
    /// Drop what this device sends of every other source.
    SetSources {
        /// The call.
        call: CallId,
        /// The device.
        device: DeviceId,
        /// Every source that is on.
        sources: SourceSet,
    },
    /// Close the transport of a device, if it has one.
    CloseTransport {
        /// The call.
        call: CallId,
        /// The device.
        device: DeviceId,
    },
    /// A call was made, answered, changed or ended: write it down, in place of what was written of it before. The last
    /// record of a call has a reason.
    Record(CallRecord),
}

/// What is known of a call, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The call.
    pub call: CallId,
    /// Its room.
    pub room: RoomKey,
    /// Who called.
    pub caller: UserId,
    /// Voice or video, as it is at this time.
    pub media: MediaType,
    /// When it was asked for.
    pub started: Timestamp,
    /// When the first callee answered.
    pub accepted: Option<Timestamp>,
    /// As of when this is: the call has lasted until then, and longer if there is no reason.
    pub at: Timestamp,
    /// Why it ended. None: it goes on.
    pub reason: Option<EndReason>,
    /// Each callee and how its leg ended, in the order of the invitation. None: it rings or talks.
    pub callees: Vec<(UserId, Option<EndReason>)>,
}
