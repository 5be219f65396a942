//! The budget: what must always hold, and whole rollouts by such a plan.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    PlanFacts, PlanStanding, PlanTemplate, RunningPlan,
    budget::{Drawn, Harm},
};
use crate::rollout::{
    blend::Blend,
    command::Role,
    record::Record,
    verdict::{Block, Evidence, Facts, FailingEndpoints, Finding, Rules, Tally, Verdict, judge},
};

const RULES: Rules = Rules { alpha: 0.01, tolerate: 1.0, at_least: 0.005, slower_holds: true };

fn percent(percent: u16) -> Blend {
    Blend::from_hundredths(percent * 100).unwrap()
}

fn judged(evidence: &Evidence, tally: Tally) -> Verdict {
    judge(&Facts {
        rules: RULES,
        evidence,
        tally,
        latency: &[],
        endpoints: &FailingEndpoints::default(),
        outright: false,
        stable_jumps: false,
        blind: None,
    })
}

fn counted(sessions: [u64; 2], failing: [u64; 2]) -> Verdict {
    let tally = Tally { sessions, requests: sessions, failing, counted: failing, ..Tally::default() };
    judged(&Evidence::new(RULES.tolerate), tally)
}

fn drawn(sessions: u64, seconds: u64, blend: u16) -> Drawn {
    Drawn { sessions, held: Duration::from_secs(seconds), blend: percent(blend) }
}

proptest! {
    #[test]
    fn more_failures_more_clients_and_higher_blends_are_never_less_harm(
        came in 0..5_000_u64, failed in 0..50_u64, more in 1..50_u64, seconds in 10..600_u64, blend in 1..50_u16, next in 1..50_u16
    ) {
        let harm = |failing: u64, came: u64, next: u16| {
            let verdict = counted([came.max(failing) + 100, 0], [failing, 0]);
            Harm::expected(&verdict, drawn(came, seconds, blend), percent(blend + next))
        };
        let least = harm(failed, came, next);
        prop_assert!(harm(failed + more, came, next).ahead >= least.ahead);
        prop_assert!(harm(failed, came, next + 1).ahead >= least.ahead);
        prop_assert!(harm(failed + more, came, next).met > least.met);
    }

    #[test]
    fn a_larger_budget_is_never_slower(
        sessions in 0..5_000_u64, failed in 0..50_u64, seconds in 10..600_u64, small in 1..1_000_u32, more in 0..1_000_u32
    ) {
        let verdict = counted([sessions.max(failed), 4_000], [failed, 4]);
        let harm = Harm::expected(&verdict, drawn(sessions, seconds, 5), percent(10));
        let next = percent(10);
        prop_assert!(harm.exceeds(small, next).is_some() || harm.exceeds(small + more, next).is_none());
    }

    /// Clients who meet no failure are what lets the blend rise.
    #[test]
    fn clients_who_meet_no_failure_bring_the_expected_harm_down(sessions in 10..5_000_u64, more in 1..5_000_u64) {
        let ahead = |sessions| Harm::expected(&counted([sessions, 0], [0, 0]), drawn(100, 60, 5), percent(10)).ahead;
        prop_assert!(ahead(sessions + more) < ahead(sessions));
    }
}

#[test]
fn what_stable_fails_as_well_is_not_the_candidates() {
    let alike = Harm::expected(&counted([1_000, 9_000], [20, 180]), drawn(100, 60, 5), percent(10));
    assert!(alike.met < 1e-9, "{alike:?}");
    let worse = Harm::expected(&counted([1_000, 9_000], [20, 90]), drawn(100, 60, 5), percent(10));
    assert!((worse.met - 10.0).abs() < 1e-9 && worse.ahead > alike.ahead, "{worse:?}");
}

#[test]
fn what_the_budget_lacks_is_said() {
    let harm = Harm { met: 3.0, ahead: 34.4 };
    assert_eq!(
        harm.exceeds(20, percent(10)).unwrap(),
        "the budget: up to 34 users may meet a failure within a minute at 10 %, beside 3 who met one, and 20 are allowed"
    );
    assert_eq!(harm.exceeds(38, percent(10)), None);
}

