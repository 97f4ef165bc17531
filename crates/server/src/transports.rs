//! Which media session belongs to which device of which call. Pure bookkeeping between the two planes, which share
//! nothing but ids.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tring_calls::TransportPermit;
use tring_media::{Command, SessionId, Tickets};
use tring_protocol::{CallId, DeviceId, RoomKey, Timestamp, UserId};

/// Offers that the media plane may have before it. A worker's queue takes 1,024 commands: with each of these and the close
/// of the transport that it replaces, half of it is left for the small commands that must not be lost (gates, devices,
/// closes), so the switchboard never waits for a place. Higher: more devices may connect at the same moment. Lower: less
/// waits in front of a gate that opens.
pub(crate) const OFFERS_UNDER_WAY: usize = 256;

/// An offer without an answer for this long is counted no more: the worker that had it has failed.
const OFFER_FORGOTTEN: Duration = Duration::from_secs(10);

/// One transport, from the offer to its end.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) call: CallId,
    pub(crate) device: DeviceId,
    pub(crate) room: RoomKey,
    pub(crate) user: UserId,
    pub(crate) gate_open: bool,
    /// The request that waits for the media plane's answer.
    pub(crate) request: Option<u32>,
    /// What a mini-program pushes and plays by, once the media plane has drawn it.
    pub(crate) tickets: Option<Tickets>,
}

/// All transports of this server.
#[derive(Debug, Default)]
pub(crate) struct Transports {
    last: u64,
    by_session: HashMap<SessionId, Transport>,
    /// A device is of one app, so calls of two apps cannot meet here whatever their ids are.
    by_part: HashMap<(DeviceId, CallId), SessionId>,
    by_room: HashMap<RoomKey, Vec<SessionId>>,
    /// Offers that the media plane has not answered, in the order in which it got them.
    under_way: VecDeque<(SessionId, Timestamp)>,
}

/// How a device wants to connect.
pub(crate) enum Way {
    /// WebRTC, by an SDP offer.
    Sdp(String),
    /// RTMP, by tickets.
    Tickets,
}

/// A device's wish to connect, on its way to the media plane.
pub(crate) struct Offer {
    pub(crate) call: CallId,
    pub(crate) device: DeviceId,
    /// The request that is to be answered.
    pub(crate) request: u32,
    pub(crate) way: Way,
}

impl Transports {
    /// A device that the call engine permits brings an offer. A transport that it had in this call is replaced; the
    /// request that still waited for its answer is returned.
    pub(crate) fn open(
        &mut self,
        offer: Offer,
        permit: TransportPermit,
        now: Timestamp,
        out: &mut Vec<Command>,
    ) -> Option<u32> {
        let Offer { call, device, request, way } = offer;
        let replaced = self.close(&call, device, out);
        self.last += 1;
        let session = SessionId(self.last);
        self.under_way.push_back((session, now));
        let (room, user, label) = (permit.room, permit.user.clone(), call.to_string());
        let TransportPermit { gate_open, microphone, camera, others, .. } = permit;
        out.push(match way {
            Way::Sdp(offer) => {
                Command::Open { session, room, user, label, offer, gate_open, microphone, camera }
            }
            Way::Tickets => {
                Command::OpenLive { session, room, user, label, others, gate_open, microphone, camera }
            }
        });
        self.by_part.insert((device, call.clone()), session);
        self.by_room.entry(permit.room).or_default().push(session);
        let transport = Transport {
            call,
            device,
            room: permit.room,
            user: permit.user,
            gate_open,
            request: Some(request),
            tickets: None,
        };
        self.by_session.insert(session, transport);
        replaced
    }

    /// The tickets that a device was given in this call, if it has any.
    pub(crate) fn tickets(&self, call: &CallId, device: DeviceId) -> Option<&Tickets> {
        let session = self.by_part.get(&(device, call.clone()))?;
        self.by_session.get(session)?.tickets.as_ref()
    }

    pub(crate) fn open_gate(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Command>) {
        let Some(&session) = self.by_part.get(&(device, call.clone())) else { return };
        if let Some(transport) = self.by_session.get_mut(&session) {
            transport.gate_open = true;
        }
        out.push(Command::OpenGate { session });
    }

    pub(crate) fn set_devices(
        &self,
        call: &CallId,
        device: DeviceId,
        microphone: bool,
        camera: bool,
        out: &mut Vec<Command>,
    ) {
        if let Some(&session) = self.by_part.get(&(device, call.clone())) {
            out.push(Command::SetDevices { session, microphone, camera });
        }
    }

    /// Closes a transport, if there is one. Returns the request that still waited for its answer.
    pub(crate) fn close(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Command>) -> Option<u32> {
        let &session = self.by_part.get(&(device, call.clone()))?;
        out.push(Command::Close { session });
        self.forget(session)?.request
    }

