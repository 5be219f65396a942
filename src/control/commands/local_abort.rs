//! `abort --local`: the stop button while the store does not answer. This router alone applies it, until the store answers and
//! takes it, or holds a later change.

use tokio::time::timeout;

use super::{
    command::{CommandOptions, CommandOutcome, execute},
    commit::Plan,
    lost_record::recovery_commit,
    stored::StoredApp,
    transact::transact,
};
use crate::{
    control::{
        limits::SERVED_WAIT_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            local_abort::LocalAbort,
        },
    },
    rollout::{
        app::AppName,
        command::{Asker, Background, Command, Decision, decide},
        commit::of_command,
    },
};

/// Carries out an abort; if the store does not take it now, on this router alone.
pub async fn abort(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
) -> Result<CommandOutcome, ApiError> {
    let refused = match core.replica.status.down() {
        // Whoever presses the stop button does not wait for a store that is known to be down.
        Some(why) => ApiError::new(Kind::StoreUnavailable, why),
        None => match execute(core, app, command, asker, &CommandOptions::default()).await {
            Err(error) if is_outage(&error) => error,
            done => return done,
        },
    };
    abort_here(core, app, command, asker).await.unwrap_or(Err(refused))
}

/// Carries it out on this router alone; none if it serves no such app.
async fn abort_here(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
) -> Option<Result<CommandOutcome, ApiError>> {
    let reading = core.replica.reading.load_full();
    let record = reading.apps.get(app)?.record.as_deref()?;
    let outcome = |changed, seq| CommandOutcome { changed, created: false, revision: 0, seq, routed: 0 };
    let event = match decide(Some(record), command, asker, &Background::default()) {
        Err(refusal) => return Some(Err(refusal.into())),
        Ok(Decision::Unchanged) => return Some(Ok(outcome(false, record.seq))),
        Ok(Decision::Change(event)) => event,
    };
    let abort = LocalAbort::of(record, asker)?;
    let candidate = &abort.candidate.release;
    tracing::warn!(
        %app, %candidate, seq = record.seq, actor = ?asker.actor, reason = ?asker.reason,
        "the candidate is dropped on this router alone, until the store answers and takes the abort"
    );
    let served = core.replica.local_aborts.ask(app.clone(), abort);
    Some(match timeout(SERVED_WAIT_MAX, served).await {
        Ok(Ok(())) => Ok(outcome(true, event.record.seq)),
        _ => Err(ApiError::new(
            Kind::OutcomeUnknown,
            "this router has not served the abort yet, and will as soon as it can; look at its state",
        )),
    })
}

/// Gives the store the aborts that it has missed; the apps whose abort is over are those of which the store's word counts now.
///
/// # Errors
/// The store does not take them after all.
pub async fn hand_over(core: &Core) -> Result<Vec<AppName>, ApiError> {
    let mut over = Vec::new();
    for (app, missed) in core.replica.local_aborts.all() {
        match hand_over_one(core, &app, &missed).await {
            Err(error) if is_outage(&error) => return Err(error),
            Ok(true) => tracing::info!(%app, "the store has taken the abort that this router alone applied"),
            Ok(false) => tracing::error!(
                %app, seq = missed.seq,
                "the abort that this router alone applied is over, since the store holds a later change of the app"
            ),
            Err(error) => tracing::error!(
                %app, error = error.message(),
                "the abort that this router alone applied is over, since the store cannot take it"
            ),
        }
        over.push(app);
    }
    Ok(over)
}

/// Whether the store has taken an abort: it does if nothing came between.
async fn hand_over_one(core: &Core, app: &AppName, missed: &LocalAbort) -> Result<bool, ApiError> {
    let what = format!("the app `{app}`");
    transact(&core.store, &what, move |_| async move {
        let stored = StoredApp::read(core, app).await?;
        if stored.is_lost
            && let Some(commit) = recovery_commit(core, &stored).await?
        {
            return Ok(Plan::WriteFirst(commit));
        }
        let Some(record) = stored.record.as_ref().filter(|_| !stored.is_lost && !stored.is_unreadable) else {
            return Ok(Plan::Nothing(false));
        };
        let background = stored.background(core, false).await?;
        match missed.decide(record, &background) {
            None => Ok(Plan::Nothing(record.seq == missed.seq + 1 && record.at == missed.at)),
            Some(event) => {
                let commit = stored.commit(Some(&event), of_command(app, &event), Vec::new());
                Ok(Plan::write(commit, |_| true))
            }
        }
    })
    .await
}

/// Whether the store gave no answer that decides.
pub fn is_outage(error: &ApiError) -> bool {
    matches!(
        error.kind(),
        Kind::StoreUnavailable | Kind::StoreDiverged | Kind::Disk | Kind::OutcomeUnknown | Kind::Contended
    )
}

/// Says what can be done meanwhile, behind the refusal of a command that stops something while the store does not answer.
pub fn name_local(error: ApiError, command: &Command) -> ApiError {
    let hint = match command {
        Command::Abort { .. } => {
            "`abort --local` (`local`: true) drops the candidate on this router alone meanwhile"
        }
        Command::Rollback { .. } => {
            "a rollback waits for the store; `abort --local` drops a candidate on this router alone meanwhile"
        }
        _ => return error,
    };
    if error.kind() == Kind::Contended || !is_outage(&error) {
        return error;
    }
    ApiError::new(error.kind(), format!("{}; {hint}", error.message()))
}
