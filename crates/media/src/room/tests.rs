use super::*;
use proptest::prelude::*;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

const BOTH: SourceSet = SLOTS_KEPT;

fn slots(audio: usize, video: usize) -> ByKind<usize> {
    ByKind::from_fn(|kind| if kind == MediaKind::Audio { audio } else { video })
}

fn joining(key: u32, name: &str, each: usize) -> Joining {
    Joining { key: Key(key), user: user(name), on: BOTH, takes: SourceSet::ALL, slots: slots(each, each) }
}

fn targets(room: &Room, from: u32, source: Source) -> Vec<(u32, usize)> {
    room.routes(Key(from), source).0.iter().map(|r| (r.to.0, r.slot)).collect()
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
    assert!(targets(&room, 0, Source::Microphone).is_empty());
    room.open_gate(Key(0));
    assert!(
        targets(&room, 0, Source::Microphone).is_empty() && targets(&room, 1, Source::Microphone).is_empty()
    );
    room.open_gate(Key(1));
    assert_eq!(targets(&room, 0, Source::Microphone), [(1, 0)]);
    assert_eq!(targets(&room, 1, Source::Camera), [(0, 0)]);
}

#[test]
fn a_gate_opened_for_an_unknown_session_opens_nothing() {
    let mut room = talking(&["a", "b"], 1);
    assert!(room.open_gate(Key(77)).is_empty());
    assert!(room.set_sources(Key(77), BOTH).is_empty());
    assert_eq!(targets(&room, 0, Source::Microphone), [(1, 0)]);
}

#[test]
fn sources_set_before_the_gate_hold_after_it() {
    let mut room = Room::default();
    room.join(joining(0, "a", 1));
    room.join(joining(1, "b", 1));
    room.open_gate(Key(1));
    room.set_sources(Key(0), Source::Microphone.into());
    room.open_gate(Key(0));
    assert_eq!(targets(&room, 0, Source::Microphone), [(1, 0)]);
    assert!(targets(&room, 0, Source::Camera).is_empty());
    assert_eq!(room.set_sources(Key(0), BOTH), Source::Camera.into(), "the camera came on");
    assert_eq!(targets(&room, 0, Source::Camera), [(1, 0)]);
}

#[test]
fn ringing_devices_of_one_user_live_together_until_one_talks() {
    let mut room = talking(&["a"], 1);
    room.join(joining(1, "b", 1));
    assert!(room.join(joining(2, "b", 1)).is_empty());
    assert_eq!(room.open_gate(Key(2)), [Key(1)]);
    room.leave(Key(1));
    assert_eq!(targets(&room, 0, Source::Microphone), [(2, 0)]);
}

#[test]
fn a_user_keeps_its_slot_when_another_session_takes_over() {
    let mut room = talking(&["a", "b", "c"], 2);
    let before = targets(&room, 0, Source::Microphone);
    room.join(joining(9, "a", 2));
    for gone in room.open_gate(Key(9)) {
        room.leave(gone);
    }
    assert_eq!(targets(&room, 9, Source::Microphone), before);
}

#[test]
fn a_slot_is_free_again_when_its_user_has_left() {
    let mut room = talking(&["a", "b", "c"], 1);
    assert_eq!(
        targets(&room, 1, Source::Microphone),
        [(0, 0), (2, 0)].iter().copied().filter(|r| r.0 == 0).collect::<Vec<_>>()
    );
    room.leave(Key(1));
    assert_eq!(targets(&room, 2, Source::Microphone), [(0, 0)]);
}

#[test]
fn sound_and_picture_of_a_user_go_to_slots_of_one_number() {
    let mut room = talking(&["a", "b", "c"], 2);
    for from in 0..3 {
        assert_eq!(targets(&room, from, Source::Microphone), targets(&room, from, Source::Camera));
    }
    // With one video slot less, the user without a place is heard all the same.
    room.join(Joining { slots: slots(3, 2), ..joining(9, "d", 3) });
    room.open_gate(Key(9));
    let heard: Vec<_> =
        (0..3).filter(|&f| targets(&room, f, Source::Microphone).iter().any(|t| t.0 == 9)).collect();
    let seen: Vec<_> =
        (0..3).filter(|&f| targets(&room, f, Source::Camera).iter().any(|t| t.0 == 9)).collect();
    assert_eq!((heard.len(), seen.len()), (3, 2));
}

