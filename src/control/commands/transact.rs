//! Every change of the store: read, decide, commit; when somebody else was faster, again.
//!
//! The rounds are limited. A commit whose answer was lost is settled by its proof if it has one; otherwise the next
//! round reads what is there and decides anew, which is why every decision is made from a fresh reading.

use keyvalues::{Key, Outcome, Revision, StoreError, Write};

use super::{
    commit::{Commit, Plan, Round},
    lost_record::{record_lost, record_unreadable, recovery_commit},
    quota::admit,
    stored::StoredApp,
};
use crate::{
    control::{
        limits::COMMAND_REPEATS_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            store::StoreHandle,
        },
    },
    rollout::app::AppName,
};

/// How often a commit is repeated whose answer was lost and whose proof is not there. Its checks make that harmless.
const LOST_ANSWERS_MAX: usize = 2;

/// Why a change was given up although nobody refused it. Each names what was to be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactError {
    #[error("{0} keeps changing: somebody else was faster each time; look at its state and try again")]
    Contended(String),
    #[error("the store did not say whether {0} was changed; look at its state before you try again")]
    OutcomeUnknown(String),
}

/// How one commit ended.
enum CommitEnd {
    Done(Revision),
    Conflict,
    Unknown,
    /// The answer was lost, and the proof cannot be read.
    Unprovable,
}

/// Changes something in the store. `decide` reads and decides, once in each round; `what` names what is changed, in
/// the words of an error.
pub async fn transact<T, E, F>(store: &StoreHandle, what: &str, decide: impl Fn(Round) -> F) -> Result<T, E>
where
    E: From<StoreError> + From<TransactError>,
    F: Future<Output = Result<Plan<T>, E>>,
{
    let mut round = Round::default();
    while round.number <= COMMAND_REPEATS_MAX {
        let (commit, outcome) = match decide(round).await? {
            Plan::Nothing(value) => return Ok(value),
            Plan::Write(commit, outcome) => (commit, Some(outcome)),
            Plan::WriteFirst(commit) => (commit, None),
        };
        let end = run(store, commit).await?;
        match (end, outcome) {
            (CommitEnd::Done(revision), Some(outcome)) => return Ok(outcome(revision)),
            (CommitEnd::Unprovable, _) => return Err(TransactError::OutcomeUnknown(what.to_owned()).into()),
            (end, _) => {
                round = Round { number: round.number + 1, in_doubt: matches!(end, CommitEnd::Unknown) }
            }
        }
    }
    let what = what.to_owned();
    Err(if round.in_doubt { TransactError::OutcomeUnknown(what) } else { TransactError::Contended(what) }
        .into())
}

/// Changes one app: one change at a time on this router, each decided from a fresh reading of the app's keys. A lost record
/// is written back first.
pub async fn transact_app<T, F>(
    core: &Core,
    app: &AppName,
    decide: impl Fn(StoredApp, Round) -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<Plan<T>, ApiError>>,
{
    let decide = &decide;
    transact_as_stored(core, app, move |stored, round| async move {
        if stored.is_unreadable {
            return Err(record_unreadable(app));
        }
        if !stored.is_lost {
            return decide(stored, round).await;
        }
        match recovery_commit(core, &stored).await? {
            Some(commit) => Ok(Plan::WriteFirst(commit)),
            None => Err(record_lost(app)),
        }
    })
    .await
}

/// The same, whether the app's record is lost or not.
pub async fn transact_as_stored<T, F>(
    core: &Core,
    app: &AppName,
    decide: impl Fn(StoredApp, Round) -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<Plan<T>, ApiError>>,
{
    core.replica.require_known_store().await?;
    let _lock = core.app_locks.lock(app).await;
    let decide = &decide;
    transact(&core.store, &format!("the app `{app}`"), move |round| async move {
        let plan = decide(StoredApp::read(core, app).await?, round).await?;
        admit(core, plan.writes()).await?;
        Ok(plan)
    })
    .await
}

async fn run(store: &StoreHandle, commit: Commit) -> Result<CommitEnd, StoreError> {
    match commit.proof.clone() {
        Some(proof) => run_with_proof(store, commit, &proof).await,
        None => Ok(match store.commit(commit.checks, commit.writes).await? {
            Outcome::Done(revision) => CommitEnd::Done(revision),
            Outcome::Conflict(_) => CommitEnd::Conflict,
            Outcome::Unknown(_) => CommitEnd::Unknown,
        }),
    }
}

/// Commits; when the answer is lost, reads whether the proof is in the store, and repeats the commit if it is not.
async fn run_with_proof(store: &StoreHandle, commit: Commit, proof: &Key) -> Result<CommitEnd, StoreError> {
    let Commit { checks, writes, .. } = commit;
    let value = writes.iter().find(|write| write.key() == proof).and_then(Write::value).map(<[u8]>::to_vec);
    let mut answer_lost = false;
    for _ in 0..=LOST_ANSWERS_MAX {
        match store.commit(checks.clone(), writes.clone()).await {
            Ok(Outcome::Done(revision)) => return Ok(CommitEnd::Done(revision)),
            Ok(Outcome::Conflict(_)) if !answer_lost => return Ok(CommitEnd::Conflict),
            Ok(Outcome::Conflict(_) | Outcome::Unknown(_)) => answer_lost = true,
            Err(error) if !answer_lost => return Err(error),
            Err(_) => {}
        }
        match store.get(proof).await {
            Ok(Some(entry)) if value.as_deref() == Some(&entry.value[..]) => {
                return Ok(CommitEnd::Done(entry.modified));
            }
            Ok(Some(_)) => return Ok(CommitEnd::Conflict),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    Ok(CommitEnd::Unprovable)
}

impl From<TransactError> for ApiError {
    fn from(error: TransactError) -> Self {
        let kind = match error {
            TransactError::Contended(_) => Kind::Contended,
            TransactError::OutcomeUnknown(_) => Kind::OutcomeUnknown,
        };
        Self::new(kind, error.to_string())
    }
}
