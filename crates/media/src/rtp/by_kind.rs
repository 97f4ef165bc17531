//! A value for sound and one for pictures.

use std::ops::{Index, IndexMut};
use tring_protocol::MediaKind;

/// A value for each kind of track: `slots[MediaKind::Audio]`. For what a line, a slot or a clock is; what a user sends has
/// a [`Source`](tring_protocol::Source), of which there may be several of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ByKind<T>([T; MediaKind::ALL.len()]);

impl<T> ByKind<T> {
    /// What `value` gives for each kind.
    pub(crate) fn from_fn(value: impl FnMut(MediaKind) -> T) -> Self {
        Self(MediaKind::ALL.map(value))
    }

    /// The values, that of sound first.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}

impl<T> Index<MediaKind> for ByKind<T> {
    type Output = T;

    fn index(&self, kind: MediaKind) -> &T {
        &self.0[kind.index()]
    }
}

impl<T> IndexMut<MediaKind> for ByKind<T> {
    fn index_mut(&mut self, kind: MediaKind) -> &mut T {
        &mut self.0[kind.index()]
    }
}
