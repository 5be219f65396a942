//! Compiling: from the last good readings to a routing table.
//!
//! An app is compiled anew only when one of its own keys, or an endpoint of a release it routes, was written. What
//! both forms have in common keeps its slots: an endpoint its health and load, a stay its drain.

use std::{
    collections::{HashMap, HashSet},
    hash::Hasher as _,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use siphasher::sip::SipHasher24;

use super::{AppKeys, Endpoints, Keyspace, KeyspaceOptions, Slots, claims::Claimant};
use crate::rollout::{
    adopt::is_mirrored,
    app::AppName,
    blend::Blend,
    bucket,
    pin::PinCodec,
    preview::{PreviewCodec, PreviewRoutes},
    record::{Record, Tenure},
    release::ReleaseId,
    settings::Settings,
    table::{
        AppRoutes, EndpointKey, EndpointRoute, Hosts, ReleaseKey, ReleaseRoutes, RoutingTable, Standing,
    },
    target::{EndpointSlot, ReleaseIndex, ReleaseSlot},
};

impl Keyspace {
    /// Compiles the routing table. Whatever did not change since the last call is shared with it.
    pub fn build(&mut self, revision: u64) -> RoutingTable {
        self.compile_apps();
        if std::mem::take(&mut self.claims_stale) {
            self.settle_claims();
        }
        let table = &mut self.table;
        table.revision = revision;
        table.endpoint_slots = self.endpoint_slots.publish();
        table.release_slots = self.release_slots.publish();
        table.default_app = match &self.options.default_app {
            Some(name) => table.apps.get(name).cloned(),
            None if table.apps.len() == 1 => table.apps.values().next().cloned(),
            None => None,
        };
        table.clone()
    }

    fn compile_apps(&mut self) {
        let changed = std::mem::take(&mut self.changed_releases);
        let listing = changed.keys().filter_map(|release| self.listed_by.get(release));
        self.touched.extend(listing.flatten().cloned());
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
        let last = app.last.take();
        if let Some(record) = &app.record {
            let mut compiler = Compiler {
                options: &self.options,
                releases: &self.releases,
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
        if now.is_none() && app.is_empty() && app.settings_modified == 0 && app.previews.previews.is_empty() {
            self.apps.remove(name);
        }
        give_up(&mut self.endpoint_slots, &mut self.release_slots, last.as_deref(), now.as_deref());
        self.list(name, last.as_deref(), now);
    }

    /// Lists an app's new form in the place of its last one.
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
            Some(now) => drop(self.table.apps.insert(name.clone(), Arc::clone(now))),
            None => drop(self.table.apps.remove(name)),
        }
        if let Some(slot) = now.as_deref().or(last).map(|routes| routes.slot) {
            self.table.app_slots.set(slot, now);
        }
    }

    fn settle_claims(&mut self) {
        let routed = self.apps.iter().filter(|(_, app)| app.compiled.is_some());
        let claimants = routed.map(|(name, app)| Claimant {
            name,
            settings: &app.settings,
            modified: app.settings_modified,
        });
        self.claims.settle(claimants.collect());
        let mut hosts = Hosts::default();
        for (host, name) in self.claims.hosts() {
            let Some(app) = self.table.apps.get(name) else { continue };
            match host.strip_prefix("*.") {
                Some(suffix) => hosts.wildcards.insert(suffix.into(), app.slot),
                None => hosts.exact.insert(host.into(), app.slot),
            };
        }
        self.table.hosts = Arc::new(hosts);
    }
}

impl AppKeys {
    /// Whether the old keys say something else than the record.
    fn is_unsettled(&self) -> bool {
        !self.is_empty() && !self.record.as_ref().is_some_and(|record| is_mirrored(record, &self.old))
    }

    /// Notes that endpoints of a release that this app routes have changed.
    fn touch(&mut self, changed: &HashMap<ReleaseId, u64>) {
        if changed.is_empty() {
            return;
        }
        let Some(record) = &self.record else { return };
        let listed = routed_releases(record).map(|(release, ..)| release).chain(&record.previous);
        let newest = listed.filter_map(|release| changed.get(release)).max();
        if let Some(newest) = newest {
            self.revision = self.revision.max(*newest);
            self.compiled = None;
        }
    }
}

fn app_slot(slots: &mut HashMap<AppName, usize>, name: &AppName) -> usize {
    if let Some(slot) = slots.get(name) {
        return *slot;
    }
    let slot = slots.len();
    slots.insert(name.clone(), slot);
    slot
}

/// Gives up the slots of whatever an app's last form had and its present one has not.
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

/// A release of a table: its id, its tenure, what it is to the app, and whether it has served in this tenure.
type Routed<'a> = (&'a ReleaseId, Tenure, Standing, bool);

