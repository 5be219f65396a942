//! One turn for a deployment: step after step, until nothing can be done for now.

use std::{sync::Arc, time::Duration};

use super::{
    held::Held,
    in_time::{carry_out_in_time, observe_in_time},
    last_words::{last_words, words_of},
    place::engine_for,
    report::{audit, tell_hooks},
    step_error::StepError,
};
use crate::{
    control::{
        limits::{CARRIER_FAILED_PAUSE, CARRIER_IDLE_PAUSE, CARRIER_PAUSE, CARRIER_STEPS_PER_TURN},
        shared::{
            audit::trail::{Notes, Trail, along},
            core::Core,
            deployments::DeploymentKey,
            error::ApiError,
        },
    },
    engine::Engines,
    rollout::deployment::{
        plan::{deadline, next_step, step_unseen},
        record::Deployment,
        run::{Run, StepOutcome},
        state::State,
        step::Step,
    },
};

/// Carries a deployment on. Gives after how long it is looked at again; none: there is nothing left of it.
pub async fn turn(core: &Core, engines: &Engines, key: &DeploymentKey) -> Option<Duration> {
    for _ in 0..CARRIER_STEPS_PER_TURN {
        match take_step(core, engines, key).await {
            Ok(Progress::Again) => {}
            Ok(Progress::Later(pause)) => return Some(pause),
            Ok(Progress::Gone) => return None,
            Err(error) => {
                tracing::warn!(deployment = %key.1, why = error.message(), "a deployment is not carried on for now");
                return Some(CARRIER_FAILED_PAUSE);
            }
        }
    }
    Some(CARRIER_PAUSE)
}

enum Progress {
    /// There may be more to do at once.
    Again,
    /// There is not.
    Later(Duration),
    /// There is no such deployment any more.
    Gone,
}

async fn take_step(core: &Core, engines: &Engines, key: &DeploymentKey) -> Result<Progress, ApiError> {
    let Some(held) = Held::read(core, key).await? else { return Ok(Progress::Gone) };
    if note_told(core, &held).await? {
        return Ok(Progress::Again);
    }
    let (step, pause) = match observe_in_time(core, engines, &held).await {
        Ok(observed) => (next_step(&held.deployment, &held.run, &observed), pause(&held.run)),
        Err(why) => {
            tracing::warn!(deployment = %key.1, why, "the engine of a deployment does not show its containers");
            (step_unseen(&held.deployment, &held.run, core.clock.wall_ms(), &why), CARRIER_FAILED_PAUSE)
        }
    };
    if step == Step::Wait {
        return Ok(Progress::Later(pause));
    }
    let Some(held) = intend(core, engines, key, &held, &step).await? else { return Ok(Progress::Again) };
    if step == Step::Forget {
        let is_gone = held.forget(core).await?;
        log(&held.deployment, &step);
        return Ok(if is_gone { Progress::Gone } else { Progress::Again });
    }
    let words = match &step {
        Step::Fail { .. } => last_words(engines, &held).await,
        Step::FailRecycle { number, .. } => words_of(engines, &held, *number).await,
        _ => String::new(),
    };
    let trail = Arc::<Trail>::default();
    let done = along(Arc::clone(&trail), carry_out_in_time(core, engines, &held, &step)).await;
    match done {
        Ok(outcome) => {
            let mut run = held.run.clone();
            finish(&mut run, &step, outcome, words, core.clock.wall_ms());
            log(&held.deployment, &step);
            audit(core, &held, &step, None, trail.notes());
            write(core, &held, run).await?;
            Ok(Progress::Again)
        }
        Err(StepError::Passing(why)) => {
            tracing::warn!(deployment = %key.1, %step, why, "a step is tried again");
            Ok(Progress::Later(CARRIER_FAILED_PAUSE))
        }
        Err(StepError::BrokenOff) => Ok(Progress::Again),
        Err(StepError::Final(reason)) => give_up(core, engines, &held, &step, reason).await,
    }
}

