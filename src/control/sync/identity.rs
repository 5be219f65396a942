//! Which store this is, and how far this router has read it: that tells an outage from another or an older store.
//!
//! A router that followed a wiped, swapped or restored store would take what is missing there for orders. So it
//! remembers the store's epoch, the newest revision and the newest event of each app, and stops following when one of
//! them does not fit (docs/design.md section 9).

use std::collections::BTreeMap;

use keyvalues::{Entry, Epoch, Listing, Revision};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    control::shared::{
        entries::{EPOCH, entry, value},
        hex::hex,
    },
    limits::EVENTS_MAX,
    rollout::{
        app::AppName,
        keys::{self, Meaning},
    },
};

/// One store, as far as this router has read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The value at [`EPOCH`].
    pub epoch: String,
    /// What the store's server calls this lifetime of its contents.
    pub own: String,
    /// The newest revision read.
    pub revision: Revision,
    /// The newest event read of each app: seq and digest.
    pub events: BTreeMap<AppName, (u64, String)>,
}

impl Identity {
    /// A store met for the first time.
    pub fn new(epoch: String, own: &Epoch) -> Self {
        Self { epoch, own: own.0.clone(), revision: 0, events: BTreeMap::new() }
    }

    /// Why a listing cannot be from this store at this or a later time; none: it can.
    pub fn contradiction(&self, listing: &Listing, own: &Epoch) -> Option<String> {
        let epoch = value(listing, EPOCH);
        if epoch.as_deref() != Some(self.epoch.as_str()) {
            let found = epoch.unwrap_or_else(|| "none".to_owned());
            return Some(format!(
                "the store's epoch is `{found}`, and this router's table is from the epoch `{}`",
                self.epoch
            ));
        }
        if own.0 != self.own {
            return Some(format!("the store's own epoch is `{}`, and was `{}`", own.0, self.own));
        }
        if listing.revision < self.revision {
            return Some(format!(
                "the store is at revision {}, and was already at {}",
                listing.revision, self.revision
            ));
        }
        self.events.iter().find_map(|(app, seen)| event_contradiction(listing, app, seen))
    }

    /// Remembers a whole listing: its revision, and the event that made each record.
    pub fn saw_listing(&mut self, listing: &Listing) {
        self.saw(listing.revision);
        self.events.retain(|app, _| entry(listing, &keys::record(app)).is_some());
        for stored in &listing.entries {
            let Some(Meaning::Record(app)) = keys::meaning(stored.key.as_str()) else { continue };
            let event = record_seq(&stored.value)
                .and_then(|seq| Some((seq, digest(&entry(listing, &keys::event(&app, seq))?.value))));
            self.events.extend(event.map(|event| (app, event)));
        }
    }

    /// Remembers a revision.
    pub fn saw(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
    }

    /// Remembers an event, if the entry is one.
    pub fn saw_event(&mut self, entry: &Entry) {
        let Some(Meaning::Event(app, seq)) = keys::meaning(entry.key.as_str()) else { return };
        if self.events.get(&app).is_none_or(|(newest, _)| *newest <= seq) {
            self.events.insert(app, (seq, digest(&entry.value)));
        }
    }

    /// Forgets an app that has ended: its next record starts from seq 1.
    pub fn forget(&mut self, app: &AppName) {
        self.events.remove(app);
    }

    /// Whether a record with this seq is older than the app's newest event.
    pub fn is_behind(&self, app: &AppName, seq: u64) -> bool {
        self.events.get(app).is_some_and(|(newest, _)| seq < *newest)
    }
}

/// The seq of a stored record; `None` when it cannot be read.
pub fn record_seq(value: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Seq {
        seq: u64,
    }
    serde_json::from_slice::<Seq>(value).ok().map(|record| record.seq)
}

fn event_contradiction(listing: &Listing, app: &AppName, (seq, seen): &(u64, String)) -> Option<String> {
    // Without a record the app has ended. A record that cannot be read proves nothing.
    let newest = record_seq(&entry(listing, &keys::record(app))?.value)?;
    if newest < *seq {
        return Some(format!("the record of `{app}` is at seq {newest}, and was already at {seq}"));
    }
    if newest - seq >= EVENTS_MAX {
        return None;
    }
    match entry(listing, &keys::event(app, *seq)) {
        Some(event) if digest(&event.value) == *seen => None,
        Some(_) => Some(format!("event {seq} of `{app}` is not the one that this router read")),
        // A fall has other events, or an older record. What is missing alone was deleted: a loss of this app.
        None => {
            tracing::error!(%app, seq, "an event of the app's history was deleted in the store");
            None
        }
    }
}

fn digest(value: &[u8]) -> String {
    hex(&Sha256::digest(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(revision: Revision, entries: &[(&str, &str)]) -> Listing {
        let mut entries: Vec<Entry> = entries
            .iter()
            .map(|(key, value)| Entry {
                key: key.parse().unwrap(),
                value: (*value).to_owned().into(),
                created: 1,
                modified: revision,
                lease: None,
            })
            .collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Listing { revision, entries }
    }

    const RECORD: &str = "rolling/shop/rollout";
    const EVENT: &str = "rolling/shop/events/000000000007";

    fn seen() -> (Identity, Epoch) {
        let own = Epoch("file-1".into());
        let mut identity = Identity::new("e1".into(), &own);
        let first = listing(40, &[(EPOCH, "e1"), (RECORD, r#"{"seq":7}"#), (EVENT, "seven")]);
        identity.saw_listing(&first);
        (identity, own)
    }

    #[test]
    fn the_same_store_at_a_later_time_fits() {
        let (identity, own) = seen();
        let later = [(EPOCH, "e1"), (RECORD, r#"{"seq":8}"#), (EVENT, "seven")];
        assert_eq!(identity.contradiction(&listing(41, &later), &own), None);
        assert_eq!(identity.contradiction(&listing(41, &[(EPOCH, "e1")]), &own), None, "the app was deleted");
        let much_later = [(EPOCH, "e1"), (RECORD, r#"{"seq":1007}"#)];
        assert_eq!(identity.contradiction(&listing(5_000, &much_later), &own), None, "the event was dropped");
    }

    #[test]
    fn another_or_an_older_store_does_not() {
        let (identity, own) = seen();
        let whole = [(EPOCH, "e1"), (RECORD, r#"{"seq":8}"#), (EVENT, "seven")];
        let differs = |listing: Listing| identity.contradiction(&listing, &own).is_some();
        assert!(differs(listing(41, &[])), "an empty store");
        assert!(differs(listing(41, &[(EPOCH, "e2"), whole[1], whole[2]])), "another epoch");
        assert!(differs(listing(39, &whole)), "an older revision");
        assert!(differs(listing(41, &[whole[0], (RECORD, r#"{"seq":6}"#)])), "an older record");
        assert!(differs(listing(41, &[whole[0], whole[1], (EVENT, "other")])), "another event");
        assert!(!differs(listing(41, &[whole[0], whole[1]])), "a missing event is a loss of the app");
        assert!(identity.contradiction(&listing(41, &whole), &Epoch("file-2".into())).is_some());
    }
}
