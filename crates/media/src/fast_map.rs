//! Maps that each packet is looked up in. The standard library's hash costs some 20 ns for an address; this one a few.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map with [`FastHash`].
pub(crate) type FastMap<K, V> = HashMap<K, V, FastHash>;

/// Multiplies each word with a secret of the map and folds the product. Who does not know the secret cannot choose keys that
/// collide; what it is used for has few entries of one peer besides, and all were authenticated.
#[derive(Debug, Clone)]
pub(crate) struct FastHash {
    secret: u64,
}

impl Default for FastHash {
    fn default() -> Self {
        // Odd, so that no bit of a word is lost.
        Self { secret: RandomState::new().hash_one(0) | 1 }
    }
}

impl BuildHasher for FastHash {
    type Hasher = FastHasher;

    fn build_hasher(&self) -> FastHasher {
        FastHasher { state: self.secret.rotate_left(32), secret: self.secret }
    }
}

/// See [`FastHash`].
#[derive(Debug)]
pub(crate) struct FastHasher {
    state: u64,
    secret: u64,
}

impl FastHasher {
    fn word(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.secret);
        #[allow(clippy::cast_possible_truncation)] // both halves
        let folded = product as u64 ^ (product >> 64) as u64;
        self.state = folded;
    }
}

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|w| self.word(u64::from_le_bytes(*w)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.word(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.word(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::SocketAddr;

    #[test]
    fn neighbouring_addresses_spread_over_all_bits_that_a_map_uses() {
        let hash = FastHash::default();
        let address =
            |n: u32| SocketAddr::from(((0x0a00_0000 + n / 256).to_be_bytes(), (n % 256) as u16 + 1));
        let hashes: Vec<u64> = (0..16_384).map(|n| hash.hash_one(address(n))).collect();
        for shift in [0, 50] {
            let places: HashSet<u64> = hashes.iter().map(|h| (h >> shift) & 0x3fff).collect();
            // Thrown at random, 1 - 1/e of the places are hit.
            assert!((9_500..=11_200).contains(&places.len()), "{shift}: {}", places.len());
        }
    }

    #[test]
    fn each_map_has_a_secret_of_its_own() {
        assert_ne!(FastHash::default().hash_one(7u64), FastHash::default().hash_one(7u64));
    }

    #[test]
    fn every_byte_counts() {
        let hash = FastHash::default();
        let whole = [7_u8; 19];
        for at in 0..whole.len() {
            let mut other = whole;
            other[at] ^= 1;
            assert_ne!(hash.hash_one(whole), hash.hash_one(other), "{at}");
        }
    }
}
