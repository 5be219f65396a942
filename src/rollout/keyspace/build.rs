//! Building: from the last good readings to a routing table.
//!
//! An app is compiled again only when one of its own keys was written, or an endpoint of a release that it routes. Whatever
//! the old and the new routes have in common keeps its slot: an endpoint its health and load, a stay its drain.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    claimant::Claimant,
    contents::{AppKeys, Keyspace},
    routes::Compiler,
    slots::Slots,
};

use by_address::ByAddress;

use crate::rollout::{
    adopt::is_mirrored,
    app::AppName,
    host_paths::HostPaths,
    hosts::Hosts,
    release::ReleaseId,
    table::{AppRoutes, EndpointKey, ReleaseKey, RoutingTable},
    target::{EndpointSlot, ReleaseSlot},
};

impl Keyspace {
    /// Builds the routing table. It shares whatever did not change with the table of the last call.
    pub fn build(&mut self, revision: u64) -> RoutingTable {
        self.compile_apps();
        if std::mem::take(&mut self.claims_stale) {
            self.settle_claims();
        }
        let default_app = self.default_routes();
        let default_paths = default_app.as_deref().and_then(default_paths);
        let table = &mut self.table;
        table.revision = revision;
        table.endpoint_slots = self.endpoint_slots.publish();
        table.release_slots = self.release_slots.publish();
        table.default_app = default_app;
        table.default_paths = default_paths;
        table.clone()
    }

    /// Where unknown hosts lead: to the app that the options name, else to the stored one, else to the only one.
    fn default_routes(&self) -> Option<Arc<AppRoutes>> {
        let apps = &self.table.apps;
        if let Some(name) = &self.options.default_app {
            return apps.get(name).map(|app| Arc::clone(app));
        }
        let stored = self.default_app.as_ref().and_then(|name| apps.get(name));
        let only = || apps.values().next().filter(|_| apps.len() == 1);
        stored.or_else(only).map(|app| Arc::clone(app))
    }

    fn compile_apps(&mut self) {
        let changed = std::mem::take(&mut self.changed_releases);
        changed.keys().for_each(|release| self.note_names(release));
        let listing = changed.keys().filter_map(|release| self.listed_by.get(release));
        self.touched.extend(listing.flatten().cloned());
        self.touched.append(&mut self.waiting_for_names);
        for name in std::mem::take(&mut self.touched) {
            self.compile_app(&name, &changed);
            self.changes.apps.insert(name);
        }
        self.changes.releases.extend(changed.into_keys());
    }

    fn compile_app(&mut self, name: &AppName, changed: &HashMap<ReleaseId, u64>) {
        let Some(app) = self.apps.get_mut(name) else { return };
        app.touch(changed);
        if app.is_unsettled() {
            self.unsettled.insert(name.clone());
        } else {
            self.unsettled.remove(name);
        }
        if app.compiled.is_some() {
            return;
        }
        if self.named.is_empty() || !self.waits_for_names(name) {
            self.replace_routes(name);
        } else {
            self.waiting_for_names.insert(name.clone());
        }
    }

    /// Compiles an app's routes anew.
    fn replace_routes(&mut self, name: &AppName) {
        let Some(app) = self.apps.get_mut(name) else { return };
        let last = app.last.take();
        if let Some(record) = &app.record {
            let mut compiler = Compiler {
                options: &self.options,
                releases: &self.releases,
                pending: &self.pending,
                names: &self.names,
                endpoint_slots: &mut self.endpoint_slots,
                release_slots: &mut self.release_slots,
                name,
                last: last.as_deref(),
            };
            let routes = Arc::new(compiler.routes(record, app, app_slot(&mut self.app_slots, name)));
            app.compiled = Some(Arc::clone(&routes));
            app.last = Some(routes);
        }
        let now = app.last.clone();
        let is_bare = app.is_empty() && app.pipeline_lock.is_none() && app.previews.previews.is_empty();
        if now.is_none() && is_bare && app.settings_modified == 0 {
            self.apps.remove(name);
        }
        self.endpoints_by_address.replace(last.as_deref(), now.as_deref());
        give_up(&mut self.endpoint_slots, &mut self.release_slots, last.as_deref(), now.as_deref());
        self.list(name, last.as_deref(), now);
    }