/// The releases that an app routes: stable, the candidate, draining ones.
fn routed_releases(record: &Record) -> impl Iterator<Item = Routed<'_>> {
    let stays =
        record.stable.as_ref().map(|stay| (&stay.release, stay.tenure, Standing::Stable, true)).into_iter();
    let stays = stays.chain(record.candidate.as_ref().map(|stay| {
        let served = stay.served || record.blend > Blend::ZERO;
        (&stay.release, stay.tenure, Standing::Candidate, served)
    }));
    let draining = record.draining.iter().map(|draining| {
        let standing = Standing::Draining { since: draining.since, until: draining.until };
        (&draining.release, draining.tenure, standing, draining.served)
    });
    stays.chain(draining)
}

/// Compiles one app.
struct Compiler<'a> {
    options: &'a KeyspaceOptions,
    releases: &'a std::collections::BTreeMap<ReleaseId, Endpoints>,
    endpoint_slots: &'a mut Slots<EndpointKey>,
    release_slots: &'a mut Slots<ReleaseKey>,
    name: &'a AppName,
    last: Option<&'a AppRoutes>,
}

impl Compiler<'_> {
    fn routes(&mut self, record: &Record, app: &AppKeys, slot: usize) -> AppRoutes {
        let (settings, keys) = (&app.settings, &self.options.pin_keys);
        let previews = PreviewCodec::new(self.name, keys);
        let mut releases: Vec<ReleaseRoutes> = Vec::new();
        for routed in routed_releases(record) {
            let release = self.release(routed, record, &releases);
            releases.push(release);
        }
        let unrouted = |id: &&ReleaseId| releases.iter().all(|release| release.id != **id);
        let previous = record.previous.as_ref().filter(unrouted);
        let previous = previous.map(|id| self.release((id, 0, Standing::Previous, false), record, &releases));
        let place = |wanted: Standing| {
            releases.iter().position(|release| release.standing == wanted).map(ReleaseIndex)
        };
        AppRoutes {
            name: self.name.clone(),
            seq: record.seq,
            revision: self.revision(releases.iter().chain(&previous), app.revision),
            blend: record.blend,
            sticky: record.sticky,
            stable: place(Standing::Stable),
            candidate: place(Standing::Candidate),
            bucket_offset: record.candidate.as_ref().map_or(0, |candidate| bucket::offset(candidate.tenure)),
            tenures: record.tenures.clone(),
            endpoint_drains: record.endpoint_drains.clone(),
            settings: Arc::clone(settings),
            pins: PinCodec::new(self.name.clone(), keys.clone()),
            previews: PreviewRoutes::new(previews, Arc::clone(&app.previews), settings, self.options.https),
            set_cookie: set_cookie(settings, self.options.https),
            slot,
            releases,
            previous,
        }
    }

    fn release(
        &mut self,
        (id, tenure, standing, served): Routed<'_>,
        record: &Record,
        before: &[ReleaseRoutes],
    ) -> ReleaseRoutes {
        let same = |release: &&ReleaseRoutes| release.id == *id && release.tenure == tenure;
        let slot = self.last.and_then(|last| last.listed().find(same)).map(|release| release.slot);
        let slot = slot.unwrap_or_else(|| {
            ReleaseSlot(self.release_slots.take(ReleaseKey {
                app: self.name.clone(),
                release: id.clone(),
                tenure,
            }))
        });
        // Two stays of one release share its endpoints.
        let endpoints = match before.iter().find(|release| release.id == *id) {
            Some(known) => known.endpoints.clone(),
            None => self.endpoints(id, record),
        };
        let endpoints = last_resort(endpoints, standing);
        ReleaseRoutes { id: id.clone(), tenure, standing, endpoints, slot, served }
    }

    fn endpoints(&mut self, id: &ReleaseId, record: &Record) -> Vec<EndpointRoute> {
        let stored = self.releases.get(id).into_iter().flat_map(|endpoints| endpoints.values());
        let mut addresses: Vec<SocketAddr> = stored.map(|endpoint| endpoint.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let last = self.last.and_then(|last| last.listed().find(|release| release.id == *id));
        let last = last.map_or(&[][..], |release| &release.endpoints);
        let mut tags = HashSet::with_capacity(addresses.len());
        let mut endpoints = Vec::with_capacity(addresses.len());
        for address in addresses {
            let known = last.binary_search_by_key(&address, |endpoint| endpoint.address);
            let slot = known.map(|index| last[index].slot).unwrap_or_else(|_| {
                let key = EndpointKey { app: self.name.clone(), release: id.clone(), address };
                EndpointSlot(self.endpoint_slots.take(key))
            });
            let draining = record.endpoint_drains.iter().any(|drain| drain.is_of(id, address));
            endpoints.push(EndpointRoute { address, tag: distinct_tag(address, &mut tags), slot, draining });
        }
        endpoints
    }

    /// The newest store revision among the app's own keys and its releases' endpoints.
    fn revision<'r>(&self, releases: impl Iterator<Item = &'r ReleaseRoutes>, own: u64) -> u64 {
        let stored = releases.filter_map(|release| self.releases.get(&release.id));
        stored.flat_map(|endpoints| endpoints.values()).map(|endpoint| endpoint.modified).fold(own, u64::max)
    }
}

