//! Bunches: first requests that are taken for those of one client (docs/design.md section 5). A browser that has no pin yet
//! sends half a dozen requests at once, on as many connections. If each of them were drawn for itself, the client would be
//! at several releases at a time, and it would end where the last answer says.
//!
//! Requests without a pin share a draw for ten seconds if they come on one connection, or from one address with one
//! User-Agent. The table is shared by all workers, since connections of one client come to any of them. It has a fixed size,
//! and keys are hashed with a seed that nobody knows.

use std::{
    hash::Hasher as _,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use siphasher::sip::SipHasher24;

use super::slots::{Slots, tag};
use crate::limits::{BUNCH_MS, BUNCH_REQUESTS_MAX};

/// The draws of the last seconds.
#[derive(Debug)]
pub struct Bunches {
    hasher: SipHasher24,
    slots: Slots<Slot>,
}

/// By what requests are taken for those of one client, each as a hash. `None` where many clients would have it.
#[derive(Debug, Clone, Copy, Default)]
pub struct BunchKeys {
    /// The downstream connection.
    pub connection: Option<u64>,
    /// Address and User-Agent.
    pub browser: Option<u64>,
}

/// The draw that a request shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BunchDraw {
    /// The client's bucket.
    pub bucket: u16,
    /// The client's number.
    pub number: u64,
    /// The tag of the endpoint that the first request was sent to.
    pub endpoint: Option<u32>,
    /// It is the first request.
    pub first: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// [`Word`], as one number; 0: none yet.
    draw: AtomicU64,
    /// The high half tells the key, the low half is the endpoint's tag.
    endpoint: AtomicU64,
}

/// What a slot holds of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    /// Of the key's hash, 23 bits.
    tag: u64,
    /// 14 bits.
    bucket: u64,
    /// When it was drawn, in tenths of seconds, 20 bits.
    drawn_at: u64,
    /// How many requests share it, 7 bits; never 0.
    requests: u64,
}

const TAG_BITS: u32 = 23;
const TIME_MASK: u64 = (1 << 20) - 1;

impl Word {
    const fn pack(self) -> u64 {
        self.tag << 41 | self.bucket << 27 | self.drawn_at << 7 | self.requests
    }

    const fn unpack(word: u64) -> Self {
        Self {
            tag: word >> 41,
            bucket: word >> 27 & ((1 << 14) - 1),
            drawn_at: word >> 7 & TIME_MASK,
            requests: word & 0x7F,
        }
    }

    /// Whether it is the draw of a key, and still shared.
    fn is_shared(self, hash: u64, now: u64) -> bool {
        let age = now.wrapping_sub(self.drawn_at) & TIME_MASK;
        self.requests > 0 && self.tag == tag(hash, TAG_BITS) && age < BUNCH_MS / 100
    }
}

impl Bunches {
    /// None yet. `seed` is random.
    pub fn new(seed: u64) -> Self {
        let hasher = SipHasher24::new_with_keys(seed, seed.rotate_left(32));
        Self { hasher, slots: Slots::default() }
    }

    /// The key of a connection: an app's slot, and the client's end of it.
    pub fn connection(&self, app: usize, peer: IpAddr, port: u16) -> u64 {
        let mut hasher = self.of_address(app, peer);
        hasher.write_u16(port);
        hasher.finish()
    }

    /// The key of a browser: an app's slot, the address that it asks from, and its User-Agent.
    pub fn browser(&self, app: usize, address: IpAddr, user_agent: &[u8]) -> u64 {
        let mut hasher = self.of_address(app, address);
        hasher.write(user_agent);
        hasher.finish()
    }

    fn of_address(&self, app: usize, address: IpAddr) -> SipHasher24 {
        let mut hasher = self.hasher;
        hasher.write_u64(app as u64);
        match address {
            IpAddr::V4(address) => hasher.write(&address.octets()),
            IpAddr::V6(address) => hasher.write(&address.octets()),
        }
        hasher
    }

