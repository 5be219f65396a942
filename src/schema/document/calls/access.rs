//! Who may ask: the token of the caller, and all tokens.

use serde_json::json;

use super::super::{components::Components, operation::Operation};
use crate::schema::token::{Token, TokenRequest, TokenRevocation, Tokens};

pub fn calls() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/whoami", "whoami", "The token of the caller")
            .answers::<Token>(200, "The token, by name, role and limits.")
            .refuses(&[400]),
        Operation::get("/api/v1/tokens", "tokens", "The tokens")
            .role("admin")
            .says("Those of the store, and those of the token file and the environment of the router that answers: names, roles and limits, never the tokens themselves.")
            .answers::<Tokens>(200, "The tokens.")
            .refuses(&[400, 403]),
        Operation::post("/api/v1/tokens", "createToken", "Make a token")
            .role("admin")
            .says(
                "In the store, so that every router of the fleet knows it. It is in this answer and nowhere else. A token makes none \
                 that may do more than itself. 409 `token_exists` where the name is in use, `too_many_tokens` beyond 200.",
            )
            .takes::<TokenRequest>(true)
            .answers::<Token>(201, "It is made.")
            .answers::<Token>(202, "It is written, but this router has not read it back yet.")
            .refuses(&[400, 403, 409, 415, 422, 503, 507]),
        Operation::delete("/api/v1/tokens/{token}", "revokeToken", "Take a token back")
            .role("admin")
            .parameter("path", "token", json!({ "type": "string" }), "The token's name.")
            .says(
                "Every router refuses it as soon as it reads that, and ends its streams. 409 `token_not_stored` for one of a token \
                 file or an environment, which ends there.",
            )
            .answers::<TokenRevocation>(200, "It is taken back.")
            .refuses(&[400, 403, 404, 409, 415, 422, 503, 507]),
    ]
}

/// The answers of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    components.always::<Token>();
    components.always::<TokenRevocation>();
    components.always::<Tokens>();
}
