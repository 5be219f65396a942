//! How long clients wait: what is found, what people read, and what a plan does about it.

use super::{RULES, block, evidence, facts};
use crate::rollout::verdict::{Facts, Finding, LatencyEvidence, Rules, Slowness, Tally, Verdict, judge};

/// The same blocks beside the 95 % threshold, and blocks that say nothing beside the others.
fn waits(blocks: &[(u64, u64, u64, u64)]) -> LatencyEvidence {
    let mut evidence = LatencyEvidence::new(RULES.tolerate);
    evidence
        .thresholds
        .iter_mut()
        .zip([40_000, 80_000, 1_300_000])
        .for_each(|(known, us)| known.threshold_us = us);
    blocks.iter().for_each(|numbers| evidence.add(1, &block(*numbers)));
    evidence
}

fn verdict(waits: &LatencyEvidence, rules: Rules) -> Verdict {
    let none = evidence([]);
    judge(&Facts { latency: waits, rules, ..facts(&none, Tally { sessions: [40, 360], ..Tally::default() }) })
}

#[test]
fn the_evidence_is_the_mean_of_the_three() {
    let one = waits(&[(10, 90, 1, 0); 3]);
    // Two say nothing, so their evidence is 1.
    let expected = ((5.959056_f64.exp() + 2.0) / 3.0).ln();
    assert!((one.ln_slower() - expected).abs() < 1e-5, "{}", one.ln_slower());
    assert!(waits(&[]).ln_slower().abs() < 1e-12);
}

#[test]
fn a_slower_candidate_is_named_and_the_finding_about_failures_stays() {
    let slower = verdict(&waits(&[(10, 90, 1, 0); 5]), RULES);
    assert_eq!((slower.latency.slowness, slower.finding), (Slowness::Slower, Finding::Inconclusive));
    let sentence = slower.sentence();
    assert!(
        sentence.ends_with(
            " It is slower than stable: 10 % of its answers took longer than 80 ms (5 of 50), against 0 % of those to clients that \
             were drawn to stable at the same time (0 of 450)."
        ) && sentence.starts_with("Undecided"),
        "{sentence}"
    );
    let suspected = verdict(&waits(&[(15, 85, 1, 0); 3]), RULES);
    assert_eq!(suspected.latency.slowness, Slowness::Suspected);
    assert!(suspected.sentence().contains("It looks slower than stable, but that is not certain: "));
    let equal = verdict(&waits(&[(10, 90, 1, 9); 30]), RULES);
    assert!(equal.latency.slowness == Slowness::Unseen && !equal.sentence().contains("slower"));
}

#[test]
fn two_slow_sessions_are_too_few() {
    let few = verdict(&waits(&[(1, 999, 1, 0); 2]), RULES);
    assert!(few.latency.ln_slower > 100_f64.ln());
    assert_eq!(few.latency.slowness, Slowness::Unseen);
}

#[test]
fn a_plan_waits_for_a_slower_candidate_unless_it_is_only_to_be_told() {
    let told = Rules { slower_holds: false, ..RULES };
    for blocks in [3, 5] {
        let slow = waits(&vec![(10, 90, 1, 0); blocks]);
        assert!(verdict(&slow, RULES).holds_for_latency() && !verdict(&slow, told).holds_for_latency());
    }
    assert!(!verdict(&waits(&[]), RULES).holds_for_latency());
}

#[test]
fn routers_add_up() {
    let (one, other) = (waits(&[(10, 90, 1, 0); 2]), waits(&[(10, 90, 1, 0)]));
    let mut sum = one;
    sum.merge(&other);
    assert_eq!((sum.thresholds[1].judged, sum.thresholds[1].slow), ([30, 270], [3, 0]));
    assert!((sum.ln_slower() - waits(&[(10, 90, 1, 0); 3]).ln_slower()).abs() < 1e-9);
    let before = sum.clone();
    sum.merge(&LatencyEvidence::new(2.0));
    assert_eq!(sum, before, "what tolerates something else says nothing");
}
