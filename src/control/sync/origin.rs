//! What a router writes to a store that lacks it: the seed of a new store, and what every fleet has once (epoch, pin
//! keys, the key of tokens).
//!
//! Each is written on the condition that it is absent, so that of many routers that start at once one makes it and all
//! use it.

use std::sync::atomic::Ordering;

use keyvalues::{Check, Key, Listing, Outcome, Revision, StoreError, Write, sealed::is_sealed};
use parking_lot::Mutex;

use super::interruption::Interruption;
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        shared::{
            core::Core,
            entries::{EPOCH, as_read, encode, entry, own_key, value},
            fleet::member::Kind,
            pin_keys::{self, PIN_FORMAT, PIN_KEYS},
            secrets::names::CURRENT_KEY,
            state_dir::new_node_id,
            token_key::{TOKEN_KEY, TokenKey},
        },
    },
    rollout::{
        keys::{self, Meaning},
        pin::{PinFormat, PinKeys},
    },
};

/// Writes that one seeding commit carries.
const SEED_BATCH: usize = 50;

/// Lists everything a table is built from.
pub async fn list(core: &Core) -> Result<Listing, StoreError> {
    core.store.list(&[keys::APPS, keys::ROLLING]).await
}

/// Writes what is missing in the store, and lists it again if anything was written. `kept` are the pin keys that this
/// router already signed with: they are restored, never replaced by new ones.
pub async fn prepare(
    core: &Core,
    listing: Listing,
    seed: &[(String, String)],
    kept: Option<&PinKeys>,
) -> Result<Listing, Interruption> {
    let known = &Mutex::new(Some(listing));
    transact(&core.store, "what every fleet has once", move |_| async move {
        let known = known.lock().take();
        let listing = match known {
            Some(listing) => listing,
            None => list(core).await?,
        };
        if let Some(commit) = missing(core, &listing, kept)? {
            return Ok(Plan::WriteFirst(commit));
        }
        if !seed.is_empty() && entry(&listing, keys::NULL).is_none() && !holds_a_record(&listing) {
            return Ok(Plan::WriteFirst(write_seed(core, seed).await?));
        }
        Ok(Plan::Nothing(listing))
    })
    .await
}

/// Whether an app is being released from this store. Such a store is never seeded, whatever became of its marker: the seed
/// would put everybody back on what it names.
fn holds_a_record(listing: &Listing) -> bool {
    let found = listing.entries.iter().find_map(|entry| match keys::meaning(entry.key.as_str()) {
        Some(Meaning::Record(app)) => Some(app),
        _ => None,
    });
    if let Some(app) = &found {
        tracing::warn!(
            %app,
            "the store has no `{}`, but it holds the rollout of an app, so the keyvalues file is not written into it",
            keys::NULL
        );
    }
    found.is_some()
}

/// What makes the epoch, the pin keys, the key of tokens and this router's entry where they are missing, all in one commit.
fn missing(core: &Core, listing: &Listing, kept: Option<&PinKeys>) -> Result<Option<Commit>, Interruption> {
    let mut commit = Commit::default();
    let mut make = |key: &str, value: Vec<u8>| {
        commit.checks.push(as_read(None, key));
        commit.writes.push(Write::put(own_key(key), value));
    };
    if entry(listing, EPOCH).is_none() {
        make(EPOCH, new_node_id().map_err(random_failed)?.into_bytes());
    }
    if entry(listing, PIN_KEYS).is_none() {
        let keys = match kept {
            Some(keys) => keys.clone(),
            None => pin_keys::generate().map_err(random_failed)?,
        };
        make(PIN_KEYS, pin_keys::encode(&keys));
        if let Some(mark) = first_secrets_key(core, listing) {
            make(CURRENT_KEY, mark.into_bytes());
        }
        // With the first keys of a fleet begins the newest format: nobody holds a pin, and no member is older.
        if kept.is_none() && entry(listing, PIN_FORMAT).is_none() {
            make(PIN_FORMAT, pin_keys::encode_format(PinFormat::NEWEST));
        }
    }
    // The entry is written before this router reads what it will serve, so whoever commits later knows of this member.
    let own = Kind::Entry.key(&core.node);
    if entry(listing, &own).is_none() {
        make(&own, encode(&core.own_entry()));
    }
    let token_key = entry(listing, TOKEN_KEY).map(|entry| &entry.value[..]);
    // One that is encrypted and cannot be read here is there all the same.
    if !token_key.is_some_and(|stored| is_sealed(stored) || TokenKey::decode(stored).is_some()) {
        let key = match core.replica.token_key() {
            Some(key) => key,
            None => TokenKey::generate().map_err(random_failed)?,
        };
        commit.checks.push(as_read(entry(listing, TOKEN_KEY), TOKEN_KEY));
        commit.writes.push(Write::put(own_key(TOKEN_KEY), key.encode()));
    }
    if commit.writes.is_empty() {
        return Ok(None);
    }
    commit.checks.extend(held_to(listing));
    Ok(Some(commit))
}

