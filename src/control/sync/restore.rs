//! Writing this router's last good state back into a store that fell behind or was lost.
//!
//! The epoch is renewed first, so that no other router follows the store while it is being written, and so that a
//! restore that was cut short can be recognised. Then endpoints are written, then each app in one commit; keys that are not
//! of that state are deleted last.

use std::collections::BTreeMap;

use bytes::Bytes;
use keyvalues::{Check, Key, Listing, Outcome, StoreError, Write};

use super::{
    app_differences, identity::record_seq, interruption::Interruption, kept_deployments::KeptDeployments,
    origin, replaced_app::ReplacedApp, succession::Succession,
};
use crate::{
    control::{
        commands::replacement::Replacer,
        shared::{
            core::Core,
            entries::{EPOCH, ended_app, entry, is_routed, own_key, value},
            error::{ApiError, Kind},
            pin_keys::{self, PIN_KEYS},
            settlement::{RestoreOrder, SettlementCounts},
            store::Values,
        },
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        pin::PinKeys,
    },
};

/// Writes of one commit of endpoints or events.
const BATCH: usize = 90;

/// What a restore writes, in this order.
#[derive(Debug, Default)]
pub struct Restore {
    endpoints: Vec<Write>,
    /// The record, the old keys and the settings of each app.
    apps: BTreeMap<AppName, Vec<Write>>,
    marker: Vec<Write>,
    /// Keys that are not of the last good state, and deployments, which rest on all else.
    leftovers: Vec<Write>,
    /// The epoch of the store, if it is not the one that this router knew.
    foreign: Option<String>,
    settled: SettlementCounts,
}

impl Restore {
    /// Compares the store with the last good keyvalues, which came from a store of this epoch.
    pub fn plan(listing: &Listing, good: &Values, deployments: &KeptDeployments, epoch: &str) -> Self {
        let mut restore = Self {
            foreign: value(listing, EPOCH).filter(|found| is_foreign(found, listing, epoch)),
            settled: SettlementCounts {
                apps: app_differences::between(good, listing),
                ..SettlementCounts::default()
            },
            ..Self::default()
        };
        for (key, (value, _)) in good.iter().chain(deployments.values().into_iter().flat_map(Values::iter)) {
            match entry(listing, key) {
                Some(entry) if entry.value == *value => restore.settled.unchanged += 1,
                _ => restore.add(key, Some(value.clone())),
            }
        }
        for entry in &listing.entries {
            let key = entry.key.as_str();
            if let Some(value) = deployments.unknown(entry).filter(|_| restore.foreign.is_none()) {
                restore.add(key, Some(value.into()));
                continue;
            }
            let is_leftover = match keys::meaning(key) {
                Some(Meaning::Event(app, seq)) => restore.foreign.is_some() || seq > seq_of(good, &app),
                // They say what was so once, in this store too unless it is another one.
                Some(Meaning::EndpointEvent(..)) => restore.foreign.is_some(),
                // An app that is served was not meant to end.
                Some(Meaning::Router) => {
                    ended_app(key).is_some_and(|app| good.contains_key(keys::record(&app).as_str()))
                }
                _ => is_routed(key) && !good.contains_key(key),
            };
            if is_leftover {
                restore.add(key, None);
            }
        }
        restore
    }

    /// How many keys it writes.
    pub fn settled(&self) -> SettlementCounts {
        self.settled.clone()
    }

    /// Refuses to overwrite a store that may belong to other routers, unless `replace` is set.
    pub fn refuse_foreign(&self, replace: bool) -> Result<(), ApiError> {
        let Some(epoch) = self.foreign.as_ref().filter(|_| !replace) else { return Ok(()) };
        let SettlementCounts { written, deleted, .. } = &self.settled;
        let message = format!(
            "the store has another epoch (`{}`), so it may belong to other routers; send `replace`: true to overwrite \
             it: {written} keys would be written and {deleted} deleted",
            epoch.escape_debug()
        );
        Err(ApiError::new(Kind::Refused("another_store"), message))
    }

    /// Asks whether it may be carried out. What an order overrules becomes an event of the app's history.
    pub async fn admit(
        &mut self,
        core: &Core,
        (listing, good): (&Listing, &Values),
        order: &RestoreOrder,
    ) -> Result<(), ApiError> {
        self.refuse_foreign(order.replace || order.dry_run)?;
        let replacer = Replacer::new(order.asker.clone(), order.force)?;
        for replaced in ReplacedApp::all(listing, good, self.foreign.is_some()) {
            let next = replaced.next(&core.addresses.load());
            if let Some(event) = replacer.admit(core, &replaced.name, &next).await? {
                self.overrule(replaced.writes(&event));
            }
        }
        Ok(())
    }

    /// Writes these keys of an app, whatever was to become of them.
    fn overrule(&mut self, (app, writes): (AppName, Vec<Write>)) {
        let is_other = |write: &Write| writes.iter().all(|other| other.key() != write.key());
        self.leftovers.retain(is_other);
        let of_app = self.apps.entry(app).or_default();
        of_app.retain(is_other);
        self.settled.written += 1;
        of_app.extend(writes);
    }

