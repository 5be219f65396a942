//! A deployment as the API shows it: everything but the values of its environment.

use crate::{
    control::shared::core::Core,
    rollout::{
        deployment::{
            record::{Deployment, DesiredState},
            recycle::{Recycle, Swap},
            run::{Failure, Run, StepDone},
            step::Step,
        },
        keys,
    },
    schema::deployment::{self, DeployedContainer, DeploymentFailure, DeploymentStep, RecycledContainer},
};

/// All that is shown of a deployment.
pub fn describe(core: &Core, deployment: &Deployment) -> deployment::Deployment {
    let Deployment { id, app, spec, replicas, created_by, created_at, .. } = deployment;
    let shown = deployment::Deployment {
        id: id.to_string(),
        app: app.to_string(),
        release: deployment.main_release().map(|release| release.to_string()),
        image: spec.image.clone(),
        replicas: *replicas,
        ports: spec.ports.iter().map(ToString::to_string).collect(),
        command: spec.command.clone(),
        environment: spec.environment.names().map(str::to_owned).collect(),
        volumes: spec.volumes.clone(),
        desired: deployment.wanted().as_str().to_owned(),
        created_by: created_by.clone(),
        created_at: *created_at,
        ..deployment::Deployment::default()
    };
    match &deployment.run {
        Some(run) => deployment::Deployment {
            progress: core
                .deployments
                .progress(app, id)
                .or_else(|| progress_elsewhere(core, deployment, run)),
            ..with_run(shown, deployment, run)
        },
        None => deployment::Deployment { state: state_of_others(core, deployment).to_owned(), ..shown },
    }
}

/// How far another router is with pulling its image, as it reported last.
fn progress_elsewhere(core: &Core, deployment: &Deployment, run: &Run) -> Option<String> {
    if !matches!(run.intent, Some(Step::Pull | Step::PullAnew)) {
        return None;
    }
    let key = keys::deployment(&deployment.app, &deployment.id);
    let members = core.roster.members().into_iter().filter(|(_, member)| member.alive.is_some());
    members.filter_map(|(_, member)| member.load).find_map(|load| load.pulls.get(&key).cloned())
}

fn with_run(shown: deployment::Deployment, deployment: &Deployment, run: &Run) -> deployment::Deployment {
    let container = |(number, engine): (&u32, &String)| DeployedContainer {
        name: run.container_name(&deployment.id, *number),
        engine: engine.clone(),
        address: run.registered.get(number).map(ToString::to_string),
    };
    let failure = run.failure.as_ref().map(failure_of);
    let step = |step: &StepDone| DeploymentStep {
        number: step.fence,
        at: step.at,
        state: step.state.as_str().to_owned(),
        text: step.text.clone(),
    };
    deployment::Deployment {
        digest: run.digest.clone(),
        memory: run.memory_bytes,
        cpus: run.cpu_millis.map(|millis| f64::from(millis) / 1_000.0),
        engine: Some(run.engine.clone()),
        state: run.state.as_str().to_owned(),
        generation: run.generation,
        containers: run.engines.iter().map(container).collect(),
        failure,
        recycle: run.recycle.as_ref().map(|recycle| recycle_of(deployment, run, recycle)),
        steps: run.steps.iter().map(step).collect(),
        ..shown
    }
}

fn failure_of(failure: &Failure) -> DeploymentFailure {
    DeploymentFailure { reason: failure.reason.clone(), last_words: failure.last_words.clone() }
}

fn recycle_of(deployment: &Deployment, run: &Run, recycle: &Recycle) -> deployment::Recycle {
    let name = |number: u32| run.container_name(&deployment.id, number);
    let container = |swap: &Swap| RecycledContainer {
        old: name(swap.old),
        new: name(swap.new),
        state: swap.state(run.registered.contains_key(&swap.old), recycle.is_under_way()).to_owned(),
        drains_until: swap.drains_until.filter(|_| !swap.is_done),
    };
    let failure = recycle.failure.as_ref().map(failure_of);
    let state = match (&failure, recycle.is_under_way()) {
        (Some(_), _) => "failed",
        (None, true) => "under_way",
        (None, false) => "done",
    };
    deployment::Recycle {
        state: state.to_owned(),
        done: recycle.swaps.iter().filter(|swap| swap.is_done).count(),
        of: recycle.swaps.len(),
        by: recycle.by.clone(),
        since: recycle.since,
        ended_at: recycle.ended_at,
        in_place: recycle.in_place,
        parallel: recycle.parallel,
        drain_seconds: recycle.drain_seconds,
        stops_first: recycle.stops_first,
        digest: recycle.digest.clone(),
        containers: recycle.swaps.iter().map(container).collect(),
        failure,
    }
}

/// How far a deployment is that somebody else runs, by its endpoints.
fn state_of_others(core: &Core, deployment: &Deployment) -> &'static str {
    if deployment.desired != DesiredState::Serving {
        return "stopped";
    }
    let reading = core.replica.reading.load();
    let mut own = reading.releases.iter().filter(|(release, _)| deployment.has_release(release));
    let least = deployment.replicas.max(1) as usize;
    if own.any(|(_, endpoints)| *endpoints >= least) { "serving" } else { "pending" }
}
