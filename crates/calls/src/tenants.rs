//! The tenants: each app has its own users, calls and rooms, so that two apps cannot meet.

use crate::call::CallNo;
use std::collections::BTreeMap;
use tring_protocol::{CallId, DeviceId, RoomId, SdkAppId, UserId, UserKey};

/// A user who has a device or a call.
#[derive(Debug, Default)]
pub(crate) struct User {
    /// In the order in which they signed in.
    pub(crate) devices: Vec<DeviceId>,
    /// The one live call in which this user has a leg that is not over. It makes the user busy.
    pub(crate) call: Option<CallNo>,
}

#[derive(Debug, Default)]
struct Tenant {
    users: BTreeMap<UserId, User>,
    calls: BTreeMap<CallId, CallNo>,
    rooms: BTreeMap<RoomId, CallNo>,
}

/// All apps that have a user or a call. Whatever becomes empty is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    by_app: BTreeMap<SdkAppId, Tenant>,
}

impl Tenants {
    pub(crate) fn user(&self, key: &UserKey) -> Option<&User> {
        self.by_app.get(&key.app)?.users.get(&key.user)
    }

    pub(crate) fn devices(&self, key: &UserKey) -> &[DeviceId] {
        self.user(key).map_or(&[], |u| &u.devices)
    }

    pub(crate) fn add_device(&mut self, key: &UserKey, device: DeviceId) {
        self.user_mut(key).devices.push(device);
    }

    pub(crate) fn remove_device(&mut self, key: &UserKey, device: DeviceId) {
        self.user_mut(key).devices.retain(|&d| d != device);
        self.prune(key);
    }

    /// The user has a leg in this call from now on.
    pub(crate) fn occupy(&mut self, key: &UserKey, call: CallNo) {
        self.user_mut(key).call = Some(call);
    }

    /// The user's leg is over.
    pub(crate) fn release(&mut self, key: &UserKey) {
        self.user_mut(key).call = None;
        self.prune(key);
    }

    pub(crate) fn call(&self, app: SdkAppId, id: &CallId) -> Option<CallNo> {
        self.by_app.get(&app)?.calls.get(id).copied()
    }

    /// Enters a call and gives it the first free room from `seed` on (1 after the last number). None if the id names a
    /// live call, or no room is free.
    pub(crate) fn open(&mut self, app: SdkAppId, id: CallId, seed: u32, no: CallNo) -> Option<RoomId> {
        let tenant = self.by_app.entry(app).or_default();
        if tenant.calls.contains_key(&id) {
            return None;
        }
        let room = free_room(&tenant.rooms, seed)?;
        tenant.rooms.insert(room, no);
        tenant.calls.insert(id, no);
        Some(room)
    }

    /// Forgets a call; its room is free.
    pub(crate) fn close(&mut self, app: SdkAppId, id: &CallId, room: RoomId) {
        if let Some(tenant) = self.by_app.get_mut(&app) {
            tenant.calls.remove(id);
            tenant.rooms.remove(&room);
            self.prune_app(app);
        }
    }

    /// The calls of an app, the oldest first.
    pub(crate) fn calls_of(&self, app: SdkAppId) -> Vec<CallNo> {
        let mut calls: Vec<_> =
            self.by_app.get(&app).map(|w| w.calls.values().copied().collect()).unwrap_or_default();
        calls.sort_unstable();
        calls
    }

    /// The devices of an app, user by user.
    pub(crate) fn devices_of(&self, app: SdkAppId) -> Vec<DeviceId> {
        let users = self.by_app.get(&app).into_iter().flat_map(|w| w.users.values());
        users.flat_map(|u| u.devices.iter().copied()).collect()
    }

    pub(crate) fn users(&self) -> usize {
        self.by_app.values().map(|w| w.users.len()).sum()
    }

    pub(crate) fn rooms(&self) -> usize {
        self.by_app.values().map(|w| w.rooms.len()).sum()
    }

    fn user_mut(&mut self, key: &UserKey) -> &mut User {
        self.by_app.entry(key.app).or_default().users.entry(key.user.clone()).or_default()
    }

    fn prune(&mut self, key: &UserKey) {
        let Some(tenant) = self.by_app.get_mut(&key.app) else { return };
        if tenant.users.get(&key.user).is_some_and(|u| u.devices.is_empty() && u.call.is_none()) {
            tenant.users.remove(&key.user);
        }
        self.prune_app(key.app);
    }

    fn prune_app(&mut self, app: SdkAppId) {
        if self.by_app.get(&app).is_some_and(|w| w.users.is_empty() && w.calls.is_empty()) {
            self.by_app.remove(&app);
        }
    }
}

/// The first number from `seed` on that is no live room. Live rooms are as many as live calls, so a random seed finds
/// one in a step or two.
fn free_room(rooms: &BTreeMap<RoomId, CallNo>, seed: u32) -> Option<RoomId> {
    let from_seed = seed.max(1)..=u32::MAX;
    from_seed.chain(1..seed).filter_map(RoomId::new).find(|room| !rooms.contains_key(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> SdkAppId {
        SdkAppId::new(1).unwrap()
    }

    fn open(tenants: &mut Tenants, n: u64, seed: u32) -> u32 {
        tenants.open(app(), CallId::from_random(n.into()), seed, CallNo(n)).unwrap().get()
    }

    #[test]
    fn a_room_is_the_first_free_number_from_the_seed_on() {
        let mut tenants = Tenants::default();
        assert_eq!(open(&mut tenants, 1, 7), 7);
        assert_eq!(open(&mut tenants, 2, 7), 8);
        assert_eq!(open(&mut tenants, 3, 6), 6);
        assert_eq!(open(&mut tenants, 4, 6), 9);
    }

    #[test]
    fn no_room_is_0_and_the_numbers_wrap_around() {
        let mut tenants = Tenants::default();
        assert_eq!(open(&mut tenants, 1, 0), 1);
        assert_eq!(open(&mut tenants, 2, u32::MAX), u32::MAX);
        assert_eq!(open(&mut tenants, 3, u32::MAX), 2);
        assert_eq!(open(&mut tenants, 4, 0), 3);
    }

    #[test]
    fn a_closed_call_frees_its_room_and_its_id_and_leaves_nothing() {
        let mut tenants = Tenants::default();
        let room = open(&mut tenants, 1, 5);
        tenants.close(app(), &CallId::from_random(1), RoomId::new(room).unwrap());
        assert_eq!((tenants.rooms(), tenants.by_app.len()), (0, 0));
        assert_eq!(open(&mut tenants, 1, 5), 5);
    }

    #[test]
    fn an_id_names_one_live_call() {
        let mut tenants = Tenants::default();
        open(&mut tenants, 1, 5);
        assert_eq!(tenants.open(app(), CallId::from_random(1), 9, CallNo(2)), None);
        assert_eq!(tenants.rooms(), 1);
    }
}