#[test]
fn a_ringing_device_steers_no_camera() {
    let mut room = talking(&["a"], 1);
    room.join(joining(1, "b", 1));
    assert_eq!(room.in_slot(Key(1), MediaKind::Video, 0), None);
    room.open_gate(Key(1));
    assert_eq!(room.in_slot(Key(1), MediaKind::Video, 0), Some((Key(0), Source::Camera)));
    room.set_sources(Key(0), Source::Microphone.into());
    assert_eq!(room.in_slot(Key(1), MediaKind::Video, 0), None, "a camera that is off");
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

#[test]
fn a_screen_has_slots_of_its_own_while_it_is_on() {
    let mut room = talking(&["a", "b", "c"], 3);
    let before = targets(&room, 0, Source::Camera);
    let everything = SourceSet::ALL;
    assert_eq!(room.set_sources(Key(0), everything), everything - BOTH);
    assert_eq!(targets(&room, 0, Source::Camera), before, "the camera stays where it is");
    assert_eq!(targets(&room, 0, Source::Screen), [(1, 2), (2, 2)]);
    assert_eq!(targets(&room, 0, Source::ScreenAudio), targets(&room, 0, Source::Screen), "in step");
    room.set_sources(Key(0), BOTH);
    assert!(targets(&room, 0, Source::Screen).is_empty());
    room.set_sources(Key(1), everything);
    assert_eq!(targets(&room, 1, Source::Screen), [(0, 2), (2, 2)], "the slot is free for another's");
}

#[test]
fn nobody_is_sent_what_it_does_not_take() {
    let mut room = talking(&["a"], 9);
    room.join(Joining { takes: BOTH, ..joining(1, "b", 9) });
    room.join(joining(2, "c", 9));
    room.open_gate(Key(1));
    room.open_gate(Key(2));
    room.set_sources(Key(0), SourceSet::ALL);
    assert_eq!(targets(&room, 0, Source::Camera), [(1, 0), (2, 0)]);
    assert_eq!(targets(&room, 0, Source::Screen), [(2, 2)]);
}

#[derive(Debug, Clone)]
enum Step {
    Join(u32, usize, SourceSet),
    Gate(u32),
    Sources(u32, SourceSet),
    Leave(u32),
}

fn sources() -> impl Strategy<Value = SourceSet> {
    prop::sample::subsequence(Source::ALL.to_vec(), 0..=Source::ALL.len())
        .prop_map(|sources| sources.into_iter().collect())
}

fn step(slots: std::ops::Range<usize>) -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..12u32, slots, sources()).prop_map(|(k, slots, takes)| Step::Join(k, slots, takes)),
        (0..12u32).prop_map(Step::Gate),
        (0..12u32, sources()).prop_map(|(k, on)| Step::Sources(k, on)),
        (0..12u32).prop_map(Step::Leave),
    ]
}

/// What a session may send and be sent, by the commands alone.
#[derive(Debug, Clone, Copy)]
struct Expected {
    user: u32,
    gate: bool,
    on: SourceSet,
    takes: SourceSet,
}

/// Each (sender, source, receiver) that must flow.
fn expected(sessions: &BTreeMap<u32, Expected>) -> Vec<(u32, Source, u32)> {
    let mut flows = Vec::new();
    for (&from, sender) in sessions.iter().filter(|(_, s)| s.gate) {
        for source in sender.on.iter() {
            let may = |r: &Expected| r.gate && r.user != sender.user && r.takes.contains(source);
            flows.extend(sessions.iter().filter(|(_, r)| may(r)).map(|(&to, _)| (from, source, to)));
        }
    }
    flows
}

/// Each (sender, source, receiver) that does.
fn flows(room: &Room) -> Vec<(u32, Source, u32)> {
    let mut flows = Vec::new();
    for &from in room.members.keys() {
        for source in Source::ALL {
            flows.extend(room.routes(from, source).0.iter().map(|r| (from.0, source, r.to.0)));
        }
    }
    flows
}

