//! The reference cases of docs/verdict.md, which were worked out by another program.

use super::{block, evidence};
use crate::rollout::verdict::{
    block::ln_sum,
    bound::{failing_share_bound, sessions_needed},
};

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

/// The evidence of blocks against any excluded factor, for any grid.
fn ln_e(blocks: &[(u64, u64, u64, u64)], excluded: f64, grid: &[f64]) -> f64 {
    let factors: Vec<f64> = grid.iter().copied().chain([excluded]).collect();
    let mut logs = vec![0.0; factors.len()];
    blocks.iter().for_each(|numbers| block(*numbers).add_to(&factors, &mut logs));
    let (last, rest) = logs.split_last().unwrap();
    #[allow(clippy::cast_precision_loss, reason = "a handful")]
    let count = rest.len() as f64;
    ln_sum(rest.iter().map(|log| log - last)) - count.ln()
}

#[test]
fn single_failures() {
    close(evidence([(10, 90, 1, 0)]).ln_worse(), 1.779570);
    close(evidence([(10, 90, 0, 1)]).ln_worse(), -0.792920);
    close(evidence([(10, 90, 5, 5)]).ln_worse(), 4.887694);
}

#[test]
fn runs_of_failures_reach_the_threshold_where_they_should() {
    let reached = |numbers: (u64, u64, u64, u64)| {
        (1..100).find(|count| evidence(std::iter::repeat_n(numbers, *count)).ln_worse() >= 100_f64.ln())
    };
    close(evidence([(10, 90, 1, 0); 3]).ln_worse(), 5.959056);
    assert_eq!(reached((10, 90, 1, 0)), Some(3));
    close(evidence([(50, 50, 1, 0); 10]).ln_worse(), 6.244598);
    assert_eq!(reached((50, 50, 1, 0)), Some(8));
}

#[test]
fn what_says_nothing_adds_exactly_nothing() {
    for blocks in [vec![(10, 90, 0, 0); 1_000], vec![(10, 90, 10, 90); 5], vec![(10, 0, 5, 0); 5]] {
        let evidence = evidence(blocks.iter().copied());
        for ln in [evidence.ln_worse(), evidence.ln_better(), evidence.ln_no_worse()] {
            assert!(ln.abs() < 1e-12, "{blocks:?}: {ln}");
        }
        assert_eq!(evidence.factor(), None);
    }
}

#[test]
fn no_worse_than_twice() {
    let grid = [0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 1.6];
    close(ln_e(&[(50, 50, 1, 0), (50, 50, 0, 1)].repeat(40), 2.0, &grid), 3.799024);
}

#[test]
fn the_absolute_bound_without_any_failure() {
    let bound = |sessions| failing_share_bound(0, sessions, 20_f64.ln());
    for (sessions, percent) in [(100, 7.33), (1_000, 0.986), (10_000, 0.122)] {
        assert!((bound(sessions) * 100.0 - percent).abs() < 0.005, "{sessions}: {}", bound(sessions));
        let n = sessions as f64;
        close(bound(sessions), 1.0 - (-(20_f64.ln() + (n + 1.0).ln()) / n).exp());
    }
}

#[test]
fn the_absolute_bound_with_failures_lies_above_their_share_and_falls_with_the_sessions() {
    for failing in [1, 7, 40, 1_000] {
        let mut last = 1.0;
        for sessions in [failing + 1, 2 * failing, 10 * failing, 1_000 * failing] {
            let bound = failing_share_bound(failing, sessions, 20_f64.ln());
            assert!(
                bound > failing as f64 / sessions as f64 && bound <= last,
                "{failing} of {sessions}: {bound}"
            );
            last = bound;
        }
    }
    assert_eq!(failing_share_bound(5, 5, 3.0), 1.0);
    let needed = sessions_needed(0, 0.005, 20_f64.ln()).unwrap();
    assert!((2_000..2_300).contains(&needed), "{needed}");
    let suffices = |sessions| failing_share_bound(0, sessions, 20_f64.ln()) <= 0.005;
    assert!(suffices(needed) && !suffices(needed - 1));
}

/// An outright failure of the candidate at blend 10 % must not need more than the floor of three sessions.
#[test]
fn the_factor_and_what_is_not_excluded() {
    let factor = evidence([(10, 90, 1, 0); 40]).factor().unwrap();
    assert!(factor.likely > 100.0 && factor.least.unwrap() > 10.0, "{factor:?}");
    let equal = evidence([(50, 50, 1, 0), (50, 50, 0, 1)].repeat(200)).factor().unwrap();
    assert!((0.8..=1.25).contains(&equal.likely), "{equal:?}");
    assert!(equal.least.unwrap() < 1.0 && equal.most.unwrap() > 1.0, "{equal:?}");
}
