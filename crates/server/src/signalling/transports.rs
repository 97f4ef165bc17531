//! Which media session belongs to which device of which call. Pure bookkeeping between the two planes, which share
//! nothing but ids.

use crate::signalling::messages::Out;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tring_calls::TransportPermit;
use tring_media::{Command, SessionId, SourceSet, StreamTickets};
use tring_protocol::{CallId, DeviceId, RoomKey, Timestamp, UserId};

/// Offers that the media plane may have before it. A worker's queue takes 1,024 commands: with each of these and the close
/// of the transport that it replaces, half of it is left for the small commands that must not be lost (gates, devices,
/// closes), so the switchboard never waits for a place. Higher: more devices may connect at the same moment. Lower: less
/// waits in front of a gate that opens.
pub(crate) const MAX_PENDING_OFFERS: usize = 256;

/// An offer without an answer for this long is counted no more: the worker that had it has failed. Higher: a slow worker is
/// given no more than it can take. Lower: one that failed shuts out others for less time.
const OFFER_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// A mini-program's, by RTMP.
    rtmp: bool,
    /// What a mini-program pushes and plays by, once the media plane has drawn it.
    pub(crate) tickets: Option<StreamTickets>,
    /// The device's transport of before, which lives until this one is answered: an offer that is refused costs nothing.
    replaces: Option<SessionId>,
}

/// A transport that the media plane has closed, or refused.
#[derive(Debug)]
pub(crate) struct ClosedTransport {
    pub(crate) transport: Transport,
    /// The device has no other transport in this call.
    pub(crate) last: bool,
}

fn close(session: SessionId) -> Out {
    Out::Media(Command::Close { session })
}

/// All transports of this server.
#[derive(Debug, Default)]
pub(crate) struct Transports {
    last: u64,
    by_session: HashMap<SessionId, Transport>,
    /// A device is of one app, so calls of two apps cannot meet here whatever their ids are.
    by_device: HashMap<(DeviceId, CallId), SessionId>,
    by_room: HashMap<RoomKey, Vec<SessionId>>,
    /// Offers that the media plane has not answered, in the order in which it got them.
    pending_offers: VecDeque<(SessionId, Timestamp)>,
}

/// How a device wants to connect.
pub(crate) enum ConnectBy {
    /// WebRTC, by an SDP offer.
    WebRtc { offer: String },
    /// RTMP, by tickets that the media plane draws.
    Rtmp,
}

/// A device's wish to connect, on its way to the media plane.
pub(crate) struct Offer {
    pub(crate) call: CallId,
    pub(crate) device: DeviceId,
    /// The request that is to be answered.
    pub(crate) request: u32,
    pub(crate) by: ConnectBy,
}

impl Transports {
    /// A device that the call engine permits brings an offer. A transport that it had in this call goes when the media
    /// plane has answered; one that still waited for its answer goes now, and its request is returned.
    pub(crate) fn open(
        &mut self,
        offer: Offer,
        permit: TransportPermit,
        now: Timestamp,
        out: &mut Vec<Out>,
    ) -> Option<u32> {
        let Offer { call, device, request, by } = offer;
        let (replaces, waited) = self.step_aside(&call, device, out);
        self.last += 1;
        let session = SessionId(self.last);
        self.pending_offers.push_back((session, now));
        let (room, user, label) = (permit.room, permit.user.clone(), call.to_string());
        let TransportPermit { gate_open, calling, sources: on, others, .. } = permit;
        let rtmp = matches!(by, ConnectBy::Rtmp);
        out.push(Out::Media(match by {
            ConnectBy::WebRtc { offer } => Command::Open { session, room, user, label, offer, gate_open, on },
            ConnectBy::Rtmp => Command::OpenStreams { session, room, user, label, others, gate_open, on },
        }));
        if calling && !rtmp {
            out.push(Out::Media(Command::KeepFirstPicture { session }));
        }
        self.by_device.insert((device, call.clone()), session);
        self.by_room.entry(permit.room).or_default().push(session);
        let transport = Transport {
            call,
            device,
            room: permit.room,
            user: permit.user,
            gate_open,
            request: Some(request),
            rtmp,
            tickets: None,
            replaces,
        };
        self.by_session.insert(session, transport);
        waited
    }

