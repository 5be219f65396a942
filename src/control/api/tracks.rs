//! The calls that decide who gets which release: candidate, stable, blend, sticky, promote, abort, rollback.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    answer::{answer, answer_asked, changed_state},
    request::{Write, app_name},
    visible::check_registration,
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, execute_asking},
            local_abort::{self, name_local},
            previous,
            release_name::ReleaseName,
        },
        limits::{ENDPOINTS_PER_CALL_MAX, GATE_WAIT_SECONDS_MAX},
        shared::{core::Core, error::ApiError, gate_answers::GateAnswers},
    },
    rollout::{
        app::AppName,
        command::{Command, Role},
        endpoint::Endpoint,
        facts::{Facts, fault},
        record::Record,
        release::ReleaseId,
    },
    schema::change::{
        AbortRequest, BlendRequest, CandidateRequest, ClearStableRequest, PromoteRequest, RollbackRequest,
        StableRequest, StickyRequest,
    },
};

pub(super) type Answer = Result<Response, ApiError>;

/// `PUT .../candidate`
pub async fn set_candidate(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let request: CandidateRequest = call.read()?;
    let CandidateRequest {
        id,
        release,
        endpoints,
        service,
        port,
        blend,
        replace,
        plan,
        facts,
        force,
        reason,
    } = request;
    let facts = checked_facts(facts)?;
    let choice = ReleaseChoice { id, release, service, port, endpoints };
    let (release, endpoints) = choice.resolve(&core, &app).await?;
    if endpoints.is_some() {
        check_registration(&core, &call.caller, &app, &release)?;
    }
    let replace = find_release(&core, &app, "replace", replace).await?;
    let options = CommandOptions { endpoints, ..forced(force) };
    let command = Command::SetCandidate { release, blend, replace, plan, facts };
    run(&core, &app, command, call, reason, options).await
}

/// `PUT .../stable`
pub async fn set_stable(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let StableRequest { id, release, endpoints, service, port, facts, force, wait, reason } = call.read()?;
    let facts = checked_facts(facts)?;
    let choice = ReleaseChoice { id, release, service, port, endpoints };
    let (release, endpoints) = choice.resolve(&core, &app).await?;
    if endpoints.is_some() {
        check_registration(&core, &call.caller, &app, &release)?;
    }
    let options = CommandOptions { endpoints, wait: gate_wait(wait)?, ..forced(force) };
    run(&core, &app, Command::SetStable { release, facts }, call, reason, options).await
}

