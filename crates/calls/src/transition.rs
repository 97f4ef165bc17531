//! One input being carried out on one call: the call, everything around it that may change, and the effects so far.

use crate::call::{Call, CallNo, LegNo, LegState};
use crate::tenants::Tenants;
use crate::timers::{Timer, Timers};
use crate::{Effect, Row, Settings};
use std::collections::BTreeMap;
use std::time::Duration;
use tring_protocol::{DeviceId, EndReason, Event, Timestamp, UserId, UserKey};

/// A signed-in device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) owner: UserKey,
    /// Since when it has been without a socket.
    pub(crate) detached: Option<Timestamp>,
    /// When its grace ends, if it runs.
    pub(crate) grace: Option<Timestamp>,
    /// The call in which it has a part.
    pub(crate) call: Option<CallNo>,
}

/// Everything but the calls.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) tenants: Tenants,
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    pub(crate) timers: Timers,
    /// Rows taken since the last input came in.
    pub(crate) rows: Vec<Row>,
    /// Calls that somebody has answered.
    pub(crate) connected: usize,
}

impl State {
    pub(crate) fn mark(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// When the grace of a device without a socket ends. It counts from the cut, also if the device has got its part
    /// in a call later.
    pub(crate) fn grace_end(&self, device: DeviceId, grace: Duration) -> Option<Timestamp> {
        self.devices.get(&device)?.detached.map(|since| since + grace)
    }

    /// Lets the grace of a device run if it is without a socket. One that is over already is due at once.
    pub(crate) fn start_grace(&mut self, device: DeviceId, grace: Duration) {
        self.stop_grace(device);
        let Some(end) = self.grace_end(device, grace) else { return };
        if let Some(d) = self.devices.get_mut(&device) {
            d.grace = Some(end);
            self.timers.set(end, Timer::Grace(device));
        }
    }

    pub(crate) fn stop_grace(&mut self, device: DeviceId) {
        let grace = self.devices.get_mut(&device).and_then(|d| d.grace.take());
        if let Some(at) = grace {
            self.timers.cancel(at, Timer::Grace(device));
        }
    }

    /// A device has a branch in a call, or has it no longer.
    pub(crate) fn set_branch(&mut self, device: DeviceId, call: Option<CallNo>) {
        if call.is_none() {
            self.stop_grace(device);
        }
        if let Some(d) = self.devices.get_mut(&device) {
            d.call = call;
        }
    }
}

/// The context of every transition of a call. Its methods are in the modules that follow a call's life.
pub(crate) struct Transition<'a> {
    pub(crate) call: &'a mut Call,
    pub(crate) state: &'a mut State,
    pub(crate) now: Timestamp,
    pub(crate) out: &'a mut Vec<Effect>,
}

impl Transition<'_> {
    pub(crate) fn mark(&mut self, row: Row) {
        self.state.mark(row);
    }

    pub(crate) fn tell(&mut self, device: DeviceId, event: Event) {
        self.out.push(Effect::Tell { device, event });
    }

    /// Tells the caller, unless the caller has left.
    pub(crate) fn tell_caller(&mut self, event: Event) {
        if let Some(device) = self.call.caller_device() {
            self.tell(device, event);
        }
    }

    /// Ends one device's part: its transport closes, it is told, it is free. The leg keeps its state.
    pub(crate) fn dismiss(&mut self, leg: LegNo, branch: usize, reason: EndReason, by: Option<UserId>) {
        let talked = self.call.legs[leg].state == LegState::Talking;
        let duration_s = if talked { self.call.duration_s(self.now) } else { 0 };
        let branch = self.call.legs[leg].branches.remove(branch);
        if branch.transport {
            self.out.push(Effect::CloseTransport { call: self.call.id.clone(), device: branch.device });
        }
        self.state.set_branch(branch.device, None);
        self.tell(branch.device, Event::Ended { call_id: self.call.id.clone(), reason, by, duration_s });
    }

    /// Ends a leg and the parts of all devices that it still has. The user is free.
    pub(crate) fn end_leg(&mut self, leg: LegNo, reason: EndReason, by: Option<&UserId>) {
        while !self.call.legs[leg].branches.is_empty() {
            self.dismiss(leg, 0, reason, by.cloned());
        }
        self.call.legs[leg].state = LegState::Over(reason);
        let key = self.call.key(leg);
        self.state.tenants.release(&key);
    }
}
