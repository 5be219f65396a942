//! Endpoints by name: which names are wanted, what they stand for, and what changes with that.
//!
//! An app whose new routes have a name that was never looked up keeps its last routes until it was: a release without an
//! endpoint would refuse its clients for that long.

use std::{collections::BTreeSet, sync::Arc};

use super::contents::Keyspace;
use crate::rollout::{
    address::Address, app::AppName, endpoint::Endpoint, endpoint_name::EndpointName, record::Record,
    release::ReleaseId, resolved_names::ResolvedNames,
};

impl Keyspace {
    /// Takes in what names stand for now. The next build compiles the apps anew for which that makes a difference.
    pub fn set_names(&mut self, names: &Arc<ResolvedNames>) {
        if Arc::ptr_eq(&self.names, names) {
            return;
        }
        let before = std::mem::replace(&mut self.names, Arc::clone(names));
        for (release, own) in &self.named {
            if !own.iter().all(|name| before.is_same(names, name)) {
                // No key was written, so the revision stays.
                self.changed_releases.entry(release.clone()).or_insert(0);
            }
        }
    }

    /// The names of all releases that an app routes, or is about to, as of the last build.
    pub fn wanted_names(&self) -> BTreeSet<EndpointName> {
        let waiting: Vec<&Record> =
            self.waiting_for_names.iter().filter_map(|name| self.record(name)).collect();
        let is_wanted = |release: &ReleaseId| {
            self.is_listed(release) || waiting.iter().any(|record| record.names(release))
        };
        let wanted = self.named.iter().filter(|(release, _)| is_wanted(release));
        wanted.flat_map(|(_, names)| names).cloned().collect()
    }

    /// Whether names still have to be looked up before some app gets its new routes.
    pub fn has_unknown_names(&self) -> bool {
        !self.waiting_for_names.is_empty()
    }

    /// The addresses of a container of a release: its own, or what its name stands for.
    pub fn addresses_of(&self, release: &ReleaseId, container: &str) -> Vec<Address> {
        self.endpoint_of(release, container).map(|endpoint| self.addresses_at(endpoint)).unwrap_or_default()
    }

    fn addresses_at(&self, endpoint: &Endpoint) -> Vec<Address> {
        match endpoint {
            Endpoint::Address(address) => vec![*address],
            Endpoint::Name(name) => {
                let found = self.names.addresses(name).into_iter().flatten();
                found
                    .filter_map(|address| self.options.addresses.check(address).ok())
                    .map(Address::from)
                    .collect()
            }
        }
    }

    /// Whether an endpoint is reached at an address.
    pub(super) fn is_at(&self, endpoint: &Endpoint, address: Address) -> bool {
        match endpoint {
            Endpoint::Address(own) => *own == address,
            name => self.addresses_at(name).contains(&address),
        }
    }

    /// Notes the names among the endpoints of a release.
    pub(super) fn note_names(&mut self, release: &ReleaseId) {
        let names: BTreeSet<EndpointName> =
            self.registered(release).into_iter().filter_map(Endpoint::name).cloned().collect();
        if names.is_empty() {
            self.named.remove(release);
        } else {
            self.named.insert(release.clone(), names);
        }
    }

    /// Whether an app that has routes waits for a name of its new ones.
    pub(super) fn waits_for_names(&self, app: &AppName) -> bool {
        let Some(app) = self.apps.get(app).filter(|app| app.last.is_some()) else { return false };
        let listed = app
            .record
            .iter()
            .flat_map(|record| record.routed().map(|(release, _)| release).chain(&record.previous));
        let names = listed.filter_map(|release| self.named.get(release)).flatten();
        names.into_iter().any(|name| self.names.addresses(name).is_none())
    }
}
