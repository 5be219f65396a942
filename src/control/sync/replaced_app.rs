//! An app that a restore would make something else than the store says: more than a loss that is mended.
//!
//! A store that fell, or lost an app, gets back what it had. In a store of another epoch, and where others went on since, the
//! same writes replace what people decided there.

use keyvalues::{Entry, Listing, Write};

use super::identity::record_seq;
use crate::{
    control::{
        commands::{
            release_endpoints::{ReleaseEndpoints, prefixes, valid_endpoints},
            replacement::NextApp,
        },
        shared::{
            entries::{entry, own_key},
            store::Values,
        },
    },
    rollout::{
        app::AppName,
        commit::of_command,
        endpoint::AddressPolicy,
        keys::{self, Meaning},
        record::{HistoryEvent, Record},
        settings::Settings,
        unknown_fields,
    },
};

/// The app, and the last good values.
pub struct ReplacedApp<'a> {
    pub name: AppName,
    good: &'a Values,
}

impl<'a> ReplacedApp<'a> {
    /// Those of a listing. `foreign`: the store has another epoch.
    pub fn all(listing: &Listing, good: &'a Values, foreign: bool) -> Vec<Self> {
        let named = |stored: &Entry| match keys::meaning(stored.key.as_str())? {
            Meaning::Record(name) => Some(Self { name, good }),
            _ => None,
        };
        let apps = listing.entries.iter().filter_map(named);
        apps.filter(|app| app.is_replaced(listing, foreign)).collect()
    }

    fn is_replaced(&self, listing: &Listing, foreign: bool) -> bool {
        let key = keys::record(&self.name);
        let Some(stored) = entry(listing, &key) else { return false };
        let good = self.value(&key);
        let seq = |value: &[u8]| record_seq(value).unwrap_or(0);
        let went_on = good.is_none_or(|good| seq(&stored.value) > seq(good));
        good != Some(&stored.value[..]) && (foreign || went_on)
    }

    fn value(&self, key: &str) -> Option<&'a [u8]> {
        self.good.get(key).map(|(value, _)| &value[..])
    }

    fn record(&self) -> Option<Record> {
        Record::parse(self.value(&keys::record(&self.name))?).ok()
    }

    /// What it becomes.
    pub fn next(&self, policy: &AddressPolicy) -> NextApp {
        let record = self.record();
        let settings = self.value(&keys::settings(&self.name)).and_then(|json| Settings::read(json).ok());
        let stable = record.as_ref().and_then(Record::stable_release).cloned();
        let endpoints = stable.map(|stable| {
            let prefixes = prefixes(&stable);
            let own = |(key, (value, modified)): (&std::sync::Arc<str>, &(bytes::Bytes, u64))| {
                let modified = *modified;
                let key =
                    prefixes.iter().any(|prefix| key.starts_with(prefix)).then(|| key.parse().ok())??;
                Some(Entry { key, value: value.clone(), created: modified, modified, lease: None })
            };
            let listing = Listing { revision: 0, entries: self.good.iter().filter_map(own).collect() };
            valid_endpoints(ReleaseEndpoints::of(&stable, &listing).containers(), policy)
        });
        NextApp {
            record,
            settings: settings.unwrap_or_default(),
            endpoints: endpoints.into_iter().flatten().collect(),
            // The history stays the store's own.
            stables: Vec::new(),
        }
    }

    /// What is written of it instead, with this event.
    pub fn writes(&self, event: &HistoryEvent) -> (AppName, Vec<Write>) {
        let key = keys::record(&self.name);
        let kept = |(written, value): (String, Option<Vec<u8>>)| {
            let value = match (self.value(&key), self.record()) {
                (Some(good), Some(read)) if written == key => {
                    value.map(|value| unknown_fields::keep(good, &read, value))
                }
                _ => value,
            };
            match value {
                Some(value) => Write::put(own_key(&written), value),
                None => Write::delete(own_key(&written)),
            }
        };
        (self.name.clone(), of_command(&self.name, event).into_iter().map(kept).collect())
    }
}
