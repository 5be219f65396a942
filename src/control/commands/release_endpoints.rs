//! The endpoints of a release as the store holds them: the keys below `containers/`, or the set that counts instead of them.

use std::collections::BTreeSet;

use keyvalues::{Check, Entry, Listing, Revision, Write};

use crate::{
    control::{
        limits::ENDPOINTS_PER_COMMIT_MAX,
        shared::{
            core::Core,
            entries::{as_read, entry, own_key, text},
            error::ApiError,
        },
    },
    rollout::{
        endpoint::{AddressPolicy, Endpoint},
        endpoint_set::{Containers, EndpointSet, PendingSet},
        keys::{self, Meaning},
        release::ReleaseId,
        unknown_fields,
    },
};

/// One reading of the endpoints of a release.
#[derive(Debug, Clone)]
pub struct ReleaseEndpoints {
    pub release: ReleaseId,
    /// The keys below `containers/`.
    keys: Containers,
    /// What says how often they were changed, and what is pending. A value that cannot be read counts as none.
    pub set: EndpointSet,
    set_entry: Option<Entry>,
    /// The newest revision among these keys.
    modified: Revision,
    /// The store's revision at this reading.
    pub read_at: Revision,
}

impl ReleaseEndpoints {
    pub async fn read(core: &Core, release: &ReleaseId) -> Result<Self, ApiError> {
        let [keys, set] = prefixes(release);
        Ok(Self::of(release, &core.store.list(&[&keys, &set]).await?))
    }

    /// Of a listing that has them all.
    pub fn of(release: &ReleaseId, listing: &Listing) -> Self {
        let set_entry = entry(listing, &keys::endpoint_set(release)).cloned();
        let set = set_entry.as_ref().and_then(|entry| EndpointSet::parse(&entry.value).ok());
        let own = |entry: &Entry| match keys::meaning(entry.key.as_str())? {
            Meaning::Endpoint(of, container) if of == *release => Some((container, text(entry))),
            _ => None,
        };
        Self {
            release: release.clone(),
            keys: listing.entries.iter().filter_map(own).collect(),
            set: set.unwrap_or_default(),
            set_entry,
            modified: listing.entries.iter().map(|entry| entry.modified).max().unwrap_or(0),
            read_at: listing.revision,
        }
    }

    /// What counts: addresses as they are stored, by container.
    pub fn containers(&self) -> &Containers {
        self.set.pending.as_ref().map_or(&self.keys, |pending| &pending.endpoints)
    }

    /// The newest revision among their keys: a router that serves it serves all of this reading.
    pub fn modified(&self) -> Revision {
        self.modified
    }

    /// Whether these endpoints were ever changed through the API as those of a release that some app routes.
    pub fn is_counted(&self) -> bool {
        self.set_entry.is_some()
    }

    /// Holds a commit to this reading, as far as the API changes endpoints.
    pub fn check(&self) -> Check {
        as_read(self.set_entry.as_ref(), &keys::endpoint_set(&self.release))
    }

    /// What makes these the endpoints. More than fit a commit are written as one value, which counts at once; `node` then
    /// writes their keys.
    pub fn writes(&self, next: Containers, set: EndpointSet, node: &str) -> Vec<Write> {
        let key = own_key(&keys::endpoint_set(&self.release));
        let mut writes = self.key_writes(&next);
        if writes.len() > ENDPOINTS_PER_COMMIT_MAX {
            let pending = Some(PendingSet { by: node.to_owned(), endpoints: next });
            return vec![Write::put(key, self.kept(&EndpointSet { pending, ..set }))];
        }
        // Also of none left: the count is what tells an order from a loss.
        writes.push(Write::put(key, self.kept(&set)));
        writes
    }

    /// A value for the set's key, with what a newer version says in it.
    fn kept(&self, set: &EndpointSet) -> Vec<u8> {
        match &self.set_entry {
            Some(entry) => unknown_fields::keep(&entry.value, &self.set, set.to_json()),
            None => set.to_json(),
        }
    }

    /// The writes by which the keys below `containers/` become these: new ones first.
    pub fn key_writes(&self, next: &Containers) -> Vec<Write> {
        let key = |container: &str| own_key(&format!("{}/{container}", self.release));
        let new = next.iter().filter(|(container, address)| self.keys.get(*container) != Some(address));
        let gone = self.keys.keys().filter(|container| !next.contains_key(*container));
        let puts = new.map(|(container, address)| Write::put(key(container), address.clone()));
        puts.chain(gone.map(|container| Write::delete(key(container)))).collect()
    }
}

