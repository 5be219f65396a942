//! This router's part of the evidence in the store: what the other members add to theirs, and what it goes on with when it is
//! started anew.
//!
//! What a member has written stays when it leaves: what it counted is counted. Once none of its candidates is on trial any
//! more, any member deletes it.

use std::time::Duration;

use keyvalues::{Outcome, Write};

use crate::{
    control::shared::{
        core::Core,
        entries::{encode, own_key},
        fleet::{
            evidence::{CandidateEvidence, MemberEvidence},
            member::Kind,
        },
    },
    live::table::PublishedTable,
};

/// The pause after a report while sessions fail, in a fleet, whose members wait for it ...
const PAUSE_OF_FLEET: Duration = Duration::from_millis(200);
/// ... and of a router that is alone.
const PAUSE_ALONE: Duration = Duration::from_secs(1);
/// The pause after a report while only requests come in.
const PAUSE_QUIET: Duration = Duration::from_secs(5);
/// How often it is looked for what members left.
const CLEAN_EVERY: Duration = Duration::from_secs(10);

/// Writes this router's part.
pub struct Reporter {
    core: Core,
    written: MemberEvidence,
    written_at: Option<Duration>,
    cleaned_at: Duration,
}

impl Reporter {
    pub fn new(core: Core) -> Self {
        let (written, cleaned_at) = (MemberEvidence::default(), core.clock.monotonic());
        Self { core, written, written_at: None, cleaned_at }
    }

    /// Writes what was counted, if it is time.
    pub async fn report(&mut self, counted: impl FnOnce() -> Vec<CandidateEvidence>) {
        if !self.core.store.capabilities().atomic_commit {
            return;
        }
        let now = self.core.clock.monotonic();
        let since = self.written_at.map(|at| now.saturating_sub(at));
        let least = if self.core.roster.others() > 0 { PAUSE_OF_FLEET } else { PAUSE_ALONE };
        if since.is_some_and(|since| since < least) {
            return;
        }
        if now.saturating_sub(self.cleaned_at) >= CLEAN_EVERY {
            self.cleaned_at = now;
            self.clean().await;
        }
        let evidence = MemberEvidence { candidates: counted() };
        let is_urgent = failing(&evidence) != failing(&self.written);
        let is_quiet = since.is_some_and(|since| since < PAUSE_QUIET);
        if evidence == self.written || !is_urgent && is_quiet {
            return;
        }
        let key = own_key(&Kind::Evidence.key(&self.core.node));
        let write = match evidence.candidates.is_empty() {
            true => Write::delete(key),
            false => Write::put(key, encode(&evidence)),
        };
        self.written_at = Some(now);
        // What fails is written with the next report.
        if let Ok(Outcome::Done(_)) = self.core.store.commit(Vec::new(), vec![write]).await {
            self.written = evidence;
        }
    }

    /// Deletes what members left that are none any more, if it is about no present candidate.
    async fn clean(&self) {
        let published = self.core.live.load_full();
        let over = |evidence: &MemberEvidence| {
            !evidence.candidates.iter().any(|counted| is_on_trial(&published, counted))
        };
        let left = self.core.roster.evidence_left();
        let writes: Vec<Write> = left
            .into_iter()
            .filter(|(_, evidence)| over(evidence))
            .map(|(node, _)| Write::delete(own_key(&Kind::Evidence.key(&node))))
            .collect();
        if !writes.is_empty() {
            // What fails is tried again.
            let _ = self.core.store.commit(Vec::new(), writes).await;
        }
    }
}

fn is_on_trial(published: &PublishedTable, counted: &CandidateEvidence) -> bool {
    let routes = published.table.routes_of(&counted.app);
    let candidate = routes.and_then(|routes| Some(routes.release(routes.candidate?)));
    candidate.is_some_and(|candidate| candidate.tenure == counted.tenure)
}

/// What others must learn soon: the apps, and how many of their sessions failed.
fn failing(evidence: &MemberEvidence) -> Vec<(&str, u32, [u64; 2])> {
    let all = evidence.candidates.iter();
    all.map(|counted| (counted.app.as_str(), counted.tenure, counted.tally.failing)).collect()
}
