//! One command: read the app, decide, see that the outcome can be served, commit, answer.

use std::net::SocketAddr;

use keyvalues::{Outcome, Revision, Write};

use super::{
    adoption::{adopted, commit_adopted},
    commit::{Committed, commit_planned},
    gate,
    stored::StoredApp,
};
use crate::{
    control::{
        limits::{COMMAND_REPEATS_MAX, ENDPOINTS_PER_COMMIT_MAX},
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
        record::{HistoryEvent, Record, Tenure},
        release::ReleaseId,
    },
};

/// What a command is given besides itself.
#[derive(Debug, Default)]
pub struct Given {
    /// Do it although endpoints were seen failing.
    pub force: bool,
    /// Endpoints to be registered with a release.
    pub endpoints: Option<(ReleaseId, Vec<SocketAddr>)>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// Whether anything was written.
    pub changed: bool,
    /// The store revision that holds the outcome.
    pub revision: Revision,
    /// The seq of the outcome.
    pub seq: u64,
    /// The newest revision of what the outcome is routed by: record and settings.
    pub routed: Revision,
}

/// Carries out a command.
pub async fn execute(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    given: &Given,
) -> Result<Executed, ApiError> {
    core.replica.refuse_when_diverged()?;
    let _turn = core.app_locks.lock(app).await;
    register_many(core, given).await?;
    for _ in 0..=COMMAND_REPEATS_MAX {
        let stored = StoredApp::read(core, app).await?;
        refuse_unknown(&stored, command)?;
        // What a script wrote past the API came first, so it is adopted first, under its own seq.
        let pending = adopted(core, &stored).await?;
        if matches!(pending.decision, Decision::Change(_)) {
            commit_adopted(core, &stored, &pending).await?;
            continue;
        }
        if let Some(executed) = attempt(core, &stored, command, asker, given).await? {
            return Ok(executed);
        }
    }
    Err(ApiError::new(Kind::Contended, format!("`{app}` keeps changing; look at its state and try again")))
}

/// Retires a release whose drain is over, unless that has been done already.
pub async fn retire(core: &Core, app: &AppName, tenure: Tenure) -> Result<Revision, ApiError> {
    let command = Command::FinishDrain { tenure: Some(tenure), automatic: true };
    let asker = Asker {
        actor: "rolling-router".to_owned(),
        role: Role::Admin,
        reason: "drainmaxseconds have passed".to_owned(),
        at: core.clock.wall_ms(),
        if_match: None,
    };
    Ok(execute(core, app, &command, &asker, &Given::default()).await?.revision)
}

/// One reading, one decision, at most one commit; `None` when somebody else was faster.
async fn attempt(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    asker: &Asker,
    given: &Given,
) -> Result<Option<Executed>, ApiError> {
    let background = stored.background(core, matches!(command, Command::Rollback { .. })).await?;
    let along = endpoint_writes(given);
    let event = match decide(stored.record.as_ref(), command, asker, &background)? {
        Decision::Change(event) => event,
        Decision::Unchanged => {
            let registered = register(core, &along).await?;
            let revision = stored.revision().max(registered);
            let routed = stored.routed().max(registered);
            return Ok(Some(Executed { changed: registered > 0, revision, seq: stored.seq(), routed }));
        }
    };
    check(core, stored, command, &event, &along, given.force).await?;
    let writes = along.iter().map(|(key, value)| Write::put(own_key(key), value.clone())).collect();
    let plan = of_command(&stored.name, &event);
    match commit_planned(core, stored, Some(&event), plan, writes).await? {
        Committed::Done(revision) => {
            log(&stored.name, command, asker, &event);
            Ok(Some(Executed { changed: true, revision, seq: event.record.seq, routed: revision }))
        }
        Committed::Conflict => Ok(None),
    }
}

/// Who did what, for the operator's log. Texts from outside are escaped.
fn log(app: &AppName, command: &Command, asker: &Asker, event: &HistoryEvent) {
    let (command, seq, actor) = (command.name(), event.record.seq, &asker.actor);
    tracing::info!(%app, command = command.as_str(), seq, ?actor, reason = ?asker.reason, "the app was changed");
}

