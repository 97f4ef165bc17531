//! What signed-in devices ask.

use crate::signalling::messages::Link;
use crate::signalling::rates::too_many;
use crate::signalling::session::{Admission, to_frame};
use crate::signalling::switchboard::Step;
use crate::signalling::transports::ConnectBy;
use tracing::info;
use tring_calls::{Input, Reply};
use tring_protocol::{
    Answer, CallId, ClientMessage, DeviceId, ErrorCode, Outcome, Request, SourceSet, Success,
};

impl Step<'_> {
    /// A device asks something on the link on which it is signed in.
    pub(super) fn request(
        &mut self,
        device: DeviceId,
        link: Link,
        ClientMessage { id, request }: ClientMessage,
    ) {
        let now = self.now;
        let rates = self.board.rates;
        let Some(entry) = self.board.sessions.get_mut(&device) else { return };
        let Some(attached) = entry.link.as_mut().filter(|attached| attached.link == link) else {
            return; // sent on a link that this session has left; the client repeats it on the new one
        };
        match entry.session.admit(id) {
            Admission::Fresh => {}
            Admission::Pending => return,
            Admission::Repeat(frame) => return self.send(device, frame),
            Admission::Forgotten => {
                let outcome = Outcome::Error(ErrorCode::AnswerForgotten.into());
                return self.send(device, to_frame(&Answer { re: id, outcome }));
            }
        }
        let input = match request {
            Request::Ping { ack } => {
                entry.session.acknowledge(ack);
                attached.unacknowledged = 0;
                return self.answer(device, id, Ok(Success::Done {}));
            }
            Request::Login { .. } | Request::Resume { .. } => {
                return self.answer(device, id, Err(ErrorCode::AlreadyLoggedIn.into()));
            }
            Request::Logout {} => return self.logout(device, id),
            Request::Transport { call_id, offer } => {
                if !entry.offers.take(rates.offers, now) {
                    return self.answer(device, id, Err(too_many("too many offers")));
                }
                return self.connect(device, id, call_id, ConnectBy::WebRtc { offer });
            }
            Request::Streams { call_id } => {
                if !entry.offers.take(rates.offers, now) {
                    return self.answer(device, id, Err(too_many("asked for streams too often")));
                }
                return self.streams(device, id, call_id);
            }
            Request::Call(request) => {
                let caller = entry.owner.clone();
                if let Err(error) = self.board.calls.take(&caller, &request, now) {
                    return self.answer(device, id, Err(error));
                }
                let (Some(call), Some(room_seed)) = (self.random(), self.random()) else {
                    return self.answer(device, id, Err(ErrorCode::Internal.into()));
                };
                let call = CallId::from_random(u128::from_le_bytes(call));
                Input::Call { device, call, room_seed: u32::from_le_bytes(room_seed), request }
            }
            Request::Delivered { call_id } => Input::Delivered { device, call: call_id },
            Request::Accept { call_id } => Input::Accept { device, call: call_id },
            Request::Reject { call_id } => Input::Reject { device, call: call_id },
            Request::Hangup { call_id } => Input::Hangup { device, call: call_id },
            Request::Devices { call_id, microphone, camera, sources } => {
                if !entry.source_changes.take(rates.source_changes, now) {
                    let error = too_many("too many changes of microphone and camera");
                    return self.answer(device, id, Err(error));
                }
                let sources = SourceSet::said(microphone, camera, sources);
                Input::SetSources { device, call: call_id, sources }
            }
            Request::Media { call_id, media } => {
                if !entry.switches.take(rates.switches, now) {
                    let error = too_many("switched between voice and video too often");
                    return self.answer(device, id, Err(error));
                }
                Input::Media { device, call: call_id, media }
            }
        };
        // The answer goes out before the events that the same input causes, so that a client knows its call's id when
        // it hears of it.
        let accepted = match &input {
            Input::Accept { call, .. } => Some(call.clone()),
            _ => None,
        };
        let result = self.decide(input);
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
}
