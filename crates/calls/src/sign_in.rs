//! Signing in: one device of a user or several, and which of the older ones give way.

use crate::session_end::BranchEnd;
use crate::transition::Device;
use crate::{Effect, Engine, Reply, Row};
use tring_protocol::{DeviceId, ErrorCode, KickReason, Timestamp, UserKey};

impl Engine {
    /// A device signs in. With `single_login` it signs the user's older devices out; with `again` (it was signed in before)
    /// it stays out if another has taken its place.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AlreadyLoggedIn`], [`ErrorCode::SignedInElsewhere`] or [`ErrorCode::TooManyDevices`], which the device is
    /// told; nothing has changed then.
    pub(crate) fn sign_in(
        &mut self,
        device: DeviceId,
        owner: UserKey,
        single_login: bool,
        again: bool,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<Reply, ErrorCode> {
        if self.state.devices.contains_key(&device) {
            self.state.mark(Row::SignInKnown);
            return Err(ErrorCode::AlreadyLoggedIn);
        }
        let older = self.state.tenants.devices(&owner).to_vec();
        if again && single_login && !older.is_empty() {
            self.state.mark(Row::SignInReplaced);
            return Err(ErrorCode::SignedInElsewhere);
        }
        if !single_login && older.len() >= self.state.settings.max_devices_per_user {
            let Some(idle) = self.longest_cut_off(&older) else {
                self.state.mark(Row::SignInRefused);
                return Err(ErrorCode::TooManyDevices);
            };
            self.evict(idle, out);
        }
        self.state.tenants.add_device(&owner, device);
        let entry = Device { owner: owner.clone(), detached: None, grace: None, call: None };
        self.state.devices.insert(device, entry);
        // The new device rings before an older one is kicked, so that the leg is never without a device in between.
        let ringing = self.state.tenants.user(&owner).and_then(|u| u.call).and_then(|no| {
            self.on_call(no, now, out, |transition| {
                let leg = transition
                    .call
                    .leg_of(&owner.user)
                    .filter(|&leg| transition.call.legs[leg].is_ringing())?;
                transition.mark(Row::SignInRings);
                transition.invite(leg, device);
                Some(())
            })
        });
        if ringing.flatten().is_none() {
            self.state.mark(Row::SignIn);
        }
        for old in older.into_iter().filter(|_| single_login) {
            if !self.end_branch(old, BranchEnd::Kicked, now, out) {
                self.state.mark(Row::KickIdle);
            }
            self.kick(old, KickReason::SignedInElsewhere, now, out);
        }
        Ok(Reply::Done)
    }

    /// Which of a user's devices to give up for a new one: a page that was reloaded leaves its old session behind.
    fn longest_cut_off(&self, devices: &[DeviceId]) -> Option<DeviceId> {
        let idle = devices.iter().filter_map(|id| {
            let d = self.state.devices.get(id).filter(|d| d.call.is_none())?;
            Some((d.detached?, *id))
        });
        idle.min().map(|(_, device)| device)
    }
}
