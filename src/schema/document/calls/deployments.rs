//! Deployments.

use serde_json::json;

use super::super::{components::Components, operation::Operation};
use crate::schema::{
    deployment::{
        DeployRequest, DeployedContainer, Deployment, DeploymentFailure, DeploymentStep, Deployments,
        Recycle, RecycleRequest, RecycledContainer, ScaleRequest,
    },
    pool::{DeploymentRecycle, PoolStats, RefusedRecycle, ScheduledRecycles},
    service::{Node, Nodes, RunningService, Services},
};

/// As `control` has them.
const LOG_LINES_MAX: u64 = 100_000;
const LOG_SINCE_SECONDS_MAX: u64 = 366 * 24 * 3_600;

fn seconds() -> serde_json::Value {
    json!({ "type": "integer", "minimum": 0, "maximum": LOG_SINCE_SECONDS_MAX })
}

fn lines() -> serde_json::Value {
    json!({ "type": "integer", "minimum": 1, "maximum": LOG_LINES_MAX })
}

pub fn calls() -> Vec<Operation> {
    let all = "/api/v1/apps/{app}/deployments";
    let one = "/api/v1/apps/{app}/deployments/{id}";
    let of_one = |operation: Operation| {
        operation
            .parameter("path", "id", json!({ "type": "string" }), "The deployment's id.")
            .refuses(&[404, 409])
    };
    let change = |operation: Operation| {
        let refusals = [400, 403, 404, 409, 415, 422, 423, 503];
        of_one(operation)
            .refuses(&refusals)
            .answers::<Deployment>(200, "The deployment; it goes on by itself.")
    };
    [
        Operation::get(all, "deployments", "Deployments of an app")
            .answers::<Deployments>(200, "Each, by id.")
            .refuses(&[400]),
        Operation::post(all, "deploy", "Deploy an image")
            .says(
                "Pulls the image, starts its containers, waits until all of them pass the health check, registers them, and sets the \
                 candidate. What fails is removed, and has changed nothing. 409 `no_engine` where the router has no engine, \
                 `deployment_exists` if there is another deployment with this release.",
            )
            .parameter(
                "header",
                "Idempotency-Key",
                json!({ "type": "string" }),
                "A repeat with the same key within a day is answered with what the first call made; 409 `idempotency_key_used` if \
                 it asks for something else.",
            )
            .takes::<DeployRequest>(true)
            .answers::<Deployment>(201, "It is stored, and goes on by itself.")
            .refuses(&[400, 403, 409, 415, 422, 503, 507]),
        of_one(Operation::get(one, "deployment", "One deployment"))
            .answers::<Deployment>(200, "The deployment.")
            .refuses(&[400]),
        change(Operation::delete(one, "terminate", "Remove a deployment with its containers"))
            .says("409 `still_routed` while an app routes its release.")
            .parameter(
                "query",
                "force",
                json!({ "type": "boolean" }),
                "Forget it without asking its engine, for operators: its endpoints go, and what runs at the engine stays there.",
            )
            .answers::<Deployment>(200, "It is removed.")
            .answers::<Deployment>(202, "It is gone once its engine has removed its containers."),
        change(Operation::post("/api/v1/apps/{app}/deployments/{id}/stop", "stopDeployment", "Stop a deployment"))
            .says("Its containers are stopped, and kept. 409 `still_routed` while its release is on a track."),
        change(Operation::post("/api/v1/apps/{app}/deployments/{id}/start", "startDeployment", "Start a deployment")),
        change(Operation::post("/api/v1/apps/{app}/deployments/{id}/scale", "scaleDeployment", "Scale a deployment"))
            .says("Those that go leave the endpoints first. 423 and 403 where the caller may not register endpoints of its release.")
            .takes::<ScaleRequest>(true),
        recycle(of_one(Operation::post(
            "/api/v1/apps/{app}/deployments/{id}/recycle",
            "recycleDeployment",
            "Make the containers of a deployment anew",
        ))),
        logs(of_one(Operation::get(
            "/api/v1/apps/{app}/deployments/{id}/logs",
            "deploymentLogs",
            "What containers wrote",
        ))),
    ]
    .into_iter()
    .chain(tables())
    .chain(pool())
    .collect()
}

fn recycle(operation: Operation) -> Operation {
    operation
        .says(
            "One after the other, or `parallel` at a time: the new container is started and passes the health check, is registered, \
             and then the old one drains softly: its clients stay until they navigate or the time is over, and go only to containers \
             that are new already. It is stopped when nobody is left. A new container that fails stops the recycle, and the rest \
             serves on. Containers with a fixed port of their host are stopped first. 409 `new_image` if the image's name means \
             another one by now and the release is on a track, unless `in_place`; `not_serving`, `recycling`, `no_engine`.",
        )
        .takes::<RecycleRequest>(false)
        .answers::<Deployment>(202, "It goes on by itself; `recycle` says how far it is.")
        .refuses(&[400, 403, 415, 422, 423, 503])
}

fn logs(operation: Operation) -> Operation {
    operation
        .role("ci")
        .says(
            "Where a deployment has several containers, each line begins with the number of its container. 409 `no_engine` where the \
             router that is asked does not have the engine, `engine_failed` where the engine does not answer.",
        )
        .parameter("query", "follow", json!({ "type": "boolean" }), "Go on with what they will write.")
        .parameter("query", "since", seconds(), "Only what was written in so many seconds before now.")
        .parameter("query", "tail", lines(), "At most so many of the last lines of each container.")
        .with(200, "The lines.", "text/plain", json!({ "type": "string" }))
        .refuses(&[400, 403, 422, 503])
}

/// What a scheduler asks for, by the paths of older systems.
fn pool() -> [Operation; 3] {
    let path = "/api/pool/schedule_recycle";
    let schedule = |operation: Operation| {
        operation
            .role("operator")
            .says("Recycles in place whatever an engine runs and an app routes. A body is not read. `Authorization: token T` is taken too.")
            .parameter("query", "app", json!({ "type": "string" }), "Only this app.")
            .answers::<ScheduledRecycles>(202, "They go on by themselves.")
            .refuses(&[400, 403])
    };
    [
        schedule(Operation::post(path, "scheduleRecycle", "Make all containers anew")),
        schedule(Operation::get(
            path,
            "scheduleRecycleByGet",
            "Make all containers anew, for scripts that can only GET",
        )),
        Operation::get("/api/stats", "poolStats", "How far recycles are")
            .answers::<PoolStats>(200, "The last one of each deployment.")
            .refuses(&[400]),
    ]
}

fn tables() -> [Operation; 2] {
    [
        Operation::get("/api/v1/services", "services", "The containers of all deployments")
            .answers::<Services>(200, "Each, by name.")
            .refuses(&[400]),
        Operation::get("/api/v1/nodes", "nodes", "The engines of this router")
            .answers::<Nodes>(200, "Each, by name.")
            .refuses(&[400]),
    ]
}

/// The answers, and their parts, of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    components.always::<DeployedContainer>();
    components.always::<Deployment>();
    components.always::<DeploymentFailure>();
    components.always::<DeploymentStep>();
    components.always::<Deployments>();
    components.always::<Node>();
    components.always::<Nodes>();
    components.always::<DeploymentRecycle>();
    components.always::<PoolStats>();
    components.always::<Recycle>();
    components.always::<RecycledContainer>();
    components.always::<RefusedRecycle>();
    components.always::<ScheduledRecycles>();
    components.always::<RunningService>();
    components.always::<Services>();
}