    /// Makes place for a newer transport. Gives the one that goes with the answer, and the request of one that goes now.
    fn step_aside(
        &mut self,
        call: &CallId,
        device: DeviceId,
        out: &mut Vec<Out>,
    ) -> (Option<SessionId>, Option<u32>) {
        let Some(&current) = self.by_device.get(&(device, call.clone())) else { return (None, None) };
        let Some(transport) = self.by_session.get(&current) else { return (None, None) };
        let Some(request) = transport.request else { return (Some(current), None) };
        let before = transport.replaces;
        out.push(close(current));
        self.remove(current);
        (before, Some(request))
    }

    /// The tickets that a device was given in this call, if it has any.
    pub(crate) fn tickets(&self, call: &CallId, device: DeviceId) -> Option<&StreamTickets> {
        let session = self.by_device.get(&(device, call.clone()))?;
        self.by_session.get(session)?.tickets.as_ref()
    }

    pub(crate) fn open_gate(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Out>) {
        let Some(&session) = self.by_device.get(&(device, call.clone())) else { return };
        if let Some(transport) = self.by_session.get_mut(&session) {
            transport.gate_open = true;
        }
        out.push(Out::Media(Command::OpenGate { session }));
    }

    pub(crate) fn set_sources(
        &self,
        call: &CallId,
        device: DeviceId,
        sources: SourceSet,
        out: &mut Vec<Out>,
    ) {
        for session in self.of_device(call, device).into_iter().flatten() {
            out.push(Out::Media(Command::SetSources { session, on: sources }));
        }
    }

    /// A device's transport in a call, and the one that it replaces, if that still lives.
    fn of_device(&self, call: &CallId, device: DeviceId) -> [Option<SessionId>; 2] {
        let current = self.by_device.get(&(device, call.clone())).copied();
        [current, current.and_then(|s| self.by_session.get(&s)?.replaces)]
    }

    /// Closes a device's transport in a call, if there is one. Returns the request that still waited for its answer.
    pub(crate) fn close(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Out>) -> Option<u32> {
        let mut waited = None;
        for session in self.of_device(call, device).into_iter().flatten() {
            out.push(close(session));
            waited = waited.or(self.remove(session).and_then(|t| t.request));
        }
        self.by_device.remove(&(device, call.clone()));
        waited
    }

    /// A session that the media plane has closed or refused by itself. None if it was replaced or closed from here before.
    /// The transport that it was to replace is the device's again.
    pub(crate) fn forget(&mut self, session: SessionId, out: &mut Vec<Out>) -> Option<ClosedTransport> {
        let transport = self.remove(session)?;
        let key = (transport.device, transport.call.clone());
        let current = self.by_device.get(&key).copied();
        if current != Some(session) {
            let newer = current.and_then(|s| self.by_session.get_mut(&s));
            let last = newer.map(|t| t.replaces = None).is_none();
            return Some(ClosedTransport { transport, last });
        }
        let before = transport.replaces.and_then(|s| Some((s, self.by_session.get_mut(&s)?)));
        let last = before.is_none();
        match before {
            Some((session, older)) => {
                if transport.gate_open && !std::mem::replace(&mut older.gate_open, true) {
                    out.push(Out::Media(Command::OpenGate { session }));
                }
                self.by_device.insert(key, session);
            }
            None => drop(self.by_device.remove(&key)),
        }
        Some(ClosedTransport { transport, last })
    }

