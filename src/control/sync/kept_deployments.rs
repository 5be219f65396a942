//! The deployments as they were last read, kept beside the last good table: a store that was lost gets them back, with the
//! environments that nobody else has. No route depends on them, so they are in no table.
//!
//! What a restore makes of them is decided here. A deployment that this router knows is written as it was. One that it does not
//! know was removed since, or was made by somebody whose work the restore undoes: its containers, if there are any, go with it. In
//! the store of others it stays, since nobody but them can say what runs at their engines.

use std::sync::Arc;

use bytes::Bytes;
use keyvalues::{Entry, Listing, sealed::is_sealed};

use super::kept_entries::listing;
use crate::{
    control::shared::{entries::encode, store::Values},
    rollout::{
        deployment::record::{Deployment, DesiredState},
        keys::{self, Meaning},
        unknown_fields,
    },
};

/// The deployments last known.
#[derive(Debug, Default)]
pub struct KeptDeployments {
    /// None: nothing is known of them.
    values: Option<Values>,
    /// They have changed since they were written to disk.
    pub is_dirty: bool,
}

impl KeptDeployments {
    /// Those that were read from disk.
    pub fn of(values: Option<Values>) -> Self {
        Self { values, is_dirty: false }
    }

    /// By key, with the revision of each; none: nothing is known of them.
    pub fn values(&self) -> Option<&Values> {
        self.values.as_ref()
    }

    /// As a store would list them.
    pub fn listing(&self) -> Listing {
        let all = self.values.iter().flat_map(Values::iter);
        listing(all.map(|(key, (value, modified))| (key, value.clone(), *modified)))
    }

    /// Takes a whole listing, in place of all.
    pub fn replace(&mut self, listing: &Listing) {
        let entries = listing.entries.iter().filter(|entry| is_deployment(entry));
        let values =
            entries.map(|entry| (Arc::<str>::from(entry.key.as_str()), (self.value(entry), entry.modified)));
        let values: Values = values.collect();
        self.is_dirty |= self.values.as_ref() != Some(&values);
        self.values = Some(values);
    }

    /// Takes what became of one (`None`: it is gone).
    pub fn put(&mut self, key: &str, entry: Option<&Entry>) {
        let value = entry.map(|entry| (self.value(entry), entry.modified));
        let Some(values) = &mut self.values else { return };
        match value {
            Some(value) => drop(values.insert(key.into(), value)),
            None => drop(values.remove(key)),
        }
        self.is_dirty = true;
    }

    /// The value of an entry; one that is encrypted and cannot be read does not take the place of the last one that could.
    fn value(&self, entry: &Entry) -> Bytes {
        let known = self.values.as_ref().filter(|_| is_sealed(&entry.value));
        let known = known.and_then(|values| values.get(entry.key.as_str()));
        known.map_or_else(|| entry.value.clone(), |(value, _)| value.clone())
    }

    /// What a restore writes in the place of what a store holds of a deployment that is not known here; none: it stays.
    pub fn unknown(&self, entry: &Entry) -> Option<Vec<u8>> {
        let values = self.values.as_ref()?;
        let Some(Meaning::Deployment(app, id)) = keys::meaning(entry.key.as_str()) else { return None };
        let stored = Deployment::parse(&entry.value, &app, &id).ok()?;
        if values.contains_key(entry.key.as_str()) || stored.run.is_none() {
            return None;
        }
        let removed = Deployment { desired: DesiredState::Removed, ..stored.clone() };
        (removed != stored).then(|| unknown_fields::keep(&entry.value, &stored, encode(&removed)))
    }
}

fn is_deployment(entry: &Entry) -> bool {
    matches!(keys::meaning(entry.key.as_str()), Some(Meaning::Deployment(..)))
}
