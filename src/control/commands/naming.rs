//! Which release a person or a pipeline means: a full id, or the short name that they read on the page.

use std::collections::BTreeSet;

use super::stored::StoredApp;
use crate::{
    control::{
        core::Core,
        error::{ApiError, Kind},
        sync::view::releases_of,
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        release::ReleaseId,
    },
};

/// The service of a release that nobody named one for.
const SERVICE_DEFAULT: &str = "app";
/// The port of a release that nobody named one for.
const PORT_DEFAULT: u16 = 80;

/// A release as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The field it came in, for errors.
    pub field: &'static str,
    /// A full id or a short name.
    pub text: String,
    pub service: Option<String>,
    pub port: Option<u16>,
}

impl Named {
    /// A name without service and port.
    pub fn plain(field: &'static str, text: String) -> Self {
        Self { field, text, service: None, port: None }
    }

    /// The release meant: a full id is itself; a short name is the one release of that name among the app's own,
    /// then among all that are known. A name that nobody knows gets the id that registering it would give it.
    pub async fn resolve(&self, core: &Core, app: &AppName) -> Result<ReleaseId, ApiError> {
        if self.text.starts_with("apps/") {
            return self.text.parse().map_err(|error| self.refuse(&error));
        }
        let service = self.service.as_deref().unwrap_or(SERVICE_DEFAULT);
        let new = ReleaseId::from_parts(service, &self.text, self.port.unwrap_or(PORT_DEFAULT))
            .map_err(|error| self.refuse(&error))?;
        let stored = StoredApp::read(core, app).await?;
        let own = stored.record.as_ref().map(releases_of).unwrap_or_default();
        if let Some(release) = self.only(own.into_iter())? {
            return Ok(release);
        }
        let listing = core.store.list(&[keys::APPS]).await?;
        let known: BTreeSet<ReleaseId> =
            listing.entries.iter().filter_map(|entry| release_of(entry.key.as_str())).collect();
        Ok(self.only(known.into_iter())?.unwrap_or(new))
    }

    fn only(&self, releases: impl Iterator<Item = ReleaseId>) -> Result<Option<ReleaseId>, ApiError> {
        let mut found: Vec<ReleaseId> = releases.filter(|release| self.means(release)).collect();
        if found.len() > 1 {
            let ids: Vec<&str> = found.iter().map(ReleaseId::as_str).collect();
            let message = format!("`{}` may mean {}; send the full id", self.text, ids.join(" or "));
            return Err(ApiError::new(Kind::Refused("ambiguous_release"), message).field(self.field));
        }
        Ok(found.pop())
    }

    fn means(&self, release: &ReleaseId) -> bool {
        let segment = release.segment();
        let without_port = segment.rsplit_once('-').filter(|_| release.port().is_some());
        let names = [release.name(), segment, without_port.map_or(segment, |(rest, _)| rest)];
        names.contains(&self.text.as_str())
            && self.service.as_deref().is_none_or(|service| service == release.service())
            && self.port.is_none_or(|port| Some(port) == release.port())
    }

    fn refuse(&self, error: &dyn std::fmt::Display) -> ApiError {
        ApiError::value(self.field, format!("`{}`: {error}", self.text.escape_debug()))
    }
}

fn release_of(key: &str) -> Option<ReleaseId> {
    match keys::meaning(key)? {
        Meaning::Endpoint(release, _) => Some(release),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_means_the_one_release_of_that_name() {
        let releases = || {
            [
                "apps/hello-1.0.0-80/containers",
                "apps/hello-1.0.1-80/containers",
                "apps/shop-1.0.1-90/containers",
            ]
            .into_iter()
            .map(|id| id.parse::<ReleaseId>().unwrap())
        };
        let only = |named: &Named| named.only(releases()).map(|found| found.map(|id| id.to_string()));
        let short = |text: &str| Named::plain("release", text.to_owned());
        assert_eq!(only(&short("1.0.0")), Ok(Some("apps/hello-1.0.0-80/containers".into())));
        assert_eq!(only(&short("hello-1.0.1")), Ok(Some("apps/hello-1.0.1-80/containers".into())));
        assert_eq!(only(&short("2.0")), Ok(None));
        assert!(only(&short("1.0.1")).is_err(), "two releases have this name");
        let with_port = Named { port: Some(90), ..short("1.0.1") };
        assert_eq!(only(&with_port), Ok(Some("apps/shop-1.0.1-90/containers".into())));
    }
}
