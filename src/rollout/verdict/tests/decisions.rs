//! What is decided, and what people read.

use std::time::Duration;

use super::{evidence, facts};
use crate::rollout::verdict::{Blind, Evidence, Facts, Finding, Look, RecentAnswers, Tally, Verdict, judge};

fn tally(sessions: [u64; 2], failing: [u64; 2]) -> Tally {
    Tally { sessions, requests: sessions, failing, counted: failing, ..Tally::default() }
}

fn verdict(evidence: &Evidence, tally: Tally) -> Verdict {
    judge(&facts(evidence, tally))
}

#[test]
fn worse_takes_evidence_three_sessions_and_a_share() {
    let three = evidence([(10, 90, 1, 0); 3]);
    let worse = verdict(&three, tally([40, 360], [3, 0]));
    assert_eq!(worse.finding, Finding::Worse);
    assert_eq!(
        worse.sentence(),
        "The candidate is worse than stable: 7.5 % of its sessions failed (3 of 40), against 0 % of those that were drawn to \
         stable at the same time (0 of 360)."
    );
    let two = evidence([(1, 999, 1, 0); 2]);
    let few = verdict(&two, tally([40, 3_600], [2, 0]));
    assert!(few.ln_worse > 100_f64.ln() && few.finding == Finding::Inconclusive && few.warning);
    assert!(
        few.sentence().ends_with("Missing: 1 more failing session of the candidate, from other networks.")
    );
    let rare = verdict(&three, tally([10_000, 90_000], [3, 0]));
    assert!(rare.finding != Finding::Worse, "{}", rare.sentence());
    let scarce = verdict(&three, tally([650, 9_000], [3, 0]));
    assert!(scarce.sentence().ends_with("Missing: a failing share above 0.5 %."), "{}", scarce.sentence());
}

/// Somebody with a few cookies of one network stopped every release.
#[test]
fn sessions_of_one_network_count_once() {
    let evidence = evidence([(10, 90, 1, 0)]);
    let tally = Tally { counted: [1, 0], ..tally([40, 360], [9, 0]) };
    assert_eq!(verdict(&evidence, tally).finding, Finding::Inconclusive);
    let outright = Facts { outright: true, ..facts(&evidence, tally) };
    assert_eq!(judge(&outright).finding, Finding::Inconclusive);
}

#[test]
fn no_worse_by_comparison_or_by_the_bound_and_better() {
    let alike = evidence([(50, 50, 1, 0), (50, 50, 0, 1)].repeat(40));
    let no_worse = verdict(&alike, tally([1_000, 1_000], [40, 40]));
    assert_eq!(no_worse.finding, Finding::NoWorse);
    assert!(no_worse.sentence().starts_with("The candidate is no worse than 2 times stable: 4 % of"));
    let none = evidence([]);
    let bound = verdict(&none, tally([2_300, 9], [0, 0]));
    assert_eq!(bound.finding, Finding::NoWorse);
    assert!(bound.sentence().contains("of its sessions fail (0 of 2,300)"), "{}", bound.sentence());
    let better = verdict(&evidence([(50, 50, 0, 1); 10]), tally([500, 500], [0, 10]));
    assert_eq!(better.finding, Finding::Better);
}

#[test]
fn an_undecided_verdict_says_what_is_missing() {
    let none = evidence([]);
    let nobody = verdict(&none, Tally::default());
    assert!(nobody.sentence().starts_with("Undecided: nobody has come to the candidate yet"));
    let some = verdict(&none, tally([100, 900], [0, 0]));
    assert_eq!(some.finding, Finding::Inconclusive);
    let words = some.sentence();
    assert!(words.starts_with("Undecided. Missing: about 120 more failing sessions, or 2,1"), "{words}");
    let alone = verdict(&none, tally([100, 0], [0, 0]));
    assert!(alone.sentence().contains("more sessions without a failing one"), "{}", alone.sentence());
    let warned = verdict(&evidence([(10, 90, 1, 0); 2]), tally([400, 360], [2, 0]));
    assert!(warned.warning && warned.sentence().contains("looks worse"), "{}", warned.sentence());
}

#[test]
fn where_nothing_can_be_compared_the_verdict_says_why() {
    let three = evidence([(10, 90, 1, 0); 3]);
    for blind in [Blind::NoCandidate, Blind::NotSticky, Blind::NoPins, Blind::OldPins] {
        let verdict = judge(&Facts { blind: Some(blind), ..facts(&three, tally([40, 360], [3, 0])) });
        assert_eq!((verdict.finding, verdict.sentence()), (Finding::Inconclusive, blind.as_str().to_owned()));
    }
}

#[test]
fn a_stable_that_fails_as_well_may_share_the_cause() {
    let three = evidence([(10, 90, 1, 0); 3]);
    let counts = tally([40, 360], [3, 0]);
    assert!(!verdict(&three, counts).shared_dependency);
    let alike = Tally { shielded: 40, answered: 12, ..counts };
    assert!(verdict(&three, alike).shared_dependency);
    let own = Tally { shielded: 40, answered: 38, ..counts };
    assert!(!verdict(&three, own).shared_dependency);
    let jumps = judge(&Facts { stable_jumps: true, ..facts(&three, counts) });
    assert!(
        jumps.shared_dependency && jumps.sentence().ends_with("Stable fails as well: a shared dependency?")
    );
}

/// So many answers in each tenth of a second, of which so many fail.
fn noted(looks: &[([u64; 2], [u64; 2])]) -> RecentAnswers {
    let mut recent = RecentAnswers::default();
    let mut look = Look::default();
    recent.note(look);
    for (answers, failed) in looks {
        look.at += Duration::from_millis(100);
        for release in 0..2 {
            look.answers[release] += answers[release];
            look.failed[release] += failed[release];
        }
        recent.note(look);
    }
    recent
}

#[test]
fn a_candidate_fails_outright_if_each_of_its_last_ten_answers_failed_and_none_of_stables() {
    let good = ([1, 9], [0, 0]);
    let bad = ([1, 9], [1, 0]);
    assert!(!noted(&[good; 30]).fails_outright());
    assert!(!noted(&[bad; 9]).fails_outright(), "nine answers");
    assert!(noted(&[bad; 10]).fails_outright());
    assert!(noted(&[&[good; 30][..], &[bad; 10][..]].concat()).fails_outright());
    assert!(!noted(&[&[bad; 10][..], &[good]].concat()).fails_outright(), "it answers again");
    assert!(!noted(&[([1, 9], [1, 1]); 20]).fails_outright(), "stable fails too");
    assert!(!noted(&[([1, 0], [1, 0]); 20]).fails_outright(), "nobody asks stable");
    assert!(!noted(&[([0, 0], [0, 0]); 200]).fails_outright());
}

#[test]
fn stable_jumps_if_it_fails_far_more_often_than_before() {
    let quiet = ([1, 9], [0, 0]);
    let storm = ([1, 9], [1, 5]);
    let before = [quiet; 120];
    assert!(!noted(&before).stable_jumps());
    assert!(noted(&[&before[..], &[storm; 3]].concat()).stable_jumps());
    assert!(!noted(&[storm; 90]).stable_jumps(), "nobody knows how it was before");
    let always = [([1, 9], [0, 1]); 400];
    assert!(!noted(&always).stable_jumps(), "it was always so");
}
