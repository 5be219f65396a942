//! The image of the store that one task keeps in memory: what tables are built from, which store it is, and the last
//! good values of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use keyvalues::{Batch, Entry, Event, Listing, Revision, sealed::is_sealed};

use super::{
    access,
    identity::{Identity, record_seq},
    interruption::Interruption,
    last_good::LastGood,
    losses::{Losses, Orders},
    unregistered::Unregistered,
};
use crate::{
    clock::Clock,
    control::shared::{
        core::Core,
        entries::{EPOCH, entry, is_routed},
        fleet::member::Kind,
        pin_keys::{PIN_FORMAT, PIN_KEYS},
        state_dir::StateDir,
        token_key::TOKEN_KEY,
    },
    rollout::{
        command::Background,
        commit::of_command,
        endpoint::AddressPolicy,
        keys::{self, Meaning},
        keyspace::Keyspace,
        pin::{PinFormat, PinKeys},
        record::Record,
        release::ReleaseId,
    },
};

/// What is known of the store. Its contents stay while the store is down.
pub struct StoreImage {
    pub(super) core: Core,
    /// None until pin keys are known: a table without them could pin nobody.
    pub keyspace: Option<Keyspace>,
    /// Which store this is; none before the first was read.
    pub identity: Option<Identity>,
    pub last_good: LastGood,
    /// Keys that vanished although nobody ordered it.
    pub losses: Losses,
    /// The revision of the pin keys in use; 0 while they are not the store's.
    pub pin_keys_at: Revision,
    /// The format of pins that the store names.
    pub stored_pin_format: Option<PinFormat>,
}

impl StoreImage {
    pub fn new(core: Core, state_dir: Option<Arc<StateDir>>) -> Self {
        Self {
            core,
            keyspace: None,
            identity: None,
            last_good: LastGood::new(state_dir),
            losses: Losses::default(),
            pin_keys_at: 0,
            stored_pin_format: None,
        }
    }

    /// The clock of the router.
    pub(super) fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// Takes a whole listing, in place of everything.
    pub fn take_listing(&mut self, listing: &Listing) -> Result<(), Interruption> {
        let listing = &self.last_good.in_place_of_unreadable(listing);
        self.take_pin_format(entry(listing, PIN_FORMAT));
        self.take_token_key(entry(listing, TOKEN_KEY));
        self.take_stored_pin_keys(entry(listing, PIN_KEYS))?;
        self.core.roster.replace(listing);
        self.core.replica.set_changed_at(listing.revision);
        self.take_listeners();
        self.core.hooks.replace(listing);
        self.last_good.hooks.keep_all(listing);
        self.core.hooks_in.replace(listing);
        self.last_good.hooks_in.keep_all(listing);
        self.core.acme.replace(listing);
        self.last_good.certificates.keep_all(listing);
        access::take_listing(&self.core, &mut self.last_good, listing);
        self.core.endpoint_events.replace(listing);
        self.core.deployments.replace(listing);
        self.last_good.deployments.replace(listing);
        if let Some(identity) = &mut self.identity {
            identity.saw_listing(listing);
        }
        self.take_noted_of(listing);
        let held = self.held_values();
        let lost = || held.iter().map(|(key, (value, modified))| (key.as_str(), value, *modified));
        let routed = listing.entries.iter().filter(|entry| is_routed(entry.key.as_str()));
        let routed = || routed.clone().map(|entry| (entry.key.as_str(), &entry.value, entry.modified));
        self.last_good.replace(routed().chain(lost()));
        if let Some(keyspace) = &mut self.keyspace {
            let entries = routed().chain(lost());
            let mut entries = entries.map(|(key, value, modified)| (key, &value[..], modified));
            keyspace.replace(&mut entries, listing.revision);
        }
        Ok(())
    }

    /// Finds what a listing misses although nobody ordered it; without one, nothing is missed.
    pub fn compare(&mut self, listing: Option<&Listing>) {
        let now = self.core.clock.monotonic();
        match listing {
            Some(listing) => self.losses.compare(listing, self.last_good.values(), now),
            None => self.losses = Losses::default(),
        }
    }