/// By which key the secrets of a store are written from its first one on: where nobody else uses it, this router's newest.
fn first_secrets_key(core: &Core, listing: &Listing) -> Option<String> {
    let is_others = |key: &str| matches!(Kind::of(key), Some((Kind::Entry, node)) if node != core.node);
    if entry(listing, CURRENT_KEY).is_some()
        || listing.entries.iter().any(|entry| is_others(entry.key.as_str()))
    {
        return None;
    }
    core.secrets.seals.keys().listed().first().cloned()
}

/// Accepts the store as it is. A store with an epoch that this router never knew keeps it, since other routers may
/// follow the store by that epoch; any other store gets a new one, so that nobody takes what it holds now for what it
/// held before.
pub async fn accept(core: &Core, listing: Listing, known: &str) -> Result<Listing, Interruption> {
    if value(&listing, EPOCH).is_some_and(|epoch| epoch != known) {
        return Ok(listing);
    }
    renew_epoch(core, &listing).await
}

async fn renew_epoch(core: &Core, listing: &Listing) -> Result<Listing, Interruption> {
    write_epoch(core, listing, Vec::new()).await?;
    Ok(list(core).await?)
}

/// Gives a listed store a new epoch, with further writes in the same commit; gives the revision of that commit.
pub async fn write_epoch(
    core: &Core,
    listing: &Listing,
    further: Vec<Write>,
) -> Result<Revision, Interruption> {
    let key = own_key(EPOCH);
    let check = held_to(listing).unwrap_or_else(|| Check::Absent(key.clone()));
    let mut writes = vec![Write::put(key, new_node_id().map_err(random_failed)?)];
    if !further.is_empty() {
        let mark = first_secrets_key(core, listing);
        writes.extend(mark.map(|mark| Write::put(own_key(CURRENT_KEY), mark)));
    }
    writes.extend(further);
    match core.store.commit(vec![check], writes).await? {
        Outcome::Done(revision) => Ok(revision),
        Outcome::Conflict(_) | Outcome::Unknown(_) => {
            Err(StoreError::Unreachable("the new epoch was not written to the store".into()).into())
        }
    }
}

/// Holds a commit to the listed store: if its epoch was renewed meanwhile, the commit has no effect.
fn held_to(listing: &Listing) -> Option<Check> {
    entry(listing, EPOCH).map(|entry| Check::Unchanged(own_key(EPOCH), entry.modified))
}

/// Writes the seed in order but for its last batch, which is to be written next. The marker comes last, so that a
/// seeding that was cut short is repeated.
async fn write_seed(core: &Core, seed: &[(String, String)]) -> Result<Commit, Interruption> {
    let mut last = Vec::new();
    for batch in seed.chunks(SEED_BATCH) {
        let writes = std::mem::replace(&mut last, batch.iter().filter_map(seed_write).collect());
        if writes.is_empty() {
            continue;
        }
        let Outcome::Done(_) = core.store.commit(Vec::new(), writes).await? else {
            let why = "the seed was not written to the store";
            return Err(StoreError::Unreachable(why.into()).into());
        };
    }
    core.replica.has_set_up.store(true, Ordering::Relaxed);
    Ok(Commit::unchecked(last))
}

fn seed_write((key, value): &(String, String)) -> Option<Write> {
    match key.parse::<Key>() {
        Ok(key) => Some(Write::put(key, value.clone().into_bytes())),
        Err(error) => {
            tracing::warn!(key, %error, "a keyvalue of the seed has no valid key and is left out");
            None
        }
    }
}

pub fn random_failed(error: impl std::fmt::Display) -> Interruption {
    Interruption::Store(StoreError::Invalid(format!("the operating system gives no random numbers: {error}")))
}
