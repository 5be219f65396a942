//! The verdicts about all candidates, as this router last looked. Written by `verdict` alone.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    live::{cohort::FailureSample, releases::ReleaseState},
    rollout::{
        app::AppName,
        record::{Record, Tenure},
        release::ReleaseId,
        settings::OnWorse,
        verdict::{
            Finding, Verdict,
            receipt::{Receipt, ReceiptSample},
        },
    },
    schema::verdict::VerdictSentence,
};

/// What is said while an abort waits for the store.
const NOT_DRAWN: &str =
    "It is to be aborted, which the store does not take: meanwhile this router draws no new client to it.";

/// What happens to a candidate, by what is found about it.
#[derive(Debug, Clone, Copy)]
pub struct OnFinding {
    /// It is worse than stable.
    pub worse: OnWorse,
    /// It is slower than stable.
    pub slower: OnWorse,
}

/// What is known of one candidate.
#[derive(Debug, Clone)]
pub struct CandidateVerdict {
    /// The candidate.
    pub release: ReleaseId,
    pub tenure: Tenure,
    /// What happens if it is worse, or slower.
    pub on: OnFinding,
    pub verdict: Verdict,
    /// When a client of the candidate first met a failure on any router, Unix ms.
    pub first_failure_at: Option<u64>,
    /// How many routers have counted.
    pub members: u64,
    /// Its live state, which has the samples.
    state: Arc<ReleaseState>,
}

impl CandidateVerdict {
    pub fn new(
        state: Arc<ReleaseState>,
        verdict: Verdict,
        on: OnFinding,
        first_failure_at: Option<u64>,
        members: u64,
    ) -> Self {
        let (release, tenure) = (state.key().release.clone(), state.key().tenure);
        Self { release, tenure, on, verdict, first_failure_at, members, state }
    }

    /// Whether the candidate is to be aborted: nothing speaks for a cause that stable has as well.
    pub fn aborts(&self) -> bool {
        self.asks_for(OnWorse::Abort) && !self.verdict.shared_dependency
    }

    /// Whether people have to be told: it is worse or slower, and stays.
    pub fn holds(&self) -> bool {
        (self.asks_for(OnWorse::Hold) || self.asks_for(OnWorse::Abort)) && !self.aborts()
    }

    /// Whether this is to happen to it, by what is found.
    fn asks_for(&self, what: OnWorse) -> bool {
        self.is_worse() && self.on.worse == what || self.verdict.is_slower() && self.on.slower == what
    }

    pub fn is_worse(&self) -> bool {
        self.verdict.finding == Finding::Worse
    }

    /// Draws no new client to the candidate at this router, or does again; whether that is new.
    pub fn set_drawn(&self, drawn: bool) -> bool {
        self.state.set_drawn(drawn)
    }

    /// Whether new clients are drawn to the candidate at this router.
    pub fn is_drawn(&self) -> bool {
        self.state.is_drawn()
    }

    /// The verdict in a word and in a sentence.
    pub fn words(&self) -> VerdictSentence {
        VerdictSentence {
            verdict: self.verdict.finding.as_str().to_owned(),
            sentence: self.sentence(),
            slower: self.verdict.is_slower(),
            warning: self.verdict.warning,
            shared_dependency: self.verdict.shared_dependency,
        }
    }

    /// The sentence, with what became of an abort that the store does not take.
    pub fn sentence(&self) -> String {
        let sentence = self.verdict.sentence();
        if self.is_drawn() { sentence } else { format!("{sentence} {NOT_DRAWN}") }
    }

    /// The receipt of an abort at this time, Unix ms.
    pub fn receipt(&self, now: u64) -> Receipt {
        let samples = self.state.cohort_if_any().map(|cohort| cohort.samples().all()).unwrap_or_default();
        Receipt::new(&self.verdict, self.first_failure_at, samples.iter().map(said).collect(), now)
    }
}

fn said(sample: &FailureSample) -> ReceiptSample {
    ReceiptSample {
        at: sample.at_ms,
        method: sample.method.clone(),
        path: sample.path.clone(),
        status: sample.status,
        endpoint: sample.endpoint.to_string(),
        trace_id: sample.trace_id.clone(),
    }
}

/// The verdicts by app.
#[derive(Debug, Default)]
pub struct VerdictBoard {
    verdicts: ArcSwap<HashMap<AppName, Arc<CandidateVerdict>>>,
}

impl VerdictBoard {
    /// All of them.
    pub fn all(&self) -> Arc<HashMap<AppName, Arc<CandidateVerdict>>> {
        self.verdicts.load_full()
    }

    /// That about an app's candidate.
    pub fn of(&self, app: &AppName) -> Option<Arc<CandidateVerdict>> {
        self.verdicts.load().get(app).cloned()
    }

    pub fn store(&self, verdicts: HashMap<AppName, Arc<CandidateVerdict>>) {
        self.verdicts.store(Arc::new(verdicts));
    }

    /// What goes with the abort of a record's candidate.
    pub fn receipt(&self, app: &AppName, record: &Record, now: u64) -> Option<Receipt> {
        let candidate = record.candidate.as_ref()?;
        let known = self.of(app)?;
        let same = known.tenure == candidate.tenure && known.release == candidate.release;
        same.then(|| known.receipt(now))
    }
}
