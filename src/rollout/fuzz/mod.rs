//! Entry points for fuzzing: stored values, as anybody with the store's password may write them.
//!
//! Each panics when something that must always hold does not.

#[cfg(test)]
mod tests;

use super::{
    endpoint::AddressPolicy,
    keyspace::{Keyspace, KeyspaceOptions},
    pin::{PinFormat, PinKey, PinKeys},
    settings::Settings,
};

/// An app's settings: what is taken is the same again after it was written.
pub fn settings(bytes: &[u8]) {
    let Ok(settings) = Settings::parse(bytes) else { return };
    let json = serde_json::to_vec(&settings).expect("settings have a JSON form");
    let again = Settings::parse(&json);
    assert!(again.as_ref() == Ok(&settings), "{again:?} is not {settings:?}");
}

/// Lines `key value`, put one after the other: whatever stands there, a table is built, each endpoint in it is allowed, what
/// is not taken is shown, and nothing is left once every key is deleted.
pub fn stored_values(bytes: &[u8]) {
    let current = PinKey { id: 1, secret: [7; 16] };
    let pin_keys = PinKeys { next: None, current, previous: None };
    let own = "127.0.0.1:80".parse().expect("an address");
    let addresses = AddressPolicy { own: vec![own], ..AddressPolicy::default() };
    let allowed = addresses.clone();
    let options = KeyspaceOptions {
        default_app: None,
        addresses,
        pin_keys,
        pin_format: PinFormat::NEWEST,
        https: false,
    };
    let mut keyspace = Keyspace::new(options);
    let mut keys = Vec::new();
    for (revision, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        let Some(end) = line.iter().position(|&byte| byte == b' ') else { continue };
        let Ok(key) = std::str::from_utf8(&line[..end]) else { continue };
        keyspace.put(key, &line[end + 1..], revision);
        keys.push(key);
    }
    let revision = u64::MAX / 2;
    let table = keyspace.build(revision);
    for app in table.apps.values() {
        let endpoints = app.releases.iter().flat_map(|release| &release.endpoints);
        endpoints.for_each(|endpoint| assert!(allowed.parse(&endpoint.address.to_string()).is_ok()));
    }
    for problem in keyspace.problems() {
        assert!(!problem.key.is_empty());
    }
    keys.into_iter().for_each(|key| keyspace.delete(key, revision));
    assert!(keyspace.build(revision).apps.is_empty());
}
