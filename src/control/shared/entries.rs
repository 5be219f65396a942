//! Keys and entries of the store: the small functions to read and check them that every part needs.

use keyvalues::{Check, Entry, Key, Listing};
use serde::{Serialize, de::DeserializeOwned};

use crate::rollout::{
    app::AppName,
    keys::{self, Meaning},
};

/// Where a store's epoch is kept.
pub const EPOCH: &str = "rolling/router/epoch";

/// Where the mark of an app's end is kept.
const ENDED: &str = "rolling/router/ended/";

/// `rolling/router/ended/<app>`: the mark that an app was meant to end.
pub fn end_mark(app: &AppName) -> String {
    format!("{ENDED}{app}")
}

/// The app whose mark of an end this key is.
pub fn ended_app(key: &str) -> Option<AppName> {
    key.strip_prefix(ENDED)?.parse().ok()
}

/// Whether a key may change what is routed: not events, not the router's own.
pub fn is_routed(key: &str) -> bool {
    !matches!(
        keys::meaning(key),
        None | Some(
            Meaning::Router | Meaning::Event(..) | Meaning::EndpointEvent(..) | Meaning::Deployment(..)
        )
    )
}

/// A key that the router makes. It is valid because its parts were parsed.
pub fn own_key(key: &str) -> Key {
    key.parse().expect("an app's name and a release are made of characters that keys allow")
}

/// A text value of a listing.
pub fn value(listing: &Listing, key: &str) -> Option<String> {
    entry(listing, key).map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
}

/// An entry of a listing, which is ordered by key.
pub fn entry<'a>(listing: &'a Listing, key: &str) -> Option<&'a Entry> {
    let found = listing.entries.binary_search_by(|entry| entry.key.as_str().cmp(key));
    found.ok().map(|index| &listing.entries[index])
}

/// A value as text, less white space around it.
pub fn text(entry: &Entry) -> String {
    String::from_utf8_lossy(&entry.value).trim().to_owned()
}

/// A value as JSON.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("names, numbers and strings are JSON")
}

/// A value from JSON; `None` if the JSON has another form.
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

/// The check that an entry has not changed since it was read.
pub fn unchanged(entry: &Entry) -> Check {
    Check::Unchanged(entry.key.clone(), entry.modified)
}

/// The check that a key is as it was read: with this entry, or without any.
pub fn as_read(entry: Option<&Entry>, key: &str) -> Check {
    entry.map_or_else(|| Check::Absent(own_key(key)), unchanged)
}
