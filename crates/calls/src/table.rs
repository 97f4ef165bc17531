//! The table of calls: every row that the engine can take. `docs/calls.md` shows the same rows, and a test holds the
//! two together; each row has a test of its own.
//!
//! The engine marks each row as it takes it ([`crate::Engine::rows`]). An input takes one row of what was asked, and
//! then those that follow from it: a refusal ends a leg (`Reject`), which ends a one-to-one call (`OverUnanswered`).

macro_rules! table {
    ($($section:literal { $($row:ident | $state:literal | $input:literal | $guard:literal | $next:literal | $told:literal)* })*) => {
        /// A row of the table, named by what happens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Row {
            $($(#[doc = concat!($state, ", ", $input, ", ", $guard, ": ", $told, "; then ", $next, ".")] $row,)*)*
        }

        impl Row {
            /// The row's name, as the documentation has it.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$row => stringify!($row),)*)* }
            }
        }

        /// The table, in the order of the documentation.
        pub const TABLE: &[Line] = &[$($(
            Line { section: $section, row: Row::$row, state: $state, input: $input, guard: $guard, next: $next, told: $told },
        )*)*];
    };
}

/// One line of the table, in words. A is the caller, B the callee, X and Y any two who talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Which part of the table.
    pub section: &'static str,
    /// Which row.
    pub row: Row,
    /// The state of the device or call before.
    pub state: &'static str,
    /// What came in, or what is due.
    pub input: &'static str,
    /// What else must hold.
    pub guard: &'static str,
    /// The state after.
    pub next: &'static str,
    /// Who is told what, in order for each device; errors go to the asker.
    pub told: &'static str,
}

