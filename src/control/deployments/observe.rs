//! What is so at the engines: the containers of a deployment, and whether those that are to be endpoints are well.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{held::Held, place::engines_of};
use crate::{
    control::shared::{core::Core, fleet::endpoint_loads::EndpointLoads, stop_check::StopCheck},
    engine::{
        Container, ContainerState as EngineState, EngineError, Engines, LABEL_APP, LABEL_DEPLOYMENT,
        LABEL_MARK, NetworkName,
    },
    health_check::check_endpoint,
    rollout::{
        address::Address,
        cdn_loop,
        deployment::{
            record::Deployment,
            run::Run,
            step::{ContainerState, Observation, ObservedContainer},
        },
        record::Record,
        settings::{HealthSettings, Settings},
    },
};

/// Looks at the containers of a deployment.
pub async fn observe(core: &Core, engines: &Engines, held: &Held) -> Result<Observation, EngineError> {
    let Held { deployment, run, .. } = held;
    let labels = [
        (LABEL_APP.to_owned(), deployment.app.to_string()),
        (LABEL_DEPLOYMENT.to_owned(), deployment.id.to_string()),
        (LABEL_MARK.to_owned(), run.mark.clone()),
    ];
    let mut containers = BTreeMap::new();
    for engine in engines_of(engines, run) {
        for container in engine.list(&labels).await? {
            if let Some(number) = run.number_of(&deployment.id, &container.name) {
                let lost_at = core.engines.lost_at(engine.name());
                containers.insert(number, seen(held, &container, lost_at));
            }
        }
    }
    let settings = Arc::new(settings(core, held));
    for (number, container) in &mut containers {
        let is_asked = container.state == ContainerState::Running && !run.registered.contains_key(number);
        if let Some(address) = container.address.filter(|_| is_asked) {
            let router = cdn_loop::name_of(&core.node);
            container.fault =
                check_endpoint(address, &settings, &router).await.err().map(|fault| fault.to_string());
        }
    }
    let idle = idle(core, run, &containers);
    Ok(Observation {
        containers,
        idle,
        is_routed: is_routed(core, held),
        is_stable: is_stable(core, held),
        is_expired: is_expired(core, held),
        prunes_image: prunes_image(core, held),
        now: core.clock.wall_ms(),
    })
}

/// The containers that get no new requests, and where nobody is left at any router.
fn idle(core: &Core, run: &Run, containers: &BTreeMap<u32, ObservedContainer>) -> BTreeSet<u32> {
    let drains = |number: &u32| {
        let swap = run.recycling().and_then(|recycle| recycle.going(*number));
        run.left.contains_key(number) || swap.is_some_and(|swap| swap.drains_until.is_some())
    };
    let mut leaving = containers.iter().filter(|(number, _)| drains(number)).peekable();
    if leaving.peek().is_none() {
        return BTreeSet::new();
    }
    let (published, former) = (core.live.load_full(), core.replica.former_endpoints.load_full());
    let check = StopCheck { published: &published, former: &former };
    let loads = EndpointLoads::of(core);
    let is_idle = |address: Address| loads.sum(check, address).can_be_stopped;
    let idle = leaving.filter(|(_, container)| container.address.is_some_and(is_idle));
    idle.map(|(number, _)| *number).collect()
}

fn seen(held: &Held, container: &Container, engine_lost_at: Option<u64>) -> ObservedContainer {
    let state = match container.state {
        EngineState::Created => ContainerState::Created,
        EngineState::Running | EngineState::Paused | EngineState::Restarting => ContainerState::Running,
        EngineState::Exited { code } => ContainerState::Exited { code },
        EngineState::Removing | EngineState::Dead => ContainerState::Exited { code: -1 },
    };
    ObservedContainer { state, address: address_of(held, container), fault: None, engine_lost_at }
}

/// Whether an app routes a release of it, as this router has read the store.
fn is_routed(core: &Core, held: &Held) -> bool {
    let reading = core.replica.reading.load();
    let routes = |record: &Record| record.routed().any(|(release, _)| held.deployment.has_release(release));
    reading.apps.iter().any(|(_, app)| app.record.as_deref().is_some_and(routes))
}

fn is_stable(core: &Core, held: &Held) -> bool {
    let reading = core.replica.reading.load();
    let record = reading.apps.get(&held.deployment.app).and_then(|app| app.record.as_deref());
    let stable = record.and_then(Record::stable_release);
    stable.is_some_and(|release| held.deployment.has_release(release))
}

/// Whether the app has images removed with their deployments, and this one's is no other's.
fn prunes_image(core: &Core, held: &Held) -> bool {
    let reading = core.replica.reading.load();
    let known = reading.apps.get(&held.deployment.app);
    if !known.is_some_and(|app| app.settings.prune_images) {
        return false;
    }
    let has_it = |run: &Run| {
        let of_recycle = run.recycling().and_then(|recycle| recycle.digest.as_ref());
        let all = run.digest.iter().chain(run.digests.values()).chain(of_recycle);
        all.into_iter().any(|digest| Some(digest) == held.run.digest.as_ref())
    };
    let all = core.deployments.all();
    let others = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok());
    let mut others = others.filter(|it| it.id != held.deployment.id);
    !others.any(|it| it.run.as_ref().is_some_and(has_it))
}

/// Whether a deployment that is kept is one too many of its app's. Of those that were stable, `previous` is kept first, then the
/// newest; of those that were not, the newest.
fn is_expired(core: &Core, held: &Held) -> bool {
    let Some(own) = held.run.parked_at else { return false };
    let app = &held.deployment.app;
    let reading = core.replica.reading.load();
    let Some(known) = reading.apps.get(app) else { return true };
    let previous = known.record.as_deref().and_then(|record| record.previous.as_ref());
    let is_previous =
        |deployment: &Deployment| previous.is_some_and(|release| deployment.has_release(release));
    let goes_before = |other: &Deployment| {
        let run = other.run.as_ref().filter(|run| run.was_stable == held.run.was_stable);
        let at = run.and_then(|run| run.parked_at);
        at.is_some_and(|at| is_previous(other) || at > own) && other.id != held.deployment.id
    };
    let all = core.deployments.all();
    let others = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok()).filter(|it| it.app == *app);
    let before = if is_previous(&held.deployment) { 0 } else { others.filter(|it| goes_before(it)).count() };
    before >= usize::from(known.settings.keep_previous)
}

/// Where a container is reached.
fn address_of(held: &Held, container: &Container) -> Option<Address> {
    let network: Option<NetworkName> = held.run.network.as_ref().and_then(|name| name.parse().ok());
    let port = held.deployment.spec.ports.first()?.container;
    container.address(port, network.as_ref()).filter(|_| container.is_running()).map(Address::from)
}

/// The app's settings, with the path of the health check that the deployment names.
fn settings(core: &Core, held: &Held) -> Settings {
    let reading = core.replica.reading.load();
    let known = reading.apps.get(&held.deployment.app);
    let mut settings = known.map(|app| (*app.settings).clone()).unwrap_or_default();
    if let Some(path) = &held.run.health_path {
        settings.health = HealthSettings { path: Some(path.clone()), grpc: None, ..settings.health };
    }
    settings
}
