//! What signed-in devices ask, and how often they may.

use super::Switchboard;
use crate::config::LimitSettings;
use crate::limits::Rate;
use crate::signalling::session::{Admission, to_frame};
use crate::signalling::transports::Way;
use tracing::info;
use tring_calls::{Input, Reply};
use tring_protocol::{
    Answer, CallId, CallRequest, ClientMessage, DeviceId, ErrorBody, ErrorCode, Outcome, Request, SourceSet,
    Success, UserKey,
};

/// Calls at once that one user may always have to one other, however small `calls_to_one_share` makes it: a mistaken
/// hang-up is called again.
const CALLS_TO_ONE_MIN: f64 = 3.0;

/// How often a device may switch between voice and video. Higher: quicker hands. Lower: fewer events wait for a device
/// that is away, where a switch never takes the place of an older one, since what follows has its meaning from it.
const SWITCHES: Rate = Rate { burst: 8.0, per_second: 0.1 };

/// The rates of what devices ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) calls: Rate,
    pub(super) calls_to_one: Rate,
    pub(super) calls_received: Rate,
    pub(super) devices: Rate,
    pub(super) switches: Rate,
    pub(super) offers: Rate,
}

impl Rates {
    pub(super) fn of(l: &LimitSettings) -> Self {
        let calls = Rate { burst: l.calls_burst, per_second: l.calls_per_minute / 60.0 };
        let times = |factor: f64| Rate { burst: calls.burst * factor, per_second: calls.per_second * factor };
        let to_one = times(l.calls_to_one_share);
        Self {
            calls,
            calls_to_one: Rate { burst: to_one.burst.max(CALLS_TO_ONE_MIN), ..to_one },
            calls_received: times(l.calls_received_factor),
            devices: Rate { burst: l.devices_burst, per_second: l.devices_per_second },
            switches: SWITCHES,
            offers: Rate { burst: l.offers_burst, per_second: l.offers_per_second },
        }
    }
}

fn too_many(what: &str) -> ErrorBody {
    ErrorBody::with(ErrorCode::TooMany, format!("{what}: wait some seconds"))
}

impl Switchboard {
    pub(super) fn request(
        &mut self,
        device: DeviceId,
        socket: u64,
        ClientMessage { id, request }: ClientMessage,
    ) {
        let now = self.clock.now();
        let Some(entry) = self.sessions.get_mut(&device) else { return };
        let Some(link) = entry.link.as_mut().filter(|link| link.socket == socket) else {
            return; // sent on a socket that this session has left; the client repeats it on the new one
        };
        match entry.session.admit(id) {
            Admission::Fresh => {}
            Admission::Pending => return,
            Admission::Repeat(frame) => return self.push(device, frame),
            Admission::Forgotten => {
                let outcome = Outcome::Error(ErrorCode::AnswerForgotten.into());
                return self.push(device, to_frame(&Answer { re: id, outcome }));
            }
        }
        let input = match request {
            Request::Ping { ack } => {
                entry.session.acknowledge(ack);
                link.unacknowledged = 0;
                return self.answer(device, id, Ok(Success::Done {}));
            }
            Request::Login { .. } | Request::Resume { .. } => {
                return self.answer(device, id, Err(ErrorCode::AlreadyLoggedIn.into()));
            }
            Request::Logout {} => return self.logout(device, id),
            Request::Transport { call_id, offer } => {
                if !entry.offers.take(self.rates.offers, now) {
                    return self.answer(device, id, Err(too_many("too many offers")));
                }
                return self.connect(device, id, call_id, Way::Sdp(offer));
            }
            Request::Streams { call_id } => {
                if !entry.offers.take(self.rates.offers, now) {
                    return self.answer(device, id, Err(too_many("asked for streams too often")));
                }
                return self.streams(device, id, call_id);
            }
            Request::Call(request) => {
                let caller = entry.owner.clone();
                if let Err(error) = self.may_call(&caller, &request) {
                    return self.answer(device, id, Err(error));
                }
                let (Some(call), Some(room_seed)) = (random_bytes().map(u128::from_le_bytes), random_bytes())
                else {
                    return self.answer(device, id, Err(ErrorCode::Internal.into()));
                };
                let room_seed = u32::from_le_bytes(room_seed);
                Input::Call { device, call: CallId::from_random(call), room_seed, request }
            }
            Request::Delivered { call_id } => Input::Delivered { device, call: call_id },
            Request::Accept { call_id } => Input::Accept { device, call: call_id },
            Request::Reject { call_id } => Input::Reject { device, call: call_id },
            Request::Hangup { call_id } => Input::Hangup { device, call: call_id },
            Request::Devices { call_id, microphone, camera, sources } => {
                // Each change is told to everybody in the call.
                if !entry.devices.take(self.rates.devices, now) {
                    return self.answer(
                        device,
                        id,
                        Err(too_many("too many changes of microphone and camera")),
                    );
                }
                let sources = SourceSet::said(microphone, camera, sources);
                Input::Devices { device, call: call_id, sources }
            }
            Request::Media { call_id, media } => {
                if !entry.switches.take(self.rates.switches, now) {
                    return self.answer(
                        device,
                        id,
                        Err(too_many("switched between voice and video too often")),
                    );
                }
                Input::Media { device, call: call_id, media }
            }
            _ => return self.answer(device, id, Err(ErrorCode::UnknownType.into())),
        };
        // The answer goes out before the events that the same input causes, so that a client knows its call's id when
        // it hears of it.
        let accepted = match &input {
            Input::Accept { call, .. } => Some(call.clone()),
            _ => None,
        };
        let result = self.engine.handle(input, now, &mut self.effects);
        // Logged when it has happened: of what is only asked for, anything can be asked for.
        if let (Some(call), Ok(_)) = (&accepted, &result) {
            info!(%call, %device, "answers");
        }
        let result = match result {
            Ok(Reply::Calling { call, room }) => {
                info!(%call, room = room.get(), %device, "calls");
                Ok(Success::Calling { call_id: call, room_id: room })
            }
            Ok(_) => Ok(Success::Done {}),
            Err(code) => Err(code.into()),
        };
        self.answer(device, id, result);
        self.carry_out();
    }

    /// Counts a call, of its caller and at each callee. The buckets are of users, not of sessions: signing in anew
    /// fills none. A refused call takes nothing from anybody.
    fn may_call(&mut self, caller: &UserKey, request: &CallRequest) -> Result<(), ErrorBody> {
        let now = self.clock.now();
        if !self.calls.has(caller, now) {
            return Err(too_many("too many calls"));
        }
        // The engine refuses longer lists; here they would only cost.
        let to = &request.to[..request.to.len().min(tring_protocol::limits::MAX_CALLEES)];
        let callees: Vec<UserKey> =
            to.iter().map(|user| UserKey { app: caller.app, user: user.clone() }).collect();
        for callee in &callees {
            if !self.calls_to_one.has(&(caller.clone(), callee.clone()), now) {
                return Err(too_many("too many calls to this user"));
            }
            if !self.calls_received.has(callee, now) {
                return Err(too_many("this user is being called too often"));
            }
        }
        self.calls.take(caller.clone(), now);
        for callee in callees {
            self.calls_to_one.take((caller.clone(), callee.clone()), now);
            self.calls_received.take(callee, now);
        }
        Ok(())
    }
}

fn random_bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}