    /// Takes a transport out of `by_session` and `by_room`.
    fn remove(&mut self, session: SessionId) -> Option<Transport> {
        let transport = self.by_session.remove(&session)?;
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
        while self.pending_offers.front().is_some_and(|(_, at)| now.since(*at) >= OFFER_TIMEOUT) {
            self.pending_offers.pop_front();
        }
        self.pending_offers.len() < MAX_PENDING_OFFERS
    }

    /// The media plane has answered an offer: the transport before it goes. Gives the new one, unless it is closed again.
    pub(crate) fn answered(&mut self, session: SessionId, out: &mut Vec<Out>) -> Option<&mut Transport> {
        self.settled(session);
        let before = self.by_session.get_mut(&session)?.replaces.take();
        if let Some(before) = before {
            // With an open gate it is gone already: a user talks on one session.
            out.push(close(before));
            self.remove(before);
        }
        self.by_session.get_mut(&session)
    }

    /// The media plane has answered or refused an offer, also one whose transport is closed again: there is room for another.
    pub(crate) fn settled(&mut self, session: SessionId) {
        if let Some(place) = self.pending_offers.iter().position(|(s, _)| *s == session) {
            self.pending_offers.remove(place);
        }
    }

    /// The transports of a room whose gate is open: their media flows.
    pub(crate) fn with_open_gate(&self, room: RoomKey) -> impl Iterator<Item = &Transport> {
        let sessions = self.by_room.get(&room).map_or(&[][..], Vec::as_slice);
        sessions.iter().filter_map(|s| self.by_session.get(s)).filter(|t| t.gate_open)
    }

