//! The engine's doors: inputs and timers come in, each is led to the module that carries it out.

use crate::call::{Call, CallNo, LegNo};
use crate::tenants::Tenants;
use crate::timers::{Timer, Timers};
use crate::transition::{State, Transition};
use crate::{Effect, Input, Reply, Row, Settings};
use std::collections::BTreeMap;
use tring_protocol::{CallId, DeviceId, ErrorCode, Timestamp, UserKey};

/// All users, devices and calls of one server, and the rules by which they call each other.
///
/// The same inputs at the same times give the same effects. Memory is bounded by the devices that are signed in and the
/// calls that live: a call that is over is forgotten within the input that ended it.
#[derive(Debug)]
pub struct Engine {
    pub(crate) state: State,
    pub(crate) calls: BTreeMap<CallNo, Call>,
    pub(crate) last_call: u64,
    pub(crate) shut: bool,
}

/// How much the engine holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Devices signed in.
    pub devices: usize,
    /// Users who have a device, or who are being called.
    pub users: usize,
    /// Live calls.
    pub calls: usize,
    /// Those of them that somebody has answered.
    pub connected: usize,
    /// Rooms in use: as many as live calls.
    pub rooms: usize,
    /// Timers that run.
    pub timers: usize,
}

impl Engine {
    /// An engine without users.
    pub fn new(settings: Settings) -> Self {
        let state = State {
            settings,
            tenants: Tenants::default(),
            devices: BTreeMap::new(),
            timers: Timers::default(),
            rows: Vec::new(),
            connected: 0,
        };
        Self { state, calls: BTreeMap::new(), last_call: 0, shut: false }
    }

    /// Carries out one input and appends what follows from it to `out`. `now` never runs backwards.
    ///
    /// Timers are [`Self::advance`]'s: an answer that comes in after the deadline, but before the shell has advanced,
    /// still counts.
    ///
    /// # Errors
    /// The code that the device is answered with. Nothing has changed then, and `out` has nothing new.
    pub fn handle(
        &mut self,
        input: Input,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<Reply, ErrorCode> {
        self.state.rows.clear();
        match input {
            Input::DeviceOnline { device, owner, single_login, again } => {
                self.sign_in(device, owner, single_login, again, now, out)
            }
            Input::DeviceDetached { device } => Ok(self.detached(device, now)),
            Input::DeviceAttached { device } => Ok(self.attached(device, now, out)),
            Input::DeviceGone { device, why } => Ok(self.gone(device, why, now, out)),
            Input::Call { device, call, room_seed, request } => {
                self.dial(device, call, room_seed, request, now, out)
            }
            Input::Delivered { device, call } => {
                self.about(device, &call, now, out, |transition, leg| transition.delivered(leg, device))
            }
            Input::Accept { device, call } => {
                self.about(device, &call, now, out, |transition, leg| transition.accept(leg, device))
            }
            Input::Reject { device, call } => {
                self.about(device, &call, now, out, |transition, leg| transition.reject(leg, device))
            }
            Input::Hangup { device, call } => {
                let result =
                    self.about(device, &call, now, out, |transition, leg| transition.hangup(leg, device));
                if result == Err(ErrorCode::CallUnknown) {
                    self.state.rows.clear();
                    self.state.mark(Row::HangupOver);
                    return Ok(Reply::Done);
                }
                result
            }
            Input::Transport { device, call } => {
                self.about(device, &call, now, out, |transition, leg| transition.transport(leg, device))
            }
            Input::TransportGone { device, call } => Ok(self.transport_gone(device, &call, now, out)),
            Input::SetSources { device, call, sources } => {
                self.about(device, &call, now, out, |transition, leg| {
                    transition.set_sources(leg, device, sources)
                })
            }
            Input::Media { device, call, media } => {
                self.about(device, &call, now, out, |transition, leg| transition.switch(leg, device, media))
            }
            Input::AppDeleted { app } => {
                self.delete_app(app, now, out);
                Ok(Reply::Done)
            }
            Input::Shutdown => {
                self.shut_down(now, out);
                Ok(Reply::Done)
            }
        }
    }

    /// When [`Self::advance`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.state.timers.next()
    }

    /// Carries out every timer that is due, in order.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.state.rows.clear();
        while let Some(timer) = self.state.timers.pop(now) {
            match timer {
                Timer::Ring(no) => {
                    self.on_call(no, now, out, |transition| transition.stop_ringing());
                }
                Timer::Grace(device) => self.grace_over(device, now, out),
            }
        }
    }

    /// The rows of the table that the last [`Self::handle`] or [`Self::advance`] took, in order. For tests, traces and
    /// counters.
    pub fn rows(&self) -> &[Row] {
        &self.state.rows
    }

    /// How much the engine holds.
    pub fn counts(&self) -> Counts {
        Counts {
            devices: self.state.devices.len(),
            users: self.state.tenants.users(),
            calls: self.calls.len(),
            connected: self.state.connected,
            rooms: self.state.tenants.rooms(),
            timers: self.state.timers.len(),
        }
    }

    /// The call in which a user rings, rings out or talks.
    pub fn call_of(&self, user: &UserKey) -> Option<&CallId> {
        let no = self.state.tenants.user(user)?.call?;
        self.calls.get(&no).map(|call| &call.id)
    }

    /// A user's devices, in the order in which they signed in.
    pub fn devices_of(&self, user: &UserKey) -> &[DeviceId] {
        self.state.tenants.devices(user)
    }

    /// Carries out one step of one call, and forgets the call if that was its end. None if there is no such call.
    pub(crate) fn on_call<R>(
        &mut self,
        no: CallNo,
        now: Timestamp,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Transition<'_>) -> R,
    ) -> Option<R> {
        let call = self.calls.get_mut(&no)?;
        let mut transition = Transition { call, state: &mut self.state, now, out };
        let result = step(&mut transition);
        if transition.call.over {
            self.calls.remove(&no);
        }
        Some(result)
    }

    /// Leads what a device says about a call to that call and to its user's leg.
    fn about(
        &mut self,
        device: DeviceId,
        id: &CallId,
        now: Timestamp,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Transition<'_>, LegNo) -> Result<Reply, ErrorCode>,
    ) -> Result<Reply, ErrorCode> {
        let Some(owner) = self.state.devices.get(&device).map(|d| d.owner.clone()) else {
            self.state.mark(Row::NotSignedIn);
            return Err(ErrorCode::LoginRequired);
        };
        let call = self.state.tenants.call(owner.app, id);
        let result = call.and_then(|no| {
            self.on_call(no, now, out, |transition| match transition.call.leg_of(&owner.user) {
                Some(leg) => step(transition, leg),
                None => {
                    transition.mark(Row::NotYourCall);
                    Err(ErrorCode::NotYourCall)
                }
            })
        });
        result.unwrap_or_else(|| {
            self.state.mark(Row::StaleCall);
            Err(ErrorCode::CallUnknown)
        })
    }
}
