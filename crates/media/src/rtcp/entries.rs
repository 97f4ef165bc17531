//! Lists of entries of one length, read in place.

use std::marker::PhantomData;
use std::slice::Iter;

/// What a list has, in `N` bytes each.
pub(crate) trait Entry<const N: usize> {
    /// Reads one. Any bytes are one.
    fn read(bytes: &[u8; N]) -> Self;
}

impl Entry<4> for u32 {
    fn read(bytes: &[u8; 4]) -> Self {
        Self::from_be_bytes(*bytes)
    }
}

/// SSRCs.
pub(crate) type Ssrcs<'a> = Entries<'a, u32, 4>;

/// Entries of `N` bytes, in the order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a, T, const N: usize> {
    rest: Iter<'a, [u8; N]>,
    entry: PhantomData<fn() -> T>,
}

impl<'a, T, const N: usize> Entries<'a, T, N> {
    /// As many as these bytes have, at most `most`.
    pub(super) fn new(bytes: &'a [u8], most: usize) -> Self {
        let (entries, _) = bytes.as_chunks::<N>();
        Self { rest: entries[..most.min(entries.len())].iter(), entry: PhantomData }
    }
}

impl<T: Entry<N>, const N: usize> Iterator for Entries<'_, T, N> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rest.next().map(T::read)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl<T: Entry<N>, const N: usize> ExactSizeIterator for Entries<'_, T, N> {}