/// The valid endpoints among those that are stored.
pub fn valid_endpoints(containers: &Containers, policy: &AddressPolicy) -> BTreeSet<Endpoint> {
    containers.values().filter_map(|text| policy.parse_endpoint(text).ok()).collect()
}

/// Where the endpoints of a release are stored.
pub fn prefixes(release: &ReleaseId) -> [String; 2] {
    [format!("{release}/"), keys::endpoint_set(release)]
}

/// A listing as its keys would be if every set had been written out; the sets themselves are left out.
pub fn written_out(entries: Vec<Entry>) -> Vec<Entry> {
    let (sets, mut others): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| is_set(entry.key.as_str()));
    for stored in sets {
        let Some(Meaning::EndpointSet(release)) = keys::meaning(stored.key.as_str()) else { continue };
        let Some(pending) = EndpointSet::parse(&stored.value).ok().and_then(|set| set.pending) else {
            continue;
        };
        let prefix = format!("{release}/");
        others.retain(|entry| !entry.key.as_str().starts_with(&prefix));
        let written = |(container, address): (String, String)| {
            let key = format!("{prefix}{container}").parse().ok()?;
            Some(Entry { key, value: address.into(), ..stored.clone() })
        };
        others.extend(pending.endpoints.into_iter().filter_map(written));
    }
    others.sort_by(|one, other| one.key.cmp(&other.key));
    others
}

/// Whether a key is the router's own beside the endpoints of a release.
pub fn is_set(key: &str) -> bool {
    matches!(keys::meaning(key), Some(Meaning::EndpointSet(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(entries: &[(&str, &str)]) -> Listing {
        let entry = |(key, value): &(&str, &str)| Entry {
            key: key.parse().unwrap(),
            value: (*value).to_owned().into(),
            created: 1,
            modified: 1,
            lease: None,
        };
        let mut entries: Vec<Entry> = entries.iter().map(entry).collect();
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        Listing { revision: 7, entries }
    }

    fn release() -> ReleaseId {
        "apps/shop-1-80/containers".parse().unwrap()
    }

    fn many(count: usize) -> Containers {
        (0..count)
            .map(|n| format!("10.0.{}.{}:80", n / 200, n % 200 + 1))
            .map(|at| (at.clone(), at))
            .collect()
    }

    #[test]
    fn a_small_set_is_its_keys_and_a_large_one_is_a_value_that_counts_at_once() {
        let listed = listing(&[("apps/shop-1-80/containers/c1", "10.9.0.1:80")]);
        let now = ReleaseEndpoints::of(&release(), &listed);
        let small = now.writes(many(ENDPOINTS_PER_COMMIT_MAX - 1), EndpointSet::default(), "n1");
        assert_eq!(small.len(), ENDPOINTS_PER_COMMIT_MAX + 1, "the new keys, the old one, and the count");
        let large = now.writes(many(ENDPOINTS_PER_COMMIT_MAX), EndpointSet::default(), "n1");
        assert_eq!(large.len(), 1);
        let value = String::from_utf8(large[0].value().unwrap().to_vec()).unwrap();
        let after =
            listing(&[("apps/shop-1-80/containers/c1", "10.9.0.1:80"), ("apps/shop-1-80/set", &value)]);
        let read = ReleaseEndpoints::of(&release(), &after);
        assert_eq!(read.containers(), &many(ENDPOINTS_PER_COMMIT_MAX));
        assert_eq!(read.key_writes(read.containers()).len(), ENDPOINTS_PER_COMMIT_MAX + 1);
    }

    #[test]
    fn whoever_lists_keys_sees_what_counts_and_no_set() {
        let set = EndpointSet {
            count: 1,
            pending: Some(PendingSet { by: "n1".into(), endpoints: many(2) }),
            ..EndpointSet::default()
        };
        let set = String::from_utf8(set.to_json()).unwrap();
        let listed = listing(&[
            ("apps/shop-1-80/containers/c1", "10.9.0.1:80"),
            ("apps/shop-1-80/set", &set),
            ("apps/shop-2-80/containers/c1", "10.9.0.2:80"),
            ("apps/shop-2-80/set", r#"{"count":3}"#),
        ]);
        let seen: Vec<String> =
            written_out(listed.entries).iter().map(|entry| entry.key.to_string()).collect();
        let keys = [
            "apps/shop-1-80/containers/10.0.0.1:80",
            "apps/shop-1-80/containers/10.0.0.2:80",
            "apps/shop-2-80/containers/c1",
        ];
        assert_eq!(seen, keys);
    }
}
