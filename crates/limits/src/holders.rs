//! What each address holds of a limit, and the addresses in the order in which they make way.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// What one address holds.
pub(crate) trait Holding: Default {
    /// By what addresses are compared when one has to make way: the greatest goes first.
    type Rank: Ord;

    /// The rank of this address. None: it holds nothing that could be taken away.
    fn rank(&self) -> Option<Self::Rank>;

    /// Nothing is held: the address is forgotten.
    fn is_empty(&self) -> bool;
}

/// All addresses that hold something.
#[derive(Debug)]
pub(crate) struct Holders<H: Holding> {
    held: HashMap<IpAddr, H>,
    order: BTreeSet<(H::Rank, IpAddr)>,
}

impl<H: Holding> Default for Holders<H> {
    fn default() -> Self {
        Self { held: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<H: Holding> Holders<H> {
    /// What an address holds. None: nothing.
    pub(crate) fn get(&self, address: IpAddr) -> Option<&H> {
        self.held.get(&address)
    }

    /// The addresses, in no order.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.held.keys().copied()
    }

    /// The ranks with their addresses, those first that make way first.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = (&H::Rank, IpAddr)> {
        self.order.iter().rev().map(|(rank, address)| (rank, *address))
    }

    /// Changes what an address holds, and where it stands among the others.
    pub(crate) fn change<R>(&mut self, address: IpAddr, act: impl FnOnce(&mut H) -> R) -> R {
        let holding = self.held.entry(address).or_default();
        let before = holding.rank();
        let result = act(holding);
        let after = holding.rank();
        if holding.is_empty() {
            self.held.remove(&address);
        }
        if let Some(rank) = before {
            self.order.remove(&(rank, address));
        }
        self.order.extend(after.map(|rank| (rank, address)));
        result
    }

    /// How many addresses hold something, and how many have something that could be taken away.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.held.len(), self.order.len())
    }
}
