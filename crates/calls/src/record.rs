//! What is written down of a call, so that it is not lost with the server: when it is made, and at each change that its
//! record shows.

use crate::call::{CALLER, LegState};
use crate::transition::Transition;
use crate::{CallRecord, Effect};
use tring_protocol::EndReason;

impl Transition<'_> {
    /// The call as it is now. With a reason it is over.
    pub(crate) fn record(&mut self, reason: Option<EndReason>) {
        let call = &*self.call;
        let callees = call.legs.iter().skip(CALLER + 1).map(|leg| match leg.state {
            LegState::Over(why) => (leg.user.clone(), Some(why)),
            LegState::Calling | LegState::Ringing | LegState::Talking => (leg.user.clone(), None),
        });
        let record = CallRecord {
            call: call.id.clone(),
            room: call.room,
            caller: call.legs[CALLER].user.clone(),
            media: call.media,
            started: call.started,
            accepted: call.accepted,
            at: self.now,
            reason,
            callees: callees.collect(),
        };
        self.out.push(Effect::Record(record));
    }
}
