//! The endpoints of a release as commands and calls of the API change them: by container, and all at once.
//!
//! Each endpoint is a key of its own, `apps/<segment>/containers/<container>`. A set that has more of them than one commit
//! takes is written as one value first, `apps/<segment>/set`, and counts from then on; its keys follow. The same value says
//! how often the endpoints were changed, so that two changes at once cannot overwrite each other.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

/// Addresses as they are stored, by container.
pub type Containers = BTreeMap<String, String>;

/// What an endpoint is called that is registered without a container: as its address is written. The key of a path in the file system
/// has `%2F` for `/`, which no path has.
pub fn container_at(address: &str) -> Cow<'_, str> {
    if address.contains('/') { address.replace('/', "%2F").into() } else { address.into() }
}

/// What `apps/<segment>/set` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSet {
    /// How often the endpoints were changed through the API; it is their ETag.
    pub count: u64,
    /// Containers that were registered by their own names through the API. Others of its endpoints are named by address.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub registered: BTreeSet<String>,
    /// Endpoints that count instead of the keys below `containers/`, until these say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingSet>,
}

/// Endpoints whose keys are still to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSet {
    /// The id of the router that writes them.
    pub by: String,
    /// The whole set.
    pub endpoints: Containers,
}

/// A change of the endpoints of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointChange {
    /// A key of an old script: this container is at this address.
    PutRaw {
        /// The container.
        container: String,
        /// Its address.
        address: String,
    },
    /// The same through the API.
    Add {
        /// The container.
        container: String,
        /// Its address.
        address: String,
    },
    /// This container is gone.
    Remove {
        /// The container.
        container: String,
    },
    /// The container of this name is gone, or else whichever has this address.
    RemoveNamed {
        /// A container or an address.
        name: String,
    },
    /// These are all that are registered through the API.
    Replace {
        /// The addresses.
        addresses: Vec<String>,
    },
    /// None is left.
    RemoveAll,
}

impl EndpointSet {
    /// Parses the stored JSON.
    ///
    /// # Errors
    /// The value is not such a set; the text says what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| format!("what the router writes there: {error}"))
    }

    /// The JSON that is stored.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers have a JSON form")
    }

    /// Whether an endpoint was registered through the API, and not by an old script.
    fn is_registered(&self, container: &str, address: &str) -> bool {
        container == container_at(address) || self.registered.contains(container)
    }

    /// The endpoints after a change, and what this value is then. Nothing of it is pending yet.
    pub fn after(&self, now: &Containers, change: &EndpointChange) -> (Containers, Self) {
        let mut next = now.clone();
        let mut registered = self.registered.clone();
        match change {
            EndpointChange::PutRaw { container, address } => {
                registered.remove(container);
                next.insert(container.clone(), address.clone());
            }
            EndpointChange::Add { container, address } => {
                if *container != container_at(address) {
                    registered.insert(container.clone());
                }
                next.insert(container.clone(), address.clone());
            }
            EndpointChange::Remove { container } => {
                registered.remove(container);
                next.remove(container);
            }
            EndpointChange::RemoveNamed { name } => {
                if next.remove(&*container_at(name)).is_none() {
                    next.retain(|_, address| address != name);
                }
                registered.retain(|container| next.contains_key(container));
            }
            EndpointChange::Replace { addresses } => {
                next.retain(|container, address| !self.is_registered(container, address));
                let kept: BTreeSet<String> = next.values().cloned().collect();
                let new = addresses.iter().filter(|address| !kept.contains(*address));
                next.extend(new.map(|address| (container_at(address).into_owned(), address.clone())));
                registered.clear();
            }
            EndpointChange::RemoveAll => {
                next.clear();
                registered.clear();
            }
        }
        (next, Self { count: self.count + 1, registered, pending: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn containers(entries: &[(&str, &str)]) -> Containers {
        entries.iter().map(|(container, address)| ((*container).into(), (*address).into())).collect()
    }

    fn replace(addresses: &[&str]) -> EndpointChange {
        EndpointChange::Replace { addresses: addresses.iter().map(|&address| address.into()).collect() }
    }

    #[test]
    fn a_command_replaces_what_the_api_registered_and_nothing_else() {
        let set = EndpointSet { count: 4, registered: ["r1".to_owned()].into(), pending: None };
        let now = containers(&[("c1", "10.0.0.1:80"), ("r1", "10.0.0.2:80"), ("10.0.0.3:80", "10.0.0.3:80")]);
        let (next, after) = set.after(&now, &replace(&["10.0.0.9:80", "10.0.0.1:80"]));
        assert_eq!(next, containers(&[("c1", "10.0.0.1:80"), ("10.0.0.9:80", "10.0.0.9:80")]));
        assert_eq!((after.count, after.registered.len()), (5, 0));
    }

    #[test]
    fn a_replica_that_adds_itself_under_a_new_address_leaves_no_old_one_behind() {
        let add = |address: &str| EndpointChange::Add { container: "r1".into(), address: address.into() };
        let (now, set) = EndpointSet::default().after(&Containers::new(), &add("10.0.0.1:80"));
        let (now, set) = set.after(&now, &add("10.0.0.1:81"));
        assert_eq!(now, containers(&[("r1", "10.0.0.1:81")]));
        assert_eq!((set.count, set.registered.len()), (2, 1));
        let (now, set) = set.after(&now, &EndpointChange::Remove { container: "r1".into() });
        assert_eq!((now.len(), set.registered.len()), (0, 0));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let endpoints = containers(&[("[fd00::1]:80", "[fd00::1]:80")]);
        let pending = Some(PendingSet { by: "n1".into(), endpoints });
        let set = EndpointSet { count: 1, registered: BTreeSet::new(), pending };
        assert_eq!(EndpointSet::parse(&set.to_json()), Ok(set));
        assert!(EndpointSet::parse(b"10.0.0.1:80").is_err());
    }
}
