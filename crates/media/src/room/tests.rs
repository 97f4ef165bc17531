use super::*;
use proptest::prelude::*;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn joining(key: u32, name: &str, slots: usize) -> Joining {
    Joining { key: Key(key), user: user(name), devices: [true, true], slots: [slots, slots] }
}

fn targets(room: &Room, from: u32, kind: MediaKind) -> Vec<(u32, usize)> {
    room.routes(Key(from), kind).0.iter().map(|r| (r.to.0, r.slot)).collect()
}

/// Sessions 0.. of the named users, all gates open.
fn talking(names: &[&str], slots: usize) -> Room {
    let mut room = Room::default();
    for (i, name) in (0..).zip(names) {
        room.join(joining(i, name, slots));
        room.open_gate(Key(i));
    }
    room
}

#[test]
fn nothing_flows_until_both_gates_are_open() {
    let mut room = Room::default();
    room.join(joining(0, "a", 1));
    room.join(joining(1, "b", 1));
    assert!(targets(&room, 0, MediaKind::Audio).is_empty());
    room.open_gate(Key(0));
    assert!(targets(&room, 0, MediaKind::Audio).is_empty() && targets(&room, 1, MediaKind::Audio).is_empty());
    room.open_gate(Key(1));
    assert_eq!(targets(&room, 0, MediaKind::Audio), [(1, 0)]);
    assert_eq!(targets(&room, 1, MediaKind::Video), [(0, 0)]);
}

#[test]
fn a_gate_opened_for_an_unknown_session_opens_nothing() {
    let mut room = talking(&["a", "b"], 1);
    assert!(room.open_gate(Key(77)).is_empty());
    assert!(!room.set_devices(Key(77), [true, true]));
    assert_eq!(targets(&room, 0, MediaKind::Audio), [(1, 0)]);
}

#[test]
fn devices_set_before_the_gate_hold_after_it() {
    let mut room = Room::default();
    room.join(joining(0, "a", 1));
    room.join(joining(1, "b", 1));
    room.open_gate(Key(1));
    room.set_devices(Key(0), [true, false]);
    room.open_gate(Key(0));
    assert_eq!(targets(&room, 0, MediaKind::Audio), [(1, 0)]);
    assert!(targets(&room, 0, MediaKind::Video).is_empty());
    assert!(room.set_devices(Key(0), [true, true]), "the camera came on");
    assert_eq!(targets(&room, 0, MediaKind::Video), [(1, 0)]);
}

#[test]
fn ringing_devices_of_one_user_live_together_until_one_talks() {
    let mut room = talking(&["a"], 1);
    room.join(joining(1, "b", 1));
    assert!(room.join(joining(2, "b", 1)).is_empty());
    assert_eq!(room.open_gate(Key(2)), [Key(1)]);
    room.leave(Key(1));
    assert_eq!(targets(&room, 0, MediaKind::Audio), [(2, 0)]);
}

#[test]
fn a_user_keeps_its_slot_when_another_session_takes_over() {
    let mut room = talking(&["a", "b", "c"], 2);
    let before = targets(&room, 0, MediaKind::Audio);
    room.join(joining(9, "a", 2));
    for gone in room.open_gate(Key(9)) {
        room.leave(gone);
    }
    assert_eq!(targets(&room, 9, MediaKind::Audio), before);
}

#[test]
fn a_slot_is_free_again_when_its_user_has_left() {
    let mut room = talking(&["a", "b", "c"], 1);
    assert_eq!(
        targets(&room, 1, MediaKind::Audio),
        [(0, 0), (2, 0)].iter().copied().filter(|r| r.0 == 0).collect::<Vec<_>>()
    );
    room.leave(Key(1));
    assert_eq!(targets(&room, 2, MediaKind::Audio), [(0, 0)]);
}

#[test]
fn sound_and_picture_of_a_user_go_to_slots_of_one_number() {
    let mut room = talking(&["a", "b", "c"], 2);
    for from in 0..3 {
        assert_eq!(targets(&room, from, MediaKind::Audio), targets(&room, from, MediaKind::Video));
    }
    // With one video slot less, the user without a place is heard all the same.
    room.join(Joining { key: Key(9), user: user("d"), devices: [true, true], slots: [3, 2] });
    room.open_gate(Key(9));
    let heard: Vec<_> =
        (0..3).filter(|&f| targets(&room, f, MediaKind::Audio).iter().any(|t| t.0 == 9)).collect();
    let seen: Vec<_> =
        (0..3).filter(|&f| targets(&room, f, MediaKind::Video).iter().any(|t| t.0 == 9)).collect();
    assert_eq!((heard.len(), seen.len()), (3, 2));
}