/// A stable release whose endpoints were all told to drain, such as when the others were taken out, serves on with
/// them: the clients have nowhere else to go.
fn last_resort(mut endpoints: Vec<EndpointRoute>, standing: Standing) -> Vec<EndpointRoute> {
    if standing == Standing::Stable && endpoints.iter().all(|endpoint| endpoint.draining) {
        endpoints.iter_mut().for_each(|endpoint| endpoint.draining = false);
    }
    endpoints
}

/// A tag for an address that no other address of the release has. Collisions are one in billions.
fn distinct_tag(address: SocketAddr, taken: &mut HashSet<u32>) -> u32 {
    let mut attempt = 0u8;
    loop {
        let tag = tag(address, attempt);
        if taken.insert(tag) || attempt == u8::MAX {
            return tag;
        }
        attempt += 1;
    }
}

fn tag(address: SocketAddr, attempt: u8) -> u32 {
    let mut hasher = SipHasher24::new();
    match address.ip() {
        IpAddr::V4(v4) => hasher.write(&v4.octets()),
        IpAddr::V6(v6) => hasher.write(&v6.octets()),
    }
    hasher.write(&address.port().to_be_bytes());
    hasher.write(&[attempt]);
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The value of Set-Cookie before and after the pin.
fn set_cookie(settings: &Settings, https: bool) -> (Box<str>, Box<str>) {
    let cookie = &settings.cookie;
    let mut attributes = format!("; Path=/; Max-Age={}", settings.pinseconds);
    if let Some(domain) = &cookie.domain {
        attributes.push_str("; Domain=");
        attributes.push_str(domain);
    }
    attributes.push_str("; HttpOnly; SameSite=");
    attributes.push_str(cookie.samesite.as_str());
    if cookie.secure.unwrap_or(https) {
        attributes.push_str("; Secure");
    }
    if cookie.partitioned {
        attributes.push_str("; Partitioned");
    }
    (format!("{}=", cookie.name).into(), attributes.into())
}