proptest! {
    /// With a slot for everything: what reaches whom is exactly what is on and taken, between open gates, never before
    /// consent and never to oneself; in whatever order messages come, for every set of sources.
    #[test]
    fn what_reaches_whom_is_what_is_on(steps in prop::collection::vec(step(32..33), 0..60)) {
        let (mut room, mut sessions) = (Room::default(), BTreeMap::<u32, Expected>::new());
        for s in steps {
            match s {
                Step::Join(k, slots, takes) if !sessions.contains_key(&k) => {
                    let gone = room.join(Joining { takes, ..joining(k, ["a", "b", "c", "d"][k as usize % 4], slots) });
                    prop_assert!(gone.is_empty());
                    sessions.insert(k, Expected { user: k % 4, gate: false, on: BOTH, takes });
                }
                Step::Join(..) => {}
                Step::Gate(k) => {
                    let gone = room.open_gate(Key(k));
                    let Some(&Expected { user, gate, .. }) = sessions.get(&k) else { continue };
                    for gone in gone { room.leave(gone); }
                    if !gate {
                        sessions.retain(|&other, s| other == k || s.user != user);
                        sessions.get_mut(&k).unwrap().gate = true;
                    }
                }
                Step::Sources(k, on) => {
                    let came_on = room.set_sources(Key(k), on);
                    let Some(session) = sessions.get_mut(&k) else { continue };
                    prop_assert_eq!(came_on, on - std::mem::replace(&mut session.on, on));
                }
                Step::Leave(k) => { room.leave(Key(k)); sessions.remove(&k); }
            }
            prop_assert_eq!(flows(&room), expected(&sessions));
        }
    }

    /// Whoever has everything on from the start and is told of every subset: the room comes to the same, by any way there.
    #[test]
    fn only_the_last_word_on_sources_counts(
        on in prop::collection::vec(sources(), 3),
        before in prop::collection::vec((0..3u32, sources()), 0..9),
    ) {
        let mut room = talking(&["a", "b", "c"], 8);
        for (key, on) in before { room.set_sources(Key(key), on); }
        for (key, &on) in (0..).zip(&on) { room.set_sources(Key(key), on); }
        for (from, &on) in (0..).zip(&on) {
            for source in Source::ALL {
                prop_assert_eq!(targets(&room, from, source).len(), if on.contains(source) { 2 } else { 0 });
            }
        }
    }

    /// In whatever order messages come and however few the slots: no route without both gates and the source, none to
    /// oneself, at most one track in a slot, and at most one talking session of a user.
    #[test]
    fn the_rules_hold_in_every_order(steps in prop::collection::vec(step(0..3), 0..60)) {
        let mut room = Room::default();
        for s in steps {
            match s {
                Step::Join(k, slots, takes) if !room.members.contains_key(&Key(k)) => {
                    let name = ["a", "b", "c", "d"][k as usize % 4];
                    for gone in room.join(Joining { takes, ..joining(k, name, slots) }) { room.leave(gone); }
                }
                Step::Join(..) => {}
                Step::Gate(k) => for gone in room.open_gate(Key(k)) { room.leave(gone); },
                Step::Sources(k, on) => { room.set_sources(Key(k), on); }
                Step::Leave(k) => { room.leave(Key(k)); }
            }
            let mut talking: Vec<_> = room.members.values().filter(|m| m.gate).map(|m| m.user.clone()).collect();
            talking.sort();
            prop_assert!(talking.windows(2).all(|w| w[0] != w[1]));
            for (key, m) in &room.members {
                for source in Source::ALL {
                    let kind = source.kind();
                    let mut seen = Vec::new();
                    for r in &m.routes[source] {
                        let to = &room.members[&r.to];
                        prop_assert!(m.gate && to.gate && m.on.contains(source) && to.user != m.user);
                        prop_assert!(to.takes.contains(source));
                        prop_assert_eq!(
                            to.slots[kind][r.slot].as_ref(),
                            Some(&Track { user: m.user.clone(), source })
                        );
                        prop_assert_eq!(room.in_slot(r.to, kind, r.slot), Some((*key, source)));
                        prop_assert!(!seen.contains(&r.to));
                        seen.push(r.to);
                    }
                }
                for kind in MediaKind::ALL {
                    for slot in 0..m.slots[kind].len() {
                        // Who steers a camera sees it.
                        let steered = room.in_slot(*key, kind, slot);
                        let goes = |s: &Member, source: Source| {
                            source.kind() == kind && s.routes[source].contains(&Route { to: *key, slot })
                        };
                        let seen: Vec<_> = room.members.iter()
                            .flat_map(|(&k, s)| Source::ALL.into_iter().filter(move |&x| goes(s, x)).map(move |x| (k, x)))
                            .collect();
                        prop_assert_eq!(steered.into_iter().collect::<Vec<_>>(), seen);
                        prop_assert!(steered.is_none_or(|(s, _)| m.gate && room.members[&s].gate));
                    }
                    let mut tracks: Vec<_> = m.slots[kind].iter().flatten().collect();
                    let n = tracks.len();
                    tracks.sort();
                    tracks.dedup();
                    prop_assert_eq!(tracks.len(), n);
                }
            }
        }
    }
}
