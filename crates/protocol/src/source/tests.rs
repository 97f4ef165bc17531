use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn any_set() -> impl Strategy<Value = SourceSet> {
    proptest::collection::vec(proptest::sample::select(Source::ALL.to_vec()), 0..8)
        .prop_map(|sources| sources.into_iter().collect())
}

/// The same set in the standard library's type, whose order is that of the declaration.
fn model(set: SourceSet) -> BTreeSet<Source> {
    set.iter().collect()
}

#[test]
fn a_source_has_one_name_one_place_and_one_kind() {
    for (at, source) in Source::ALL.into_iter().enumerate() {
        assert_eq!(source.index(), at);
        assert_eq!(Source::from_name(source.name()), Some(source));
        assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        assert_eq!(serde_json::from_value::<Source>(source.name().into()).unwrap(), source);
    }
    assert_eq!(Source::ALL.map(Source::name), ["microphone", "camera", "screen", "screen_audio"]);
    assert_eq!(
        Source::ALL.map(Source::kind),
        [MediaKind::Audio, MediaKind::Video, MediaKind::Video, MediaKind::Audio]
    );
    assert_eq!(Source::from_name("Camera"), None);
    assert_eq!(MediaKind::ALL.map(MediaKind::index), [0, 1]);
}

#[test]
fn a_set_is_written_as_names_in_a_fixed_order() {
    let set = SourceSet::from([Source::ScreenAudio, Source::Microphone]);
    assert_eq!(serde_json::to_string(&set).unwrap(), r#"["microphone","screen_audio"]"#);
    assert_eq!(serde_json::to_string(&SourceSet::EMPTY).unwrap(), "[]");
    assert_eq!(format!("{set:?}"), "{Microphone, ScreenAudio}");
}

#[test]
fn names_of_later_versions_are_passed_over() {
    let read = |text: &str| serde_json::from_str::<SourceSet>(text).unwrap();
    assert_eq!(read(r#"["whiteboard","camera","camera","Microphone",""]"#), Source::Camera.into());
    assert_eq!(read("[]"), SourceSet::EMPTY);
    for wrong in ["null", "{}", r#""camera""#, "[1]", "[null]", r#"[["camera"]]"#, r#"["camera""#] {
        assert!(serde_json::from_str::<SourceSet>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_newer_field_counts_where_it_is_there() {
    let (none, both) = (SourceSet::EMPTY, [Source::Microphone, Source::Camera].into());
    for (microphone, camera, expected) in [
        (false, false, none),
        (true, false, Source::Microphone.into()),
        (false, true, Source::Camera.into()),
        (true, true, both),
    ] {
        assert_eq!(SourceSet::said(microphone, camera, None), expected);
        assert_eq!(SourceSet::said(microphone, camera, Some(Source::Screen.into())), Source::Screen.into());
    }
}

#[test]
fn of_kind_parts_a_set() {
    assert_eq!(SourceSet::ALL.of_kind(MediaKind::Audio), [Source::Microphone, Source::ScreenAudio].into());
    assert_eq!(SourceSet::ALL.of_kind(MediaKind::Video), [Source::Camera, Source::Screen].into());
    assert_eq!(SourceSet::from(Source::Screen).of_kind(MediaKind::Audio), SourceSet::EMPTY);
}

proptest! {
    #[test]
    fn a_set_holds_what_was_put_in(sources in proptest::collection::vec(
        (proptest::sample::select(Source::ALL.to_vec()), any::<bool>()), 0..12,
    )) {
        let (mut set, mut expected) = (SourceSet::EMPTY, BTreeSet::new());
        for (source, on) in sources {
            if on {
                prop_assert_eq!(set.insert(source), expected.insert(source));
            } else {
                prop_assert_eq!(set.remove(source), expected.remove(&source));
            }
            let mut by_set = set;
            by_set.set(source, on);
            prop_assert_eq!(by_set, set);
            prop_assert_eq!(model(set), expected.clone());
            prop_assert_eq!(set.len(), expected.len());
            prop_assert_eq!(set.is_empty(), expected.is_empty());
            for source in Source::ALL {
                prop_assert_eq!(set.contains(source), expected.contains(&source));
            }
        }
    }

    #[test]
    fn the_operators_are_those_of_sets(a in any_set(), b in any_set()) {
        prop_assert_eq!(model(a | b), &model(a) | &model(b));
        prop_assert_eq!(model(a & b), &model(a) & &model(b));
        prop_assert_eq!(model(a - b), &model(a) - &model(b));
        prop_assert_eq!(a.contains_all(b), model(a).is_superset(&model(b)));
    }

    #[test]
    fn a_set_is_read_as_it_was_written(set in any_set()) {
        let text = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<SourceSet>(&text).unwrap(), set);
    }

    #[test]
    fn a_map_keeps_a_value_for_each_source(set in any_set()) {
        let mut map = SourceMap::from_fn(|source| set.contains(source).then(|| source.name()));
        prop_assert_eq!(map.sources(Option::is_some), set);
        prop_assert_eq!(map.values().flatten().count(), set.len());
        for (source, value) in map.iter() {
            prop_assert_eq!(&map[source], value);
        }
        for (source, value) in map.iter_mut() {
            *value = Some(source.name());
        }
        map[Source::Screen] = None;
        prop_assert_eq!(map.sources(Option::is_some), SourceSet::ALL - Source::Screen.into());
        map.values_mut().for_each(|value| *value = None);
        prop_assert_eq!(map, SourceMap::default());
    }
}