#[test]
fn a_ringing_device_steers_no_camera() {
    let mut room = talking(&["a"], 1);
    room.join(joining(1, "b", 1));
    assert_eq!(room.source_of(Key(1), MediaKind::Video, 0), None);
    room.open_gate(Key(1));
    assert_eq!(room.source_of(Key(1), MediaKind::Video, 0), Some(Key(0)));
    room.set_devices(Key(0), [true, false]);
    assert_eq!(room.source_of(Key(1), MediaKind::Video, 0), None, "a camera that is off");
}

#[test]
fn one_user_cannot_fill_a_room() {
    let mut room = Room::default();
    let mut alive: Vec<Key> = Vec::new();
    for i in 0..50 {
        alive.push(Key(i));
        for gone in room.join(joining(i, "a", 1)) {
            assert_ne!(gone, Key(i), "the newest stays");
            room.leave(gone);
            alive.retain(|k| *k != gone);
        }
        assert!(alive.len() <= MAX_SESSIONS_PER_USER);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Join(u32, usize),
    Gate(u32),
    Devices(u32, bool, bool),
    Leave(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..12u32, 0..3usize).prop_map(|(k, s)| Step::Join(k, s)),
        (0..12u32).prop_map(Step::Gate),
        (0..12u32, any::<bool>(), any::<bool>()).prop_map(|(k, a, v)| Step::Devices(k, a, v)),
        (0..12u32).prop_map(Step::Leave),
    ]
}

proptest! {
    /// In whatever order messages come: no route without both gates and the device, none to oneself, at most one user
    /// in a slot, and at most one talking session of a user.
    #[test]
    fn the_rules_hold_in_every_order(steps in proptest::collection::vec(step(), 0..60)) {
        let mut room = Room::default();
        for s in steps {
            match s {
                Step::Join(k, slots) if !room.members.contains_key(&Key(k)) => {
                    let name = ["a", "b", "c", "d"][k as usize % 4];
                    for gone in room.join(joining(k, name, slots)) { room.leave(gone); }
                }
                Step::Join(..) => {}
                Step::Gate(k) => for gone in room.open_gate(Key(k)) { room.leave(gone); },
                Step::Devices(k, a, v) => { room.set_devices(Key(k), [a, v]); }
                Step::Leave(k) => { room.leave(Key(k)); }
            }
            let mut talking: Vec<_> = room.members.values().filter(|m| m.gate).map(|m| m.user.clone()).collect();
            talking.sort();
            prop_assert!(talking.windows(2).all(|w| w[0] != w[1]));
            for (key, m) in &room.members {
                for kind in MediaKind::ALL {
                    let mut seen = Vec::new();
                    for r in &m.routes[kind.index()] {
                        let to = &room.members[&r.to];
                        prop_assert!(m.gate && to.gate && m.devices[kind.index()] && to.user != m.user);
                        prop_assert_eq!(to.slots[kind.index()][r.slot].as_ref(), Some(&m.user));
                        prop_assert_eq!(room.source_of(r.to, kind, r.slot), Some(*key));
                        prop_assert!(!seen.contains(&r.to));
                        seen.push(r.to);
                    }
                    for slot in 0..m.slots[kind.index()].len() {
                        // Who steers a camera sees it.
                        let steered = room.source_of(*key, kind, slot);
                        let seen: Vec<_> = room.members.iter()
                            .filter(|(_, s)| s.routes[kind.index()].contains(&Route { to: *key, slot }))
                            .map(|(&k, _)| k)
                            .collect();
                        prop_assert_eq!(steered.into_iter().collect::<Vec<_>>(), seen);
                        prop_assert!(steered.is_none_or(|s| m.gate && room.members[&s].gate));
                    }
                    let mut users: Vec<_> = m.slots[kind.index()].iter().flatten().collect();
                    let n = users.len();
                    users.sort();
                    users.dedup();
                    prop_assert_eq!(users.len(), n);
                }
            }
        }
    }
}
