//! What this router has counted of one candidate, look by look.

use std::{sync::Arc, time::Duration};

use super::latency::LatencyCount;
use crate::{
    control::shared::fleet::evidence::CandidateEvidence,
    live::{
        activity::standing_index,
        cohort::{Cohort, CohortTotal},
        releases::ReleaseState,
        sketch::SketchTotal,
    },
    rollout::{
        table::Standing,
        verdict::{Block, Evidence, FailingEndpoints, LatencyEvidence, Look, RecentAnswers, Tally},
    },
};

/// A look at the latest, while nothing fails.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What this router has counted of one candidate.
#[derive(Debug)]
pub struct CandidateCount {
    /// The candidate's live state.
    pub state: Arc<ReleaseState>,
    /// Stable's, in its present stay.
    stable: Option<Arc<ReleaseState>>,
    /// What it counted before it was started anew.
    before: Option<CandidateEvidence>,
    evidence: Evidence,
    latency: LatencyCount,
    /// What it has counted since it was started.
    total: CohortTotal,
    answers: RecentAnswers,
    looked_at: Option<Duration>,
    failures_seen: u64,
}

impl CandidateCount {
    /// A count that begins, or goes on with what was stored.
    pub fn new(state: Arc<ReleaseState>, tolerate: f64, before: Option<CandidateEvidence>) -> Self {
        let mut evidence = Evidence::new(tolerate);
        if let Some(before) = &before {
            // Where another factor was tolerated then, the counts go on and the evidence begins anew.
            evidence.merge(&before.evidence);
            state.cohort().take_failed(&before.failed, &before.networks);
        }
        let latency = LatencyCount::new(tolerate, before.as_ref().and_then(|before| before.latency.clone()));
        Self {
            state,
            stable: None,
            before,
            evidence,
            latency,
            total: CohortTotal::default(),
            answers: RecentAnswers::default(),
            looked_at: None,
            failures_seen: 0,
        }
    }

    /// The same count where another factor is tolerated from now on: the evidence begins anew.
    #[must_use]
    pub fn tolerating(mut self, tolerate: f64) -> Self {
        self.evidence = Evidence::new(tolerate);
        self.latency.tolerate(tolerate);
        self
    }

    /// The factor that its evidence tolerates.
    pub fn tolerate(&self) -> f64 {
        self.evidence.tolerate()
    }

    /// Looks, if failures came in or it is time; whether it did.
    pub fn look(&mut self, stable: Option<&Arc<ReleaseState>>, now: Duration) -> bool {
        let cohort = self.state.cohort_if_any();
        let failures = cohort.map_or(0, Cohort::failures);
        let is_due = self.looked_at.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY);
        if !is_due && failures == self.failures_seen {
            return false;
        }
        (self.looked_at, self.failures_seen) = (Some(now), failures);
        if let Some(cohort) = cohort {
            let last = std::mem::replace(&mut self.total, cohort.total());
            let epochs = last.epochs.iter().zip(&self.total.epochs);
            epochs.for_each(|(last, now)| self.evidence.add(&block(last, now)));
            self.latency.look(cohort, &self.total, now);
        }
        let same = match (stable, &self.stable) {
            (Some(now), Some(known)) => Arc::ptr_eq(now, known),
            (now, known) => now.is_none() && known.is_none(),
        };
        if !same {
            self.stable = stable.cloned();
            self.answers = RecentAnswers::default();
        }
        let answers = [
            self.state.answers(standing_index(Some(Standing::Candidate))),
            stable.map_or(0, |stable| stable.answers(standing_index(Some(Standing::Stable)))),
        ];
        self.answers.note(Look { at: now, answers, failed: self.total.failed_answers });
        true
    }

    /// The answers of the last seconds.
    pub fn answers(&self) -> &RecentAnswers {
        &self.answers
    }

    /// Takes over the sessions and networks that failed at another router.
    pub fn take_failed(&self, other: &CandidateEvidence) {
        self.state.cohort().take_failed(&other.failed, &other.networks);
    }

    /// All that this router has counted, as it is stored.
    pub fn to_stored(&self) -> CandidateEvidence {
        let key = self.state.key();
        let mut tally = self.total.tally;
        let mut sessions = self.total.sessions.clone();
        if let Some(before) = &self.before {
            tally.add(&before.tally);
            sessions.iter_mut().enumerate().for_each(|(arm, sum)| sum.add(&before.sessions(arm)));
        }
        let cohort = self.state.cohort_if_any();
        let [failed, networks] = cohort.map(Cohort::failed_lately).unwrap_or_default();
        let first = cohort.and_then(Cohort::first_failure_ms);
        let mut endpoints = FailingEndpoints::default();
        endpoints.add(&cohort.map(|cohort| cohort.failed_at().all()).unwrap_or_default());
        endpoints.add(self.before.as_ref().map_or(&[][..], |before| &before.endpoints));
        let first_before = self.before.as_ref().and_then(|before| before.first_failure_at);
        CandidateEvidence {
            app: key.app.clone(),
            tenure: key.tenure,
            evidence: self.evidence.clone(),
            latency: Some(self.latency.evidence().clone()),
            endpoints: endpoints.failing,
            tally,
            sessions: sessions.map(|sessions| sessions.to_text()),
            failed,
            networks,
            first_failure_at: first_before.or(first),
        }
    }
}

/// What was counted of one draw epoch between two looks.
fn block([requests, counted]: &[[u64; 2]; 2], [requests_now, counted_now]: &[[u64; 2]; 2]) -> Block {
    let since = |last: &[u64; 2], now: &[u64; 2]| [0, 1].map(|arm| now[arm].saturating_sub(last[arm]));
    Block::new(since(requests, requests_now), since(counted, counted_now))
}

/// What several routers have counted of one candidate.
#[derive(Debug)]
pub struct FleetCount {
    pub evidence: Evidence,
    pub latency: Vec<LatencyEvidence>,
    pub endpoints: FailingEndpoints,
    pub tally: Tally,
    pub first_failure_at: Option<u64>,
    /// How many routers have counted.
    pub members: u64,
    sessions: [SketchTotal; 2],
}

impl FleetCount {
    /// Nothing yet, of a candidate with so many endpoints.
    pub fn new(tolerate: f64, endpoints: u64) -> Self {
        Self {
            evidence: Evidence::new(tolerate),
            latency: Vec::new(),
            endpoints: FailingEndpoints { endpoints, ..FailingEndpoints::default() },
            tally: Tally::default(),
            first_failure_at: None,
            members: 0,
            sessions: Default::default(),
        }
    }

    /// Adds what one router has counted.
    pub fn add(&mut self, counted: &CandidateEvidence) {
        self.evidence.merge(&counted.evidence);
        let tolerate = self.evidence.tolerate();
        self.latency.extend(counted.latency.clone().map(|latency| latency.sound(tolerate)));
        self.endpoints.add(&counted.endpoints);
        self.tally.add(&counted.tally);
        for (arm, sum) in self.sessions.iter_mut().enumerate() {
            sum.add(&counted.sessions(arm));
            self.tally.sessions[arm] = sum.estimate();
        }
        let firsts = self.first_failure_at.into_iter().chain(counted.first_failure_at);
        self.first_failure_at = firsts.min();
        self.members += 1;
    }
}
