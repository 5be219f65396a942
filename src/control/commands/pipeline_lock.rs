//! The lock that a pipeline takes for itself, in the store: taken, renewed, given back.

use keyvalues::{Revision, Write};

use super::{
    command::{CommandOutcome, unknown_app},
    commit::{Commit, Plan},
    stored::StoredApp,
    transact::transact_app,
};
use crate::{
    control::shared::{
        core::Core,
        entries::{encode, own_key},
        error::ApiError,
    },
    rollout::{
        app::AppName,
        command::{Asker, Refusal, pipeline_lock},
        keys,
    },
};

/// Takes it, or renews it.
pub async fn take(
    core: &Core,
    app: &AppName,
    asker: &Asker,
    holder: &str,
    until: u64,
) -> Result<CommandOutcome, ApiError> {
    let outcome = transact_app(core, app, move |stored, _| async move {
        check(&stored, asker)?;
        let lock = pipeline_lock::take(stored.record.as_ref(), &stored.holds(), asker, holder, until)?;
        Ok(plan(&stored, Write::put(own_key(&keys::pipeline_lock(&stored.name)), encode(&lock))))
    })
    .await?;
    tracing::debug!(%app, actor = ?asker.actor, ?holder, "a pipeline holds its lock");
    Ok(outcome)
}

/// Gives it back; none: it does not stand.
pub async fn give_back(
    core: &Core,
    app: &AppName,
    asker: &Asker,
    holder: Option<&str>,
) -> Result<Option<CommandOutcome>, ApiError> {
    transact_app(core, app, move |stored, _| async move {
        check(&stored, asker)?;
        if !pipeline_lock::give_back(&stored.holds(), asker, holder)? {
            return Ok(Plan::Nothing(None));
        }
        let key = own_key(&keys::pipeline_lock(&stored.name));
        let seen = (stored.seq(), stored.routed());
        let commit = Commit { checks: stored.lock_checks(), writes: vec![Write::delete(key)], proof: None };
        Ok(Plan::write(commit, move |revision| Some(outcome(revision, seen))))
    })
    .await
}

fn check(stored: &StoredApp, asker: &Asker) -> Result<(), ApiError> {
    if stored.is_absent() {
        return Err(unknown_app(&stored.name));
    }
    match asker.if_match.filter(|seen| *seen != stored.seq()) {
        Some(seen) => Err(Refusal::Stale { seen, now: stored.seq() }.into()),
        None => Ok(()),
    }
}

fn plan(stored: &StoredApp, write: Write) -> Plan<CommandOutcome> {
    let seen = (stored.seq(), stored.routed());
    let commit = Commit { checks: stored.lock_checks(), writes: vec![write], proof: None };
    Plan::write(commit, move |revision| outcome(revision, seen))
}

fn outcome(revision: Revision, (seq, routed): (u64, Revision)) -> CommandOutcome {
    CommandOutcome { changed: true, created: false, revision, seq, routed }
}
