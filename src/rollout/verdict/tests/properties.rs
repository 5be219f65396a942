//! What must always hold.

use proptest::prelude::*;

use super::{block, evidence};
use crate::rollout::verdict::Evidence;

type Numbers = (u64, u64, u64, u64);

/// A block with no more failures than requests.
fn numbers() -> impl Strategy<Value = Numbers> {
    (0..60_u64, 0..300_u64).prop_flat_map(|(n_c, n_s)| (Just(n_c), Just(n_s), 0..=n_c, 0..=n_s.min(20)))
}

fn all(evidence: &Evidence) -> [f64; 3] {
    [evidence.ln_worse(), evidence.ln_better(), evidence.ln_no_worse()]
}

fn same(a: [f64; 3], b: [f64; 3]) -> bool {
    a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a.abs()))
}

proptest! {
    #[test]
    fn the_order_of_blocks_does_not_matter(
        (blocks, shuffled) in prop::collection::vec(numbers(), 0..20)
            .prop_flat_map(|blocks| (Just(blocks.clone()), Just(blocks).prop_shuffle()))
    ) {
        prop_assert!(same(all(&evidence(blocks)), all(&evidence(shuffled))));
    }

    #[test]
    fn routers_that_are_added_up_are_one_router(
        blocks in prop::collection::vec((numbers(), 0..3_usize), 0..20)
    ) {
        let whole = evidence(blocks.iter().map(|(numbers, _)| *numbers));
        let mut sum = Evidence::new(1.0);
        for router in 0..3 {
            let own = blocks.iter().filter(|(_, of)| *of == router).map(|(numbers, _)| *numbers);
            prop_assert!(sum.merge(&evidence(own)));
        }
        prop_assert!(same(all(&whole), all(&sum)));
    }

    /// Everything is judged from one list of logarithms, so exchanging the arms exchanges worse and better.
    #[test]
    fn exchanged_arms_exchange_worse_and_better(blocks in prop::collection::vec(numbers(), 0..20)) {
        let one = evidence(blocks.iter().copied());
        let other = evidence(blocks.iter().map(|(n_c, n_s, y_c, y_s)| (*n_s, *n_c, *y_s, *y_c)));
        let exchanged = [other.ln_better(), other.ln_worse(), other.ln_no_worse()];
        prop_assert!(same([one.ln_worse(), one.ln_better(), other.ln_no_worse()], exchanged));
    }

    #[test]
    fn what_is_stored_is_read_again(blocks in prop::collection::vec(numbers(), 0..20)) {
        let written = evidence(blocks);
        let json = serde_json::to_vec(&written).unwrap();
        let read: Evidence = serde_json::from_slice(&json).unwrap();
        prop_assert!(read.is_sound() && same(all(&written), all(&read)));
    }
}

#[test]
fn evidence_of_another_kind_is_not_added() {
    let mut own = evidence([(10, 90, 1, 0)]);
    let before = own.clone();
    let broken: Evidence = serde_json::from_str(r#"{"tolerate": 1.0, "logs": [1.0]}"#).unwrap();
    assert!(!own.merge(&broken) && !own.merge(&Evidence::new(2.0)));
    assert_eq!(own, before);
}

fn binomial(n: u64, k: u64) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// The probability of `k` failures of the candidate among `y`, if it fails `factor` times as often as stable.
pub fn probability(n_c: u64, n_s: u64, y: u64, k: u64, factor: f64) -> f64 {
    let weight = |k: u64| binomial(n_c, k) * binomial(n_s, y - k) * factor.powi(k as i32);
    let all: f64 = (y.saturating_sub(n_s)..=y.min(n_c)).map(weight).sum();
    weight(k) / all
}

/// The mean of the evidence over everything that can happen in one block.
fn mean(n_c: u64, n_s: u64, y: u64, factor: f64, tolerate: f64, of: fn(&Evidence) -> f64) -> f64 {
    (y.saturating_sub(n_s)..=y.min(n_c))
        .map(|k| {
            let mut evidence = Evidence::new(tolerate);
            evidence.add(&block((n_c, n_s, k, y - k)));
            probability(n_c, n_s, y, k, factor) * of(&evidence).exp()
        })
        .sum()
}

/// This is what makes the promise hold: on average the evidence stays where it is if the candidate is exactly as bad as is
/// excluded, and falls if it is further on the excluded side. Enumerated, not sampled.
#[test]
fn the_evidence_is_a_martingale_where_nothing_is_wrong() {
    for (n_c, n_s) in [(1, 1), (3, 9), (10, 10), (20, 5), (7, 60)] {
        for y in 1..=(n_c + n_s).min(12) {
            for tolerate in [1.0, 1.5, 4.0] {
                let of = |factor, question| mean(n_c, n_s, y, factor, tolerate, question);
                let case = format!("{n_c} {n_s} {y} {tolerate}");
                assert!((of(tolerate, Evidence::ln_worse) - 1.0).abs() < 1e-9, "{case}");
                assert!((of(1.0 / tolerate, Evidence::ln_better) - 1.0).abs() < 1e-9, "{case}");
                assert!((of(2.0, Evidence::ln_no_worse) - 1.0).abs() < 1e-9, "{case}");
                assert!(of(tolerate * 0.5, Evidence::ln_worse) <= 1.0 + 1e-9, "{case}");
                assert!(of(2.0 / tolerate, Evidence::ln_better) <= 1.0 + 1e-9, "{case}");
                assert!(of(3.0, Evidence::ln_no_worse) <= 1.0 + 1e-9, "{case}");
            }
        }
    }
}
