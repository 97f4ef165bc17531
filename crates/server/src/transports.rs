//! Which media session belongs to which device of which call. Pure bookkeeping between the two planes, which share
//! nothing but ids.

use std::collections::HashMap;
use tring_calls::TransportPermit;
use tring_media::{Command, SessionId};
use tring_protocol::{CallId, DeviceId, UserId};

/// One transport, from the offer to its end.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) call: CallId,
    pub(crate) device: DeviceId,
    pub(crate) user: UserId,
    pub(crate) gate_open: bool,
    /// The request that waits for the SDP answer.
    pub(crate) request: Option<u32>,
}

/// All transports of this server.
#[derive(Debug, Default)]
pub(crate) struct Transports {
    last: u64,
    by_session: HashMap<SessionId, Transport>,
    by_part: HashMap<(CallId, DeviceId), SessionId>,
    by_call: HashMap<CallId, Vec<SessionId>>,
}

impl Transports {
    /// A device that the call engine permits brings an offer. A transport that it had in this call is replaced; the
    /// request that still waited for its answer is returned.
    pub(crate) fn open(
        &mut self,
        call: CallId,
        device: DeviceId,
        request: u32,
        permit: TransportPermit,
        offer: String,
        out: &mut Vec<Command>,
    ) -> Option<u32> {
        let replaced = self.close(&call, device, out);
        self.last += 1;
        let session = SessionId(self.last);
        out.push(Command::Open {
            session,
            room: permit.room,
            user: permit.user.clone(),
            label: call.to_string(),
            offer,
            gate_open: permit.gate_open,
            microphone: permit.microphone,
            camera: permit.camera,
        });
        self.by_part.insert((call.clone(), device), session);
        self.by_call.entry(call.clone()).or_default().push(session);
        let transport = Transport {
            call,
            device,
            user: permit.user,
            gate_open: permit.gate_open,
            request: Some(request),
        };
        self.by_session.insert(session, transport);
        replaced
    }

    pub(crate) fn open_gate(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Command>) {
        let Some(&session) = self.by_part.get(&(call.clone(), device)) else { return };
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
        if let Some(&session) = self.by_part.get(&(call.clone(), device)) {
            out.push(Command::SetDevices { session, microphone, camera });
        }
    }

    /// Closes a transport, if there is one. Returns the request that still waited for its answer.
    pub(crate) fn close(&mut self, call: &CallId, device: DeviceId, out: &mut Vec<Command>) -> Option<u32> {
        let &session = self.by_part.get(&(call.clone(), device))?;
        out.push(Command::Close { session });
        self.forget(session)?.request
    }

    /// A session that the media plane has closed by itself. None if it was replaced or closed from here before.
    pub(crate) fn forget(&mut self, session: SessionId) -> Option<Transport> {
        let transport = self.by_session.remove(&session)?;
        self.by_part.remove(&(transport.call.clone(), transport.device));
        if let Some(sessions) = self.by_call.get_mut(&transport.call) {
            sessions.retain(|&s| s != session);
            if sessions.is_empty() {
                self.by_call.remove(&transport.call);
            }
        }
        Some(transport)
    }

    pub(crate) fn get_mut(&mut self, session: SessionId) -> Option<&mut Transport> {
        self.by_session.get_mut(&session)
    }

    /// The transports of a call whose media flows.
    pub(crate) fn flowing<'a>(&'a self, call: &CallId) -> impl Iterator<Item = &'a Transport> {
        let sessions = self.by_call.get(call).map_or(&[][..], Vec::as_slice);
        sessions.iter().filter_map(|s| self.by_session.get(s)).filter(|t| t.gate_open)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_session.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tring_protocol::{RoomId, RoomKey, SdkAppId};

    fn permit(user: &str) -> TransportPermit {
        TransportPermit {
            room: RoomKey { app: SdkAppId::new(1).unwrap(), room: RoomId::new(1).unwrap() },
            user: UserId::new(user).unwrap(),
            gate_open: false,
            microphone: true,
            camera: false,
        }
    }

    fn open(t: &mut Transports, device: u64) -> Vec<Command> {
        let mut out = Vec::new();
        t.open(CallId::from_random(7), DeviceId(device), 1, permit("a"), "offer".into(), &mut out);
        out
    }

    #[test]
    fn a_second_offer_closes_the_first_transport() {
        let mut t = Transports::default();
        open(&mut t, 1);
        let out = open(&mut t, 1);
        assert_eq!(out[0], Command::Close { session: SessionId(1) });
        assert!(matches!(out[1], Command::Open { session: SessionId(2), .. }));
        assert_eq!(t.len(), 1);
        assert!(t.forget(SessionId(1)).is_none(), "the end of the replaced session is nobody's business");
    }

    #[test]
    fn only_open_gates_hear_of_the_network() {
        let (mut t, call) = (Transports::default(), CallId::from_random(7));
        open(&mut t, 1);
        open(&mut t, 2);
        assert_eq!(t.flowing(&call).count(), 0);
        t.open_gate(&call, DeviceId(2), &mut Vec::new());
        assert_eq!(t.flowing(&call).map(|t| t.device).collect::<Vec<_>>(), [DeviceId(2)]);
        t.close(&call, DeviceId(2), &mut Vec::new());
        t.close(&call, DeviceId(1), &mut Vec::new());
        assert_eq!((t.len(), t.by_call.len(), t.by_part.len()), (0, 0, 0));
    }
}
