//! Clients that never bring a pin back: known by a hash of address and User-Agent, so that one of them does not count as many
//! new ones, and so that it shows if its requests alternate between releases. Several people behind one address with the
//! same browser look like one here, so what is found is counted apart.
//!
//! The table is shared by all workers and has a fixed size; a client may be forgotten, and counts as new then.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::slots::{Slots, tag};
use crate::{limits::PINLESS_MINUTES, rollout::record::Tenure};

/// The clients without a pin that were seen lately.
#[derive(Debug, Default)]
pub struct PinlessClients {
    slots: Slots<AtomicU64>,
}

/// What a sighting says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// It was seen a few minutes ago as well, so it is no new client.
    pub known: bool,
    /// It went to another release than the time before, for the third time within a day.
    pub bounced: bool,
}

/// What a slot holds of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    /// Of its hash, 20 bits.
    tag: u64,
    /// Where it went last, modulo 1,024: 10 bits.
    tenure: u64,
    /// How often it went to another release than before, up to three: 2 bits.
    moves: u64,
    /// When `moves` began, in minutes, modulo 65,536.
    since: u64,
    /// When it was last seen, in minutes, modulo 65,536.
    seen: u64,
}

const TAG_BITS: u32 = 20;
const MINUTE_MASK: u64 = (1 << 16) - 1;
const DAY_MINUTES: u64 = 24 * 60;
const BOUNCE: u64 = 3;

impl Word {
    const fn pack(self) -> u64 {
        self.tag << 44 | self.tenure << 34 | self.moves << 32 | self.since << 16 | self.seen
    }

    const fn unpack(word: u64) -> Self {
        Self {
            tag: word >> 44,
            tenure: word >> 34 & 0x3FF,
            moves: word >> 32 & 3,
            since: word >> 16 & MINUTE_MASK,
            seen: word & MINUTE_MASK,
        }
    }

    /// The same client at this release now.
    fn next(self, tenure: u64, now: u64) -> (Self, Sighting) {
        let over = now.wrapping_sub(self.since) & MINUTE_MASK >= DAY_MINUTES;
        let (since, moves) = if over { (now, 0) } else { (self.since, self.moves) };
        let moved = tenure != self.tenure;
        let bounced = moved && moves + 1 == BOUNCE;
        let known = now.wrapping_sub(self.seen) & MINUTE_MASK < PINLESS_MINUTES;
        let moves = if moved { (moves + 1).min(BOUNCE) } else { moves };
        (Self { tenure, moves, since, seen: now, ..self }, Sighting { known, bounced })
    }
}

impl PinlessClients {
    /// Notes that a client without a pin goes to a release. `hash` is that of its address and User-Agent at its app.
    pub fn note(&self, hash: u64, tenure: Tenure, now_ms: u64) -> Sighting {
        let slot = self.slots.of(hash);
        let (tag, tenure, now) =
            (tag(hash, TAG_BITS), u64::from(tenure) & 0x3FF, (now_ms / 60_000) & MINUTE_MASK);
        let mut seen = slot.load(Relaxed);
        loop {
            let word = Word::unpack(seen);
            let (next, sighting) = if seen != 0 && word.tag == tag {
                word.next(tenure, now)
            } else {
                let new = Word { tag, tenure, moves: 0, since: now, seen: now };
                (new, Sighting { known: false, bounced: false })
            };
            match slot.compare_exchange_weak(seen, next.pack(), Relaxed, Relaxed) {
                Ok(_) => return sighting,
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn whoever_alternates_bounces_once_a_day() {
        let clients = PinlessClients::default();
        let at = |minute: u64, tenure| clients.note(77, tenure, minute * MINUTE);
        assert_eq!(at(5, 1), Sighting { known: false, bounced: false });
        let bounces = |from: u64| (0..20).filter(|n| at(from + n, 1 + (n % 2) as u32).bounced).count();
        assert_eq!(bounces(6), 1);
        assert_eq!(bounces(5 + DAY_MINUTES), 1, "another day");
    }

    #[test]
    fn whoever_stays_or_moves_once_does_not_bounce() {
        let clients = PinlessClients::default();
        for minute in 0..2 * DAY_MINUTES {
            let tenure = if minute < 100 { 1 } else { 2 };
            let sighting = clients.note(77, tenure, minute * MINUTE);
            assert_eq!((sighting.known, sighting.bounced), (minute > 0, false));
        }
    }

    #[test]
    fn whoever_was_away_for_long_or_is_somebody_else_is_new() {
        let clients = PinlessClients::default();
        let known = |hash, minute| clients.note(hash, 1, minute * MINUTE).known;
        assert!(!known(77, 0) && known(77, 1) && !known(77, 1 + PINLESS_MINUTES));
        let same_slot = 77 | 1 << 50;
        assert!(!known(same_slot, 12) && !known(77, 12), "each takes the other's slot");
    }

    #[test]
    fn a_word_is_what_was_packed() {
        let word = Word { tag: (1 << TAG_BITS) - 1, tenure: 0x3FF, moves: 3, since: MINUTE_MASK, seen: 1 };
        assert_eq!(Word::unpack(word.pack()), word);
    }
}