    /// Somebody else in the room has connected the other way: one is a mini-program, the other is not.
    pub(crate) fn needs_bridge(&self, room: RoomKey, user: &UserId, by: &ConnectBy) -> bool {
        let rtmp = matches!(by, ConnectBy::Rtmp);
        let sessions = self.by_room.get(&room).into_iter().flatten();
        sessions.filter_map(|s| self.by_session.get(s)).any(|t| t.user != *user && t.rtmp != rtmp)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_session.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::{RoomId, SdkAppId, Source};

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
            calling: false,
            sources: Source::Microphone.into(),
        }
    }

    fn open(t: &mut Transports, app: u32, device: u64) -> Vec<Out> {
        let mut out = Vec::new();
        let (call, device) = (CallId::from_random(7), DeviceId(device));
        t.open(
            Offer { call, device, request: 1, by: ConnectBy::WebRtc { offer: "offer".into() } },
            permit(app),
            NOW,
            &mut out,
        );
        out
    }

    const FIRST: SessionId = SessionId(1);
    const SECOND: SessionId = SessionId(2);

    fn open_gate(session: SessionId) -> Out {
        Out::Media(Command::OpenGate { session })
    }

    /// A device with an answered transport, and an offer for another.
    fn offering_again() -> Transports {
        let mut t = Transports::default();
        open(&mut t, 1, 1);
        t.answered(FIRST, &mut Vec::new()).unwrap().request = None;
        let out = open(&mut t, 1, 1);
        assert!(matches!(&out[..], [Out::Media(Command::Open { session: SECOND, .. })]), "{out:?}");
        t
    }

    #[test]
    fn the_first_transport_goes_when_the_second_is_answered() {
        let (mut t, mut out) = (offering_again(), Vec::new());
        assert!(t.answered(SECOND, &mut out).is_some());
        assert_eq!((out, t.len()), (vec![close(FIRST)], 1));
        assert!(
            t.forget(FIRST, &mut Vec::new()).is_none(),
            "the end of a replaced session is nobody's business"
        );
    }

    #[test]
    fn an_offer_that_is_refused_costs_nothing() {
        let (mut t, mut out, call) = (offering_again(), Vec::new(), CallId::from_random(7));
        t.set_sources(&call, DeviceId(1), SourceSet::EMPTY, &mut out);
        assert_eq!(out.len(), 2, "what is muted is muted on both");
        t.open_gate(&call, DeviceId(1), &mut out);
        assert_eq!(out.pop(), Some(open_gate(SECOND)));
        out.clear();
        let gone = t.forget(SECOND, &mut out).unwrap();
        assert!(!gone.last);
        assert_eq!(out, [open_gate(FIRST)], "what was answered meanwhile counts");
        assert_eq!(t.close(&call, DeviceId(1), &mut out), None);
        assert_eq!((out.pop(), t.len(), t.by_device.len()), (Some(close(FIRST)), 0, 0));
    }

    #[test]
    fn a_transport_that_breaks_while_another_is_offered_is_not_the_last() {
        let (mut t, mut out) = (offering_again(), Vec::new());
        assert!(!t.forget(FIRST, &mut out).unwrap().last);
        assert!(t.forget(SECOND, &mut out).unwrap().last);
        assert!(out.is_empty() && t.by_device.is_empty());
    }

    #[test]
    fn a_third_offer_takes_the_place_of_one_that_waits() {
        let (mut t, mut out) = (offering_again(), Vec::new());
        let commands = open(&mut t, 1, 1);
        assert_eq!(commands[0], close(SECOND));
        assert!(t.answered(SessionId(3), &mut out).is_some());
        assert_eq!((out, t.len()), (vec![close(FIRST)], 1));
    }

    #[test]
    fn a_mini_program_and_a_browser_of_two_users_cross() {
        let (mut t, user) = (Transports::default(), |name| UserId::new(name).unwrap());
        let sdp = ConnectBy::WebRtc { offer: String::new() };
        assert!(!t.needs_bridge(room(1), &user("b"), &ConnectBy::Rtmp), "nobody is there");
        open(&mut t, 1, 1);
        assert!(
            t.needs_bridge(room(1), &user("b"), &ConnectBy::Rtmp)
                && !t.needs_bridge(room(1), &user("b"), &sdp)
        );
        assert!(
            !t.needs_bridge(room(1), &user("a"), &ConnectBy::Rtmp),
            "one's own other device is nobody to talk to"
        );
        assert!(!t.needs_bridge(room(2), &user("b"), &ConnectBy::Rtmp));
    }

    #[test]
    fn only_open_gates_hear_of_the_network() {
        let (mut t, call) = (Transports::default(), CallId::from_random(7));
        open(&mut t, 1, 1);
        open(&mut t, 1, 2);
        assert_eq!(t.with_open_gate(room(1)).count(), 0);
        t.open_gate(&call, DeviceId(2), &mut Vec::new());
        assert_eq!(t.with_open_gate(room(1)).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(2)]);
        t.close(&call, DeviceId(2), &mut Vec::new());
        t.close(&call, DeviceId(1), &mut Vec::new());
        assert_eq!((t.len(), t.by_room.len(), t.by_device.len()), (0, 0, 0));
    }

    #[test]
    fn equal_call_and_room_names_of_two_apps_do_not_meet() {
        let (mut t, call) = (Transports::default(), CallId::from_random(7));
        open(&mut t, 1, 1);
        open(&mut t, 2, 2);
        t.open_gate(&call, DeviceId(1), &mut Vec::new());
        t.open_gate(&call, DeviceId(2), &mut Vec::new());
        assert_eq!(t.with_open_gate(room(1)).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(1)]);
        assert_eq!(t.with_open_gate(room(2)).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(2)]);
    }

    #[test]
    fn offers_wait_outside_while_the_media_plane_has_its_fill() {
        let mut t = Transports::default();
        for _ in 0..MAX_PENDING_OFFERS {
            assert!(t.may_offer(NOW));
            open(&mut t, 1, 1); // each closes the one before, which the media plane has yet to see
        }
        assert!(!t.may_offer(NOW));
        t.settled(SessionId(3));
        t.settled(SessionId(3));
        assert!(t.may_offer(NOW));
        open(&mut t, 1, 1);
        assert!(!t.may_offer(NOW));
        assert!(t.may_offer(NOW + OFFER_TIMEOUT), "a worker that failed does not shut the door for ever");
    }
}
