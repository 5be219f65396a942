//! Paths on which a candidate is slow and right: it answered them itself, before stable did, for two clients. They are not
//! raced for a while, so a slow report runs at most once on both releases. All workers share them, and only a request whose
//! candidate is silent asks.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::limits::{SLOW_PATH_MS, SLOW_PATH_SEGMENTS, SLOW_PATHS_MAX};

/// The paths that are remembered, in a table of bounded size.
#[derive(Debug, Default)]
pub struct SlowPaths {
    hash: RandomState,
    paths: Mutex<HashMap<SlowPath, Entry>>,
}

/// A path of one stay of a release, by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlowPath(u64);

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The client for which it was slow first.
    client: u64,
    /// A second client met the same.
    confirmed: bool,
    /// Until when this counts, monotonic ms.
    until_ms: u64,
}

impl SlowPaths {
    /// A method and a target at one stay of an app's release.
    pub fn path(&self, app: &str, tenure: u32, method: &[u8], target: &[u8]) -> SlowPath {
        let mut hasher = self.hash.build_hasher();
        hasher.write_u32(tenure);
        for text in [app.as_bytes(), method] {
            hasher.write_usize(text.len());
            hasher.write(text);
        }
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        for segment in path.split(|byte| *byte == b'/').skip(1).take(SLOW_PATH_SEGMENTS) {
            hasher.write(if is_id(segment) { b"*" } else { segment });
            hasher.write_u8(b'/');
        }
        SlowPath(hasher.finish())
    }

    /// Whether a path is slow.
    pub fn knows(&self, path: SlowPath, now_ms: u64) -> bool {
        self.lock().get(&path).is_some_and(|entry| entry.confirmed && now_ms < entry.until_ms)
    }

    /// Notes that the candidate answered a client before stable did.
    pub fn note_answer(&self, path: SlowPath, client: u64, now_ms: u64) {
        let mut paths = self.lock();
        if paths.len() >= SLOW_PATHS_MAX && !paths.contains_key(&path) {
            paths.retain(|_, entry| now_ms < entry.until_ms);
            if paths.len() >= SLOW_PATHS_MAX {
                // What is forgotten is only raced once more.
                paths.clear();
            }
        }
        let until_ms = now_ms.saturating_add(SLOW_PATH_MS);
        let entry = paths.entry(path).or_insert(Entry { client, confirmed: false, until_ms });
        if entry.until_ms <= now_ms {
            *entry = Entry { client, confirmed: false, until_ms };
        }
        entry.confirmed |= entry.client != client;
        entry.until_ms = until_ms;
    }

    /// Forgets a path on which the candidate reached its time-out.
    pub fn forget(&self, path: SlowPath) {
        self.lock().remove(&path);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SlowPath, Entry>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a segment looks like a number or an id: digits alone, or eight characters and more with a digit among them.
fn is_id(segment: &[u8]) -> bool {
    let digits = segment.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits > 0 && (digits == segment.len() || segment.len() >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_slow_once_two_clients_have_met_it() {
        let paths = SlowPaths::default();
        let path = |target: &str| paths.path("shop", 3, b"GET", target.as_bytes());
        let report = path("/reports/2026/17?page=1");
        paths.note_answer(report, 1, 0);
        paths.note_answer(report, 1, 10);
        assert!(!paths.knows(report, 10));
        paths.note_answer(report, 2, 20);
        assert!(paths.knows(path("/reports/1999/4"), 20));
        assert!(!paths.knows(path("/reports/all"), 20) && !paths.knows(report, SLOW_PATH_MS + 20));
        assert_ne!(report, paths.path("shop", 4, b"GET", b"/reports/1/1"), "another stay");
        paths.forget(report);
        assert!(!paths.knows(report, 20));
    }

    #[test]
    fn numbers_and_ids_are_one_and_words_are_not() {
        for id in ["1", "20261129", "9a1b2c3d", "550e8400-e29b-41d4-a716-446655440000"] {
            assert!(is_id(id.as_bytes()), "{id}");
        }
        for word in ["", "v2", "reports", "page-component"] {
            assert!(!is_id(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_table_does_not_grow_for_ever() {
        let paths = SlowPaths::default();
        for n in 0..3 * SLOW_PATHS_MAX {
            let word: String = n.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
            paths.note_answer(paths.path("shop", 1, b"GET", format!("/{word}").as_bytes()), 1, 0);
        }
        assert!(paths.lock().len() <= SLOW_PATHS_MAX);
    }
}
