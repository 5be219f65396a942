//! A set of numbers of fixed size, which all workers write without a lock: the sessions that have failed.
//!
//! Nothing is ever taken out of it. When it is full it stays as it is: a session that was forgotten would fail a second time.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// Places: 64 KiB.
const PLACES: usize = 8_192;
/// So many are used at most, so that a search is short: three of four.
const USED_MAX: usize = PLACES / 4 * 3;
/// How many of the newest are told to other routers. More sessions than that hardly fail between two reports.
const NEWEST: usize = 64;

/// A set of numbers other than 0.
#[derive(Debug)]
pub struct FailedSet {
    places: OnceLock<Box<[AtomicU64]>>,
    used: AtomicUsize,
    /// Those that were inserted last here, in a ring, and how many there were.
    newest: [AtomicU64; NEWEST],
    inserted: AtomicUsize,
}

impl Default for FailedSet {
    fn default() -> Self {
        Self {
            places: OnceLock::new(),
            used: AtomicUsize::new(0),
            newest: std::array::from_fn(|_| AtomicU64::new(0)),
            inserted: AtomicUsize::new(0),
        }
    }
}

impl FailedSet {
    /// Whether it has any number.
    #[inline]
    pub fn is_used(&self) -> bool {
        self.used.load(Relaxed) > 0
    }

    /// Whether it has a number.
    pub fn has(&self, number: u64) -> bool {
        let (Some(places), number) = (self.places.get(), number.max(1)) else { return false };
        let found = (0..PLACES).map(|step| places[place(number, step)].load(Relaxed));
        found.take_while(|found| *found != 0).any(|found| found == number)
    }

    /// Inserts a number; whether it is new.
    pub fn insert(&self, number: u64) -> bool {
        let new = self.put(number.max(1));
        if new {
            let at = self.inserted.fetch_add(1, Relaxed);
            self.newest[at % NEWEST].store(number.max(1), Relaxed);
        }
        new
    }

    /// Inserts a number that somebody else has told already.
    pub fn take(&self, number: u64) {
        self.put(number.max(1));
    }

    /// Whether no more can be inserted.
    pub fn is_full(&self) -> bool {
        self.used.load(Relaxed) >= USED_MAX
    }

    /// Those that were inserted last, in no order.
    pub fn newest(&self) -> Vec<u64> {
        let numbers = self.newest.iter().map(|number| number.load(Relaxed));
        numbers.filter(|number| *number != 0).collect()
    }

    /// `false` if it is there already, or there is no room.
    fn put(&self, number: u64) -> bool {
        let places = self.places.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        for step in 0..PLACES {
            let place = &places[place(number, step)];
            let mut found = place.load(Relaxed);
            if found == 0 {
                if self.is_full() {
                    return false;
                }
                match place.compare_exchange(0, number, Relaxed, Relaxed) {
                    Ok(_) => {
                        self.used.fetch_add(1, Relaxed);
                        return true;
                    }
                    Err(other) => found = other,
                }
            }
            if found == number {
                return false;
            }
        }
        false
    }
}

/// Client numbers and hashes are random, so any of their bits say where to begin.
const fn place(number: u64, step: usize) -> usize {
    ((number >> 16) as usize).wrapping_add(step) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn it_has_what_was_inserted_and_tells_the_newest() {
        let set = FailedSet::default();
        assert!(!set.has(number(1)));
        let count = USED_MAX as u64 - 1;
        for n in 1..=count {
            assert!(set.insert(number(n)) && !set.insert(number(n)), "{n}");
        }
        assert!((1..=count).all(|n| set.has(number(n))) && !set.has(number(count + 1)) && !set.is_full());
        let newest = set.newest();
        assert!(newest.len() == NEWEST && (count - 63..=count).all(|n| newest.contains(&number(n))));
    }

    #[test]
    fn when_it_is_full_it_stays_as_it_is() {
        let set = FailedSet::default();
        (1..=10_000).for_each(|n| set.take(number(n)));
        assert!(set.is_full() && set.has(number(1)) && !set.has(number(10_000)));
        assert!(!set.insert(number(10_000)));
    }

    #[test]
    fn two_threads_insert_a_number_once() {
        let set = FailedSet::default();
        let insert = || (1..5_000).filter(|n| set.insert(number(*n))).count();
        let (one, other) = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(insert), scope.spawn(insert));
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!(one + other, 4_999);
    }
}