    /// Shares the draw of an earlier request, or draws. `app` is the app's slot.
    pub fn join(&self, app: usize, keys: BunchKeys, now_ms: u64, draw: &mut dyn FnMut() -> u16) -> BunchDraw {
        let now = (now_ms / 100) & TIME_MASK;
        if let Some(hash) = keys.connection {
            let slot = self.slots.of(hash);
            let word = Word::unpack(slot.draw.load(Relaxed));
            if word.is_shared(hash, now) {
                return self.drawn(app, word, self.endpoint(keys), false);
            }
        }
        let (word, first) = match keys.browser {
            Some(hash) => self.slots.of(hash).share(hash, now, draw),
            None => (Word { tag: 0, bucket: draw().into(), drawn_at: now, requests: 1 }, true),
        };
        if let Some(hash) = keys.connection {
            let word = Word { tag: tag(hash, TAG_BITS), requests: 1, ..word };
            self.slots.of(hash).draw.store(word.pack(), Relaxed);
        }
        let endpoint = if first { None } else { self.endpoint(keys) };
        self.drawn(app, word, endpoint, first)
    }

    /// The endpoint that was noted, for the connection or else for the browser: the draw of a connection may have been made on
    /// another one.
    fn endpoint(&self, keys: BunchKeys) -> Option<u32> {
        let mut known = [keys.connection, keys.browser].into_iter().flatten();
        known.find_map(|hash| self.slots.of(hash).endpoint_for(hash))
    }

    /// The draw that a request would share, if there is one. Nothing is drawn.
    pub fn present(&self, app: usize, keys: BunchKeys, now_ms: u64) -> Option<BunchDraw> {
        let now = (now_ms / 100) & TIME_MASK;
        [keys.connection, keys.browser].into_iter().flatten().find_map(|hash| {
            let slot = self.slots.of(hash);
            let word = Word::unpack(slot.draw.load(Relaxed));
            word.is_shared(hash, now).then(|| self.drawn(app, word, self.endpoint(keys), false))
        })
    }

    /// Notes where a request was sent, for the others that share its draw.
    pub fn note_endpoint(&self, keys: BunchKeys, endpoint: u32) {
        for hash in [keys.connection, keys.browser].into_iter().flatten() {
            let word = hash >> 32 << 32 | u64::from(endpoint);
            self.slots.of(hash).endpoint.store(word, Relaxed);
        }
    }

    /// The client's number follows from what was drawn and when, so that it has no place in the table. No bucket is drawn
    /// twice within a tenth of a second.
    fn drawn(&self, app: usize, word: Word, endpoint: Option<u32>, first: bool) -> BunchDraw {
        let mut hasher = self.hasher;
        for number in [app as u64, word.bucket, word.drawn_at] {
            hasher.write_u64(number);
        }
        BunchDraw { bucket: word.bucket as u16, number: hasher.finish(), endpoint, first }
    }
}

impl Slot {
    /// Joins the draw of a key, or draws; whether it is the first. Of two that draw at once, one joins the other.
    fn share(&self, hash: u64, now: u64, draw: &mut dyn FnMut() -> u16) -> (Word, bool) {
        let mut drawn = None;
        let mut seen = self.draw.load(Relaxed);
        loop {
            let word = Word::unpack(seen);
            let joins = word.is_shared(hash, now) && word.requests < BUNCH_REQUESTS_MAX;
            let next = if joins {
                Word { requests: word.requests + 1, ..word }
            } else {
                let bucket = u64::from(*drawn.get_or_insert_with(&mut *draw));
                Word { tag: tag(hash, TAG_BITS), bucket, drawn_at: now, requests: 1 }
            };
            match self.draw.compare_exchange_weak(seen, next.pack(), Relaxed, Relaxed) {
                Ok(_) => return (next, !joins),
                Err(other) => seen = other,
            }
        }
    }