    /// Carries the plan out.
    pub async fn carry_out(
        self,
        core: &Core,
        listing: &Listing,
        pins: Option<&PinKeys>,
    ) -> Result<(), Interruption> {
        // Pin keys are written with the epoch: clients hold pins that were signed with them.
        let pins = pins.map(|pins| Write::put(own_key(PIN_KEYS), pin_keys::encode(pins)));
        let epoch_at = origin::write_epoch(core, listing, pins.into_iter().collect()).await?;
        let held = || vec![Check::Unchanged(own_key(EPOCH), epoch_at)];
        let endpoints = self.endpoints.chunks(BATCH).map(<[Write]>::to_vec);
        let apps = self.apps.into_values();
        let leftovers = self.leftovers.chunks(BATCH).map(<[Write]>::to_vec);
        for writes in endpoints.chain(apps).chain([self.marker]).chain(leftovers) {
            match core.store.commit(held(), writes).await? {
                Outcome::Done(_) => {}
                Outcome::Conflict(_) => {
                    let text = "another router settled the store meanwhile; look at its state";
                    return Err(StoreError::Unreachable(text.into()).into());
                }
                Outcome::Unknown(_) => {
                    let text = "the store did not say whether everything was written; restore it again";
                    return Err(StoreError::Unreachable(text.into()).into());
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, key: &str, value: Option<Bytes>) {
        let Ok(name) = key.parse::<Key>() else { return };
        let write = match value {
            Some(value) => {
                self.settled.written += 1;
                Write::put(name, value)
            }
            None => {
                self.settled.deleted += 1;
                Write::delete(name)
            }
        };
        let deletes = write.value().is_none();
        match keys::meaning(key) {
            Some(
                Meaning::Record(app)
                | Meaning::Settings(app)
                | Meaning::StableId(app)
                | Meaning::CandidateId(app)
                | Meaning::BlendPercent(app)
                | Meaning::Stickyness(app),
            ) => self.apps.entry(app).or_default().push(write),
            Some(Meaning::Endpoint(..) | Meaning::EndpointSet(_)) if !deletes => self.endpoints.push(write),
            Some(Meaning::Null) if !deletes => self.marker.push(write),
            _ => self.leftovers.push(write),
        }
    }
}

/// Whether an epoch is neither the known one nor that of an import into the same store.
fn is_foreign(found: &str, listing: &Listing, known: &str) -> bool {
    found != known && Succession::find(listing, known).is_none()
}

/// The seq of an app in the last good state; 0 when it has none there.
fn seq_of(good: &Values, app: &AppName) -> u64 {
    good.get(keys::record(app).as_str()).and_then(|(value, _)| record_seq(value)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyvalues::Entry;

    use super::*;

    fn listing(entries: &[(&str, &str)]) -> Listing {
        let entry = |(key, value): &(&str, &str)| Entry {
            key: key.parse().unwrap(),
            value: Bytes::copy_from_slice(value.as_bytes()),
            created: 1,
            modified: 1,
            lease: None,
        };
        let mut entries: Vec<Entry> = entries.iter().map(entry).collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Listing { revision: 1, entries }
    }

    fn good(entries: &[(&str, &str)]) -> Values {
        let entry = |(key, value): &(&str, &str)| {
            (Arc::<str>::from(*key), (Bytes::copy_from_slice(value.as_bytes()), 1))
        };
        entries.iter().map(entry).collect()
    }

    const RECORD: &str = "rolling/shop/rollout";
    const ENDPOINT: &str = "apps/shop-1-80/containers/c1";

    #[test]
    fn what_differs_is_written_and_what_is_not_of_the_state_deleted() {
        let state = good(&[(RECORD, r#"{"seq":7}"#), (ENDPOINT, "10.0.0.1:80"), ("rolling/null", "-")]);
        let fallen = listing(&[
            (EPOCH, "e1"),
            (PIN_KEYS, "secret"),
            ("rolling/null", "-"),
            ("rolling/router/ended/shop", "{}"),
            ("rolling/router/ended/other", "{}"),
            (RECORD, r#"{"seq":5}"#),
            ("rolling/shop/events/000000000005", "five"),
            ("rolling/shop/events/000000000008", "of another history"),
            ("rolling/gone/rollout", r#"{"seq":1}"#),
            ("other/key", "not ours"),
        ]);
        let none = KeptDeployments::default();
        let restore = Restore::plan(&fallen, &state, &none, "e1");
        let SettlementCounts { written, deleted, unchanged, apps } = restore.settled();
        assert_eq!((written, deleted, unchanged), (2, 3, 1));
        // What is no record says nothing of an app, and the app differs all the same.
        assert_eq!(apps.iter().map(|differing| differing.app.as_str()).collect::<Vec<_>>(), ["gone", "shop"]);
        assert!(restore.refuse_foreign(false).is_ok());
        let touched = restore.apps.values().flatten().chain(&restore.endpoints).chain(&restore.leftovers);
        let mut touched: Vec<&str> = touched.map(|write| write.key().as_str()).collect();
        touched.sort_unstable();
        let mark = "rolling/router/ended/shop";
        assert_eq!(
            touched,
            [ENDPOINT, "rolling/gone/rollout", mark, "rolling/shop/events/000000000008", RECORD]
        );
    }

    #[test]
    fn a_store_of_another_epoch_is_written_over_only_when_that_is_meant() {
        let theirs = listing(&[(EPOCH, "e2"), ("rolling/theirs/rollout", r#"{"seq":1}"#)]);
        let none = KeptDeployments::default();
        let restore = Restore::plan(&theirs, &good(&[(RECORD, r#"{"seq":7}"#)]), &none, "e1");
        let refused = restore.refuse_foreign(false).unwrap_err();
        assert!(refused.message().contains("1 keys would be written and 1 deleted"), "{refused:?}");
        assert!(restore.refuse_foreign(true).is_ok());
        let empty = Restore::plan(&listing(&[]), &good(&[(RECORD, r#"{"seq":7}"#)]), &none, "e1");
        assert!(empty.refuse_foreign(false).is_ok(), "an empty store is nobody's");
    }
}
