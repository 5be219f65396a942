//! One change of an app: the planned writes in one commit, held to what was read, with an outcome that is known.

use keyvalues::{Check, Key, Outcome, Revision, Write};

use super::stored::StoredApp;
use crate::{
    control::shared::{
        core::Core,
        entries::own_key,
        error::{ApiError, Kind},
    },
    rollout::{commit, keys, record::HistoryEvent},
};

/// How often a commit is repeated whose answer was lost. Its checks make the repeat harmless.
const UNKNOWN_REPEATS_MAX: usize = 2;

/// What the marker of a store that is set up holds.
const MARKER: &str = "-";

/// How a guarded commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It took effect at this revision.
    Done(Revision),
    /// Somebody else was faster.
    Conflict,
}

/// Commits planned writes and further ones, if the app has not changed since it was read. With an event, a lost
/// answer is settled by reading that event back.
pub async fn commit_planned(
    core: &Core,
    stored: &StoredApp,
    event: Option<&HistoryEvent>,
    plan: Vec<commit::Write>,
    further: Vec<Write>,
) -> Result<Committed, ApiError> {
    let mut writes: Vec<Write> = plan.into_iter().map(planned).chain(further).collect();
    let Some(event) = event else { return commit_repeatable(core, stored.checks(), writes).await };
    if stored.record.is_none() {
        writes.push(Write::put(own_key(keys::NULL), MARKER));
    }
    let proof = own_key(&keys::event(&stored.name, event.record.seq));
    commit_known(core, stored.checks(), writes, &proof).await
}

fn planned((key, value): commit::Write) -> Write {
    let key = own_key(&key);
    match value {
        Some(value) => Write::put(key, value),
        None => Write::delete(key),
    }
}

/// A commit that a reader takes for granted: when its answer is lost, reading again tells.
async fn commit_repeatable(
    core: &Core,
    checks: Vec<Check>,
    writes: Vec<Write>,
) -> Result<Committed, ApiError> {
    match core.store.commit(checks, writes).await? {
        Outcome::Done(revision) => Ok(Committed::Done(revision)),
        Outcome::Conflict(_) | Outcome::Unknown(_) => Ok(Committed::Conflict),
    }
}

/// Commits; when the answer is lost, reads back whether the proof is in the store, and repeats if it is not.
async fn commit_known(
    core: &Core,
    checks: Vec<Check>,
    writes: Vec<Write>,
    proof: &Key,
) -> Result<Committed, ApiError> {
    let value = writes.iter().find(|write| write.key() == proof).and_then(Write::value).map(<[u8]>::to_vec);
    let mut doubt = false;
    for _ in 0..=UNKNOWN_REPEATS_MAX {
        match core.store.commit(checks.clone(), writes.clone()).await {
            Ok(Outcome::Done(revision)) => return Ok(Committed::Done(revision)),
            Ok(Outcome::Conflict(_)) if !doubt => return Ok(Committed::Conflict),
            Ok(Outcome::Conflict(_) | Outcome::Unknown(_)) => doubt = true,
            Err(error) if !doubt => return Err(error.into()),
            Err(_) => {}
        }
        match core.store.get(proof).await {
            Ok(Some(entry)) if value.as_deref() == Some(&entry.value[..]) => {
                return Ok(Committed::Done(entry.modified));
            }
            Ok(Some(_)) => return Ok(Committed::Conflict),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    let message = "the store did not say whether the change took effect, and cannot be asked; look at the app's \
                   state before repeating";
    Err(ApiError::new(Kind::OutcomeUnknown, message))
}
