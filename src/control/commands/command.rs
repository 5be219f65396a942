//! One command: read the app, decide, see that the outcome can be served, commit, answer.

use std::{sync::Arc, time::Duration};

use keyvalues::Revision;
use tokio::time::sleep;

use super::{
    adoption::{PlannedAdoption, adopt_raw_writes, adoption_commit, plan_adoption},
    approved::with_endpoints,
    commit::Plan,
    gate::{self, GateQuestion},
    ownership::refuse_foreign,
    registration::{self, PlannedRegistration, Registration, apps_naming},
    release_endpoints::ReleaseEndpoints,
    stored::StoredApp,
    transact::transact_app,
};
use crate::{
    control::{
        limits::{GATE_PAUSE, GATE_REPEATS_MAX},
        shared::{
            core::Core,
            error::{ApiError, Kind},
            gate_answers::GateAnswers,
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, Refusal, Role, decide},
        commit::of_command,
        endpoint::Endpoint,
        endpoint_event::{EndpointDifference, FIELD},
        endpoint_set::EndpointChange,
        record::{HistoryEvent, Record, Tenure},
        release::ReleaseId,
    },
};

/// What can be said with a command.
#[derive(Debug, Default)]
pub struct CommandOptions {
    /// Carry it out although endpoints fail, or are others than before.
    pub force: bool,
    /// All endpoints of a release that are registered through the API.
    pub endpoints: Option<(ReleaseId, Vec<Endpoint>)>,
    /// How long the gate asks again while the release that would be stable does not pass.
    pub wait: Duration,
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
    Ok(execute_asking(core, app, command, asker, options).await?.0)
}

/// Carries out a command. Gives also what the endpoints of the release that it made stable answered, if they were asked.
pub async fn execute_asking(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    options: &CommandOptions,
) -> Result<(CommandOutcome, GateAnswers), ApiError> {
    let until = core.clock.monotonic() + options.wait;
    let mut passed: Option<GateQuestion> = None;
    let mut answers = GateAnswers::default();
    let mut repeats = 0;
    let mut has_adopted = is_stop(command);
    while repeats <= GATE_REPEATS_MAX {
        let question =
            match attempt(core, app, command, asker, options, (passed.as_ref(), has_adopted)).await? {
                Step::Done(done) => return Ok((finish(app, command, asker, *done), answers)),
                Step::Adopt => {
                    adopt_raw_writes(core, app).await?;
                    has_adopted = true;
                    continue;
                }
                Step::Ask(question) => question,
            };
        // Asked while the app is not locked, so that an abort waits for nobody's endpoints.
        match question.ask(core).await {
            Ok(given) => {
                (passed, answers) = (Some(question), given);
                repeats += 1;
            }
            Err(refusal) if core.clock.monotonic() >= until => return Err(refusal),
            Err(_) => sleep(GATE_PAUSE).await,
        }
    }
    let message = format!("the endpoints of `{app}` keep changing while they are asked; try again");
    Err(ApiError::new(Kind::Contended, message))
}

/// What one attempt came to.
enum Step {
    Done(Box<Done>),
    /// Endpoints have to be asked first; nothing was written.
    Ask(GateQuestion),
    /// A raw write of `stable/id` came before this command, and has to be asked about first.
    Adopt,
}

impl Step {
    fn done(done: Done) -> Self {
        Self::Done(Box::new(done))
    }
}

/// Logs what a command did.
fn finish(app: &AppName, command: &Command, asker: &Asker, done: Done) -> CommandOutcome {
    if done.is_event {
        log(app, command, asker, done.outcome.seq);
    }
    if let Some(registration) = done.registration {
        registration.log(asker);
    }
    done.outcome
}