/// `DELETE .../stable`: takes the app off line.
pub async fn clear_stable(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let ClearStableRequest { force, reason } = call.read()?;
    let command = Command::ClearStable { force: force == Some(true) };
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

/// `PUT .../blend`
pub async fn set_blend(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let BlendRequest { percent, release, reason } = call.read()?;
    let release = find_release(&core, &app, "release", release).await?;
    let command = Command::SetBlend { blend: percent, release };
    run(&core, &app, command, call, reason, CommandOptions::default()).await
}

/// `PUT .../sticky`
pub async fn set_sticky(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let StickyRequest { sticky, reason } = call.read()?;
    run(&core, &app, Command::SetSticky { sticky }, call, reason, CommandOptions::default()).await
}

/// `POST .../promote`
pub async fn promote(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let PromoteRequest { release, force, wait, reason } = call.read()?;
    let release = find_release(&core, &app, "release", release).await?;
    let options = CommandOptions { wait: gate_wait(wait)?, ..forced(force) };
    run(&core, &app, Command::Promote { release }, call, reason, options).await
}

/// `POST .../abort` and `DELETE .../candidate`
pub async fn abort(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let AbortRequest { release, local, reason } = call.read()?;
    if local == Some(true) {
        return abort_locally(&core, &app, release, call, reason).await;
    }
    let found = find_release(&core, &app, "release", release).await;
    let release = found.map_err(|error| name_local(error, &Command::Abort { release: None }))?;
    run(&core, &app, Command::Abort { release }, call, reason, CommandOptions::default()).await
}

/// `POST .../rollback`
pub async fn rollback(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    let app = app_name(&app)?;
    let RollbackRequest { to, force, wait, reason } = call.read()?;
    let found = find_release(&core, &app, "to", to).await;
    let to = found.map_err(|error| name_local(error, &Command::Rollback { to: None }))?;
    previous::start(&core, &app, to.as_ref(), &call.asker(&core, reason.clone())?).await?;
    let options = CommandOptions { wait: gate_wait(wait)?, ..forced(force) };
    run(&core, &app, Command::Rollback { to }, call, reason, options).await
}

/// Carries out a command, and answers with the new state.
pub(super) async fn run(
    core: &Core,
    app: &AppName,
    command: Command,
    call: Write,
    reason: Option<String>,
    options: CommandOptions,
) -> Answer {
    let asker = call.asker(core, reason)?;
    let query = call.finish()?;
    let executed = execute_asking(core, app, &command, &asker, &options).await;
    let executed = executed.map_err(|error| name_local(error, &command))?;
    Ok(answer_asked(core, app, executed, &query).await)
}

/// An abort that this router alone applies if the store does not take it.
async fn abort_locally(
    core: &Core,
    app: &AppName,
    release: Option<String>,
    call: Write,
    reason: Option<String>,
) -> Answer {
    call.caller.needs(Role::Operator)?;
    let release = release.map(|name| served_candidate(core, app, &name)).transpose()?;
    let asker = call.asker(core, reason)?;
    let query = call.finish()?;
    let executed = local_abort::abort(core, app, &Command::Abort { release }, &asker).await?;
    if core.replica.local_aborts.of(app).is_some() {
        // Nobody waits for others: this router serves it already, and no other will before the store answers.
        return Ok(changed_state(core, app, (executed, &GateAnswers::default()), (true, None)));
    }
    Ok(answer(core, app, executed, &query).await)
}

/// The candidate that a full id or a short name means, or the one that was dropped here already, without a look at the store.
fn served_candidate(core: &Core, app: &AppName, name: &str) -> Result<ReleaseId, ApiError> {
    let reading = core.replica.reading.load();
    let record = reading.apps.get(app).and_then(|known| known.record.as_deref());
    let dropped = core.replica.local_aborts.of(app).map(|abort| abort.candidate.release);
    let mut known = record.and_then(Record::candidate_release).into_iter().chain(&dropped);
    let named = known.find(|release| release.name() == name).cloned();
    named.map_or_else(|| name.parse(), Ok).map_err(|_| {
        let message = format!("`{}` is not the name or id of the candidate", name.escape_debug());
        ApiError::value("release", message)
    })
}

/// Facts that a call gives about its release.
pub(super) fn checked_facts(facts: Option<Facts>) -> Result<Facts, ApiError> {
    let facts = facts.unwrap_or_default();
    if let Some((name, message)) = fault(&facts) {
        let field = name.map_or_else(|| "facts".to_owned(), |name| format!("facts.{name}"));
        return Err(ApiError::value(&field, format!("{field}: {message}")));
    }
    Ok(facts)
}

/// Whether a command is carried out although endpoints were seen failing.
pub(super) fn forced(force: Option<bool>) -> CommandOptions {
    CommandOptions { force: force == Some(true), ..CommandOptions::default() }
}

/// How long the gate may ask again, from the seconds that a call names.
fn gate_wait(seconds: Option<u64>) -> Result<Duration, ApiError> {
    let seconds = seconds.unwrap_or(0);
    if seconds > GATE_WAIT_SECONDS_MAX {
        let message = format!("{seconds} is not a whole number of seconds from 0 to {GATE_WAIT_SECONDS_MAX}");
        return Err(ApiError::value("wait", message));
    }
    Ok(Duration::from_secs(seconds))
}

/// The release that a field names, by full id or short name.
pub(super) async fn find_release(
    core: &Core,
    app: &AppName,
    field: &'static str,
    name: Option<String>,
) -> Result<Option<ReleaseId>, ApiError> {
    match name {
        None => Ok(None),
        Some(name) => ReleaseName::new(field, name).resolve(core, app).await.map(Some),
    }
}

/// Which release is to be set, and where it runs: `id`, or `release` with optional `service` and `port`.
pub(super) struct ReleaseChoice {
    pub(super) id: Option<String>,
    pub(super) release: Option<String>,
    pub(super) service: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) endpoints: Option<Vec<String>>,
}

/// Endpoints to register with a release.
pub(super) type Registration = Option<(ReleaseId, Vec<Endpoint>)>;

impl ReleaseChoice {
    /// The release, and the endpoints to register with it.
    pub(super) async fn resolve(
        self,
        core: &Core,
        app: &AppName,
    ) -> Result<(ReleaseId, Registration), ApiError> {
        let Self { id, release, service, port, endpoints } = self;
        let endpoints = parse_endpoints(core, &endpoints.unwrap_or_default())?;
        let registers = !endpoints.is_empty();
        let named = match (id, release) {
            (Some(id), None) if service.is_none() && port.is_none() => ReleaseName::new("id", id),
            (Some(_), None) => {
                let message = "the id says service and port already; send them with `release` only";
                return Err(ApiError::value("id", message));
            }
            (None, Some(text)) => ReleaseName { field: "release", text, service, port, registers },
            (None, None) => {
                let message = "`release` is missing; allowed is the name of a release, or its id as `id`";
                return Err(ApiError::value("release", message));
            }
            (Some(_), Some(_)) => {
                return Err(ApiError::value("id", "send either `id` or `release`, not both"));
            }
        };
        let release = named.resolve(core, app).await?;
        let registration = registers.then(|| (release.clone(), endpoints));
        Ok((release, registration))
    }
}

/// Endpoints as they are written, each once.
pub(super) fn parse_endpoints(core: &Core, endpoints: &[String]) -> Result<Vec<Endpoint>, ApiError> {
    if endpoints.len() > ENDPOINTS_PER_CALL_MAX {
        let message =
            format!("there are {} endpoints; allowed are at most {ENDPOINTS_PER_CALL_MAX}", endpoints.len());
        return Err(ApiError::value("endpoints", message));
    }
    let mut parsed = Vec::new();
    for (index, text) in endpoints.iter().enumerate() {
        let endpoint = core.addresses.load().parse_endpoint(text).map_err(|error| {
            ApiError::value(format!("endpoints[{index}]"), format!("`{}`: {error}", text.escape_debug()))
        })?;
        if !parsed.contains(&endpoint) {
            parsed.push(endpoint);
        }
    }
    Ok(parsed)
}
