//! Preview links.

use serde_json::json;

use super::super::operation::Operation;
use crate::schema::preview::{Preview, PreviewRequest, PreviewRevocation, Previews};

pub fn calls() -> Vec<Operation> {
    let change = |operation: Operation| {
        let refusals = [400, 403, 404, 409, 412, 415, 422, 503, 507];
        operation.shared("if_match").shared("wait").shared("timeout").refuses(&refusals)
    };
    vec![
        Operation::get("/api/v1/apps/{app}/previews", "previews", "Preview links")
            .says("Those that have not ended, never with their tokens.")
            .answers::<Previews>(200, "The links.")
            .refuses(&[400, 404]),
        change(Operation::post("/api/v1/apps/{app}/previews", "createPreview", "Make a preview link"))
            .says(
                "Shows one release to whoever opens the link on the front port, or on a host `stable.` or `candidate.` of \
                 the admin port, whatever pin and blend say. It ends when its time is over, when it is revoked, or with \
                 the release's stay on its tracks. Needs `ci`; a lock does not hold it back. 409 `too_many_previews` when \
                 the app has 100.",
            )
            .takes::<PreviewRequest>(true)
            .answers::<Preview>(201, "The link is in `path`, and never shown again.")
            .answers::<Preview>(202, "It is made, but some router has not said that it accepts it."),
        change(Operation::delete("/api/v1/apps/{app}/previews/{id}", "revokePreview", "Revoke a preview link"))
            .says("It ends at once, on every router. A `ci` token revokes only what it made itself.")
            .parameter("path", "id", json!({ "type": "string", "pattern": "^[0-9a-f]{20}$" }), "The link's id.")
            .answers::<PreviewRevocation>(200, "It is revoked.")
            .answers::<PreviewRevocation>(202, "It is revoked, but some router has not said that it refuses it."),
    ]
}
