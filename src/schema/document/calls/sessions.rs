//! Sessions of browsers.

use serde_json::json;

use super::super::{components::Components, operation::Operation};
use crate::schema::session::{BrowserSession, BrowserSessions, OwnSession, SessionEnd};

pub fn calls() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/session", "session", "Whether this browser is signed in")
            .open()
            .says("Anybody may ask; a cookie says which browser it is.")
            .answers::<OwnSession>(200, "Who is signed in, if anybody is.")
            .refuses(&[400, 401, 403, 421, 429]),
        Operation::post("/api/v1/session", "signIn", "Sign this browser in")
            .role("viewer")
            .says(
                "With a token, once: the answer sets a cookie (HttpOnly, SameSite=Strict, for `/api` alone), and whatever the page asks \
                 for then counts as asked with that token. A session ends with its token, after 12 hours without use, after 7 days, or \
                 when somebody ends it. A write by a session needs an Origin, which is this router's own.",
            )
            .answers::<OwnSession>(201, "It is signed in.")
            .refuses(&[400, 403, 415, 422]),
        Operation::delete("/api/v1/session", "signOut", "Sign this browser out")
            .role("viewer")
            .says("404 for a call that comes with a token.")
            .answers::<SessionEnd>(200, "It is signed out.")
            .refuses(&[400, 403, 404, 415, 422]),
        Operation::get("/api/v1/sessions", "sessions", "Browsers that are signed in")
            .says("With the caller's token; for admins all.")
            .answers::<BrowserSessions>(200, "The sessions.")
            .refuses(&[400, 403]),
        Operation::delete("/api/v1/sessions/{session}", "endSession", "Sign a browser out")
            .role("viewer")
            .parameter("path", "session", json!({ "type": "string" }), "The session's `id`.")
            .says("One of the caller's token; admins end any. Every router refuses it as soon as it knows, and ends its streams.")
            .answers::<SessionEnd>(200, "It is signed out.")
            .refuses(&[400, 403, 404, 415, 422]),
    ]
}

/// The answers of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    components.always::<BrowserSession>();
    components.always::<BrowserSessions>();
    components.always::<OwnSession>();
    components.always::<SessionEnd>();
}
