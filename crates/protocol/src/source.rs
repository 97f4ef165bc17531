//! What a user sends: microphone, camera, screen and the screen's sound, sets of them, and a value for each.

use serde::de::{self, SeqAccess};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{BitAnd, BitOr, Index, IndexMut, Sub};

/// What a track carries: sound or pictures (the `kind` of a WebRTC track).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// Both kinds, sound first.
    pub const ALL: [Self; 2] = [Self::Audio, Self::Video];

    /// The kind's place in [`MediaKind::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Where a track of a user comes from. A user has each source at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The user's voice.
    Microphone,
    /// The user's picture.
    Camera,
    /// A shared screen, window or tab.
    Screen,
    /// The sound of what is shared.
    ScreenAudio,
}

impl Source {
    /// Every source, in the order in which sets and maps go through them.
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenAudio];

    /// The source's place in [`Source::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What a track of this source carries.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
            Self::Camera | Self::Screen => MediaKind::Video,
        }
    }

    /// The source's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Camera => "camera",
            Self::Screen => "screen",
            Self::ScreenAudio => "screen_audio",
        }
    }

    /// The source of this name in messages; none for a name of a later version.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of sources: those that are on, or allowed, or wanted. In messages a list of names in the order of
/// [`Source::ALL`]; names that this version does not know are passed over on reading.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SourceSet(#[cfg_attr(test, ts(type = "Array<Source>"))] u8);

impl SourceSet {
    /// No source.
    pub const EMPTY: Self = Self(0);

    /// Every source.
    pub const ALL: Self = Self::of(&Source::ALL);

    /// The set of these sources, for constants; elsewhere `From` and `collect` read better.
    pub const fn of(sources: &[Source]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < sources.len() {
            bits |= Self::bit(sources[at]);
            at += 1;
        }
        Self(bits)
    }

    const fn bit(source: Source) -> u8 {
        1 << source.index()
    }

    /// What is on by a message that has the fields `microphone` and `camera`, which every version knows, and perhaps
    /// `sources`, which says more and counts where it is there.
    pub fn said(microphone: bool, camera: bool, sources: Option<Self>) -> Self {
        sources.unwrap_or_else(|| {
            let on = [(Source::Microphone, microphone), (Source::Camera, camera)];
            on.into_iter().filter(|(_, on)| *on).map(|(source, _)| source).collect()
        })
    }

    /// Whether `source` is in the set.
    pub const fn contains(self, source: Source) -> bool {
        self.0 & Self::bit(source) != 0
    }

    /// Whether every source of `others` is in this set.
    pub const fn contains_all(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Puts `source` in. True if it was not there.
    pub const fn insert(&mut self, source: Source) -> bool {
        let new = !self.contains(source);
        self.0 |= Self::bit(source);
        new
    }

    /// Takes `source` out. True if it was there.
    pub const fn remove(&mut self, source: Source) -> bool {
        let had = self.contains(source);
        self.0 &= !Self::bit(source);
        had
    }

    /// Puts `source` in if it is on, else takes it out.
    pub const fn set(&mut self, source: Source, on: bool) {
        if on {
            self.insert(source);
        } else {
            self.remove(source);
        }
    }

    /// Whether no source is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many sources are in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The sources of the set that carry `kind`.
    pub fn of_kind(self, kind: MediaKind) -> Self {
        self.iter().filter(|source| source.kind() == kind).collect()
    }

    /// The sources in the set, in the order of [`Source::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Source> {
        Source::ALL.into_iter().filter(move |source| self.contains(*source))
    }
}

/// What is in either set.
impl BitOr for SourceSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is in both sets.
impl BitAnd for SourceSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What is in the first set and not in the second.
impl Sub for SourceSet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl From<Source> for SourceSet {
    fn from(source: Source) -> Self {
        Self(Self::bit(source))
    }
}

impl<const N: usize> From<[Source; N]> for SourceSet {
    fn from(sources: [Source; N]) -> Self {
        Self::of(&sources)
    }
}

impl Extend<Source> for SourceSet {
    fn extend<I: IntoIterator<Item = Source>>(&mut self, sources: I) {
        for source in sources {
            self.insert(source);
        }
    }
}

impl FromIterator<Source> for SourceSet {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        let mut set = Self::EMPTY;
        set.extend(sources);
        set
    }
}

/// The names of the sources, in braces.
impl fmt::Debug for SourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for SourceSet {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut list = s.serialize_seq(Some(self.len()))?;
        for source in self.iter() {
            list.serialize_element(&source)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for SourceSet {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// The source that a name stands for, if this version knows it. Nothing of the name is kept.
        struct Known(Option<Source>);

        impl<'de> Deserialize<'de> for Known {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Name;
                impl de::Visitor<'_> for Name {
                    type Value = Known;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("the name of a source, a text")
                    }

                    fn visit_str<E>(self, name: &str) -> Result<Known, E> {
                        Ok(Known(Source::from_name(name)))
                    }
                }
                d.deserialize_str(Name)
            }
        }

        struct List;
        impl<'de> de::Visitor<'de> for List {
            type Value = SourceSet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names of sources")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SourceSet, A::Error> {
                let mut set = SourceSet::EMPTY;
                while let Some(Known(source)) = list.next_element()? {
                    set.extend(source);
                }
                Ok(set)
            }
        }
        d.deserialize_seq(List)
    }
}

/// Reads a list of sources for a request. A client that names a source of a later version is to learn that nobody heard
/// of it; what a server tells is read by [`SourceSet`] itself.
///
/// # Errors
/// A name that this version does not know.
pub(crate) fn only_known<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SourceSet>, D::Error> {
    Ok(Option::<Vec<Source>>::deserialize(d)?.map(SourceSet::from_iter))
}

/// A value for each source: `map[Source::Camera]`. Where a source may have none, `SourceMap<Option<T>>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SourceMap<T>([T; Source::ALL.len()]);

impl<T> SourceMap<T> {
    /// The map of what `value` gives for each source.
    pub fn from_fn(mut value: impl FnMut(Source) -> T) -> Self {
        Self(Source::ALL.map(&mut value))
    }

    /// Each source and its value, in the order of [`Source::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Source, &T)> {
        Source::ALL.into_iter().zip(&self.0)
    }

    /// Each source and its value, to be changed, in the order of [`Source::ALL`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Source, &mut T)> {
        Source::ALL.into_iter().zip(&mut self.0)
    }

    /// The values alone, in the order of [`Source::ALL`].
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// The values alone, to be changed, in the order of [`Source::ALL`].
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }

    /// The sources whose value `holds`.
    pub fn sources(&self, holds: impl Fn(&T) -> bool) -> SourceSet {
        self.iter().filter(|(_, value)| holds(value)).map(|(source, _)| source).collect()
    }
}

impl<T> Index<Source> for SourceMap<T> {
    type Output = T;

    fn index(&self, source: Source) -> &T {
        &self.0[source.index()]
    }
}

impl<T> IndexMut<Source> for SourceMap<T> {
    fn index_mut(&mut self, source: Source) -> &mut T {
        &mut self.0[source.index()]
    }
}

#[cfg(test)]
mod tests;