    /// Takes what the watch tells; `true` when that changes what is routed or shown.
    pub fn take_batch(&mut self, batch: &Batch) -> Result<bool, Interruption> {
        let orders = Orders::of(&batch.events);
        let mut deleted: BTreeMap<ReleaseId, Vec<&str>> = BTreeMap::new();
        let mut changed = false;
        if batch.events.iter().any(|event| Kind::of(event.key().as_str()).is_none()) {
            self.core.replica.set_changed_at(batch.revision);
        }
        for event in &batch.events {
            changed |= match event {
                Event::Put(entry) => {
                    self.losses.settle(entry.key.as_str(), "its key is there again") | self.take_put(entry)?
                }
                Event::Deleted { key } => match keys::meaning(key.as_str()) {
                    Some(Meaning::Endpoint(release, _)) => {
                        deleted.entry(release).or_default().push(key.as_str());
                        false
                    }
                    _ if orders.has(key.as_str(), self.last_good.values()) => {
                        self.take_deletion(key.as_str(), batch.revision)?
                    }
                    _ => self.hold(&[key.as_str()]),
                },
            };
        }
        for (release, keys) in deleted {
            changed |= if !orders.counted.contains(&release) && self.would_be_empty(&release, &keys) {
                self.hold(&keys)
            } else {
                self.forget(&keys, batch.revision)?
            };
        }
        Ok(self.carry_out(&orders, batch.revision)? | changed)
    }

    /// Lets go of what the orders are about: an app that was meant to end, endpoints that were removed through the API.
    fn carry_out(&mut self, orders: &Orders, revision: Revision) -> Result<bool, Interruption> {
        if self.losses.is_empty() {
            return Ok(false);
        }
        let good = self.last_good.values();
        let ended = |key: &&str| {
            let about = matches!(
                keys::meaning(key),
                Some(Meaning::Record(_) | Meaning::Settings(_) | Meaning::DefaultApp)
            );
            about && orders.has(key, good)
        };
        let mut gone: Vec<String> = self.losses.keys().filter(ended).map(str::to_owned).collect();
        // Beside an endpoint that is registered, those that are held stay until that one passes its checks.
        for release in orders.counted.difference(&orders.registered) {
            gone.extend(self.losses.endpoints_of(release));
        }
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        self.forget(&gone, revision)
    }

