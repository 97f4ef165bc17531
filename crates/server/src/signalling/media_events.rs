//! Offers, and what the media plane tells.

use crate::signalling::stream_urls::StreamUrls;
use crate::signalling::switchboard::Step;
use crate::signalling::transports::{ClosedTransport, ConnectBy, Offer, Transport};
use tracing::{debug, info};
use tring_calls::{Input, Reply};
use tring_media::{Codec, HAS_BRIDGE, Notice, OfferError, SessionId, StreamTickets};
use tring_protocol::log::Untrusted;
use tring_protocol::{CallId, DeviceId, ErrorBody, ErrorCode, Event, Success, VideoCodec};

/// What a device hears that would need the bridge.
const NO_BRIDGE: &str = "this server was built without the bridge between mini-programs and browsers: \
    build it with the feature `bridge`";

impl Step<'_> {
    /// Where a mini-program pushes and plays: what it was told before, or tickets drawn now.
    pub(super) fn streams(&mut self, device: DeviceId, id: u32, call: CallId) {
        let Some(port) = self.board.rtmp_port else {
            let body = ErrorBody::with(
                ErrorCode::MediaUnavailable,
                "this server carries no mini-programs: set rtmp.enabled = true",
            );
            return self.answer(device, id, Err(body));
        };
        match self.board.transports.tickets(&call, device) {
            Some(tickets) => {
                let tickets = tickets.clone();
                self.answer_streams(device, id, &call, &tickets, port);
            }
            None => self.connect(device, id, call, ConnectBy::Rtmp),
        }
    }

    fn answer_streams(
        &mut self,
        device: DeviceId,
        id: u32,
        call: &CallId,
        tickets: &StreamTickets,
        port: u16,
    ) {
        let Some(entry) = self.board.sessions.get(&device) else { return };
        let streams = StreamUrls::new(&self.board.config.rtmp, &entry.host, port).all(call, tickets);
        self.answer(device, id, Ok(streams));
    }

    /// A device offers a transport, or asks for tickets: answered when the media plane has answered.
    pub(super) fn connect(&mut self, device: DeviceId, id: u32, call: CallId, by: ConnectBy) {
        if !self.board.transports.may_offer(self.now) {
            return self.answer(device, id, Err(ErrorCode::MediaUnavailable.into()));
        }
        match self.engine(Input::Transport { device, call: call.clone() }) {
            Ok(Reply::Transport(permit))
                if !HAS_BRIDGE && self.board.transports.needs_bridge(permit.room, &permit.user, &by) =>
            {
                self.answer(device, id, Err(ErrorBody::with(ErrorCode::MediaUnavailable, NO_BRIDGE)));
            }
            Ok(Reply::Transport(permit)) => {
                let offer = Offer { call, device, request: id, by };
                let replaced = self.board.transports.open(offer, permit, self.now, self.out);
                if let Some(waiting) = replaced {
                    let body =
                        ErrorBody::with(ErrorCode::MediaUnavailable, "a newer offer has replaced this one");
                    self.answer(device, waiting, Err(body));
                }
            }
            Ok(_) => self.answer(device, id, Err(ErrorCode::Internal.into())),
            Err(code) => self.answer(device, id, Err(code.into())),
        }
    }

    /// What the media plane tells of a session.
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Answered { session, answer } => {
                let transport = self.board.transports.answered(session, self.out);
                let waiting = transport.and_then(|t| Some((t.device, t.request.take()?)));
                if let Some((device, id)) = waiting {
                    self.answer(device, id, Ok(Success::Transport { answer }));
                }
            }
            Notice::StreamsOpened { session, tickets } => {
                let Some(transport) = self.board.transports.answered(session, self.out) else { return };
                transport.tickets = Some(tickets.clone());
                if let (Some(id), Some(port)) = (transport.request.take(), self.board.rtmp_port) {
                    let (device, call) = (transport.device, transport.call.clone());
                    self.answer_streams(device, id, &call, &tickets, port);
                }
            }
            Notice::Refused { session, error } => {
                self.board.transports.settled(session);
                let Some(ClosedTransport { transport, .. }) = self.forget(session) else { return };
                info!(call = %transport.call, device = %transport.device, error = %Untrusted(&error), "offer refused");
                let code = match error {
                    OfferError::TooLarge(_) => ErrorCode::OfferTooLarge,
                    OfferError::Invalid(_) => ErrorCode::OfferInvalid,
                    _ => ErrorCode::MediaUnavailable,
                };
                if let Some(id) = transport.request {
                    self.answer(transport.device, id, Err(ErrorBody::with(code, error.to_string())));
                }
            }
            Notice::Connected { session } => {
                if let Some(t) = self.board.transports.get_mut(session) {
                    debug!(call = %t.call, device = %t.device, %session, "transport connected");
                }
            }
            Notice::Lost { session } => {
                let Some(ClosedTransport { transport, last }) = self.forget(session) else { return };
                info!(call = %transport.call, device = %transport.device, "transport lost");
                // A device that waits for the answer hears it there; one that has it must be told, unless it offers another
                // already.
                match transport.request {
                    Some(id) => self.answer(transport.device, id, Err(ErrorCode::MediaUnavailable.into())),
                    None if last => {
                        self.tell(transport.device, Event::TransportLost { call_id: transport.call });
                    }
                    None => {}
                }
            }
            Notice::Network { session, level } => {
                let Some(t) = self.board.transports.get_mut(session) else { return };
                // How a device's network is before its user has answered is nobody's business.
                if !t.gate_open {
                    return;
                }
                let (call, room, user) = (t.call.clone(), t.room, t.user.clone());
                let devices: Vec<DeviceId> =
                    self.board.transports.with_open_gate(room).map(|t| t.device).collect();
                for device in devices {
                    self.tell(device, Event::Network { call_id: call.clone(), user_id: user.clone(), level });
                }
            }
            Notice::Evicted { session } => {
                let Some(ClosedTransport { transport, .. }) = self.forget(session) else { return };
                debug!(call = %transport.call, device = %transport.device, "transport given up for newer ones");
                if let Some(id) = transport.request {
                    self.answer(transport.device, id, Err(ErrorCode::MediaUnavailable.into()));
                }
                // Not told: a device that still rings would offer again at once, and evict another. It offers anew when
                // it answers and finds its transport closed.
            }
            Notice::StreamFault { session, fault, detail } => {
                let Some(t) = self.board.transports.get_mut(session) else { return };
                info!(call = %t.call, device = %t.device, ?fault, detail, "a stream does not reach everybody");
                let (room, user) = (t.room, t.user.clone());
                let message = format!("the sound or picture of {user} does not reach everybody: {detail}");
                let event = Event::StreamFault { call_id: t.call.clone(), user_id: user, fault, message };
                let devices: Vec<DeviceId> =
                    self.board.transports.with_open_gate(room).map(|t| t.device).collect();
                for device in devices {
                    self.tell(device, event.clone());
                }
            }
            // Also first in the answer to its next offer, for a client that cannot change its sender's codec.
            Notice::CodecMismatch { session, wanted, .. } => {
                let Some(t) = self.board.transports.get_mut(session) else { return };
                info!(call = %t.call, device = %t.device, ?wanted, "its video cannot be decoded by everybody");
                let codec = wanted.and_then(|codec| match codec {
                    Codec::H264 => Some(VideoCodec::H264),
                    Codec::Vp8 => Some(VideoCodec::Vp8),
                    Codec::Opus => None,
                });
                let (own, room) = (t.device, t.room);
                let event = Event::VideoCodec { call_id: t.call.clone(), user_id: t.user.clone(), codec };
                let told: Vec<DeviceId> = match codec {
                    Some(_) => vec![own],
                    None => self.board.transports.with_open_gate(room).map(|t| t.device).collect(),
                };
                for device in told {
                    self.tell(device, event.clone());
                }
            }
        }
        self.carry_out();
    }

    /// The media plane has closed a session, or refused it. A device without another transport holds no place any more among
    /// those that may connect before the answer.
    fn forget(&mut self, session: SessionId) -> Option<ClosedTransport> {
        let gone = self.board.transports.forget(session, self.out)?;
        if gone.last {
            let Transport { device, call, .. } = &gone.transport;
            let input = Input::TransportGone { device: *device, call: call.clone() };
            let _ = self.decide(input);
        }
        Some(gone)
    }
}