#[rustfmt::skip] // one row a line
table! {
    "Signing in" {
        SignIn | "unknown" | "DeviceOnline" | "its user is not being called" | "idle" | "nobody"
        SignInRings | "unknown" | "DeviceOnline" | "its user's leg rings" | "ringing" | "the device: Invited with what is left of the ring"
        SignInEvicts | "unknown" | "DeviceOnline" | "the user has all devices it may have, one of them idle without a socket" | "idle" | "nobody: Evict of the one that was cut off longest ago"
        SignInRefused | "unknown" | "DeviceOnline" | "the user has all devices it may have, each in use" | "unknown" | "error TooManyDevices"
        SignInKnown | "any" | "DeviceOnline" | "this device is signed in" | "same" | "error AlreadyLoggedIn"
        SignInReplaced | "unknown" | "DeviceOnline, again, single login" | "another device of the user is signed in" | "unknown" | "error SignedInElsewhere; nothing at the other device"
        KickIdle | "idle" | "DeviceOnline, single login" | "an older device of the user" | "unknown" | "the older device: Kick(SignedInElsewhere)"
        KickRinging | "ringing" | "DeviceOnline, single login" | "an older device of the user; the new one rings (SignInRings)" | "unknown; the leg rings on" | "the older device: Ended(Kicked), Kick"
        KickCalling | "calling" | "DeviceOnline, single login" | "an older device of the user" | "unknown; the caller has left" | "the older device: Ended(Kicked, by A), Kick; the callees: Ended(Cancel, by A)"
        KickTalking | "talking" | "DeviceOnline, single login" | "an older device of the user" | "unknown; X has left" | "the others: Left(X); the older device: Ended(Kicked, by X, duration), Kick"
    }
    "Calling" {
        CallRings | "idle" | "Call" | "the callee is free and a device of it can be expected to answer" | "A calling, B ringing" | "each device of B: Invited; Record"
        CallUnreachable | "idle" | "Call" | "the callee is free, without such a device" | "A calling, B ringing" | "A: Unreachable(B); a device of B that is cut off: Invited, for its return; Record"
        CallBusy | "idle" | "Call" | "the callee has a leg in another call" | "B's leg over" | "A: LegEnded(B, Busy); nothing at B"
        CallSelf | "any" | "Call" | "the caller is among the callees" | "same" | "error CallSelf"
        CallNobody | "any" | "Call" | "no callee, one twice, or more than eight" | "same" | "error CalleesInvalid"
        CallOptions | "any" | "Call" | "the ring is under 5 s or over 300 s" | "same" | "error CallOptions"
        CallDataTooLarge | "any" | "Call" | "data over 1,024 bytes" | "same" | "error TooLarge"
        CallWhileInCall | "any" | "Call" | "the user has a leg in a call, on any device, and it is no glare" | "same" | "error AlreadyInCall"
        CallIdTaken | "idle" | "Call" | "the id names a live call, or no room is free" | "idle" | "error Internal"
        CallAfterShutdown | "any" | "Call" | "after Shutdown" | "same" | "error Overloaded"
    }
    "Glare" {
        GlareMerges | "ringing" | "Call" | "of the one caller who rings it, one-to-one both" | "as by Accept" | "the answer is Calling with the first call's id and room; then the Accept row's effects"
        GlareFirstWantedVideo | "ringing" | "Call" | "glare; the first call is video, the second voice" | "the call is voice" | "the first caller: Merged(Audio) before its Accepted"
        GlareSecondWantedVideo | "ringing" | "Call" | "glare; the first call is voice, the second video" | "the call is voice" | "the second caller: Merged(Audio) before its Joined"
    }
    "Ringing" {
        Delivered | "ringing" | "Delivered" | "the caller does not know that B rings" | "ringing" | "A: Ringing(B)"
        DeliveredAgain | "ringing, talking" | "Delivered" | "the caller knows, or B has answered on this device" | "same" | "nobody"
        Accept | "ringing" | "Accept" | "nobody has answered yet" | "A and B talking" | "gates of A and B open; A: Accepted(B), Joined(B); B: Joined(A); Record"
        AcceptJoins | "ringing" | "Accept" | "group: somebody has answered already" | "B talking" | "B's gate opens, and that of one who talked alone; each X who talks: Accepted(B), Joined(B); B: Joined(X) for each; Record"
        AnsweredElsewhere | "ringing" | "Accept, Reject" | "on another device of the same user" | "idle" | "the device: Ended(AnsweredElsewhere)"
        AcceptAgain | "talking" | "Accept" | "the callee's device that answered" | "same" | "nobody: a retry after a cut socket"
        Reject | "ringing" | "Reject, Hangup, LoggedOut" | "LoggedOut: no other device of B can be expected to answer" | "B's leg over" | "A: LegEnded(B, Reject); the device: Ended(Reject, by B)"
        Cancel | "calling" | "Hangup, LoggedOut" | "always" | "A's leg over" | "A: Ended(Cancel, by A)"
        RingTimeout | "ringing" | "the ring's deadline" | "a device of B had sent Delivered" | "B's leg over" | "A: LegEnded(B, Timeout); B's devices: Ended(Timeout)"
        RingNoResponse | "ringing" | "the ring's deadline" | "no device of B had sent Delivered" | "B's leg over" | "A: LegEnded(B, NoResponse); B's devices: Ended(NoResponse)"
        FailFast | "calling" | "B became unreachable" | "the call asked for fail_fast, nobody has answered, and no callee can be reached" | "the deadline is now" | "as by the deadline"
        Unreachable | "ringing" | "Expired, TooSlow, grace over" | "that was the last device that could be expected to answer" | "B's leg rings on" | "A: Unreachable(B), unless that was the last it was told of B"
    }
    "Talking" {
        Hangup | "talking" | "Hangup, LoggedOut" | "always" | "X's leg over" | "the others: Left(X); X: Ended(Hangup, by X, duration)"
        HangupOver | "any" | "Hangup" | "the call is over or unknown, or this device's part in it is over" | "same" | "nobody, and no error"
    }
    "When a leg is over" {
        GoesOn | "the call" | "a leg is over" | "two are left who talk or ring, and one of them called or answered" | "same" | "nobody; Record"
        OverUnanswered | "the call" | "the last callee's leg is over" | "nobody has answered" | "over" | "A: Ended(the leg's reason, by B if B refused); Record"
        OverAlone | "the call" | "a leg is over" | "one who talks is left, and nobody rings" | "over" | "that one: Ended(the leg's reason, by X if X left, duration); Record"
        OverNobody | "the call" | "a leg is over" | "nobody is left who called or answered" | "over" | "devices that ring: Ended(Cancel, by X), or Ended(Lost, by X) if X was lost; Record"
    }
    "Sockets and sessions" {
        Detached | "calling, ringing, talking" | "DeviceDetached" | "always" | "same; its grace runs" | "nobody"
        DetachedIdle | "idle" | "DeviceDetached" | "always" | "idle, without a socket" | "nobody"
        Attached | "any" | "DeviceAttached" | "always" | "same; no grace runs" | "nobody: the session repeats what was missed"
        AttachedRings | "ringing" | "DeviceAttached" | "it had sent Delivered; A was told Unreachable since" | "ringing" | "A: Ringing(B)"
        GraceRinging | "ringing" | "grace over" | "always" | "ringing, but not expected to answer" | "nobody; see Unreachable"
        GraceCalling | "calling" | "grace over" | "always" | "A's leg over" | "A: Ended(Lost, by A)"
        GraceTalking | "talking" | "grace over" | "always" | "X's leg over" | "the others: Left(X); X: Ended(Lost, by X, duration)"
        GoneIdle | "idle" | "LoggedOut, Expired, TooSlow" | "always" | "unknown" | "nobody"
        GoneRinging | "ringing" | "LoggedOut" | "another device of B can be expected to answer" | "unknown; the leg rings on" | "the device: Ended(Reject, by B)"
        DroppedRinging | "ringing" | "Expired, TooSlow" | "always" | "unknown; the leg rings on" | "the device: Ended(Lost, by B); see Unreachable"
        DroppedCalling | "calling" | "Expired, TooSlow" | "always" | "unknown; A's leg over" | "A: Ended(Lost, by A)"
        DroppedTalking | "talking" | "Expired, TooSlow" | "always" | "unknown; X's leg over" | "the others: Left(X); X: Ended(Lost, by X, duration)"
        GoneUnknown | "unknown" | "DeviceDetached, DeviceAttached, DeviceGone" | "always" | "unknown" | "nobody, and no error"
        NotSignedIn | "unknown" | "any other input of a device" | "always" | "unknown" | "error LoginRequired"
    }
    "Sessions that end" {
        TooSlow | "any" | "TooSlow" | "always" | "unknown" | "the device, whose session takes nothing else: Ended as above, Kick(TooSlow)"
        SessionKept | "unknown" | "Kick" | "always" | "its session is kept for kicked_session_ttl" | "the device, if it is back within that time: what it missed, the kick last; later: error TicketInvalid"
        SessionForgotten | "unknown" | "LoggedOut, Expired, Evict" | "always" | "its session is forgotten" | "nobody; the device, if it is back: error TicketInvalid"
    }
    "Media" {
        TransportCaller | "calling" | "Transport" | "always" | "same" | "permit, gate shut"
        TransportTalking | "talking" | "Transport" | "always" | "same" | "permit, gate open if another talks too"
        TransportRinging | "ringing" | "Transport" | "Delivered was sent, and the bounds of the leg and of the caller allow one more" | "same" | "permit, gate shut"
        TransportRefused | "ringing" | "Transport" | "not yet Delivered, or a bound is reached" | "same" | "error PreconnectRefused"
        TransportGone | "any" | "TransportGone" | "always" | "same; it no longer counts among those that connect before the answer" | "nobody"
        SourcesChanged | "talking" | "SetSources" | "a source is new, or no more" | "same" | "the others: Devices(X); SetSources for X's transport"
        SourcesKept | "calling, ringing" | "SetSources" | "always" | "same; remembered for Joined" | "SetSources for its transport, if it has one"
        SourcesSame | "any" | "SetSources" | "all as before; a picture in a voice call counts as off" | "same" | "nobody"
        SourceRefused | "calling, ringing, talking" | "SetSources" | "names a source that may not be sent" | "same" | "error SourceUnsupported"
        SwitchToVoice | "talking" | "Media(Audio)" | "one-to-one; the call is video" | "the call is voice; all pictures off" | "SetSources for each transport whose picture was on; A and B: Media(X, Audio); Record"
        SwitchToVideo | "talking" | "Media(Video)" | "one-to-one; the call is voice" | "the call is video; all pictures stay off" | "A and B: Media(X, Video); Record"
        SwitchSame | "talking" | "Media" | "one-to-one; the call is that already" | "same" | "nobody"
        SwitchRefused | "calling, ringing, talking" | "Media" | "not talking, or in a group" | "same" | "error SwitchRefused"
    }
    "Refusals" {
        StaleCall | "any" | "about a call: all but Hangup" | "no such call in this app" | "same" | "error CallUnknown"
        NotYourCall | "any" | "about a call" | "the user has no leg in it, or called from another device" | "same" | "error NotYourCall"
        NotRinging | "calling, talking" | "Delivered, Accept, Reject" | "calling; or talking, but for the repeats above" | "same" | "error NotRinging"
        LegOver | "idle" | "about a call: all but Hangup" | "the call goes on without this user" | "same" | "error NotRinging"
        ElsewhereRefused | "idle" | "about a call: all but Hangup" | "the user answered on another device" | "same" | "error AnsweredElsewhere"
    }
    "The server" {
        AppDeleted | "the app" | "AppDeleted" | "always" | "its calls over, its devices unknown" | "every device in a call: Ended(Server); Record; every device: Kick(AppDeleted)"
        Shutdown | "the server" | "Shutdown" | "always" | "all calls over; devices stay" | "every device in a call: Ended(Server); Record"
    }
}