/// Refuses an outcome that could not be served, or that would make a failing release stable.
pub async fn check(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    event: &HistoryEvent,
    along: &[(String, String)],
    force: bool,
) -> Result<(), ApiError> {
    if let Command::DrainEndpoint { release, address, .. } = command {
        let table = gate::would_publish(core, stored, &event.record, along).await?;
        return gate::leaves_another(&table, &stored.name, release, *address, force);
    }
    if !puts_on_track(command) {
        return Ok(());
    }
    let table = gate::would_publish(core, stored, &event.record, along).await?;
    let Some(stable) = event.record.stable.as_ref().map(|stay| &stay.release) else { return Ok(()) };
    match command {
        command if promotes(stored, command) && !force => gate::seen_serving(core, &stored.name, stable),
        Command::Rollback { .. } if !force => {
            gate::answers_now(stable, gate::endpoints_in(&table, &stored.name, stable)).await
        }
        _ => Ok(()),
    }
}

/// Whether a command makes the candidate stable: to name it as stable is a promote too.
fn promotes(stored: &StoredApp, command: &Command) -> bool {
    match command {
        Command::Promote { .. } => true,
        Command::SetStable { release } => {
            stored.record.as_ref().and_then(Record::candidate_release) == Some(release)
        }
        _ => false,
    }
}

/// Commands after which a release has to serve that did not before. The others, abort first of all, are never
/// refused for what the store holds of endpoints.
fn puts_on_track(command: &Command) -> bool {
    matches!(
        command,
        Command::SetCandidate { .. }
            | Command::SetStable { .. }
            | Command::Promote { .. }
            | Command::Rollback { .. }
    )
}

/// An app begins with a release, or with old keys; everything else needs one that is there.
pub fn refuse_unknown(stored: &StoredApp, command: &Command) -> Result<(), ApiError> {
    let begins = matches!(command, Command::SetStable { .. } | Command::SetCandidate { .. });
    if begins || !stored.is_absent() {
        return Ok(());
    }
    Err(unknown_app(&stored.name))
}

/// 404 for an app that does not exist.
pub fn unknown_app(app: &AppName) -> ApiError {
    ApiError::new(Kind::UnknownApp, format!("there is no app `{app}`")).field("app")
}

/// The endpoint keys of what is to be registered: named by address, so that repeating is harmless.
fn endpoint_writes(given: &Given) -> Vec<(String, String)> {
    let Some((release, addresses)) = &given.endpoints else { return Vec::new() };
    if addresses.len() > ENDPOINTS_PER_COMMIT_MAX {
        return Vec::new();
    }
    addresses.iter().map(|address| (format!("{release}/{address}"), address.to_string())).collect()
}

/// More endpoints than fit beside the record are written before it.
async fn register_many(core: &Core, given: &Given) -> Result<(), ApiError> {
    let Some((release, addresses)) = &given.endpoints else { return Ok(()) };
    if addresses.len() <= ENDPOINTS_PER_COMMIT_MAX {
        return Ok(());
    }
    for batch in addresses.chunks(ENDPOINTS_PER_COMMIT_MAX) {
        let writes: Vec<_> =
            batch.iter().map(|address| (format!("{release}/{address}"), address.to_string())).collect();
        register(core, &writes).await?;
    }
    Ok(())
}

/// Writes endpoint keys by themselves; 0 when there are none.
async fn register(core: &Core, endpoints: &[(String, String)]) -> Result<Revision, ApiError> {
    if endpoints.is_empty() {
        return Ok(0);
    }
    let writes = endpoints.iter().map(|(key, value)| Write::put(own_key(key), value.clone())).collect();
    match core.store.commit(Vec::new(), writes).await? {
        Outcome::Done(revision) => Ok(revision),
        Outcome::Conflict(_) | Outcome::Unknown(_) => {
            let message = "the store did not say whether the endpoints were written; repeating is harmless";
            Err(ApiError::new(Kind::OutcomeUnknown, message))
        }
    }
}
