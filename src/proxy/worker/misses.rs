//! Assets that neither a release nor its siblings have. They are remembered for a moment, so that not every request for one
//! asks all siblings again.
//!
//! The table has a fixed size and a hash that clients cannot predict. A new entry replaces the old one in its place; the
//! asset that was replaced is then asked for once more. Nothing is allocated before the first miss.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use crate::{
    limits::{MISS_MS, MISSES_MAX},
    rollout::target::ReleaseIndex,
};

/// The assets that one worker remembers.
#[derive(Debug)]
pub struct Misses {
    hasher: SipHasher24,
    /// By the low bits of its hash: the hash of a miss, and until when it counts (monotonic ms).
    slots: Box<[(u64, u64)]>,
}

/// An asset that was not found. The same asset at another release, or after a change of the app, is another one.
#[derive(Debug, Clone, Copy)]
pub struct Miss<'a> {
    /// The app's slot and the seq of its record.
    pub app: (usize, u64),
    /// The release whose siblings were asked.
    pub release: ReleaseIndex,
    /// The authority of the request.
    pub authority: &'a [u8],
    /// The path of the request.
    pub path: &'a [u8],
}

impl Misses {
    /// Nothing remembered yet. `seed` is random.
    pub fn new(seed: u64) -> Self {
        Self { hasher: SipHasher24::new_with_keys(seed, seed.rotate_left(32)), slots: Box::default() }
    }

    /// Whether an asset is remembered.
    pub fn knows(&self, miss: &Miss<'_>, now_ms: u64) -> bool {
        let hash = self.hash(miss);
        let slot = self.slots.get(place(hash));
        slot.is_some_and(|(known, until_ms)| *known == hash && now_ms < *until_ms)
    }

    /// Remembers an asset from now on.
    pub fn remember(&mut self, miss: &Miss<'_>, now_ms: u64) {
        if self.slots.is_empty() {
            self.slots = vec![(0, 0); MISSES_MAX].into_boxed_slice();
        }
        let hash = self.hash(miss);
        self.slots[place(hash)] = (hash, now_ms.saturating_add(MISS_MS));
    }

    fn hash(&self, miss: &Miss<'_>) -> u64 {
        let mut hasher = self.hasher;
        for number in [miss.app.0 as u64, miss.app.1, miss.release.0 as u64, miss.authority.len() as u64] {
            hasher.write_u64(number);
        }
        hasher.write(miss.authority);
        hasher.write(miss.path);
        hasher.finish()
    }
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % MISSES_MAX as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miss(path: &str) -> Miss<'_> {
        Miss { app: (1, 7), release: ReleaseIndex(0), authority: b"shop.example", path: path.as_bytes() }
    }

    #[test]
    fn a_miss_is_remembered_for_its_time_and_for_nothing_else() {
        let mut misses = Misses::new(3);
        assert!(!misses.knows(&miss("/a"), 0));
        misses.remember(&miss("/a"), 1_000);
        assert!(misses.knows(&miss("/a"), 1_000) && misses.knows(&miss("/a"), 999 + MISS_MS));
        assert!(!misses.knows(&miss("/a"), 1_000 + MISS_MS));
        let others = [
            miss("/b"),
            Miss { app: (2, 7), ..miss("/a") },
            Miss { app: (1, 8), ..miss("/a") },
            Miss { release: ReleaseIndex(1), ..miss("/a") },
            Miss { authority: b"shop.exampl", path: b"e/a", ..miss("/a") },
        ];
        assert!(others.iter().all(|other| !misses.knows(other, 1_000)));
    }

    #[test]
    fn however_many_there_are_the_table_does_not_grow() {
        let mut misses = Misses::new(3);
        for number in 0..3 * MISSES_MAX {
            misses.remember(&miss(&format!("/{number}")), 0);
        }
        assert_eq!(misses.slots.len(), MISSES_MAX);
        let last = 3 * MISSES_MAX - 1;
        assert!(misses.knows(&miss(&format!("/{last}")), 0), "the newest keeps its place");
    }
}
