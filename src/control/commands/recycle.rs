//! The order to have the containers of a deployment made anew.

use super::deployments::{DeploymentOutcome, change};
use crate::{
    control::shared::{
        core::Core,
        deployments::DeploymentKey,
        error::{ApiError, Kind},
    },
    engine::{Digest, Engine, ImageReference},
    limits::DRAIN_SECONDS_MAX,
    rollout::{
        command::Asker,
        deployment::{
            record::{Deployment, DesiredState},
            recycle::RecycleOrder,
            run::{Run, SPREAD},
            state::State,
        },
        record::Record,
        settings::Settings,
    },
    schema::deployment::RecycleRequest,
};

/// What a call asks for, held to what is allowed.
pub fn order_of(
    core: &Core,
    deployment: &Deployment,
    by: &str,
    request: &RecycleRequest,
) -> Result<RecycleOrder, ApiError> {
    let parallel = request.parallel.unwrap_or(1);
    let most = (deployment.replicas / 2).max(1);
    if !(1..=most).contains(&parallel) {
        let message = format!(
            "{parallel} is not a whole number from 1 to {most}: half of its {} containers at the most",
            deployment.replicas
        );
        return Err(ApiError::value("parallel", message));
    }
    let reading = core.replica.reading.load();
    let known = reading.apps.get(&deployment.app);
    let usual = known.map_or_else(|| Settings::default().drainseconds, |app| app.settings.drainseconds);
    let drain_seconds = request.drain.unwrap_or(usual);
    if drain_seconds > DRAIN_SECONDS_MAX {
        let message =
            format!("{drain_seconds} is not a whole number of seconds from 0 to {DRAIN_SECONDS_MAX}");
        return Err(ApiError::value("drain", message));
    }
    let stops_first = deployment.spec.ports.first().is_some_and(|port| port.host.is_some());
    let in_place = request.in_place == Some(true);
    Ok(RecycleOrder { by: by.to_owned(), in_place, parallel, drain_seconds, stops_first })
}

/// Has a deployment recycled. A repeat of an order that is carried out changes nothing.
pub async fn begin(
    core: &Core,
    key: &DeploymentKey,
    asker: &Asker,
    order: &RecycleOrder,
) -> Result<DeploymentOutcome, ApiError> {
    let now = core.clock.wall_ms();
    let outcome = change(core, key, asker, |deployment| edit(deployment, order, now)).await?;
    if outcome.changed {
        let (app, id) = key;
        let (actor, in_place) = (&asker.actor, order.in_place);
        tracing::info!(%app, deployment = %id, ?actor, in_place, "the deployment is recycled");
    }
    Ok(outcome)
}

fn edit(deployment: &mut Deployment, order: &RecycleOrder, now: u64) -> Result<(), ApiError> {
    let (id, replicas, wanted) = (deployment.id.clone(), deployment.replicas, deployment.wanted());
    let Some(run) = &mut deployment.run else {
        let message = format!("no engine runs `{id}`; whoever does has to make its containers anew");
        return Err(ApiError::new(Kind::Refused("no_engine"), message));
    };
    if wanted != DesiredState::Serving || run.state != State::Serving {
        let state = run.state.as_str();
        let message = format!("`{id}` is {state}; only a deployment that serves can be recycled");
        return Err(ApiError::new(Kind::Refused("not_serving"), message));
    }
    if let Some(recycle) = run.recycling() {
        return if recycle.carries_out(order) { Ok(()) } else { Err(under_way(id.as_str())) };
    }
    run.begin_recycle(order.clone(), replicas, now);
    Ok(())
}

/// Refuses to change how many containers a deployment has while they are replaced.
pub fn refuse_while_recycled(deployment: &Deployment) -> Result<(), ApiError> {
    match deployment.run.as_ref().and_then(Run::recycling) {
        Some(_) => Err(under_way(deployment.id.as_str())),
        None => Ok(()),
    }
}

fn under_way(id: &str) -> ApiError {
    let message = format!("`{id}` is being recycled; wait until that is over, or stop the deployment");
    ApiError::new(Kind::Refused("recycling"), message)
}

/// Refuses the recycle of a release on a track whose image has another content by now: the same release would be two things.
pub async fn refuse_new_image(core: &Core, deployment: &Deployment) -> Result<(), ApiError> {
    let Some(run) = deployment.run.as_ref().filter(|_| is_on_track(core, deployment)) else { return Ok(()) };
    let image = deployment.spec.image.parse::<ImageReference>();
    let digest = run.digest.as_deref().and_then(|digest| digest.parse::<Digest>().ok());
    let (Ok(image), Some(digest)) = (image, digest) else { return Ok(()) };
    let is_its = |engine: &&Engine| run.engine == SPREAD || engine.name().as_str() == run.engine;
    let Some(engine) = core.options.engines.iter().find(is_its) else {
        let message = format!("this router has no engine `{}`; ask one that has it", run.engine);
        return Err(ApiError::new(Kind::Refused("no_engine"), message));
    };
    let is_new = engine
        .has_newer(&image, &digest)
        .await
        .map_err(|error| ApiError::new(Kind::Refused("engine_failed"), error.to_string()))?;
    if !is_new {
        return Ok(());
    }
    let message = format!(
        "`{image}` is another image by now than `{}` was made of, and its release is on a track: `deploy` makes a release of it; an \
         operator may recycle with `in_place`",
        deployment.id
    );
    Err(ApiError::new(Kind::Refused("new_image"), message))
}

fn is_on_track(core: &Core, deployment: &Deployment) -> bool {
    let reading = core.replica.reading.load();
    let on_track = |record: &Record| {
        let tracks = [record.stable_release(), record.candidate_release()];
        tracks.into_iter().flatten().any(|release| deployment.has_release(release))
    };
    reading.apps.iter().any(|(_, app)| app.record.as_deref().is_some_and(on_track))
}