    /// The endpoint that was noted for a key.
    fn endpoint_for(&self, hash: u64) -> Option<u32> {
        let word = self.endpoint.load(Relaxed);
        (word >> 32 == hash >> 32).then_some(word as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A browser's requests, each on a connection of its own.
    fn browser(bunches: &Bunches, agent: &str, port: u16) -> BunchKeys {
        let address = "198.51.100.7".parse().unwrap();
        BunchKeys {
            connection: Some(bunches.connection(0, address, port)),
            browser: Some(bunches.browser(0, address, agent.as_bytes())),
        }
    }

    fn join(bunches: &Bunches, keys: BunchKeys, now_ms: u64, bucket: u16) -> BunchDraw {
        bunches.join(0, keys, now_ms, &mut || bucket)
    }

    #[test]
    fn parallel_first_requests_are_one_client() {
        let bunches = Bunches::new(3);
        let first = join(&bunches, browser(&bunches, "a", 1), 1_000, 4_711);
        assert_eq!((first.bucket, first.endpoint, first.first), (4_711, None, true));
        bunches.note_endpoint(browser(&bunches, "a", 1), 0xDEAD_BEEF);
        for port in 2..7 {
            let other = join(&bunches, browser(&bunches, "a", port), 1_000 + BUNCH_MS - 100, 9);
            assert_eq!((other.bucket, other.number, other.first), (4_711, first.number, false));
            assert_eq!(other.endpoint, Some(0xDEAD_BEEF));
        }
        let again = join(&bunches, browser(&bunches, "a", 3), 2_000, 9);
        assert_eq!(again.endpoint, Some(0xDEAD_BEEF), "also with the second request of a connection");
        let present = |now| bunches.present(0, browser(&bunches, "a", 9), now);
        assert_eq!(present(1_500).map(|draw| (draw.bucket, draw.number)), Some((4_711, first.number)));
        assert_eq!(present(1_000 + BUNCH_MS), None);
        let later = join(&bunches, browser(&bunches, "a", 1), 1_000 + BUNCH_MS, 9);
        assert_eq!((later.bucket, later.first), (9, true), "ten seconds have passed");
        assert_ne!(later.number, first.number);
    }

    #[test]
    fn others_draw_for_themselves() {
        let bunches = Bunches::new(3);
        let first = join(&bunches, browser(&bunches, "a", 1), 1_000, 1);
        assert_eq!(join(&bunches, browser(&bunches, "b", 2), 1_000, 2).bucket, 2, "another browser");
        let address = "198.51.100.8".parse().unwrap();
        let elsewhere = BunchKeys { connection: None, browser: Some(bunches.browser(0, address, b"a")) };
        assert_eq!(join(&bunches, elsewhere, 1_000, 3).bucket, 3, "another address");
        let unknown = BunchKeys::default();
        assert!(join(&bunches, unknown, 1_000, 4).first && join(&bunches, unknown, 1_000, 5).first);
        let other_app = bunches.browser(1, "198.51.100.7".parse().unwrap(), b"a");
        let other_app = BunchKeys { connection: None, browser: Some(other_app) };
        let drawn = bunches.join(1, other_app, 1_000, &mut || 1);
        assert!(drawn.first && drawn.number != first.number, "another app");
    }

    #[test]
    fn a_connection_is_one_client_whatever_it_calls_itself() {
        let bunches = Bunches::new(3);
        for number in 0..200 {
            let keys = browser(&bunches, &format!("agent {number}"), 1);
            assert_eq!(join(&bunches, keys, 1_000, 7).bucket, 7);
            assert_eq!(join(&bunches, BunchKeys { browser: None, ..keys }, 1_000, 8).bucket, 7);
        }
    }

    #[test]
    fn so_many_behind_one_address_are_not_one_client() {
        let bunches = Bunches::new(3);
        let keys = |port| BunchKeys { connection: None, ..browser(&bunches, "a", port) };
        let firsts =
            (0..10 * BUNCH_REQUESTS_MAX).filter(|port| join(&bunches, keys(*port as u16), 50, 1).first);
        assert_eq!(firsts.count(), 10);
    }

    #[test]
    fn a_word_is_what_was_packed() {
        for word in [
            Word { tag: 0, bucket: 0, drawn_at: 0, requests: 1 },
            Word { tag: (1 << TAG_BITS) - 1, bucket: 9_999, drawn_at: TIME_MASK, requests: 0x7F },
        ] {
            assert_eq!(Word::unpack(word.pack()), word);
        }
        let now = 30;
        let before = Word { tag: tag(0, TAG_BITS), bucket: 1, drawn_at: TIME_MASK - 10, requests: 1 };
        assert!(before.is_shared(0, now), "the time comes round again");
    }
}
