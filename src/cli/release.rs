//! Which release is to be set, and where it runs: shared by `candidate set` and `stable set`.

use clap::Args;
use serde_json::{Map, Value};

use super::session::body;

/// A release, by id or by name.
#[derive(Debug, Args)]
pub(super) struct ReleaseChoice {
    /// A release's name, such as 1.0.1, or its id, such as apps/hello-1.0.1-80/containers
    #[arg(value_name = "RELEASE")]
    release: String,

    /// An endpoint of it, `ip:port`; may be given several times, and is registered with the release
    #[arg(long = "endpoint", value_name = "ADDR", value_delimiter = ',')]
    endpoints: Vec<String>,

    /// The service in the id of a release that is new
    #[arg(long, value_name = "NAME")]
    service: Option<String>,

    /// The port in the id of a release that is new
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

impl ReleaseChoice {
    /// As the person named it.
    pub(super) fn name(&self) -> &str {
        &self.release
    }

    /// As the API takes it.
    pub(super) fn body(&self) -> Map<String, Value> {
        let endpoints = if self.endpoints.is_empty() { Value::Null } else { self.endpoints.clone().into() };
        let is_id = self.release.starts_with("apps/") && self.release.ends_with("/containers");
        body([
            (if is_id { "id" } else { "release" }, self.release.as_str().into()),
            ("endpoints", endpoints),
            ("service", self.service.clone().into()),
            ("port", self.port.into()),
        ])
    }
}