    /// Puts an app's new routes in the place of its last ones.
    fn list(&mut self, name: &AppName, last: Option<&AppRoutes>, now: Option<Arc<AppRoutes>>) {
        self.claims_stale |= last.is_some() != now.is_some();
        for release in last.iter().flat_map(|last| last.listed()) {
            if let Some(apps) = self.listed_by.get_mut(&release.id) {
                apps.remove(name);
                if apps.is_empty() {
                    self.listed_by.remove(&release.id);
                }
            }
        }
        for release in now.iter().flat_map(|now| now.listed()) {
            self.listed_by.entry(release.id.clone()).or_default().insert(name.clone());
        }
        match &now {
            Some(now) => drop(self.table.apps.insert(name.clone(), ByAddress(Arc::clone(now)))),
            None => drop(self.table.apps.remove(name)),
        }
        if let Some(slot) = now.as_deref().or(last).map(|routes| routes.slot) {
            let is = |what: fn(&AppRoutes) -> bool| now.as_deref().is_some_and(what);
            mark(&mut self.table.halted, slot, is(|now| now.halt.is_some()));
            mark(&mut self.table.asking, slot, is(|now| now.client_policy.is_some()));
            self.table.app_slots.set(slot, now);
        }
    }

    fn settle_claims(&mut self) {
        let claimants = self.apps.iter().map(|(name, app)| Claimant {
            name,
            settings: &app.settings,
            is_routed: app.compiled.is_some(),
            modified: app.settings_modified,
        });
        self.claims.settle(claimants.collect());
        let mut hosts = Hosts::default();
        for (host, prefix, name) in self.claims.paths() {
            let Some(app) = self.table.apps.get(name) else { continue };
            hosts.insert(host, prefix, app.slot);
        }
        for (host, name) in self.claims.owners() {
            let Some(app) = self.table.apps.get(name) else { continue };
            hosts.set_owner(host, app.slot);
        }
        self.table.hosts = Arc::new(hosts);
    }
}

impl AppKeys {
    /// Whether the old keys differ from the record.
    fn is_unsettled(&self) -> bool {
        !self.is_empty() && !self.record.as_ref().is_some_and(|record| is_mirrored(record, &self.old))
    }

    /// Notes that endpoints of a release that this app routes have changed.
    fn touch(&mut self, changed: &HashMap<ReleaseId, u64>) {
        if changed.is_empty() {
            return;
        }
        let Some(record) = &self.record else { return };
        let listed = record.routed().map(|(release, _)| release).chain(&record.previous);
        let newest = listed.filter_map(|release| changed.get(release)).max();
        if let Some(newest) = newest {
            self.revision = self.revision.max(*newest);
            self.compiled = None;
        }
    }
}

fn mark(marked: &mut BTreeSet<usize>, slot: usize, is: bool) {
    if is {
        marked.insert(slot)
    } else {
        marked.remove(&slot)
    };
}

/// The paths that the default app gets of unknown hosts; `None`: all of them.
fn default_paths(app: &AppRoutes) -> Option<Arc<HostPaths>> {
    if app.settings.paths.is_empty() {
        return None;
    }
    let mut paths = HostPaths::default();
    app.settings.prefixes().for_each(|prefix| paths.insert(prefix, app.slot));
    Some(Arc::new(paths))
}

fn app_slot(slots: &mut HashMap<AppName, usize>, name: &AppName) -> usize {
    if let Some(slot) = slots.get(name) {
        return *slot;
    }
    let slot = slots.len();
    slots.insert(name.clone(), slot);
    slot
}

/// Gives up the slots that an app's last routes had and its present ones do not have.
fn give_up(
    endpoint_slots: &mut Slots<EndpointKey>,
    release_slots: &mut Slots<ReleaseKey>,
    last: Option<&AppRoutes>,
    now: Option<&AppRoutes>,
) {
    let Some(last) = last else { return };
    let releases = |app: &AppRoutes| app.listed().map(|release| release.slot).collect::<Vec<_>>();
    let endpoints = |app: &AppRoutes| {
        let endpoints = app.listed().flat_map(|release| &release.endpoints);
        endpoints.map(|endpoint| endpoint.slot).collect::<Vec<_>>()
    };
    let kept: HashSet<ReleaseSlot> = now.map(releases).unwrap_or_default().into_iter().collect();
    releases(last)
        .into_iter()
        .filter(|slot| !kept.contains(slot))
        .for_each(|slot| release_slots.give_up(slot.0));
    let kept: HashSet<EndpointSlot> = now.map(endpoints).unwrap_or_default().into_iter().collect();
    endpoints(last)
        .into_iter()
        .filter(|slot| !kept.contains(slot))
        .for_each(|slot| endpoint_slots.give_up(slot.0));
}