/// A random number (splitmix64), the same in each run.
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How many of so many have it, if each has it with this probability.
    fn of(&mut self, all: u64, share: f64) -> u64 {
        (0..all).filter(|_| self.share() < share).count() as u64
    }
}

/// How a rollout ended.
struct End {
    /// Sessions of the candidate that met a failure beyond what stable's share explains.
    harmed: f64,
    /// After so many seconds.
    seconds: u64,
    /// The step that it was at, or `None` if the candidate was aborted.
    step: Option<usize>,
}

/// A rollout by a plan with this budget, second by second: so many new clients each, of whom this share meets a failure.
fn roll(seed: u64, harm_max: u32, clients: u64, failing: [f64; 2], seconds: u64) -> End {
    let mut random = Random(seed);
    let mut plan = running(harm_max);
    let record = Record::empty();
    let (mut evidence, mut tally) = (Evidence::new(RULES.tolerate), Tally::default());
    let (mut held, mut before) = (0, 0);
    for second in 1..=seconds {
        let candidate = random.of(clients, plan.current().blend.percent() / 100.0);
        let came = [candidate, clients - candidate];
        let failed = [random.of(came[0], failing[0]), random.of(came[1], failing[1])];
        evidence.add(&Block::new(came, failed));
        for arm in 0..2 {
            tally.sessions[arm] += came[arm];
            tally.requests[arm] += came[arm];
            tally.failing[arm] += failed[arm];
            tally.counted[arm] += failed[arm];
        }
        held += 1;
        let verdict = judged(&evidence, tally);
        let harmed = tally.failing[0] as f64 - failing[1] * tally.sessions[0] as f64;
        if verdict.finding == Finding::Worse {
            return End { harmed, seconds: second, step: None };
        }
        let facts = PlanFacts {
            record: &record,
            now: 0,
            freeze: None,
            store_fault: None,
            verdict: Some(&verdict),
            held: Duration::from_secs(held),
            sessions: tally.sessions[0] - before,
            gate: None,
        };
        if PlanStanding::of(&plan, &facts).is_due() {
            if plan.next().is_none() {
                return End { harmed, seconds: second, step: Some(plan.step) };
            }
            plan.step += 1;
            (held, before) = (0, tally.sessions[0]);
        }
    }
    End {
        harmed: tally.failing[0] as f64 - failing[1] * tally.sessions[0] as f64,
        seconds,
        step: Some(plan.step),
    }
}

fn running(harm_max: u32) -> RunningPlan {
    let PlanTemplate { name, steps, harm_max, then } =
        format!("careful: harm_max={harm_max}; promote").parse().unwrap();
    RunningPlan {
        name,
        steps,
        harm_max,
        then,
        step: 0,
        since: 0,
        tenure: 2,
        started_by: "ops".into(),
        started_by_token: String::new(),
        role: Role::Operator,
        paused: None,
        approved_by: None,
    }
}

/// What a verdict takes to be given, whatever the blend.
const OF_VERDICT: f64 = 15.0;

/// However bad a candidate is, and however many come, no more meet a failure than the budget and the verdict take.
#[test]
fn no_candidate_harms_more_users_than_the_budget() {
    let harm_max = 10;
    for (seed, failing) in (1..).zip([1.0, 0.5, 0.1, 0.03, 0.01]) {
        for clients in [1, 10, 100] {
            let end = roll(seed, harm_max, clients, [failing, 0.001], 600);
            assert!(
                end.harmed <= f64::from(harm_max) + OF_VERDICT,
                "{} of {harm_max} at {failing}, {clients} clients/s, step {:?}",
                end.harmed,
                end.step
            );
        }
    }
}

/// A good candidate is brought to its end, the sooner the larger the budget.
#[test]
fn a_good_candidate_rises_as_fast_as_the_evidence_allows() {
    let seconds = |harm_max| {
        let end = roll(7, harm_max, 100, [0.001, 0.001], 3_600);
        assert_eq!(end.step, Some(5), "budget {harm_max}");
        end.seconds
    };
    let (small, large) = (seconds(10), seconds(1_000));
    assert!(large <= small && large >= 60, "{large} s and {small} s");
    assert!(small < 1_800, "{small} s");
}
