//! Buckets: a client's place in 0..10,000, and which places a candidate takes (docs/design.md section 5).
//!
//! New clients are placed by a golden-ratio counter instead of a random number, since successive multiples of the
//! golden ratio spread over the circle as evenly as any sequence can: of any N consecutive new clients the
//! candidate's share is off by a few clients, where random placing would be off by the square root of N.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use super::{blend::Blend, record::Tenure};

/// How many places there are: one for each hundredth of a percent that a blend can say.
pub const BUCKETS: u16 = 10_000;

/// 2^64 divided by the golden ratio, made odd, so that the counter visits every 64-bit place once.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The bucket of the `count`-th new client. The count may start anywhere and wraps.
pub fn nth(count: u64) -> u16 {
    of_random(count.wrapping_mul(GOLDEN))
}

/// The bucket of an evenly distributed number.
pub fn of_random(random: u64) -> u16 {
    let scaled = (u128::from(random) * u128::from(BUCKETS)) >> 64;
    u16::try_from(scaled).expect("a 64-bit fraction of 10,000 is below 10,000")
}

/// What is added to every bucket while this tenure is the candidate's, so that each rollout has other first
/// clients. The same on every router: the hash has no secret.
pub fn offset(candidate: Tenure) -> u16 {
    let mut hasher = SipHasher24::new();
    hasher.write(&candidate.to_be_bytes());
    of_random(hasher.finish())
}

/// Whether a bucket goes to the candidate. Raising the blend only adds buckets, lowering it takes back exactly
/// those.
pub fn is_candidates(bucket: u16, offset: u16, blend: Blend) -> bool {
    place(bucket, offset) < blend.hundredths()
}

/// Where a bucket lies while an offset is added to all: what is held against the blend.
pub const fn place(bucket: u16, offset: u16) -> u16 {
    // Both are below 10,000, so the sum fits.
    (bucket + offset) % BUCKETS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_blend_takes_exactly_its_buckets() {
        for hundredths in [0, 1, 50, 1_000, 3_333, 9_999, 10_000] {
            let blend = Blend::from_hundredths(hundredths).unwrap();
            for offset in [0, 1, 4_711, 9_999] {
                let taken = (0..BUCKETS).filter(|bucket| is_candidates(*bucket, offset, blend)).count();
                assert_eq!(taken, usize::from(hundredths));
            }
        }
    }

    #[test]
    fn every_rollout_has_other_first_clients() {
        let offsets: std::collections::HashSet<u16> = (1..=100).map(offset).collect();
        assert!(offsets.len() > 95, "{}", offsets.len());
    }

    #[test]
    fn each_blend_is_kept_within_a_few_clients() {
        for hundredths in 0..=10_000u16 {
            let blend = Blend::from_hundredths(hundredths).unwrap();
            assert_share(blend, offset(u32::from(hundredths)), u64::from(hundredths) * 7_919, 400);
        }
    }

    /// Walks `clients` consecutive new clients, 20,000 at most; at no point is the candidate's share off by more than five.
    /// Of all runs of so many multiples of the golden ratio, wherever they start, and all arcs of the circle, the worst is off
    /// by 4.984: 19,581 of them.
    fn assert_share(blend: Blend, offset: u16, start: u64, clients: u64) {
        let mut taken = 0.0;
        for (walked, count) in (1..=clients).map(|walked| (walked, start.wrapping_add(walked))) {
            taken += f64::from(u8::from(is_candidates(nth(count), offset, blend)));
            let off = (taken - walked as f64 * blend.percent() / 100.0).abs();
            assert!(off < 5.0, "{taken} of {walked} at {blend} % from {start}: off by {off}");
        }
    }

    proptest! {
        #[test]
        fn any_run_of_clients_keeps_the_blend(
            hundredths in 0..=10_000u16, offset in 0..BUCKETS, start: u64, clients in 1..20_000u64,
        ) {
            assert_share(Blend::from_hundredths(hundredths).unwrap(), offset, start, clients);
        }

        #[test]
        fn raising_only_adds_and_lowering_takes_back(
            bucket in 0..BUCKETS, offset in 0..BUCKETS, low in 0..=10_000u16, more in 0..=10_000u16,
        ) {
            let low_blend = Blend::from_hundredths(low).unwrap();
            let high_blend = Blend::from_hundredths(low.max(more)).unwrap();
            let (before, after) =
                (is_candidates(bucket, offset, low_blend), is_candidates(bucket, offset, high_blend));
            prop_assert!(!before || after);
        }

        #[test]
        fn a_random_number_has_a_bucket(random: u64) {
            prop_assert!(of_random(random) < BUCKETS);
        }
    }
}
