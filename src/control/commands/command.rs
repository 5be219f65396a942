//! One command: read the app, decide, see that the outcome can be served, commit, answer.

use std::net::SocketAddr;

use keyvalues::{Revision, Write};

use super::{
    adoption::{adoption_commit, plan_adoption},
    commit::{Commit, Plan},
    gate,
    ownership::{refuse_foreign, refuse_shared},
    stored::StoredApp,
    transact::{transact, transact_app},
};
use crate::{
    control::{
        limits::ENDPOINTS_PER_COMMIT_MAX,
        shared::{
            core::Core,
            entries::own_key,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, Role, decide},
        commit::of_command,
        record::Tenure,
        release::ReleaseId,
    },
};

/// What can be said with a command.
#[derive(Debug, Default)]
pub struct CommandOptions {
    /// Carry it out although endpoints fail.
    pub force: bool,
    /// Endpoints to be registered with a release.
    pub endpoints: Option<(ReleaseId, Vec<SocketAddr>)>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandOutcome {
    /// Whether anything was written.
    pub changed: bool,
    /// Whether the app was made by it.
    pub created: bool,
    /// The store revision that holds the outcome.
    pub revision: Revision,
    /// The seq of the outcome.
    pub seq: u64,
    /// The newest revision among the keys that the app is routed by: record and settings.
    pub routed: Revision,
}

/// Carries out a command.
pub async fn execute(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    options: &CommandOptions,
) -> Result<CommandOutcome, ApiError> {
    core.replica.require_known_store().await?;
    register_many(core, options).await?;
    let (outcome, is_logged) = transact_app(core, app, move |stored, _| async move {
        refuse_unknown(&stored, command)?;
        // A raw write that is not adopted yet came before this command, so it gets the seq before it.
        let pending = plan_adoption(core, &stored).await?;
        match (&pending.decision, adoption_commit(&stored, &pending)) {
            (Decision::Change(_), Some(adoption)) => Ok(Plan::WriteFirst(adoption)),
            _ => plan(core, &stored, command, asker, options).await,
        }
    })
    .await?;
    if is_logged {
        log(app, command, asker, outcome.seq);
    }
    Ok(outcome)
}

/// Retires a release whose drain is over, unless that is done already.
pub async fn retire(core: &Core, app: &AppName, tenure: Tenure) -> Result<Revision, ApiError> {
    let command = Command::FinishDrain { tenure: Some(tenure), automatic: true };
    let asker = Asker {
        actor: "rolling-router".to_owned(),
        role: Role::Admin,
        reason: "drainmaxseconds have passed".to_owned(),
        at: core.clock.wall_ms(),
        if_match: None,
    };
    Ok(execute(core, app, &command, &asker, &CommandOptions::default()).await?.revision)
}

/// Decides a command on one reading of the app. The flag says whether the outcome is an event, which is logged.
async fn plan(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    asker: &Asker,
    options: &CommandOptions,
) -> Result<Plan<(CommandOutcome, bool)>, ApiError> {
    let background = stored.background(core, matches!(command, Command::Rollback { .. })).await?;
    let endpoints = endpoint_keys(options);
    let event = match decide(stored.record.as_ref(), command, asker, &background)? {
        Decision::Change(event) => event,
        Decision::Unchanged => {
            refuse_shared_endpoints(core, stored, options)?;
            return Ok(register_only(stored, &endpoints));
        }
    };
    refuse_foreign(core, stored, &event.record).await?;
    refuse_shared_endpoints(core, stored, options)?;
    gate::check(core, stored, command, &event, &endpoints, options.force).await?;
    let plan = of_command(&stored.name, &event);
    let commit = stored.commit(Some(&event), plan, endpoint_writes(&endpoints));
    let seq = event.record.seq;
    let created = stored.record.is_none();
    Ok(Plan::write(commit, move |revision| {
        (CommandOutcome { changed: true, created, revision, seq, routed: revision }, true)
    }))
}

/// Refuses endpoints for a release that another app routes too.
fn refuse_shared_endpoints(
    core: &Core,
    stored: &StoredApp,
    options: &CommandOptions,
) -> Result<(), ApiError> {
    let Some((release, _)) = &options.endpoints else { return Ok(()) };
    refuse_shared(&core.replica.reading.load(), Some(&stored.name), release, options.force)
}

/// The record is as it should be; endpoints that came with the command are still to be registered.
fn register_only(stored: &StoredApp, endpoints: &[(String, String)]) -> Plan<(CommandOutcome, bool)> {
    let (seq, revision, routed) = (stored.seq(), stored.revision(), stored.routed());
    if endpoints.is_empty() {
        return Plan::Nothing((
            CommandOutcome { changed: false, created: false, revision, seq, routed },
            false,
        ));
    }
    Plan::write(Commit::unchecked(endpoint_writes(endpoints)), move |registered| {
        let (revision, routed) = (revision.max(registered), routed.max(registered));
        (CommandOutcome { changed: true, created: false, revision, seq, routed }, false)
    })
}

/// Who did what, for the operator's log. Texts from outside are escaped.
pub(super) fn log(app: &AppName, command: &Command, asker: &Asker, seq: u64) {
    let (command, actor) = (command.name(), &asker.actor);
    tracing::info!(%app, command = command.as_str(), seq, ?actor, reason = ?asker.reason, "the app was changed");
}

/// Refuses a command to an app that does not exist, unless it is one that can begin an app.
pub fn refuse_unknown(stored: &StoredApp, command: &Command) -> Result<(), ApiError> {
    let begins =
        matches!(command, Command::SetStable { .. } | Command::SetCandidate { .. } | Command::AddApp);
    if begins || !stored.is_absent() {
        return Ok(());
    }
    Err(unknown_app(&stored.name))
}

/// 404 for an app that does not exist.
pub fn unknown_app(app: &AppName) -> ApiError {
    ApiError::new(Kind::UnknownApp, format!("there is no app `{app}`")).field("app")
}

/// The endpoint keys that are registered together with the record, and their values. Keys are named by address, so that
/// repeating is harmless.
fn endpoint_keys(options: &CommandOptions) -> Vec<(String, String)> {
    let Some((release, addresses)) = &options.endpoints else { return Vec::new() };
    if addresses.len() > ENDPOINTS_PER_COMMIT_MAX {
        return Vec::new();
    }
    keys_of(release, addresses)
}

fn keys_of(release: &ReleaseId, addresses: &[SocketAddr]) -> Vec<(String, String)> {
    addresses.iter().map(|address| (format!("{release}/{address}"), address.to_string())).collect()
}

fn endpoint_writes(endpoints: &[(String, String)]) -> Vec<Write> {
    endpoints.iter().map(|(key, value)| Write::put(own_key(key), value.clone())).collect()
}

/// Registers more endpoints than fit beside the record, before the record is written.
async fn register_many(core: &Core, options: &CommandOptions) -> Result<(), ApiError> {
    let Some((release, addresses)) = &options.endpoints else { return Ok(()) };
    if addresses.len() <= ENDPOINTS_PER_COMMIT_MAX {
        return Ok(());
    }
    for batch in addresses.chunks(ENDPOINTS_PER_COMMIT_MAX) {
        let writes = &endpoint_writes(&keys_of(release, batch));
        let what = format!("the endpoints of `{release}`");
        transact::<_, ApiError, _>(&core.store, &what, move |_| async move {
            Ok(Plan::write(Commit::unchecked(writes.clone()), |_| ()))
        })
        .await?;
    }
    Ok(())
}
