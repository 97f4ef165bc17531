//! Which media session belongs to which device of which call. Pure bookkeeping between the two planes, which share
//! nothing but ids.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tring_calls::TransportPermit;
use tring_media::{Command, SessionId, SourceSet, StreamTickets};
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
    /// It is a mini-program's, by RTMP.
    live: bool,
    /// What a mini-program pushes and plays by, once the media plane has drawn it.
    pub(crate) tickets: Option<StreamTickets>,
    /// The device's transport of before, which lives until this one is answered: an offer that is refused costs nothing.
    replaces: Option<SessionId>,
}

/// A transport that is gone.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) transport: Transport,
    /// The device has no other in this call.
    pub(crate) last: bool,
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
    /// A device that the call engine permits brings an offer. A transport that it had in this call goes when the media
    /// plane has answered; one that still waited for its answer goes now, and its request is returned.
    pub(crate) fn open(
        &mut self,
        offer: Offer,
        permit: TransportPermit,
        now: Timestamp,
        out: &mut Vec<Command>,
    ) -> Option<u32> {
        let Offer { call, device, request, way } = offer;
        let (replaces, waited) = self.step_aside(&call, device, out);
        self.last += 1;
        let session = SessionId(self.last);
        self.under_way.push_back((session, now));
        let (room, user, label) = (permit.room, permit.user.clone(), call.to_string());
        let TransportPermit { gate_open, sources: on, others, .. } = permit;
        let live = matches!(way, Way::Tickets);
        out.push(match way {
            Way::Sdp(offer) => Command::Open { session, room, user, label, offer, gate_open, on },
            Way::Tickets => Command::OpenStreams { session, room, user, label, others, gate_open, on },
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
            live,
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
        out: &mut Vec<Command>,
    ) -> (Option<SessionId>, Option<u32>) {
        let Some(&current) = self.by_part.get(&(device, call.clone())) else { return (None, None) };
        let Some(transport) = self.by_session.get(&current) else { return (None, None) };
        let Some(request) = transport.request else { return (Some(current), None) };
        let before = transport.replaces;
        out.push(Command::Close { session: current });
        self.remove(current);
        (before, Some(request))
    }

    /// The tickets that a device was given in this call, if it has any.
    pub(crate) fn tickets(&self, call: &CallId, device: DeviceId) -> Option<&StreamTickets> {
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

    pub(crate) fn set_sources(
        &self,
        call: &CallId,
        device: DeviceId,
        sources: SourceSet,
        out: &mut Vec<Command>,
    ) {
        for session in self.of_part(call, device).into_iter().flatten() {
            out.push(Command::SetSources { session, on: sources });
        }
    }

    /// A device's transport in a call, and the one that it replaces, if that still lives.
    fn of_part(&self, call: &CallId, device: DeviceId) -> [Option<SessionId>; 2] {
        let current = self.by_part.get(&(device, call.clone())).copied();
        [current, current.and_then(|s| self.by_session.get(&s)?.replaces)]
    }

    /// Closes a device's transport in a call, if there is one. Returns the request that still waited for its answer.
    pub(crate) fn close(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Command>) -> Option<u32> {
        let mut waited = None;
        for session in self.of_part(call, device).into_iter().flatten() {
            out.push(Command::Close { session });
            waited = waited.or(self.remove(session).and_then(|t| t.request));
        }
        self.by_part.remove(&(device, call.clone()));
        waited
    }

    /// A session that the media plane has closed or refused by itself. None if it was replaced or closed from here before.
    /// The transport that it was to replace is the device's again.
    pub(crate) fn forget(&mut self, session: SessionId, out: &mut Vec<Command>) -> Option<Gone> {
        let transport = self.remove(session)?;
        let part = (transport.device, transport.call.clone());
        let current = self.by_part.get(&part).copied();
        if current != Some(session) {
            let newer = current.and_then(|s| self.by_session.get_mut(&s));
            let last = newer.map(|t| t.replaces = None).is_none();
            return Some(Gone { transport, last });
        }
        let before = transport.replaces.and_then(|s| Some((s, self.by_session.get_mut(&s)?)));
        let last = before.is_none();
        match before {
            Some((session, older)) => {
                if transport.gate_open && !std::mem::replace(&mut older.gate_open, true) {
                    out.push(Command::OpenGate { session });
                }
                self.by_part.insert(part, session);
            }
            None => drop(self.by_part.remove(&part)),
        }
        Some(Gone { transport, last })
    }

    /// Takes a transport out of the maps by session and room.
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
        while self.under_way.front().is_some_and(|(_, at)| now.since(*at) >= OFFER_FORGOTTEN) {
            self.under_way.pop_front();
        }
        self.under_way.len() < OFFERS_UNDER_WAY
    }

    /// The media plane has answered an offer: the transport before it goes. Gives the new one, unless it is closed again.
    pub(crate) fn answered(&mut self, session: SessionId, out: &mut Vec<Command>) -> Option<&mut Transport> {
        self.settled(session);
        let before = self.by_session.get_mut(&session)?.replaces.take();
        if let Some(before) = before {
            // With an open gate it is gone already: a user talks on one session.
            out.push(Command::Close { session: before });
            self.remove(before);
        }
        self.by_session.get_mut(&session)
    }

    /// The media plane has answered or refused an offer, also one whose transport is closed again.
    pub(crate) fn settled(&mut self, session: SessionId) {
        if let Some(place) = self.under_way.iter().position(|(s, _)| *s == session) {
            self.under_way.remove(place);
        }
    }

    /// The transports of a room whose media flows.
    pub(crate) fn flowing(&self, room: RoomKey) -> impl Iterator<Item = &Transport> {
        let sessions = self.by_room.get(&room).map_or(&[][..], Vec::as_slice);
        sessions.iter().filter_map(|s| self.by_session.get(s)).filter(|t| t.gate_open)
    }

    /// Somebody else in the room has come the other way: one is a mini-program, the other is not.
    pub(crate) fn crosses(&self, room: RoomKey, user: &UserId, way: &Way) -> bool {
        let live = matches!(way, Way::Tickets);
        let sessions = self.by_room.get(&room).into_iter().flatten();
        sessions.filter_map(|s| self.by_session.get(s)).any(|t| t.user != *user && t.live != live)
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
            sources: Source::Microphone.into(),
        }
    }

    fn open(t: &mut Transports, app: u32, device: u64) -> Vec<Command> {
        let mut out = Vec::new();
        let (call, device) = (CallId::from_random(7), DeviceId(device));
        t.open(Offer { call, device, request: 1, way: Way::Sdp("offer".into()) }, permit(app), NOW, &mut out);
        out
    }

    const FIRST: SessionId = SessionId(1);
    const SECOND: SessionId = SessionId(2);

    fn close(session: SessionId) -> Command {
        Command::Close { session }
    }

    /// A device with an answered transport, and an offer for another.
    fn offering_again() -> Transports {
        let mut t = Transports::default();
        open(&mut t, 1, 1);
        t.answered(FIRST, &mut Vec::new()).unwrap().request = None;
        let out = open(&mut t, 1, 1);
        assert!(matches!(&out[..], [Command::Open { session: SECOND, .. }]), "{out:?}");
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
        assert_eq!(out.pop(), Some(Command::OpenGate { session: SECOND }));
        out.clear();
        let gone = t.forget(SECOND, &mut out).unwrap();
        assert!(!gone.last);
        assert_eq!(out, [Command::OpenGate { session: FIRST }], "what was answered meanwhile counts");
        assert_eq!(t.close(&call, DeviceId(1), &mut out), None);
        assert_eq!((out.pop(), t.len(), t.by_part.len()), (Some(close(FIRST)), 0, 0));
    }

    #[test]
    fn a_transport_that_breaks_while_another_is_offered_is_not_the_last() {
        let (mut t, mut out) = (offering_again(), Vec::new());
        assert!(!t.forget(FIRST, &mut out).unwrap().last);
        assert!(t.forget(SECOND, &mut out).unwrap().last);
        assert!(out.is_empty() && t.by_part.is_empty());
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
        let sdp = Way::Sdp(String::new());
        assert!(!t.crosses(room(1), &user("b"), &Way::Tickets), "nobody is there");
        open(&mut t, 1, 1);
        assert!(t.crosses(room(1), &user("b"), &Way::Tickets) && !t.crosses(room(1), &user("b"), &sdp));
        assert!(
            !t.crosses(room(1), &user("a"), &Way::Tickets),
            "one's own other device is nobody to talk to"
        );
        assert!(!t.crosses(room(2), &user("b"), &Way::Tickets));
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
        t.settled(SessionId(3));
        t.settled(SessionId(3));
        assert!(t.may_offer(NOW));
        open(&mut t, 1, 1);
        assert!(!t.may_offer(NOW));
        assert!(t.may_offer(NOW + OFFER_FORGOTTEN), "a worker that failed does not shut the door for ever");
    }
}
