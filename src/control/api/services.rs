//! The tables of what runs at engines: `GET /api/v1/services` and `GET /api/v1/nodes`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::request::Read;
use crate::{
    control::{
        limits::ENGINE_LOOK_MAX,
        shared::{core::Core, deployments::StoredDeployment, error::ApiError},
    },
    engine::{Container, Engine, LABEL_MARK},
    schema::service::{Node, Nodes, RunningService, Services},
};

/// The containers of an engine by name; none: it does not answer.
type Seen = Option<BTreeMap<String, Container>>;

/// `GET /api/v1/services`
pub async fn list(State(core): State<Core>, call: Read) -> Result<Json<Services>, ApiError> {
    call.query.finish()?;
    let seen: BTreeMap<String, Seen> =
        join_all(core.options.engines.iter().map(look)).await.into_iter().collect();
    let all = core.deployments.all();
    let mut services: Vec<RunningService> = all.iter().flat_map(|stored| rows(stored, &seen)).collect();
    services.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Json(Services { services }))
}

/// `GET /api/v1/nodes`
pub async fn nodes(State(core): State<Core>, call: Read) -> Result<Json<Nodes>, ApiError> {
    call.query.finish()?;
    let all = core.deployments.all();
    let nodes = join_all(core.options.engines.iter().map(|engine| node(engine, &all))).await;
    Ok(Json(Nodes { nodes }))
}

async fn look(engine: &Engine) -> (String, Seen) {
    let containers = timeout(ENGINE_LOOK_MAX, engine.list(&[(LABEL_MARK.to_owned(), String::new())])).await;
    let by_name = |all: Vec<Container>| all.into_iter().map(|one| (one.name.clone(), one)).collect();
    (engine.name().to_string(), containers.ok().and_then(Result::ok).map(by_name))
}

/// The containers of a deployment that an engine runs.
fn rows(stored: &StoredDeployment, seen: &BTreeMap<String, Seen>) -> Vec<RunningService> {
    let Some((deployment, run)) = stored.as_ref().ok().and_then(|it| Some((it, it.run.as_ref()?))) else {
        return Vec::new();
    };
    let row = |(number, engine): (&u32, &String)| {
        let name = run.container_name(&deployment.id, *number);
        let containers = seen.get(engine).and_then(Option::as_ref);
        let container = containers.and_then(|containers| containers.get(&name));
        let status = match (containers, container) {
            (None, _) => "unknown",
            (_, None) => "gone",
            (_, Some(container)) => container.state.as_str(),
        };
        RunningService {
            name,
            app: deployment.app.to_string(),
            deployment: deployment.id.to_string(),
            image: deployment.spec.image.clone(),
            status: status.to_owned(),
            url: run.registered.get(number).map(|address| format!("http://{address}")),
            id: container.map(|container| container.id.clone()),
            node: engine.clone(),
            ports: deployment.spec.ports.iter().map(ToString::to_string).collect(),
        }
    };
    run.engines.iter().map(row).collect()
}

async fn node(engine: &Engine, all: &[Arc<StoredDeployment>]) -> Node {
    let runs = all.iter().filter_map(|stored| stored.as_ref().as_ref().ok()?.run.as_ref());
    let here = runs.flat_map(|run| run.engines.values()).filter(|name| *name == engine.name().as_str());
    let shown = Node {
        name: engine.name().to_string(),
        address: engine.options().address.to_string(),
        host: engine.host().to_string(),
        containers: here.count() as u64,
        ..Node::default()
    };
    match timeout(ENGINE_LOOK_MAX, engine.version()).await {
        Ok(Ok(version)) => Node { version: Some(version.version), api: Some(version.api), ..shown },
        Ok(Err(error)) => Node { fault: Some(error.to_string()), ..shown },
        Err(_) => Node { fault: Some("it does not answer".to_owned()), ..shown },
    }
}
