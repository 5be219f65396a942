//! Every change of the store: read, decide, commit; when somebody else was faster, again.
//!
//! The rounds are limited, and a pause that grows and is drawn at random follows each conflict: routers that were in each other's
//! way do not come back together, and a crowd gets through one after the other. A commit whose answer was lost is settled by its proof if it has one; otherwise the next
//! round reads what is there and decides anew, which is why every decision is made from a fresh reading.

use std::time::Duration;

use keyvalues::{Key, Outcome, Revision, StoreError, Write};
use tokio::time::sleep;

use super::{
    commit::{Commit, Plan, Round},
    lost_record::{record_lost, record_unreadable, recovery_commit},
    quota::admit,
    stored::StoredApp,
};
use crate::{
    control::{
        limits::{CHANGE_REPEATS_MAX, CONFLICT_PAUSE_MAX, CONFLICT_PAUSE_MIN},
        shared::{
            backoff::jittered,
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
    let (mut round, mut conflicts) = (Round::default(), 0);
    while round.number <= CHANGE_REPEATS_MAX {
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
                round = Round { number: round.number + 1, in_doubt: matches!(end, CommitEnd::Unknown) };
                if !matches!(end, CommitEnd::Done(_)) {
                    sleep(jittered(pause_after(conflicts))).await;
                    conflicts += 1;
                }
            }
        }
    }
    let what = what.to_owned();
    Err(if round.in_doubt { TransactError::OutcomeUnknown(what) } else { TransactError::Contended(what) }
        .into())
}

/// How long a conflict is followed by nothing at most, after so many others.
fn pause_after(conflicts: u32) -> Duration {
    CONFLICT_PAUSE_MIN.saturating_mul(2_u32.saturating_pow(conflicts)).min(CONFLICT_PAUSE_MAX)
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use keyvalues::{Check, Memory};
    use tokio::time::Instant;

    use super::*;
    use crate::control::shared::secrets::board::SecretsBoard;

    #[test]
    fn the_pauses_grow_to_a_limit_and_are_a_second_in_all() {
        let repeats = u32::try_from(CHANGE_REPEATS_MAX).unwrap();
        let pauses: Vec<Duration> = (0..repeats).map(pause_after).collect();
        assert!(pauses.is_sorted() && pauses[0] == CONFLICT_PAUSE_MIN, "{pauses:?}");
        let all: Duration = pauses.iter().sum();
        assert!(all > Duration::from_millis(800) && all <= Duration::from_secs(1), "{all:?}");
    }

    /// Changes `k`, while somebody else changes it before each of the first commits; gives the rounds and the time they took.
    async fn contend(others: usize) -> (Result<(), ApiError>, usize, Duration) {
        let store = StoreHandle::new(Arc::new(Memory::new()), SecretsBoard::none());
        let key = || "k".parse::<Key>().unwrap();
        let (rounds, began) = (AtomicUsize::new(0), Instant::now());
        let (store, counted) = (&store, &rounds);
        let changed = transact(store, "`k`", move |_| async move {
            let read = store.get(&key()).await?;
            if counted.fetch_add(1, Ordering::Relaxed) < others {
                store.commit(Vec::new(), vec![Write::put(key(), "theirs")]).await?;
            }
            let check = read.map_or(Check::Absent(key()), |entry| Check::Unchanged(key(), entry.modified));
            let commit = Commit { checks: vec![check], writes: vec![Write::put(key(), "ours")], proof: None };
            Ok::<_, ApiError>(Plan::write(commit, |_| ()))
        });
        let changed = changed.await;
        (changed, rounds.into_inner(), began.elapsed())
    }

    #[tokio::test]
    async fn whoever_meets_others_again_and_again_comes_through_and_gives_up_in_the_end() {
        let (changed, rounds, _) = contend(0).await;
        assert!(changed.is_ok() && rounds == 1, "{changed:?} {rounds}");
        let (changed, rounds, took) = contend(CHANGE_REPEATS_MAX).await;
        assert!(changed.is_ok() && rounds == CHANGE_REPEATS_MAX + 1, "{changed:?} {rounds}");
        assert!(took > Duration::from_millis(400), "{took:?}");
        let (refused, rounds, _) = contend(usize::MAX).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::Contended);
        assert_eq!(rounds, CHANGE_REPEATS_MAX + 1);
    }
}