    /// Lets go of endpoints that are registered nowhere and that something speaks against; `true` if there were some.
    pub fn let_go_of_endpoints(&mut self, now: Duration, revision: Revision) -> bool {
        let Some(keyspace) = &self.keyspace else { return false };
        let mut gone: Vec<(String, &'static str)> = Vec::new();
        for release in self.losses.releases() {
            let published = self.core.live.load_full();
            let keys = self.losses.endpoints_of(&release);
            let held =
                Unregistered { keyspace, published: &published, release: &release, losses: &self.losses };
            for key in &keys {
                if let Some(why) = held.end_of(key, self.losses.held_for(key, now)) {
                    tracing::warn!(
                        key,
                        "the endpoint is registered nowhere, and is not served any more: {why}"
                    );
                    gone.push((key.clone(), why));
                }
            }
        }
        for (key, why) in &gone {
            self.losses.settle(key, why);
        }
        let gone: Vec<&str> = gone.iter().map(|(key, _)| key.as_str()).collect();
        !gone.is_empty() && self.forget(&gone, revision).is_ok()
    }

    /// Serves apps without the candidates that were dropped on this router alone. The last good values stay those of the store.
    pub fn serve_local_aborts(&mut self) {
        let Some(keyspace) = &mut self.keyspace else { return };
        let good = self.last_good.values();
        for (app, abort) in self.core.replica.local_aborts.all() {
            let record = good.get(keys::record(&app).as_str());
            let record = record.and_then(|(value, _)| Record::parse(value).ok());
            let Some(event) = record.and_then(|record| abort.decide(&record, &Background::default())) else {
                continue;
            };
            for (key, value) in of_command(&app, &event) {
                let modified = good.get(key.as_str()).map_or(0, |(_, modified)| *modified);
                match value {
                    Some(value) => keyspace.put(&key, &value, modified),
                    None => keyspace.delete(&key, modified),
                }
            }
        }
    }

    /// Whether a release on a track would have no endpoint left without these keys, and those that are held already.
    fn would_be_empty(&self, release: &ReleaseId, deleted: &[&str]) -> bool {
        let Some(keyspace) = &self.keyspace else { return false };
        let held = self.losses.endpoints_of(release);
        let is_left = |container: &str| {
            let key = format!("{release}/{container}");
            !deleted.contains(&key.as_str()) && !held.contains(&key)
        };
        keyspace.is_on_track(release) && !keyspace.containers(release).any(is_left)
    }

    fn hold(&mut self, keys: &[&str]) -> bool {
        let now = self.core.clock.monotonic();
        let good = self.last_good.values();
        // What was never valid is not missed.
        let known: Vec<&str> = keys.iter().copied().filter(|key| good.contains_key(*key)).collect();
        known.iter().for_each(|key| self.losses.hold(key, now));
        !known.is_empty()
    }

    fn forget(&mut self, keys: &[&str], revision: Revision) -> Result<bool, Interruption> {
        let mut changed = false;
        for key in keys {
            self.losses.settle(key, "it was removed by name");
            changed |= self.take_deletion(key, revision)?;
        }
        Ok(changed)
    }

    /// The last good values of what is held.
    fn held_values(&self) -> Vec<(String, (Bytes, Revision))> {
        let good = self.last_good.values();
        let noted = |key| Some((Bytes::from(self.losses.noted_address(key)?.to_string()), 0));
        let value = |key| good.get(key).cloned().or_else(|| noted(key));
        self.losses.keys().filter_map(|key| Some((key.to_owned(), value(key)?))).collect()
    }

    /// Takes what the last process left in the state directory; gives the revision that it had reached, or none when
    /// there is nothing to take.
    pub fn take_saved_table(&mut self) -> Option<Revision> {
        let saved = self.last_good.load()?;
        self.take_pin_format(None);
        self.take_pin_keys(None).ok()?;
        let revision = saved.identity.revision;
        self.core.hooks.replace(&self.last_good.hooks.listing());
        self.core.acme.replace(&self.last_good.certificates.listing());
        access::take_saved(&self.core, &self.last_good);
        self.last_good.take_saved_deployments(&saved);
        self.core.deployments.replace(&self.last_good.deployments.listing());
        if let Some(keyspace) = &mut self.keyspace {
            let entries = saved.entries.iter();
            keyspace.replace(
                &mut entries.map(|(key, value, modified)| (key.as_str(), value.as_bytes(), *modified)),
                revision,
            );
        }
        let bytes = |value: &String| Bytes::copy_from_slice(value.as_bytes());
        let values: Vec<_> =
            saved.entries.iter().map(|(key, value, modified)| (key, bytes(value), *modified)).collect();
        self.last_good.replace(values.iter().map(|(key, value, modified)| (key.as_str(), value, *modified)));
        Some(revision)
    }

    /// The pin keys that this router signs with, or that an earlier process signed with.
    pub fn known_pin_keys(&self) -> Option<PinKeys> {
        self.core.replica.pin_keys().or_else(|| self.last_good.pin_keys().cloned())
    }

    /// The epoch of the store; empty before the first was read.
    pub fn epoch(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| identity.epoch.as_str())
    }

