//! Which release is to be set, and where it runs: shared by `candidate set` and `stable set`.

use clap::Args;

use super::facts::FactChoice;

/// A release, by id or by name.
#[derive(Debug, Args)]
pub(super) struct ReleaseChoice {
    /// A release's name, such as 1.0.1, or its id, such as apps/hello-1.0.1-80/containers
    #[arg(value_name = "RELEASE")]
    release: String,

    /// An endpoint of it, `ip:port`, `name:port` or `unix:/path`; may be given several times. All of them replace those that were registered so before
    #[arg(long = "endpoint", value_name = "ADDR", value_delimiter = ',')]
    pub(super) endpoints: Option<Vec<String>>,

    /// The service in the id of a release that is new
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,

    /// The port in the id of a release that is new
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<u16>,

    #[command(flatten)]
    pub(super) facts: FactChoice,
}

impl ReleaseChoice {
    /// As the person named it.
    pub(super) fn name(&self) -> &str {
        &self.release
    }

    /// As it stands in a path: an id without its slashes, or a name.
    pub(super) fn in_path(release: &str) -> &str {
        let segment = release.strip_prefix("apps/").and_then(|id| id.strip_suffix("/containers"));
        segment.unwrap_or(release)
    }

    /// As the API takes it: the id if it is one, else the name.
    pub(super) fn id_or_name(&self) -> (Option<String>, Option<String>) {
        let is_id = self.release.starts_with("apps/") && self.release.ends_with("/containers");
        let text = Some(self.release.clone());
        if is_id { (text, None) } else { (None, text) }
    }
}
