//! The calls about this router itself.

use std::path::PathBuf;

use axum::{Json, extract::State};

use super::{
    request::{NoFields, Read, Write},
    visible,
};
use crate::{
    control::{
        commands::{
            recovery::{give_up, write_back},
            replacement::Replacer,
        },
        limits::{SERVED_WAIT_MAX, STALE_AFTER, STORE_RESTORE_MAX},
        shared::{
            audit::trail,
            core::Core,
            error::{ApiError, Kind},
            settlement::{Decision, RestoreOrder, SettlementCounts},
        },
    },
    rollout::command::Role,
    schema::{
        app::{DoneAnswer, Outcome},
        router::{Router, RouterFile, RouterFiles, RouterStore},
        store::{Restoration, RestoreRequest},
    },
};

/// `GET /api/v1/router`
pub async fn read(State(core): State<Core>, call: Read) -> Result<Json<Router>, ApiError> {
    call.query.finish()?;
    let reading = core.replica.reading.load();
    Ok(Json(visible::router(facts(&core), &call.caller.scope, &reading)))
}

/// This router as the API and the live stream show it.
pub fn facts(core: &Core) -> Router {
    let reading = core.replica.reading.load();
    let status = &core.replica.status;
    Router {
        node: core.node.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: core.clock.monotonic().saturating_sub(core.lifecycle.started).as_secs(),
        ready: core.lifecycle.is_ready(),
        store: RouterStore {
            kind: core.options.store_kind.clone(),
            followed: core.is_follower,
            state: status.state(),
            detail: status.detail(),
            staleness_seconds: status.staleness().map(|staleness| staleness.as_secs()),
            revision: status.revision(),
        },
        problems: reading.problems.to_vec(),
        listen: core.options.front.clone(),
        setup_needed: reading.apps.is_empty(),
    }
}

/// `GET /api/v1/router/files`: what a restore needs beside the store.
pub async fn files(State(core): State<Core>, call: Read) -> Result<Json<RouterFiles>, ApiError> {
    call.caller.needs(Role::Operator)?;
    call.query.finish()?;
    let file = |(setting, path): &(String, Option<PathBuf>)| RouterFile {
        setting: setting.clone(),
        path: path.as_ref().map(|path| path.display().to_string()),
        found: path.as_ref().is_none_or(|path| path.exists()),
    };
    Ok(Json(RouterFiles { files: core.options.files.iter().map(file).collect() }))
}

/// `POST /api/v1/store/accept`: takes the store as it is now, after it was found to be another or an older one.
pub async fn accept(State(core): State<Core>, call: Write) -> Result<Json<DoneAnswer>, ApiError> {
    call.caller.needs(Role::Admin)?;
    call.read::<NoFields>()?;
    let actor = call.caller.name.clone();
    call.finish()?;
    refuse_undiverged(&core)?;
    if core.replica.status.diverged().is_none() {
        tracing::warn!(actor, "the loss of keys is accepted");
        give_up(&core).await?;
        return Ok(Json(DoneAnswer::default()));
    }
    tracing::warn!(actor, "the store is accepted as it is");
    core.replica.settle(Decision::Accept, SERVED_WAIT_MAX + STALE_AFTER).await?;
    trail::note(|notes| notes.change("the store", "diverged".into(), "accepted as it is".into()));
    Ok(Json(DoneAnswer::default()))
}

/// `POST /api/v1/store/restore`: writes the last good state back into a store that fell or was lost.
pub async fn restore(State(core): State<Core>, call: Write) -> Result<Json<Restoration>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let RestoreRequest { dry_run, replace, force, reason } = call.read()?;
    let (replace, dry_run, force) = (replace == Some(true), dry_run == Some(true), force == Some(true));
    let asker = Replacer::new(call.asker(&core, reason)?, force)?.asker;
    let actor = asker.actor.clone();
    call.finish()?;
    refuse_undiverged(&core)?;
    if !dry_run {
        tracing::warn!(actor, replace, "the last good state is written back into the store");
    }
    let settled = match core.replica.status.diverged() {
        Some(_) => {
            let order = RestoreOrder { replace, dry_run, force, asker };
            core.replica.settle(Decision::Restore(order), STORE_RESTORE_MAX).await?
        }
        None => write_back(&core, dry_run).await?,
    };
    let SettlementCounts { written, deleted, unchanged, apps } = settled;
    let done = format!("restored: {written} keys written, {deleted} deleted");
    trail::note(|notes| match dry_run {
        true => notes.is_unchanged = true,
        false => notes.change("the store", "diverged".into(), done.into()),
    });
    let result = if dry_run { Outcome::Unchanged } else { Outcome::Done };
    Ok(Json(Restoration { result, written, deleted, unchanged, apps }))
}

fn refuse_undiverged(core: &Core) -> Result<(), ApiError> {
    if core.replica.status.diverged().is_some() || !core.replica.losses.load().is_empty() {
        return Ok(());
    }
    let message = "the store is the one that this router follows, so there is nothing to decide";
    Err(ApiError::new(Kind::Refused("not_diverged"), message))
}
