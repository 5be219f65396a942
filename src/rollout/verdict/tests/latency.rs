//! How long clients wait: what is found, what people read, and what a plan does about it.

use super::{RULES, block, evidence, facts, properties::probability};
use crate::rollout::verdict::{
    Evidence, Facts, Finding, LatencyEvidence, Rules, Slowness, Tally, Verdict, judge,
};

type Numbers = (u64, u64, u64, u64);

/// A router's waits, in windows of these blocks each beside the 95 % threshold; nothing was compared with the others.
fn windows(windows: &[&[Numbers]]) -> LatencyEvidence {
    let mut evidence = LatencyEvidence::default();
    for blocks in windows {
        evidence.begin_window(RULES.tolerate, [40_000, 80_000, 1_300_000]);
        blocks.iter().for_each(|numbers| evidence.add(1, &block(*numbers)));
    }
    evidence
}

fn judged_by(routers: &[LatencyEvidence], rules: Rules) -> Verdict {
    let none = evidence([]);
    judge(&Facts {
        latency: routers,
        rules,
        ..facts(&none, Tally { sessions: [40, 360], ..Tally::default() })
    })
}

/// What is found where one router counted these blocks in its first window.
fn verdict(blocks: &[Numbers], rules: Rules) -> Verdict {
    judged_by(&[windows(&[blocks])], rules)
}

fn ln_slower(routers: &[LatencyEvidence]) -> f64 {
    judged_by(routers, RULES).latency.ln_slower
}

/// A block that says as much as a block can: twofold, for all factors but the least.
const PLAIN: Numbers = (10, 90, 5, 0);

#[test]
fn the_evidence_is_the_mean_of_the_three_and_of_a_window_half() {
    let beside_one = evidence([(50, 50, 1, 0)]).ln_worse().exp();
    // No factor makes one of hundred even twice as likely, so nothing is cut. Two thresholds say nothing: their evidence is 1.
    let expected = ((beside_one + 2.0) / 3.0 / 2.0).ln();
    let found = ln_slower(&[windows(&[&[(50, 50, 1, 0)]])]);
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    assert!(ln_slower(&[]).abs() < 1e-12 && ln_slower(&[windows(&[])]).abs() < 1e-12);
}

/// What slows a process down for a moment slows down everybody who is there: many slow answers in one block are one event.
#[test]
fn a_block_counts_twofold_at_most() {
    let mut evidence = Evidence::new(1.0);
    evidence.add_at_most(&block((30, 70, 30, 0)), 2.0);
    assert!((evidence.ln_worse() - 2_f64.ln()).abs() < 1e-9, "{}", evidence.ln_worse());
    for tolerate in [1.0, 3.0] {
        for (n_c, n_s, y) in [(10_u64, 90_u64, 7_u64), (50, 50, 20), (3, 4, 5), (1, 30, 9)] {
            let counts = y.saturating_sub(n_s)..=y.min(n_c);
            let mean: f64 = counts
                .map(|k| {
                    let mut evidence = Evidence::new(tolerate);
                    evidence.add_at_most(&block((n_c, n_s, k, y - k)), 2.0);
                    assert!(evidence.ln_worse() < 2_f64.ln() + 1e-9);
                    probability(n_c, n_s, y, k, tolerate) * evidence.ln_worse().exp()
                })
                .sum();
            assert!(mean <= 1.0 + 1e-9, "an equal candidate gains nothing on average: {mean}");
        }
    }
}

#[test]
fn a_slower_candidate_is_named_and_the_finding_about_failures_stays() {
    let slower = verdict(&[PLAIN; 12], RULES);
    assert_eq!((slower.latency.slowness, slower.finding), (Slowness::Slower, Finding::Inconclusive));
    let sentence = slower.sentence();
    assert!(
        sentence.ends_with(
            " It is slower than stable: 50 % of its answers took longer than 80 ms (60 of 120), against 0 % of those to clients that \
             were drawn to stable at the same time (0 of 1,080)."
        ) && sentence.starts_with("Undecided"),
        "{sentence}"
    );
    let suspected = verdict(&[PLAIN; 9], RULES);
    assert_eq!(suspected.latency.slowness, Slowness::Suspected, "{}", suspected.latency.ln_slower.exp());
    assert!(suspected.sentence().contains("It looks slower than stable, but that is not certain: "));
    let equal = verdict(&[(10, 90, 1, 9); 30], RULES);
    assert!(equal.latency.slowness == Slowness::Unseen && !equal.sentence().contains("slower"));
}

#[test]
fn two_slow_answers_are_too_few() {
    let few = verdict(&[(1, 999, 1, 0), (1, 999, 1, 0)], Rules { alpha: 0.9, ..RULES });
    assert_eq!(few.latency.slowness, Slowness::Unseen);
}

/// Its 95 % are not beyond stable's: whoever is slow is an exception, though there are more exceptions than stable's.
#[test]
fn a_candidate_that_is_slower_by_no_more_than_the_margin_is_not_named() {
    let within = verdict(&[(100, 900, 4, 1); 60], RULES);
    assert!(within.latency.ln_slower > 1_000_f64.ln(), "{}", within.latency.ln_slower);
    assert!(!within.latency.thresholds[1].is_exceeded);
    assert_eq!(within.latency.slowness, Slowness::Unseen);
    let beyond = verdict(&[(100, 900, 6, 1); 60], RULES);
    assert_eq!(beyond.latency.slowness, Slowness::Slower);
}

/// The same people come again in the next window, so nothing is multiplied over windows, and each later one counts less.
#[test]
fn each_window_begins_anew_and_the_last_one_is_remembered_until_the_next() {
    let (plain, alike): ([Numbers; 12], &[Numbers]) = ([PLAIN; 12], &[(10, 90, 1, 9)]);
    let first = ln_slower(&[windows(&[&plain])]);
    let second = ln_slower(&[windows(&[alike, &plain])]);
    assert!((first - second - 3_f64.ln()).abs() < 1e-9, "1/2, then 1/6: {first} {second}");
    assert!((ln_slower(&[windows(&[&plain, alike])]) - first).abs() < 1e-9);
    assert!(ln_slower(&[windows(&[&plain, alike, alike])]) < 0.0);
}

#[test]
fn a_plan_waits_for_a_slower_candidate_unless_it_is_only_to_be_told() {
    let told = Rules { slower_holds: false, ..RULES };
    for blocks in [9, 12] {
        let slow = vec![PLAIN; blocks];
        assert!(verdict(&slow, RULES).holds_for_latency() && !verdict(&slow, told).holds_for_latency());
    }
    assert!(!verdict(&[], RULES).holds_for_latency());
}

#[test]
fn routers_are_averaged() {
    let [one, other] = [windows(&[&[PLAIN; 12]]), windows(&[&[(10, 90, 1, 9)]])];
    let both = judged_by(&[one.clone(), other.clone()], RULES).latency;
    let expected = f64::midpoint(ln_slower(std::slice::from_ref(&one)).exp(), ln_slower(&[other]).exp()).ln();
    assert!((both.ln_slower - expected).abs() < 1e-9, "{} {expected}", both.ln_slower);
    assert_eq!((both.thresholds[1].judged, both.thresholds[1].slow), ([130, 1_170], [61, 9]));
    let json = serde_json::to_string(&one).unwrap();
    let read: LatencyEvidence = serde_json::from_str(&json).unwrap();
    assert!((ln_slower(&[read.clone().sound(RULES.tolerate)]) - ln_slower(&[one])).abs() < 1e-9);
    assert_eq!(read.sound(2.0), LatencyEvidence::default(), "what tolerated something else says nothing");
}