/// Decides a command, and commits it unless endpoints have to be asked that `passed` does not cover.
async fn attempt(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    options: &CommandOptions,
    (passed, has_adopted): (Option<&GateQuestion>, bool),
) -> Result<Step, ApiError> {
    core.replica.require_known_store().await?;
    transact_app(core, app, move |mut stored, _| async move {
        refuse_unknown(&stored, command)?;
        // A raw write that is not adopted yet came before this command, so it gets the seq before it.
        let PlannedAdoption { adoption: pending, raw } = plan_adoption(core, &stored, None).await?;
        let is_unasked = raw.filter(|raw| raw.question().is_some() && !raw.is_noted(core, &stored));
        if is_unasked.is_some() && !has_adopted {
            return Ok(Plan::Nothing(Step::Adopt));
        }
        match (&pending.decision, adoption_commit(&stored, &pending)) {
            (Decision::Change(event), Some(adoption)) => {
                // A command that is refused writes nothing, so it is decided on what the adoption will make of the app.
                stored.record = Some(event.record.clone());
                match plan(core, &stored, command, asker, (options, passed)).await? {
                    Plan::Nothing(Step::Ask(question)) => Ok(Plan::Nothing(Step::Ask(question))),
                    _ => Ok(Plan::WriteFirst(adoption)),
                }
            }
            _ => plan(core, &stored, command, asker, (options, passed)).await,
        }
    })
    .await
}

/// The commands that wait for nobody's endpoints.
const fn is_stop(command: &Command) -> bool {
    matches!(
        command,
        Command::Abort { .. }
            | Command::Rollback { .. }
            | Command::Lock { .. }
            | Command::Pause { .. }
            | Command::Stop { .. }
            | Command::Resume
            | Command::FinishDrain { automatic: true, .. }
    )
}

/// Retires a release whose drain is over, unless that is done already.
pub async fn retire(core: &Core, app: &AppName, tenure: Tenure) -> Result<Revision, ApiError> {
    let command = Command::FinishDrain { tenure: Some(tenure), automatic: true };
    let asker = Asker {
        actor: "rolling-router".to_owned(),
        token: String::new(),
        role: Role::Admin,
        reason: "drainmaxseconds have passed".to_owned(),
        at: core.clock.wall_ms(),
        if_match: None,
    };
    Ok(execute(core, app, &command, &asker, &CommandOptions::default()).await?.revision)
}

/// What a command did, and what of it is logged.
struct Done {
    outcome: CommandOutcome,
    /// It changed the record.
    is_event: bool,
    registration: Option<PlannedRegistration>,
}

/// Decides a command on one reading of the app.
async fn plan(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    asker: &Asker,
    (options, passed): (&CommandOptions, Option<&GateQuestion>),
) -> Result<Plan<Step>, ApiError> {
    let background = stored.background(core, matches!(command, Command::Rollback { .. })).await?;
    let registered = options.endpoints.as_ref();
    let background = with_endpoints(core, stored, command, registered, background).await?;
    let decision = decide(stored.record.as_ref(), command, asker, &background)?;
    if let Decision::Change(event) = &decision {
        refuse_foreign(core, stored, &event.record).await?;
    }
    let is_change = matches!(decision, Decision::Change(_));
    let registration = registration_of(core, (stored, command), asker, options, is_change).await?;
    match (decision, registration) {
        (Decision::Change(event), registration) => {
            let force = gate::is_overruled(options.force, asker);
            plan_change(core, (stored, command), *event, registration, (force, passed)).await
        }
        (Decision::Unchanged, None) => Ok(Plan::Nothing(Step::done(Done {
            outcome: CommandOutcome {
                changed: false,
                created: false,
                revision: stored.revision(),
                seq: stored.seq(),
                routed: stored.routed(),
            },
            is_event: false,
            registration: None,
        }))),
        (Decision::Unchanged, Some(registration)) => {
            let seq = stored.seq();
            let commit = registration.commit.clone();
            Ok(Plan::write(commit, move |revision| {
                Step::done(Done {
                    outcome: CommandOutcome {
                        changed: true,
                        created: false,
                        revision,
                        seq,
                        routed: revision,
                    },
                    is_event: false,
                    registration: Some(registration),
                })
            }))
        }
    }
}

