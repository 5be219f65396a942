//! The board of hooks in: what the store holds of them and of their deliveries, as the watch told it. Only the task that
//! follows the store writes it.

use std::{collections::BTreeMap, sync::Arc};

use keyvalues::{Entry, Listing, Revision};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{
    delivery::{DELIVERIES_IN_PREFIX, InDelivery, of_key},
    hook_in::{HOOKS_IN_PREFIX, HookIn},
};
use crate::control::{
    limits::HOOK_IN_BODIES_MAX,
    shared::{entries::decode, hooks::hook::HookName},
};

/// A hook in, in the store.
#[derive(Debug)]
pub struct StoredHookIn {
    pub revision: Revision,
    /// The hook, or why its value cannot be read.
    pub hook: Result<HookIn, String>,
}

/// Everything that is known of all hooks in.
#[derive(Debug)]
pub struct HookInBoard {
    stored: Mutex<Stored>,
    /// Places for bodies of whom nobody knows yet.
    pub bodies: Semaphore,
}

#[derive(Debug, Default)]
struct Stored {
    version: u64,
    hooks: BTreeMap<HookName, Arc<StoredHookIn>>,
    deliveries: BTreeMap<HookName, BTreeMap<String, InDelivery>>,
}

impl Default for HookInBoard {
    fn default() -> Self {
        Self { stored: Mutex::default(), bodies: Semaphore::new(HOOK_IN_BODIES_MAX) }
    }
}

impl HookInBoard {
    /// Takes a whole listing, in place of everything.
    pub fn replace(&self, listing: &Listing) {
        let mut fresh = Stored { version: self.version() + 1, ..Stored::default() };
        for entry in &listing.entries {
            fresh.take(entry.key.as_str(), Some(entry));
        }
        *self.stored.lock() = fresh;
    }

    /// Takes one write or deletion; `false` when the key is not about hooks in.
    pub fn take(&self, key: &str, entry: Option<&Entry>) -> bool {
        self.stored.lock().take(key, entry)
    }

    /// How many changes there were.
    pub fn version(&self) -> u64 {
        self.stored.lock().version
    }

    pub fn names(&self) -> Vec<HookName> {
        self.stored.lock().hooks.keys().cloned().collect()
    }

    pub fn hook(&self, name: &HookName) -> Option<Arc<StoredHookIn>> {
        self.stored.lock().hooks.get(name).cloned()
    }

    /// One delivery.
    pub fn delivery(&self, name: &HookName, delivery: &str) -> Option<InDelivery> {
        self.stored.lock().deliveries.get(name)?.get(delivery).cloned()
    }

    /// All deliveries to a hook, newest first.
    pub fn deliveries(&self, name: &HookName) -> Vec<(String, InDelivery)> {
        let stored = self.stored.lock();
        let of_hook = stored.deliveries.get(name).into_iter().flatten();
        let mut all: Vec<_> = of_hook.map(|(id, delivery)| (id.clone(), delivery.clone())).collect();
        all.sort_by_key(|(_, delivery)| std::cmp::Reverse(delivery.at));
        all
    }
}

impl Stored {
    fn take(&mut self, key: &str, entry: Option<&Entry>) -> bool {
        if let Some(name) = key.strip_prefix(HOOKS_IN_PREFIX) {
            if let Ok(name) = name.parse() {
                match entry {
                    Some(entry) => drop(self.hooks.insert(name, Arc::new(StoredHookIn::of(entry)))),
                    None => drop(self.hooks.remove(&name)),
                }
            }
        } else if key.starts_with(DELIVERIES_IN_PREFIX) {
            if let Some((hook, name)) = of_key(key) {
                let of_hook = self.deliveries.entry(hook.clone()).or_default();
                match entry {
                    Some(entry) => drop(of_hook.insert(name, decode(&entry.value).unwrap_or_default())),
                    None => drop(of_hook.remove(&name)),
                }
                if of_hook.is_empty() {
                    self.deliveries.remove(&hook);
                }
            }
        } else {
            return false;
        }
        self.version += 1;
        true
    }
}

impl StoredHookIn {
    /// Reads a stored hook.
    pub fn of(entry: &Entry) -> Self {
        let hook = serde_json::from_slice(&entry.value).map_err(|error| error.to_string());
        Self { revision: entry.modified, hook }
    }
}
