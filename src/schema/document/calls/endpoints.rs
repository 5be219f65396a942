//! Which endpoints a release has.

use serde_json::json;

use super::super::operation::Operation;
use crate::schema::{
    endpoint::{TestEndpointsRequest, TestedEndpoints},
    prune::{PruneRequest, PrunedReleases},
    registration::{
        AddEndpointRequest, RegisteredEndpoints, RemoveEndpointsRequest, ReplaceEndpointsRequest,
    },
};

/// What the ETag of a release's endpoints is.
const COUNT: &str = "The count of their changes, in quotes.";

/// What holds a change back, in every call.
const HELD: &str = "It leaves the seq as it is; If-Match takes the count of the endpoints. A lock holds a `ci` token back, and \
                    so does its cap where a new address would be shown to more users, unless the app's setting \
                    `register_under_lock` names the token. The change is an event in the history of every app that names \
                    the release.";

pub fn calls() -> Vec<Operation> {
    let release = "/api/v1/apps/{app}/releases/{release}";
    let all = "/api/v1/apps/{app}/releases/{release}/endpoints";
    let one = "/api/v1/apps/{app}/releases/{release}/endpoints/{endpoint}";
    let mut calls = vec![
        Operation::get(all, "releaseEndpoints", "The endpoints of a release")
            .release()
            .answers::<RegisteredEndpoints>(200, "The endpoints.")
            .tagged(&[200], COUNT)
            .refuses(&[400, 404, 409, 422, 503]),
    ];
    let changes = [
        Operation::put(all, "replaceEndpoints", "Say which endpoints a release has")
            .says(&format!(
                "Replaces those that were registered through the API; keys of old scripts stay. Those that leave drain as \
                 endpoints. 409 `target_unhealthy` where the release is routed and less than half of them answer, unless \
                 forced. {HELD}"
            ))
            .release()
            .takes::<ReplaceEndpointsRequest>(true),
        container(Operation::put(one, "addEndpoint", "Add an endpoint to a release"))
            .says(&format!("A replica that comes back under another address replaces its old one. {HELD}"))
            .takes::<AddEndpointRequest>(false),
        container(Operation::delete(one, "removeEndpoint", "Remove an endpoint of a release"))
            .says(&format!(
                "What is open there goes on until it ends, or until `drainmaxseconds`. One that is not there changes \
                 nothing. 409 `last_endpoint` where a release on a track would have none left, unless forced. {HELD}"
            ))
            .takes::<RemoveEndpointsRequest>(false),
        Operation::delete(release, "removeRelease", "Remove a release with all its endpoints")
            .says(&format!(
                "409 `still_routed` while an app routes it, and `way_back` while a rollback goes there, unless forced. {HELD}"
            ))
            .release()
            .takes::<RemoveEndpointsRequest>(false),
    ];
    calls.extend(changes.into_iter().map(answered));
    calls.push(test());
    calls.push(prune());
    calls
}

fn test() -> Operation {
    Operation::post(
        "/api/v1/apps/{app}/releases/{release}/test",
        "testEndpoints",
        "Ask the endpoints of a release now",
    )
    .says(
        "The health check of the app's settings, each endpoint once and all at the same time, as a promote asks them. Nothing is \
         written, and no client is sent there.",
    )
    .release()
    .takes::<TestEndpointsRequest>(false)
    .answers::<TestedEndpoints>(200, "What each answered.")
    .refuses(&[400, 403, 404, 409, 415, 422, 503])
}

fn prune() -> Operation {
    Operation::post("/api/v1/apps/{app}/prune", "pruneReleases", "Remove the releases that nobody needs any more")
        .says(
            "What the app has registered, and no app routes or would roll back to, goes, but for the `keep` that were registered \
             last. If-Match takes the app's seq.",
        )
        .takes::<PruneRequest>(true)
        .command()
        .answers::<PrunedReleases>(200, "What went, and what stays.")
        .answers::<PrunedReleases>(202, "It is written, but some router has not said that it serves it.")
}

/// A change of endpoints: answered with all of them.
fn answered(operation: Operation) -> Operation {
    operation
        .command()
        .answers::<RegisteredEndpoints>(200, "The endpoints then.")
        .tagged(&[200], COUNT)
        .answers::<RegisteredEndpoints>(202, "It is written, but some router has not said that it serves it.")
}

/// The path names a release and a container.
fn container(operation: Operation) -> Operation {
    let says = "The id of the container, or its address.";
    operation.release().parameter("path", "endpoint", json!({ "type": "string" }), says)
}
