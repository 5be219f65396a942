//! The old API, which scripts of the systems before this one speak.

use serde_json::json;

use super::super::{components::Components, operation::Operation};
use crate::schema::old_api::{
    OldContainer, OldContainers, OldDeployment, OldDeploymentAnswer, OldDeployments, OldError, OldErrors,
    OldRemoval, OldRemovedDeployment, OldStack, OldStates,
};

pub fn calls() -> Vec<Operation> {
    let all = "/api/v2/deployments/";
    let one = "/api/v2/deployments/{id}";
    let list = Operation::get(all, "oldDeployments", "List deployments, in the old shape");
    let create = Operation::post(all, "oldCreateDeployment", "Make a deployment, in the old shape")
        .says(
            "The body is JSON whatever its content type says: `deployment_id`, which begins with the name of the app, and \
             `stack` with `content`, a compose file, of which image, environment, ports, command and named volumes count. Its \
             endpoints are those of `apps/<service>-<deployment_id>-<port>/containers`. A repeat changes nothing; 409 \
             `deployment_exists` if there is another one with this id.",
        )
        .takes_bytes();
    let update = of_one(Operation::put(one, "oldUpdateDeployment", "Change a deployment, in the old shape"))
        .takes_bytes();
    let remove =
        of_one(Operation::delete(one, "oldRemoveDeployment", "Remove a deployment and its endpoints"))
            .says("409 `still_routed` while an app routes it. Without an id nothing is removed: 405.");
    let stop = "/api/v2/deployments/{id}/stop";
    let stop = of_one(Operation::post(stop, "oldStopDeployment", "Stop a deployment"))
        .says("409 `still_routed` while it is on a track. What drains stops when its drain is over.");
    let start =
        of_one(Operation::post("/api/v2/deployments/{id}/start", "oldStartDeployment", "Start a deployment"));
    let containers = "/api/v2/deployments/{id}/containers/";
    let containers =
        of_one(Operation::get(containers, "oldContainers", "List the containers of a deployment"));
    let kill = Operation::post("/api/v2/containers/{id}/kill", "oldKillContainer", "End a container")
        .parameter("path", "id", json!({ "type": "string" }), "The container.")
        .says("409 `no_engine` where no engine of this router runs it.");
    let read = of_one(Operation::get(one, "oldDeployment", "Read a deployment, in the old shape")).says(
        "`current_state` is 1 when a release of it has as many endpoints as it has containers, at least one. Of a deployment that \
         is to stop it is 1 while an app routes it.",
    );
    let answer = |operation: Operation| operation.answers::<OldDeploymentAnswer>(200, "The deployment.");
    vec![
        refused(list, &[]).answers::<OldDeployments>(200, "Those that the token is for."),
        answer(refused(create, CHANGE)),
        answer(refused(read, &[404, 409])),
        answer(refused(update, CHANGE)),
        refused(remove, CHANGE).answers::<OldRemoval>(200, "It is removed."),
        answer(refused(stop, CHANGE)),
        answer(refused(start, CHANGE)),
        refused(containers, &[404, 409, 503]).answers::<OldContainers>(200, "Those that are registered."),
        refused(kill, &[404, 409, 503]).answers::<OldDeploymentAnswer>(200, "It is ended."),
    ]
}

/// The answers, and their parts, of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    components.always::<OldContainer>();
    components.always::<OldContainers>();
    components.always::<OldDeployment>();
    components.always::<OldDeploymentAnswer>();
    components.always::<OldDeployments>();
    components.always::<OldError>();
    components.always::<OldErrors>();
    components.always::<OldRemoval>();
    components.always::<OldRemovedDeployment>();
    components.always::<OldStack>();
    components.always::<OldStates>();
}

/// What a change may be refused with.
const CHANGE: &[u16] = &[400, 404, 405, 409, 413, 422, 423, 503, 507];

fn of_one(operation: Operation) -> Operation {
    operation.parameter("path", "id", json!({ "type": "string" }), "The deployment's id.")
}

/// Refusals in the words of the old API, those included that any call may get.
fn refused(operation: Operation, statuses: &[u16]) -> Operation {
    let any = [401, 403, 421, 429];
    let all = any.iter().chain(statuses);
    all.fold(operation, |operation, status| {
        operation.answers::<OldErrors>(*status, "It is refused: `errors` says why.")
    })
}
