//! When an endpoint that is registered nowhere any more is let go of (docs/design.md section 3, "Loss is not an order").
//!
//! Its key vanished although nobody ordered it, so it is served on. Nobody says any more that it is the release's, so the first sign
//! that it is not ends that.

use std::{sync::Arc, time::Duration};

use super::losses::Losses;
use crate::{
    live::{endpoints::EndpointState, table::PublishedTable},
    rollout::{
        address::Address,
        keyspace::Keyspace,
        release::ReleaseId,
        settings::Settings,
        table::{AppRoutes, ReleaseRoutes},
    },
};

/// For how long it is served at most, where the health check asks it for something.
const ASKED: Duration = Duration::from_secs(600);
/// The same where a check only connects, which cannot tell whose answer that is.
const CONNECTED: Duration = Duration::from_secs(30);

/// Endpoints of a release that are registered nowhere, and what is served.
pub struct Unregistered<'a> {
    pub keyspace: &'a Keyspace,
    pub published: &'a PublishedTable,
    pub release: &'a ReleaseId,
    /// All that is held.
    pub losses: &'a Losses,
}

impl Unregistered<'_> {
    /// Why one of them, held for so long, is served no longer; none: it still is.
    pub fn end_of(&self, key: &str, held: Duration) -> Option<&'static str> {
        if !self.keyspace.is_listed(self.release) {
            return Some("no app routes its release");
        }
        let addresses = self.addresses(key);
        if addresses.is_empty() {
            return Some("it has no valid address");
        }
        if self.states().any(|(other, state)| addresses.contains(&other) && state.check_failure().is_some()) {
            return Some("it failed its health check");
        }
        let others = addresses.iter().flat_map(|address| self.keyspace.registered_at(*address));
        let mut others = others.filter(|(release, _)| *release != self.release);
        if others.any(|(release, container)| !self.losses.holds_endpoint(release, container)) {
            return Some("its address is registered for another release");
        }
        let registered = self.registered();
        if registered.iter().any(|address| addresses.contains(address)) {
            return Some("its address is registered again");
        }
        let passes = |(other, state): (Address, &Arc<EndpointState>)| {
            registered.contains(&other) && state.checked() && state.check_failure().is_none()
        };
        if self.states().any(passes) {
            return Some("a registered endpoint of its release passes its health check");
        }
        (held >= self.longest()).then_some("its time is over")
    }

    fn addresses(&self, key: &str) -> Vec<Address> {
        let container = key.strip_prefix(self.release.as_str()).and_then(|rest| rest.strip_prefix('/'));
        container.map(|container| self.keyspace.addresses_of(self.release, container)).unwrap_or_default()
    }

    /// The addresses of the release that are registered.
    fn registered(&self) -> Vec<Address> {
        let is_held = |container: &&str| self.losses.holds_endpoint(self.release, container);
        let containers = self.keyspace.containers(self.release).filter(|container| !is_held(container));
        containers.flat_map(|container| self.keyspace.addresses_of(self.release, container)).collect()
    }

    fn apps(&self) -> impl Iterator<Item = (&AppRoutes, &ReleaseRoutes)> {
        let listed = |app| AppRoutes::listed(app).map(move |release| (app, release));
        self.published.table.all_routes().flat_map(listed).filter(|(_, release)| release.id == *self.release)
    }

    fn states(&self) -> impl Iterator<Item = (Address, &Arc<EndpointState>)> {
        let endpoints = self.apps().flat_map(|(_, release)| &release.endpoints);
        endpoints.map(|route| (route.address, self.published.endpoint(route.slot)))
    }

    fn longest(&self) -> Duration {
        self.apps().map(|(app, _)| longest(&app.settings)).max().unwrap_or(CONNECTED)
    }
}

/// For how long an app lets an unregistered endpoint serve.
fn longest(settings: &Settings) -> Duration {
    match settings.unregistered_seconds {
        Some(seconds) => Duration::from_secs(seconds.into()),
        None if settings.health.asks() => ASKED,
        None => CONNECTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_only_connects_holds_for_a_shorter_time() {
        let settings = |json: &str| Settings::parse(json.as_bytes()).unwrap();
        assert_eq!(longest(&settings("{}")), Duration::from_secs(30));
        assert_eq!(longest(&settings(r#"{"health":{"path":"/up"}}"#)), Duration::from_secs(600));
        assert_eq!(longest(&settings(r#"{"unregistered_seconds":5}"#)), Duration::from_secs(5));
    }
}
