//! Which release is meant: people and pipelines send a full id, or the short name that the GUI shows.
//!
//! A short name is looked up among the app's own releases, then among those that belong to no app, as old scripts
//! register them. No prefix of the store leads from a short name to the latter, so names are looked up in what this
//! router has read anyway.

use std::collections::BTreeSet;

use super::{
    ownership::{former_owner, owners},
    stored::StoredApp,
};
use crate::{
    control::{
        limits::NAMES_WAIT,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            reading::{StoreReading, releases_of},
        },
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        release::ReleaseId,
    },
};

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

    /// The release that is meant. An unknown name gets the id that registering it would give it.
    pub async fn resolve(&self, core: &Core, app: &AppName) -> Result<ReleaseId, ApiError> {
        if self.text.starts_with("apps/") {
            return self.text.parse().map_err(|error| self.refuse(&error));
        }
        let port = self.port.unwrap_or(PORT_DEFAULT);
        let new = ReleaseId::of_app(app, &self.text, port).map_err(|error| self.refuse(&error))?;
        let stored = StoredApp::read(core, app).await?;
        let named = stored.record.as_ref().map(releases_of).unwrap_or_default();
        if let Some(release) = self.only(app, named.iter())? {
            return Ok(release);
        }
        let is_read = core.replica.wait_for(stored.read_at, NAMES_WAIT).await;
        let reading = core.replica.reading.load_full();
        let mut known = self.known_here(app, &reading);
        if known.is_empty() && !(is_read && self.registers) {
            known = self.known_in_store(core, app).await?;
        }
        if let Some(release) = self.choose(core, app, &reading, &known).await? {
            return Ok(release);
        }
        self.refuse_other_service(app)?;
        Ok(new)
    }

    /// The one release of the name among the app's own, else among those that belong to no app.
    async fn choose(
        &self,
        core: &Core,
        app: &AppName,
        reading: &StoreReading,
        known: &BTreeSet<ReleaseId>,
    ) -> Result<Option<ReleaseId>, ApiError> {
        let mut owners = owners(reading);
        owners.add(app, None);
        let (mut own, mut free) = (Vec::new(), Vec::new());
        for release in known {
            let apps = owners.owners(release);
            if apps.contains(&app) {
                own.push(release);
            } else if apps.is_empty() {
                free.push(release);
            }
        }
        if let Some(release) = self.only(app, own.into_iter())? {
            return Ok(Some(release));
        }
        let mut left = Vec::new();
        for release in free {
            if former_owner(core, reading, app, release).await?.is_none() {
                left.push(release);
            }
        }
        self.only(app, left.into_iter())
    }

    /// The releases of this name that this router has read.
    fn known_here(&self, app: &AppName, reading: &StoreReading) -> BTreeSet<ReleaseId> {
        let faulty = reading.problems.iter().filter_map(|problem| release_of(&problem.key));
        let unserved: Vec<ReleaseId> = faulty.filter(|release| reading.endpoints(release) == 0).collect();
        let known = reading.releases.keys().chain(&unserved);
        known.filter(|release| self.means(app, release)).cloned().collect()
    }

    /// The same among the keys of all endpoints in the store, which are many.
    async fn known_in_store(&self, core: &Core, app: &AppName) -> Result<BTreeSet<ReleaseId>, ApiError> {
        let listing = core.store.list(&[keys::APPS]).await?;
        let known = listing.entries.iter().filter_map(|entry| release_of(entry.key.as_str()));
        Ok(known.filter(|release| self.means(app, release)).collect())
    }

    fn only<'a>(
        &self,
        app: &AppName,
        releases: impl Iterator<Item = &'a ReleaseId>,
    ) -> Result<Option<ReleaseId>, ApiError> {
        let found: Vec<&ReleaseId> = releases.filter(|release| self.means(app, release)).collect();
        if found.len() > 1 {
            let ids: Vec<&str> = found.into_iter().map(ReleaseId::as_str).collect();
            let message =
                format!("`{}` may mean {}; send the full id of the release", self.text, ids.join(" or "));
            return Err(ApiError::new(Kind::Refused("ambiguous_release"), message).field(self.field));
        }
        Ok(found.first().copied().cloned())
    }

    fn means(&self, app: &AppName, release: &ReleaseId) -> bool {
        let segment = release.segment();
        let without_port = segment.rsplit_once('-').filter(|_| release.port().is_some());
        let without_port = without_port.map_or(segment, |(rest, _)| rest);
        let names = [release.name_in(app), release.name(), segment, without_port];
        let services = [release.service_in(app), release.service()];
        names.contains(&self.text.as_str())
            && self.service.as_deref().is_none_or(|service| services.contains(&service))
            && self.port.is_none_or(|port| Some(port) == release.port())
    }

    /// The id of a new release begins with its app, so it can have no other service.
    fn refuse_other_service(&self, app: &AppName) -> Result<(), ApiError> {
        match self.service.as_deref().filter(|service| *service != app.as_str()) {
            Some(service) if self.registers => {
                let message = format!(
                    "the id of a new release begins with its app: allowed is `{app}`, or no service; `{}` is neither, and \
                     there is no release `{}` of it",
                    service.escape_debug(),
                    self.text.escape_debug()
                );
                Err(ApiError::value("service", message))
            }
            _ => Ok(()),
        }
    }

    fn refuse(&self, error: &dyn std::fmt::Display) -> ApiError {
        let shown = match self.text.as_str() {
            "" => "the name is empty".to_owned(),
            text => format!("`{}`", text.escape_debug()),
        };
        ApiError::value(self.field, format!("{shown}: {error}"))
    }
}

fn release_of(key: &str) -> Option<ReleaseId> {
    match keys::meaning(key)? {
        Meaning::Endpoint(release, _) | Meaning::EndpointSet(release) => Some(release),
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
        let app: AppName = "hello".parse().unwrap();
        let only = |named: &ReleaseName| {
            named.only(&app, releases.iter()).map(|found| found.map(|id| id.to_string()))
        };
        let short = |text: &str| ReleaseName::new("release", text.to_owned());
        assert_eq!(only(&short("1.0.0")), Ok(Some("apps/hello-1.0.0-80/containers".into())));
        assert_eq!(only(&short("hello-1.0.1")), Ok(Some("apps/hello-1.0.1-80/containers".into())));
        assert_eq!(only(&short("2.0")), Ok(None));
        assert!(only(&short("1.0.1")).is_err(), "two releases have this name");
        let with_port = ReleaseName { port: Some(90), ..short("1.0.1") };
        assert_eq!(only(&with_port), Ok(Some("apps/shop-1.0.1-90/containers".into())));
    }
}