    fn take_put(&mut self, entry: &Entry) -> Result<bool, Interruption> {
        let key = entry.key.as_str();
        match keys::meaning(key) {
            Some(Meaning::Router) => {
                let entry = self.last_good.in_place_of(entry);
                return self.take_router_key(key, Some(&entry));
            }
            Some(Meaning::Event(..)) => {
                if let Some(identity) = &mut self.identity {
                    identity.saw_event(entry);
                }
                return Ok(false);
            }
            Some(Meaning::EndpointEvent(app, number)) => {
                self.core.endpoint_events.note(app, number);
                return Ok(false);
            }
            Some(Meaning::Deployment(app, id)) => {
                self.core.deployments.take(app, id, Some(entry));
                self.last_good.deployments.put(key, Some(entry));
                return Ok(false);
            }
            Some(Meaning::Record(app)) => {
                let is_behind = |seq| self.identity.as_ref().is_some_and(|known| known.is_behind(&app, seq));
                if record_seq(&entry.value).is_some_and(is_behind) {
                    return Err(Interruption::Diverged(format!(
                        "the record of `{app}` went back to an earlier seq"
                    )));
                }
                self.take_noted(&app, entry)?;
            }
            Some(_) => {}
            None => return Ok(false),
        }
        if let Some(keyspace) = &mut self.keyspace {
            keyspace.put(key, &entry.value, entry.modified);
        }
        self.last_good.put(key, Some((entry.value.clone(), entry.modified)));
        Ok(true)
    }

    pub(super) fn take_deletion(&mut self, key: &str, revision: Revision) -> Result<bool, Interruption> {
        match keys::meaning(key) {
            Some(Meaning::Router) => return self.take_router_key(key, None),
            Some(Meaning::Event(..) | Meaning::EndpointEvent(..)) | None => return Ok(false),
            Some(Meaning::Deployment(app, id)) => {
                self.core.deployments.take(app, id, None);
                self.last_good.deployments.put(key, None);
                return Ok(false);
            }
            Some(Meaning::Record(app)) => {
                if let Some(identity) = &mut self.identity {
                    identity.forget(&app);
                }
            }
            Some(_) => {}
        }
        if let Some(keyspace) = &mut self.keyspace {
            keyspace.delete(key, revision);
        }
        self.last_good.put(key, None);
        Ok(true)
    }

    /// The routers' own keys: the epoch must stay, pin keys may be rotated, the rest is about members and hooks.
    fn take_router_key(&mut self, key: &str, entry: Option<&Entry>) -> Result<bool, Interruption> {
        match key {
            EPOCH => {
                let value = entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
                if value.as_deref() != self.identity.as_ref().map(|identity| identity.epoch.as_str()) {
                    return Err(Interruption::Diverged("the store's epoch was changed or deleted".into()));
                }
                Ok(false)
            }
            PIN_FORMAT => {
                self.take_pin_format(entry);
                self.take_pin_keys(None)?;
                Ok(true)
            }
            TOKEN_KEY => {
                // As with pin keys.
                let is_there = entry.is_some_and(|entry| is_sealed(&entry.value));
                if self.take_token_key(entry) || is_there { Ok(false) } else { Err(Interruption::Resync) }
            }
            PIN_KEYS => {
                // Unreadable or deleted keys are written back by the next listing.
                if self.take_stored_pin_keys(entry)? { Ok(true) } else { Err(Interruption::Resync) }
            }
            _ => {
                self.last_good.hooks.keep(key, entry);
                self.last_good.certificates.keep(key, entry);
                let is_access = access::take(&self.core, &mut self.last_good, key, entry);
                self.last_good.hooks_in.keep(key, entry);
                let boards = [is_access, self.core.hooks.take(key, entry), self.core.acme.take(key, entry)];
                if !boards.contains(&true) && !self.core.hooks_in.take(key, entry) {
                    self.core.roster.take(key, entry.map(|entry| &entry.value[..]));
                }
                Ok(matches!(Kind::of(key), Some((Kind::Entry, _))) && self.take_listeners())
            }
        }
    }

    /// No endpoint leads to another member; `true` when these listen elsewhere than before.
    fn take_listeners(&mut self) -> bool {
        let fleet = self.core.roster.listeners();
        if self.core.addresses.load().fleet == fleet {
            return false;
        }
        let addresses = AddressPolicy { fleet, ..self.core.options.addresses.clone() };
        self.core.addresses.store(Arc::new(addresses.clone()));
        if let Some(keyspace) = &mut self.keyspace {
            keyspace.set_addresses(addresses);
        }
        true
    }
}