/// Commits the intent of a step; none: somebody else changed the deployment meanwhile.
async fn intend(
    core: &Core,
    engines: &Engines,
    key: &DeploymentKey,
    held: &Held,
    step: &Step,
) -> Result<Option<Held>, ApiError> {
    let engine = match step {
        Step::Create { number } => {
            engine_for(engines, &held.run, *number).map(|engine| engine.name().as_str())
        }
        _ => None,
    };
    let mut run = held.run.clone();
    run.intend(step, engine, core.clock.wall_ms());
    let fence = run.fence;
    if !held.write(core, run).await? {
        return Ok(None);
    }
    // It is this router's step only as long as nobody took another one on.
    Ok(Held::read(core, key).await?.filter(|now| now.run.fence == fence))
}

/// Notes that a step is done; `words` are what a container said last, if it failed.
fn finish(run: &mut Run, step: &Step, outcome: StepOutcome, words: String, now: u64) {
    match step {
        Step::FailRecycle { .. } => {
            run.finish(step, outcome, now);
            run.note_recycle_words(words);
        }
        _ => {
            run.note_words(words);
            run.finish(step, outcome, now);
        }
    }
}

/// A step cannot be carried out. A deployment that was coming up has failed; of any other it is said, and tried again later.
async fn give_up(
    core: &Core,
    engines: &Engines,
    held: &Held,
    step: &Step,
    reason: String,
) -> Result<Progress, ApiError> {
    let Deployment { id, app, .. } = &held.deployment;
    tracing::warn!(%app, deployment = %id, %step, reason, "a step of a deployment failed");
    let mut run = held.run.clone();
    let now = core.clock.wall_ms();
    if deadline(&held.deployment, &run).is_some() {
        run.note_words(last_words(engines, held).await);
        run.finish(&Step::Fail { reason: format!("cannot {step}: {reason}") }, StepOutcome::Done, now);
        audit(core, held, step, Some(&reason), Notes::default());
        write(core, held, run).await?;
        return Ok(Progress::Again);
    }
    if let Some(number) = run.fails_recycle(step) {
        let words = words_of(engines, held, number).await;
        let fails = Step::FailRecycle { number, reason: format!("cannot {step}: {reason}") };
        finish(&mut run, &fails, StepOutcome::Done, words, now);
        audit(core, held, step, Some(&reason), Notes::default());
        write(core, held, run).await?;
        return Ok(Progress::Again);
    }
    if say(&mut run, format!("cannot {step}: {reason}"), now) {
        audit(core, held, step, Some(&reason), Notes::default());
    }
    write(core, held, run).await?;
    Ok(Progress::Later(CARRIER_FAILED_PAUSE))
}

/// After how long a deployment that has nothing to do is looked at again. One that does not run waits for an order alone.
fn pause(run: &Run) -> Duration {
    match run.state {
        State::Stopped | State::Failed => CARRIER_IDLE_PAUSE,
        _ => CARRIER_PAUSE,
    }
}

/// Says once what cannot be done; whether it was new.
fn say(run: &mut Run, text: String, now: u64) -> bool {
    let is_new = run.steps.last().is_none_or(|last| last.text != text);
    match is_new {
        true => run.say(text, now),
        false => run.intent = None,
    }
    is_new
}

/// Writes how far a deployment is, unless somebody changed it meanwhile: then the next turn looks again.
async fn write(core: &Core, held: &Held, run: Run) -> Result<(), ApiError> {
    held.write(core, run).await.map(drop)
}

/// Tells hooks what they are still to be told, and notes what they have been; whether anything was.
async fn note_told(core: &Core, held: &Held) -> Result<bool, ApiError> {
    if held.run.untold.is_empty() {
        return Ok(false);
    }
    let told = tell_hooks(core, held);
    let mut run = held.run.clone();
    run.untold.retain(|kind, _| !told.contains(kind));
    if run.untold.len() == held.run.untold.len() {
        return Ok(false);
    }
    held.write(core, run).await.map(|_| true)
}

fn log(deployment: &Deployment, step: &Step) {
    let (app, id, actor) = (&deployment.app, &deployment.id, &deployment.created_by);
    tracing::info!(%app, deployment = %id, %step, ?actor, "a step of a deployment is done");
}
