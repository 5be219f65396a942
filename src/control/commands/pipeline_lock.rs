//! The lock that a pipeline takes for itself, in the store: taken, renewed, queued for, given back.

use keyvalues::{Revision, Write};

use super::{
    command::{CommandOutcome, unknown_app},
    commit::{Commit, Plan},
    endpoint_events::lock_event_commit,
    stored::StoredApp,
    transact::transact_app,
};
use crate::{
    control::shared::{
        core::Core,
        entries::{encode, own_key},
        error::{ApiError, Kind},
    },
    rollout::{
        app::AppName,
        command::{Asker, Refusal, pipeline_lock},
        command_name::CommandName,
        keys,
        pipeline_lock::PipelineLock,
    },
};

/// A run of a pipeline that wants the lock.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub holder: &'a str,
    /// When the lock is to end, Unix ms.
    pub until: u64,
    /// Until when it keeps a place among those who wait, Unix ms; none: it does not wait.
    pub waits_until: Option<u64>,
}

/// Takes it, or renews it. While others have it, the run gets its place among those who wait.
pub async fn take(
    core: &Core,
    app: &AppName,
    asker: &Asker,
    run: Run<'_>,
) -> Result<CommandOutcome, ApiError> {
    transact_app(core, app, move |stored, _| async move {
        check(&stored, asker)?;
        let holds = stored.holds();
        match pipeline_lock::take(stored.record.as_ref(), &holds, asker, run.holder, run.until) {
            Ok(grant) => {
                let mut commit = lock_commit(&stored, &grant.next);
                if !grant.is_renewal {
                    add_event(core, (&stored, asker), CommandName::Lock, &grant.next, &mut commit).await?;
                }
                let seen = (stored.seq(), stored.routed());
                Ok(Plan::write(commit, move |revision| Ok(outcome(revision, seen))))
            }
            Err(refusal) => {
                let error = ApiError::from(refusal);
                let waits_until = run.waits_until.filter(|_| error.kind() == Kind::Locked);
                match waits_until.and_then(|until| pipeline_lock::queue(&holds, asker, run.holder, until)) {
                    None => Err(error),
                    Some(next) => Ok(Plan::write(lock_commit(&stored, &next), move |_| Err(error))),
                }
            }
        }
    })
    .await?
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
        let Some((next, _)) = pipeline_lock::give_back(&stored.holds(), asker, holder)? else {
            return Ok(Plan::Nothing(None));
        };
        let mut commit = lock_commit(&stored, &next);
        add_event(core, (&stored, asker), CommandName::Unlock, &next, &mut commit).await?;
        let seen = (stored.seq(), stored.routed());
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

fn lock_commit(stored: &StoredApp, next: &PipelineLock) -> Commit {
    let key = own_key(&keys::pipeline_lock(&stored.name));
    let write = if next.is_empty() { Write::delete(key) } else { Write::put(key, encode(next)) };
    Commit { checks: stored.lock_checks(), writes: vec![write], proof: None }
}

/// Adds the event to the history of the app. One that has no record yet has none.
async fn add_event(
    core: &Core,
    (stored, asker): (&StoredApp, &Asker),
    command: CommandName,
    next: &PipelineLock,
    commit: &mut Commit,
) -> Result<(), ApiError> {
    let Some(record) = &stored.record else { return Ok(()) };
    // Also one whose end has passed: nothing else in the history says that it ended.
    let before = stored.holds().pipeline_lock.held;
    let event = pipeline_lock::event_of(record, command, [before.as_ref(), next.held.as_ref()], asker);
    let Commit { checks, writes, proof } = lock_event_commit(core, &stored.name, &event).await?;
    commit.checks.extend(checks);
    commit.writes.extend(writes);
    commit.proof = proof;
    Ok(())
}

fn outcome(revision: Revision, (seq, routed): (u64, Revision)) -> CommandOutcome {
    CommandOutcome { changed: true, created: false, revision, seq, routed }
}
