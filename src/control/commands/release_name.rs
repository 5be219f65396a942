//! Which release is meant: people and pipelines send a full id, or the short name that the GUI shows.
//!
//! The keys of a release begin with its service and do not contain the app, so no prefix of the store leads from a short
//! name to them. A name is looked up in what this router has read anyway.

use std::collections::BTreeSet;

use super::stored::StoredApp;
use crate::{
    control::{
        limits::NAMES_WAIT,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            reading::releases_of,
        },
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        release::ReleaseId,
    },
};

/// The service if none is sent.
const SERVICE_DEFAULT: &str = "app";
/// The port if none is sent.
const PORT_DEFAULT: u16 = 80;

/// A release as it was named in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseName {
    /// The field that held the name, for errors.
    pub field: &'static str,
    /// A full id or a short name.
    pub text: String,
    pub service: Option<String>,
    pub port: Option<u16>,
    /// Endpoints are registered with it, so it need not be known.
    pub registers: bool,
}

impl ReleaseName {
    /// A name without service, port and endpoints.
    pub fn new(field: &'static str, text: String) -> Self {
        Self { field, text, service: None, port: None, registers: false }
    }

    /// The release that is meant. A short name is the one release of that name among the app's own, else among all known
    /// releases. An unknown name gets the id that registering it would give it.
    pub async fn resolve(&self, core: &Core, app: &AppName) -> Result<ReleaseId, ApiError> {
        if self.text.starts_with("apps/") {
            return self.text.parse().map_err(|error| self.refuse(&error));
        }
        let service = self.service.as_deref().unwrap_or(SERVICE_DEFAULT);
        let new = ReleaseId::from_parts(service, &self.text, self.port.unwrap_or(PORT_DEFAULT))
            .map_err(|error| self.refuse(&error))?;
        let stored = StoredApp::read(core, app).await?;
        let own = stored.record.as_ref().map(releases_of).unwrap_or_default();
        if let Some(release) = self.only(own.iter())? {
            return Ok(release);
        }
        if core.replica.wait_for(stored.read_at, NAMES_WAIT).await {
            let known = self.known_here(core)?;
            if known.is_some() || self.registers {
                return Ok(known.unwrap_or(new));
            }
        }
        Ok(self.known_in_store(core).await?.unwrap_or(new))
    }

    /// Looks among the releases that this router has read.
    fn known_here(&self, core: &Core) -> Result<Option<ReleaseId>, ApiError> {
        let reading = core.replica.reading.load();
        let faulty = reading.problems.iter().filter_map(|problem| release_of(&problem.key));
        let unserved: BTreeSet<ReleaseId> =
            faulty.filter(|release| reading.endpoints(release) == 0).collect();
        self.only(reading.releases.keys().chain(&unserved))
    }

    /// Looks among the keys of all endpoints in the store, which are many.
    async fn known_in_store(&self, core: &Core) -> Result<Option<ReleaseId>, ApiError> {
        let listing = core.store.list(&[keys::APPS]).await?;
        let known: BTreeSet<ReleaseId> =
            listing.entries.iter().filter_map(|entry| release_of(entry.key.as_str())).collect();
        self.only(known.iter())
    }

    fn only<'a>(&self, releases: impl Iterator<Item = &'a ReleaseId>) -> Result<Option<ReleaseId>, ApiError> {
        let found: Vec<&ReleaseId> = releases.filter(|release| self.means(release)).collect();
        if found.len() > 1 {
            let ids: Vec<&str> = found.into_iter().map(ReleaseId::as_str).collect();
            let message =
                format!("`{}` may mean {}; send the full id of the release", self.text, ids.join(" or "));
            return Err(ApiError::new(Kind::Refused("ambiguous_release"), message).field(self.field));
        }
        Ok(found.first().copied().cloned())
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
        let releases = [
            "apps/hello-1.0.0-80/containers",
            "apps/hello-1.0.1-80/containers",
            "apps/shop-1.0.1-90/containers",
        ];
        let releases = releases.map(|id| id.parse::<ReleaseId>().unwrap());
        let only =
            |named: &ReleaseName| named.only(releases.iter()).map(|found| found.map(|id| id.to_string()));
        let short = |text: &str| ReleaseName::new("release", text.to_owned());
        assert_eq!(only(&short("1.0.0")), Ok(Some("apps/hello-1.0.0-80/containers".into())));
        assert_eq!(only(&short("hello-1.0.1")), Ok(Some("apps/hello-1.0.1-80/containers".into())));
        assert_eq!(only(&short("2.0")), Ok(None));
        assert!(only(&short("1.0.1")).is_err(), "two releases have this name");
        let with_port = ReleaseName { port: Some(90), ..short("1.0.1") };
        assert_eq!(only(&with_port), Ok(Some("apps/shop-1.0.1-90/containers".into())));
    }
}
