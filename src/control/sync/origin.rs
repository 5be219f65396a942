//! The first words with a store: seeding a new one, and making what every fleet has once (epoch and pin keys).
//!
//! Each is written under `Absent`, so that of many routers that start at once one makes it and all use it.

use keyvalues::{Check, Key, Listing, Outcome, Revision, StoreError, Write};

use super::interruption::Interruption;
use crate::{
    control::shared::{
        core::Core,
        entries::{EPOCH, encode, entry, own_key, value},
        fleet::member::Kind,
        pin_keys::{self, PIN_KEYS},
        state_dir::new_node_id,
    },
    rollout::{keys, pin::PinKeys},
};

/// Writes that one seeding commit carries.
const SEED_BATCH: usize = 50;

/// Lists everything a table is built from.
pub async fn list(core: &Core) -> Result<Listing, StoreError> {
    core.store.list(&[keys::APPS, keys::ROLLING]).await
}

/// Makes what is missing in a store that this router may write to, and lists it again if anything was made.
/// `kept` are the pin keys that this router already signed with: they are restored, never remade.
pub async fn prepare(
    core: &Core,
    mut listing: Listing,
    seed: &[(String, String)],
    kept: Option<&PinKeys>,
) -> Result<Listing, Interruption> {
    // Each round either finds nothing missing or writes; a lost race shows as a conflict and is read again.
    for _ in 0..10 {
        let mut checks = Vec::new();
        let mut writes = Vec::new();
        let mut make = |key: &str, value: Vec<u8>| {
            let key = own_key(key);
            checks.push(Check::Absent(key.clone()));
            writes.push(Write::put(key, value));
        };
        if entry(&listing, EPOCH).is_none() {
            make(EPOCH, new_node_id().map_err(random_failed)?.into_bytes());
        }
        if entry(&listing, PIN_KEYS).is_none() {
            let keys = match kept {
                Some(keys) => keys.clone(),
                None => pin_keys::generate().map_err(random_failed)?,
            };
            make(PIN_KEYS, pin_keys::encode(&keys));
        }
        // Before it reads what it will serve: whoever commits after that knows of this member.
        let own = Kind::Entry.key(&core.node);
        if entry(&listing, &own).is_none() {
            make(&own, encode(&core.own_entry()));
        }
        let seeding = !seed.is_empty() && entry(&listing, keys::NULL).is_none();
        if checks.is_empty() && !seeding {
            return Ok(listing);
        }
        if !checks.is_empty() {
            checks.extend(held_to(&listing));
            match core.store.commit(checks, writes).await? {
                Outcome::Done(_) | Outcome::Conflict(_) => {}
                Outcome::Unknown(why) => return Err(StoreError::Unreachable(why).into()),
            }
        }
        if seeding {
            write_seed(core, seed).await?;
        }
        listing = list(core).await?;
    }
    Err(StoreError::Unreachable("the store does not keep what is written to it".into()).into())
}

/// Takes the store as it is: from here on, what it holds is what counts. A store that has an epoch which this router
/// never knew keeps it, since others may follow it by that; any other gets a new one, so that nobody takes what it
/// holds now for what it was.
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

/// Gives a store that was listed a new epoch, with further writes; the revision of that.
pub async fn write_epoch(
    core: &Core,
    listing: &Listing,
    further: Vec<Write>,
) -> Result<Revision, Interruption> {
    let key = own_key(EPOCH);
    let check = held_to(listing).unwrap_or_else(|| Check::Absent(key.clone()));
    let mut writes = vec![Write::put(key, new_node_id().map_err(random_failed)?)];
    writes.extend(further);
    match core.store.commit(vec![check], writes).await? {
        Outcome::Done(revision) => Ok(revision),
        Outcome::Conflict(_) | Outcome::Unknown(_) => {
            Err(StoreError::Unreachable("the store's new epoch was not written".into()).into())
        }
    }
}

/// Holds a commit to the store that was listed: one whose epoch is renewed meanwhile refuses it.
fn held_to(listing: &Listing) -> Option<Check> {
    entry(listing, EPOCH).map(|entry| Check::Unchanged(own_key(EPOCH), entry.modified))
}

/// Writes the seed in order: its marker comes last, so that a seeding that was cut short is repeated.
async fn write_seed(core: &Core, seed: &[(String, String)]) -> Result<(), Interruption> {
    for batch in seed.chunks(SEED_BATCH) {
        let mut writes = Vec::new();
        for (key, value) in batch {
            match key.parse::<Key>() {
                Ok(key) => writes.push(Write::put(key, value.clone().into_bytes())),
                Err(error) => tracing::warn!(key, %error, "a keyvalue to start with is left out"),
            }
        }
        match core.store.commit(Vec::new(), writes).await? {
            Outcome::Done(_) => {}
            Outcome::Conflict(_) | Outcome::Unknown(_) => {
                return Err(
                    StoreError::Unreachable("the keyvalues to start with were not written".into()).into()
                );
            }
        }
    }
    Ok(())
}

pub fn random_failed(error: impl std::fmt::Display) -> Interruption {
    Interruption::Store(StoreError::Invalid(format!("the system gives no random numbers: {error}")))
}