    /// A session that the media plane has closed by itself. None if it was replaced or closed from here before.
    pub(crate) fn forget(&mut self, session: SessionId) -> Option<Transport> {
        let transport = self.by_session.remove(&session)?;
        self.by_part.remove(&(transport.device, transport.call.clone()));
        if let Some(sessions) = self.by_room.get_mut(&transport.room) {
            sessions.retain(|&s| s != session);
            if sessions.is_empty() {
                self.by_room.remove(&transport.room);
            }
        }
        Some(transport)
    }

    pub(crate) fn get_mut(&mut self, session: SessionId) -> Option<&mut Transport> {
        self.by_session.get_mut(&session)
    }

    /// Whether the media plane can be given another offer now.
    pub(crate) fn may_offer(&mut self, now: Timestamp) -> bool {
        while self.under_way.front().is_some_and(|(_, at)| now.since(*at) >= OFFER_FORGOTTEN) {
            self.under_way.pop_front();
        }
        self.under_way.len() < OFFERS_UNDER_WAY
    }

    /// The media plane has answered or refused an offer, also one whose transport is closed again.
    pub(crate) fn answered(&mut self, session: SessionId) {
        if let Some(place) = self.under_way.iter().position(|(s, _)| *s == session) {
            self.under_way.remove(place);
        }
    }

    /// The transports of a room whose media flows.
    pub(crate) fn flowing(&self, room: RoomKey) -> impl Iterator<Item = &Transport> {
        let sessions = self.by_room.get(&room).map_or(&[][..], Vec::as_slice);
        sessions.iter().filter_map(|s| self.by_session.get(s)).filter(|t| t.gate_open)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_session.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::{RoomId, SdkAppId};

    const NOW: Timestamp = Timestamp::from_secs(1);

    fn room(app: u32) -> RoomKey {
        RoomKey { app: SdkAppId::new(app).unwrap(), room: RoomId::new(1).unwrap() }
    }

    fn permit(app: u32) -> TransportPermit {
        TransportPermit {
            room: room(app),
            user: UserId::new("a").unwrap(),
            others: vec![UserId::new("b").unwrap()],
            gate_open: false,
            microphone: true,
            camera: false,
        }
    }

    fn open(t: &mut Transports, app: u32, device: u64) -> Vec<Command> {
        let mut out = Vec::new();
        let (call, device) = (CallId::from_random(7), DeviceId(device));
        t.open(Offer { call, device, request: 1, way: Way::Sdp("offer".into()) }, permit(app), NOW, &mut out);
        out
    }

    #[test]
    fn a_second_offer_closes_the_first_transport() {
        let mut t = Transports::default();
        open(&mut t, 1, 1);
        let out = open(&mut t, 1, 1);
        assert_eq!(out[0], Command::Close { session: SessionId(1) });
        assert!(matches!(out[1], Command::Open { session: SessionId(2), .. }));
        assert_eq!(t.len(), 1);
        assert!(t.forget(SessionId(1)).is_none(), "the end of the replaced session is nobody's business");
    }

    #[test]
    fn only_open_gates_hear_of_the_network() {
        let (mut t, call) = (Transports::default(), CallId::from_random(7));
        open(&mut t, 1, 1);
        open(&mut t, 1, 2);
        assert_eq!(t.flowing(room(1)).count(), 0);
        t.open_gate(&call, DeviceId(2), &mut Vec::new());
        assert_eq!(t.flowing(room(1)).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(2)]);
        t.close(&call, DeviceId(2), &mut Vec::new());
        t.close(&call, DeviceId(1), &mut Vec::new());
        assert_eq!((t.len(), t.by_room.len(), t.by_part.len()), (0, 0, 0));
    }

    #[test]
    fn equal_call_and_room_names_of_two_apps_do_not_meet() {
        let (mut t, call) = (Transports::default(), CallId::from_random(7));
        open(&mut t, 1, 1);
        open(&mut t, 2, 2);
        t.open_gate(&call, DeviceId(1), &mut Vec::new());
        t.open_gate(&call, DeviceId(2), &mut Vec::new());
        assert_eq!(t.flowing(room(1)).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(1)]);
        assert_eq!(t.flowing(room(2)).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(2)]);
    }

    #[test]
    fn offers_wait_outside_while_the_media_plane_has_its_fill() {
        let mut t = Transports::default();
        for _ in 0..OFFERS_UNDER_WAY {
            assert!(t.may_offer(NOW));
            open(&mut t, 1, 1); // each closes the one before, which the media plane has yet to see
        }
        assert!(!t.may_offer(NOW));
        t.answered(SessionId(3));
        t.answered(SessionId(3));
        assert!(t.may_offer(NOW));
        open(&mut t, 1, 1);
        assert!(!t.may_offer(NOW));
        assert!(t.may_offer(NOW + OFFER_FORGOTTEN), "a worker that failed does not shut the door for ever");
    }
}
