//! The routes of one app, compiled from its record, its settings and its endpoints.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::Hasher as _,
    net::IpAddr,
    sync::Arc,
};

use siphasher::sip::SipHasher24;

use super::{
    contents::{AppKeys, Endpoints, KeyspaceOptions, PendingEndpoints, listed},
    slots::Slots,
};
use crate::rollout::{
    address::Address,
    app::AppName,
    blend::Blend,
    bucket,
    client_policy::ClientPolicy,
    endpoint_name::EndpointName,
    pin::PinCodec,
    preview::{PreviewCodec, PreviewRoutes},
    record::{Record, Tenure},
    release::ReleaseId,
    resolved_names::ResolvedNames,
    set_cookie::{PinCookies, SetCookie},
    settings::Settings,
    table::{AppRoutes, EndpointKey, EndpointRoute, NamedEndpoint, ReleaseKey, ReleaseRoutes, Standing},
    target::{EndpointSlot, ReleaseIndex, ReleaseSlot},
};

/// A release that an app's routes list.
struct ListEntry<'a> {
    id: &'a ReleaseId,
    tenure: Tenure,
    standing: Standing,
    served: bool,
}

/// The releases that an app routes: stable, the candidate, the draining ones.
fn routed_releases(record: &Record) -> impl Iterator<Item = ListEntry<'_>> {
    let stable = record.stable.iter().map(|stay| ListEntry {
        id: &stay.release,
        tenure: stay.tenure,
        standing: Standing::Stable,
        served: true,
    });
    let candidate = record.candidate.iter().map(|stay| ListEntry {
        id: &stay.release,
        tenure: stay.tenure,
        standing: Standing::Candidate,
        served: stay.served || record.blend > Blend::ZERO,
    });
    let draining = record.draining.iter().map(|draining| ListEntry {
        id: &draining.release,
        tenure: draining.tenure,
        standing: Standing::Draining { since: draining.since, until: draining.until },
        served: draining.served,
    });
    stable.chain(candidate).chain(draining)
}

/// Compiles the routes of one app.
pub(super) struct Compiler<'a> {
    pub(super) options: &'a KeyspaceOptions,
    pub(super) releases: &'a BTreeMap<ReleaseId, Endpoints>,
    pub(super) pending: &'a BTreeMap<ReleaseId, PendingEndpoints>,
    pub(super) names: &'a ResolvedNames,
    pub(super) endpoint_slots: &'a mut Slots<EndpointKey>,
    pub(super) release_slots: &'a mut Slots<ReleaseKey>,
    pub(super) name: &'a AppName,
    /// The app's routes in the last table, whose slots are kept.
    pub(super) last: Option<&'a AppRoutes>,
}

