//! The decision.

use super::{
    block::number,
    bound::failing_share_bound,
    endpoints::FailingEndpoints,
    evidence::{ENOUGH, Evidence, Factor},
    latency::{Latency, LatencyEvidence, Slowness},
    missing::{Missing, missing},
    rules::{FAILING_SESSIONS_LEAST, Rules},
    tally::Tally,
};

/// Of so many requests that stable was asked instead, it says something if stable failed most of them.
const SHIELDED_LEAST: u64 = 3;

/// Why nothing can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blind {
    /// There is no candidate.
    NoCandidate,
    /// The app is not sticky, so there are no sessions.
    NotSticky,
    /// Clients are known by a header or their address, so nothing says when they were drawn.
    NoPins,
    /// Some member cannot read pins that say it yet.
    OldPins,
}

/// All that is known about a candidate.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// By what it is judged.
    pub rules: Rules,
    /// The evidence of all routers.
    pub evidence: &'a Evidence,
    /// The counts of all routers.
    pub tally: Tally,
    /// How long its clients wait beside stable's, by router.
    pub latency: &'a [LatencyEvidence],
    /// Which of its endpoints failed sessions.
    pub endpoints: &'a FailingEndpoints,
    /// Each of its last answers failed, and none of stable's ([`super::RecentAnswers::fails_outright`]).
    pub outright: bool,
    /// Stable fails far more often than before ([`super::RecentAnswers::stable_jumps`]).
    pub stable_jumps: bool,
    /// Nothing can be compared.
    pub blind: Option<Blind>,
}

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The candidate is worse than stable.
    Worse,
    /// It is no worse.
    NoWorse,
    /// It is better.
    Better,
    /// Anything else.
    Inconclusive,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Worse, Self::NoWorse, Self::Better, Self::Inconclusive];

    /// The word for it in API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::NoWorse => "no-worse",
            Self::Better => "better",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What is found, and all numbers that lead to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What is found.
    pub finding: Finding,
    /// By what it was judged.
    pub rules: Rules,
    /// It was found because each of the last answers failed.
    pub outright: bool,
    /// Undecided, but the candidate looks worse: raise nothing now.
    pub warning: bool,
    /// Stable fails as well: whatever both depend on may be the cause, and nobody is aborted.
    pub shared_dependency: bool,
    /// Nothing can be compared.
    pub blind: Option<Blind>,
    /// The counts.
    pub tally: Tally,
    /// How long clients wait. It changes nothing about `finding`, which is about failures.
    pub latency: Latency,
    /// Which endpoints of the candidate failed sessions.
    pub endpoints: FailingEndpoints,
    /// Logarithms of the evidence for worse, better, no worse.
    pub ln_worse: f64,
    /// For better.
    pub ln_better: f64,
    /// For less than twice as many failures.
    pub ln_no_worse: f64,
    /// How much more often the candidate fails.
    pub factor: Option<Factor>,
    /// The failing share that the candidate has at most, 0 to 1; `None` without a session.
    pub share_bound: Option<f64>,
    /// What is missing, where nothing is decided.
    pub missing: Option<Missing>,
}

/// Judges a candidate.
pub fn judge(facts: &Facts<'_>) -> Verdict {
    let Facts { rules, evidence, tally, .. } = *facts;
    let sessions = tally.sessions()[0];
    let mut verdict = Verdict {
        finding: Finding::Inconclusive,
        rules,
        outright: false,
        warning: false,
        shared_dependency: false,
        blind: facts.blind,
        tally,
        latency: Latency::of(facts.latency, rules, facts.blind.is_some()),
        endpoints: facts.endpoints.clone(),
        ln_worse: evidence.ln_worse(),
        ln_better: evidence.ln_better(),
        ln_no_worse: evidence.ln_no_worse(),
        factor: evidence.factor(),
        share_bound: (sessions > 0).then(|| failing_share_bound(tally.failing[0], sessions, ENOUGH.ln())),
        missing: None,
    };
    if facts.blind.is_some() {
        return verdict;
    }
    verdict.outright = facts.outright
        && tally.counted[0] >= FAILING_SESSIONS_LEAST
        && tally.sessions()[1] >= FAILING_SESSIONS_LEAST;
    verdict.finding = finding(&verdict);
    verdict.warning = verdict.finding == Finding::Inconclusive && verdict.ln_worse >= ENOUGH.ln();
    verdict.shared_dependency = facts.stable_jumps || fails_alike(&tally);
    if verdict.finding == Finding::Inconclusive {
        verdict.missing = Some(missing(rules, tally, evidence));
    }
    verdict
}

impl Verdict {
    /// Whether the candidate is slower than stable.
    pub fn is_slower(&self) -> bool {
        self.latency.slowness == Slowness::Slower
    }

    /// Whether a plan waits because of how long clients wait.
    pub fn holds_for_latency(&self) -> bool {
        self.rules.slower_holds && self.latency.slowness != Slowness::Unseen
    }
}

fn finding(verdict: &Verdict) -> Finding {
    let Verdict { rules, tally, .. } = verdict;
    let share = tally.shares()[0].unwrap_or_default();
    let worse = verdict.ln_worse >= rules.ln_needed()
        && tally.counted[0] >= FAILING_SESSIONS_LEAST
        && share > rules.at_least;
    let rare = verdict.share_bound.is_some_and(|bound| bound <= rules.at_least);
    if worse || verdict.outright {
        Finding::Worse
    } else if verdict.ln_better >= ENOUGH.ln() {
        Finding::Better
    } else if verdict.ln_no_worse >= ENOUGH.ln() || rare {
        Finding::NoWorse
    } else {
        Finding::Inconclusive
    }
}

/// Whether stable failed most of the requests that the candidate failed.
fn fails_alike(tally: &Tally) -> bool {
    tally.shielded >= SHIELDED_LEAST && number(tally.answered) * 2.0 < number(tally.shielded)
}
