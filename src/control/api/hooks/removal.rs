//! A hook, of either kind, is taken out of the store with all that was kept about it.

use keyvalues::{Entry, Outcome, Revision, Write as StoreWrite};

use crate::control::{
    commands::{
        commit::{Commit, Plan},
        transact::transact,
    },
    shared::{
        core::Core,
        entries::{own_key, unchanged},
        error::{ApiError, Kind},
        hooks::hook::HookName,
    },
};

/// Deletes in one commit.
const BATCH: usize = 90;

/// What is to be removed.
pub(in crate::control::api) struct HookRemoval<'a> {
    /// The hook's name.
    pub name: &'a HookName,
    /// The hook's key.
    pub key: String,
    /// What the keys begin with of what was kept about it.
    pub kept: String,
    /// What it is, in the words of an error.
    pub what: String,
    /// What is answered where there is no such hook.
    pub unknown: fn(&HookName) -> ApiError,
}

impl HookRemoval<'_> {
    /// Deletes the hook, then what was kept; gives the revision that a router is to serve. Whoever is at it just then writes
    /// nothing for a hook that is gone.
    pub async fn carry_out(self, core: &Core, if_match: Option<u64>) -> Result<Revision, ApiError> {
        let (key, name, unknown) = (&own_key(&self.key), self.name, self.unknown);
        let mut reached = transact(&core.store, &self.what, move |round| async move {
            let Some(found) = core.store.get(key).await? else {
                // An earlier commit of ours may have done it.
                return if round.number > 0 { Ok(Plan::Nothing(0)) } else { Err(unknown(name)) };
            };
            refuse_stale(if_match.filter(|_| round.number == 0), Some(&found))?;
            let (checks, writes) = (vec![unchanged(&found)], vec![StoreWrite::delete(key.clone())]);
            Ok(Plan::write(Commit { checks, writes, proof: None }, |revision| revision))
        })
        .await?;
        let kept = core.store.list(&[&self.kept]).await?;
        reached = reached.max(kept.revision);
        for batch in kept.entries.chunks(BATCH) {
            let writes = batch.iter().map(|entry| StoreWrite::delete(entry.key.clone())).collect();
            if let Outcome::Done(revision) = core.store.commit(Vec::new(), writes).await? {
                reached = revision;
            }
        }
        Ok(reached)
    }
}

/// Refuses a change of a hook that somebody else has changed since it was read. A hook that is not there has version 0.
pub(in crate::control::api) fn refuse_stale(
    if_match: Option<u64>,
    found: Option<&Entry>,
) -> Result<(), ApiError> {
    let now = found.map_or(0, |entry| entry.modified);
    if if_match.is_none_or(|seen| seen == now) {
        return Ok(());
    }
    Err(ApiError::new(Kind::Stale, "somebody has changed the hook since you read it; read it again"))
}
