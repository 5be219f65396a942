//! A router in front of one endpoint, with settings of its app. Who says so in X-Forwarded-Proto has come by https.

use serde_json::Value;
use support::{Endpoint, Response, Router, router};

/// What a client sends that has come by https.
pub const BY_HTTPS: &str = "X-Forwarded-Proto: https\r\n";

/// A router whose app has these settings.
pub fn with_settings(endpoint: Endpoint, settings: &Value) -> Router {
    let router = router().stable_on("v1", vec![endpoint]).flag("--trusted-networks=127.0.0.0/8");
    router.key("rolling/hello/settings", &settings.to_string()).start()
}

/// The answer to a request for this target with these header lines, Host among them.
pub fn ask(router: &Router, start: &str, headers: &str) -> Response {
    let mut wire = router.connect();
    wire.send(format!("{start} HTTP/1.1\r\n{headers}\r\n"));
    wire.response(start.split(' ').next().unwrap_or_default())
}