/// A change of the record, and of endpoints with it.
async fn plan_change(
    core: &Core,
    (stored, command): (&StoredApp, &Command),
    mut event: HistoryEvent,
    registration: Option<PlannedRegistration>,
    (force, passed): (bool, Option<&GateQuestion>),
) -> Result<Plan<Step>, ApiError> {
    let endpoints: Vec<(String, String)> =
        registration.iter().map(PlannedRegistration::table_entry).collect();
    let question = gate::check(core, stored, command, &event, &endpoints, force).await?;
    if let Some(question) = question
        && !passed.is_some_and(|passed| passed.covers(&question))
    {
        return Ok(Plan::Nothing(Step::Ask(question)));
    }
    if let Some(registration) = &registration {
        event.changed.insert(FIELD.to_owned(), registration.difference.to_field());
    }
    if let (Command::Abort { .. }, Some(before)) = (command, &stored.record) {
        event.receipt = core.verdicts.receipt(&stored.name, before, event.record.at).map(Box::new);
    }
    let commit = stored.commit(Some(&event), of_command(&stored.name, &event), Vec::new());
    let commit = match &registration {
        Some(registration) => registration.join(commit),
        None => commit,
    };
    let seq = event.record.seq;
    let created = stored.record.is_none();
    Ok(Plan::write(commit, move |revision| {
        Step::done(Done {
            outcome: CommandOutcome { changed: true, created, revision, seq, routed: revision },
            is_event: true,
            registration,
        })
    }))
}

/// What becomes of the endpoints that a command names. None: they are as it says.
async fn registration_of(
    core: &Core,
    (stored, command): (&StoredApp, &Command),
    asker: &Asker,
    options: &CommandOptions,
    is_change: bool,
) -> Result<Option<PlannedRegistration>, ApiError> {
    let Some((release, named)) = &options.endpoints else { return Ok(None) };
    let endpoints = ReleaseEndpoints::read(core, release).await?;
    let others = apps_naming(core, &endpoints, Some(&stored.name)).await?;
    let naming: Vec<&StoredApp> = [stored].into_iter().chain(&others).collect();
    let change = EndpointChange::Replace { addresses: named.iter().map(ToString::to_string).collect() };
    let call = Registration { change: &change, asker, app: Some(&stored.name), force: options.force };
    let Some(planned) = registration::plan(core, &endpoints, &naming, call).await? else { return Ok(None) };
    let is_repeat = is_on_its_track(stored, command);
    if let Some(seen) = asker.if_match.filter(|seen| is_repeat && *seen != stored.seq()) {
        return Err(Refusal::Stale { seen, now: stored.seq() }.into());
    }
    if is_repeat && !options.force {
        return Err(other_endpoints(&planned));
    }
    if !gate::is_overruled(options.force, asker) {
        let is_routed = |record: &Record| record.routed().any(|(routed, _)| routed == release);
        if stored.record.as_ref().is_some_and(is_routed) {
            let endpoints = planned.difference.after.iter().cloned().collect();
            GateQuestion::new(release, endpoints, Arc::new(stored.settings.clone())).ask(core).await?;
        }
    }
    // The event of a command that changes the record says it by itself.
    let except = is_change.then_some(&stored.name);
    Ok(Some(planned.with_events(core, &naming, asker, except).await?))
}

/// Whether a command names the release that is on its track already, or was promoted from it.
fn is_on_its_track(stored: &StoredApp, command: &Command) -> bool {
    let Some(record) = &stored.record else { return false };
    match command {
        Command::SetStable { release, .. } => record.stable_release() == Some(release),
        Command::SetCandidate { release, .. } => {
            [record.candidate_release(), record.stable_release()].contains(&Some(release))
        }
        _ => false,
    }
}

/// 409 for a command that was given before, with other endpoints.
fn other_endpoints(planned: &PlannedRegistration) -> ApiError {
    let EndpointDifference { release, before, after } = &planned.difference;
    let list = |endpoints: Vec<&Endpoint>| match endpoints.as_slice() {
        [] => "none".to_owned(),
        [first] => first.to_string(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    };
    let (new, gone) = (after.difference(before).collect(), before.difference(after).collect());
    let message = format!(
        "`{release}` has other endpoints than these (new: {}; gone: {}); send `force`: true to replace them, or change single \
         ones below releases/{}/endpoints",
        list(new),
        list(gone),
        release.segment()
    );
    ApiError::new(Kind::Refused("other_endpoints"), message).field("endpoints")
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
