//! Releases of which another one has an address: the users of each may get what the other answers.

use std::collections::BTreeMap;

use super::{contents::Keyspace, problem::Problem};
use crate::rollout::{address::Address, app::AppName, release::ReleaseId, table::EndpointKey};

impl Keyspace {
    /// A problem for each release of which another one has an address: one that its app routes as well, or one of another app.
    pub(super) fn shared_addresses(&self) -> Vec<Problem> {
        // The first address of each such release, who else has it, and how many more there are.
        let mut clashes: BTreeMap<&ReleaseId, (Address, &EndpointKey, usize)> = BTreeMap::new();
        for (address, slots) in self.endpoints_by_address.shared() {
            let mut keys: Vec<&EndpointKey> =
                slots.iter().filter_map(|slot| self.table.endpoint_slots.get(slot.0)).collect();
            // What is said does not depend on who came first.
            keys.sort_by_key(|key| (&key.app, &key.release));
            for key in &keys {
                let Some(other) = keys.iter().find(|other| self.is_clash(key, other)) else { continue };
                let clash = clashes.entry(&key.release).or_insert((address, *other, 0));
                clash.2 += usize::from(clash.0 != address);
            }
        }
        let shown = clashes.into_iter().map(|(release, (address, other, more))| {
            let EndpointKey { app, release: theirs, .. } = other;
            let more = if more == 0 { String::new() } else { format!(", and {more} more of its addresses") };
            let allowed = format!(
                "an address of one release only: `{theirs}` of the app `{app}` has this one too{more}, so the users of both get \
                 what answers there. Remove the endpoint from the release that has left it"
            );
            Problem::new(release.as_str(), address.to_string().as_bytes(), allowed)
        });
        shown.collect()
    }

    /// Whether two endpoints of one address are no matter of one release. Within an app, a release that only a rollback goes to
    /// may have the address of one that is routed, as where one port is used in turn.
    fn is_clash(&self, key: &EndpointKey, other: &EndpointKey) -> bool {
        let routes = |app: &AppName, release: &ReleaseId| {
            self.record(app).is_some_and(|record| record.routed().any(|(routed, _)| routed == release))
        };
        key.release != other.release
            && (key.app != other.app || routes(&key.app, &key.release) && routes(&other.app, &other.release))
    }
}