impl Compiler<'_> {
    pub(super) fn routes(&mut self, record: &Record, app: &AppKeys, slot: usize) -> AppRoutes {
        let (settings, keys) = (&with_own_cookie(&app.settings, self.name), &self.options.pin_keys);
        let previews = PreviewCodec::new(self.name, keys);
        let mut releases: Vec<ReleaseRoutes> = Vec::new();
        for entry in routed_releases(record) {
            let release = self.release(&entry, record, &releases);
            releases.push(release);
        }
        let unrouted = |id: &&ReleaseId| releases.iter().all(|release| release.id != **id);
        let previous = record.previous.as_ref().filter(unrouted).map(|id| {
            let entry = ListEntry { id, tenure: 0, standing: Standing::Previous, served: false };
            self.release(&entry, record, &releases)
        });
        let place = |wanted: Standing| {
            releases.iter().position(|release| release.standing == wanted).map(ReleaseIndex)
        };
        AppRoutes {
            name: self.name.clone(),
            seq: record.seq,
            revision: self.revision(releases.iter().chain(&previous), app.revision),
            blend: record.blend,
            halt: record.halt.clone(),
            has_plan: record.plan.is_some(),
            sticky: record.sticky,
            stable: place(Standing::Stable),
            candidate: place(Standing::Candidate),
            bucket_offset: record.candidate.as_ref().map_or(0, |candidate| bucket::offset(candidate.tenure)),
            tenures: record.tenures.clone(),
            draw_epochs: record.candidate.as_ref().map(|_| record.draw_epochs).unwrap_or_default(),
            endpoint_drains: record.endpoint_drains.clone(),
            settings: Arc::clone(settings),
            client_policy: ClientPolicy::of(&settings.client_certificates),
            pins: PinCodec::new(self.name.clone(), keys.clone(), self.options.pin_format),
            previews: PreviewRoutes { live: Arc::clone(&app.previews), codec: previews },
            preview_cookie: SetCookie::for_preview(settings, self.options.https),
            secure_preview_cookie: SetCookie::for_preview(settings, true),
            admin_preview_cookie: SetCookie::for_admin_preview(settings),
            pin_cookies: PinCookies::new(settings),
            slot,
            releases,
            previous,
        }
    }

    fn release(&mut self, entry: &ListEntry<'_>, record: &Record, before: &[ReleaseRoutes]) -> ReleaseRoutes {
        let ListEntry { id, tenure, standing, served } = *entry;
        let same = |release: &&ReleaseRoutes| release.id == *id && release.tenure == tenure;
        let slot = self.last.and_then(|last| last.listed().find(same)).map(|release| release.slot);
        let slot = slot.unwrap_or_else(|| {
            ReleaseSlot(self.release_slots.take(ReleaseKey {
                app: self.name.clone(),
                release: id.clone(),
                tenure,
            }))
        });
        // A release that is listed twice shares its endpoints.
        let (endpoints, named) = match before.iter().find(|release| release.id == *id) {
            Some(known) => (known.endpoints.clone(), known.named.clone()),
            None => {
                let named = self.named(id);
                (self.endpoints(id, record, &named), named.into())
            }
        };
        let endpoints = last_resort(endpoints, standing);
        ReleaseRoutes { id: id.clone(), tenure, standing, endpoints, named, slot, served }
    }

    /// The endpoints that a release has by name, each with the addresses among those it stands for that are allowed.
    fn named(&self, id: &ReleaseId) -> Vec<NamedEndpoint> {
        let stored = self.stored(id).into_iter().flat_map(|endpoints| endpoints.values());
        let names: BTreeSet<&EndpointName> = stored.filter_map(|stored| stored.endpoint.name()).collect();
        let policy = &self.options.addresses;
        let resolved = |name: &EndpointName| {
            let found = self.names.addresses(name).into_iter().flatten();
            let addresses =
                found.filter_map(|address| policy.check(address).ok()).map(Address::from).collect();
            NamedEndpoint { name: name.clone(), addresses }
        };
        names.into_iter().map(resolved).collect()
    }

    fn endpoints(&mut self, id: &ReleaseId, record: &Record, named: &[NamedEndpoint]) -> Vec<EndpointRoute> {
        let stored = self.stored(id).into_iter().flat_map(|endpoints| endpoints.values());
        let written = stored.filter_map(|stored| stored.endpoint.address());
        let behind_names = named.iter().flat_map(|named| &named.addresses).copied();
        let mut addresses: Vec<Address> = written.chain(behind_names).collect();
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
            let drain = record.endpoint_drains.iter().find(|drain| drain.is_of(id, address));
            endpoints.push(EndpointRoute {
                address,
                tag: distinct_tag(address, &mut tags),
                slot,
                draining: drain.is_some(),
                softly: drain.is_some_and(|drain| drain.softly),
                outgoing: record.is_outgoing(id, address),
            });
        }
        endpoints
    }

    fn stored(&self, id: &ReleaseId) -> Option<&Endpoints> {
        listed(self.releases, self.pending, id)
    }

    /// The newest store revision among the app's own keys and its releases' endpoints.
    fn revision<'r>(&self, releases: impl Iterator<Item = &'r ReleaseRoutes>, own: u64) -> u64 {
        let stored = releases.filter_map(|release| self.stored(&release.id));
        stored.flat_map(|endpoints| endpoints.values()).map(|endpoint| endpoint.modified).fold(own, u64::max)
    }
}

/// The settings with a name for the pin cookie that no other app on the same host has, where its `Path` may be another app's
/// too.
fn with_own_cookie(settings: &Arc<Settings>, app: &AppName) -> Arc<Settings> {
    if settings.owns_cookie_path() {
        return Arc::clone(settings);
    }
    let mut own = Settings::clone(settings);
    own.cookie.name = format!("{}.{app}", own.cookie.name);
    Arc::new(own)
}

/// If all endpoints of stable were told to drain, none of them drains: its clients have nowhere else to go. That may happen
/// when the endpoints that did not drain are removed.
fn last_resort(mut endpoints: Vec<EndpointRoute>, standing: Standing) -> Vec<EndpointRoute> {
    if standing == Standing::Stable && endpoints.iter().all(|endpoint| endpoint.draining) {
        endpoints.iter_mut().for_each(|endpoint| endpoint.draining = false);
    }
    endpoints
}

/// A tag for an address, different from those of the release's other addresses.
fn distinct_tag(address: Address, taken: &mut HashSet<u32>) -> u32 {
    let mut attempt = 0u8;
    loop {
        let tag = tag(address, attempt);
        if taken.insert(tag) || attempt == u8::MAX {
            return tag;
        }
        attempt += 1;
    }
}

fn tag(address: Address, attempt: u8) -> u32 {
    let mut hasher = SipHasher24::new();
    match address {
        Address::Tcp(address) => {
            match address.ip() {
                IpAddr::V4(v4) => hasher.write(&v4.octets()),
                IpAddr::V6(v6) => hasher.write(&v6.octets()),
            }
            hasher.write(&address.port().to_be_bytes());
        }
        Address::Socket(path) => hasher.write(path.as_str().as_bytes()),
    }
    hasher.write(&[attempt]);
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
