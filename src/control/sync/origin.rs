//! The first words with a store: seeding a new one, and making what every fleet has once (epoch and pin keys).
//!
//! Each is written under `Absent`, so that of many routers that start at once one makes it and all use it.

use keyvalues::{Check, Key, Listing, Outcome, Revision, StoreError, Write};
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
            pin_keys::{self, PIN_KEYS},
            state_dir::new_node_id,
        },
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
        if !seed.is_empty() && entry(&listing, keys::NULL).is_none() {
            return Ok(Plan::WriteFirst(write_seed(core, seed).await?));
        }
        Ok(Plan::Nothing(listing))
    })
    .await
}

/// What makes the epoch, the pin keys and this router's entry where they are missing, all in one commit.
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
    }
    // Before it reads what it will serve: whoever commits after that knows of this member.
    let own = Kind::Entry.key(&core.node);
    if entry(listing, &own).is_none() {
        make(&own, encode(&core.own_entry()));
    }
    if commit.writes.is_empty() {
        return Ok(None);
    }
    commit.checks.extend(held_to(listing));
    Ok(Some(commit))
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
            let why = "the keyvalues to start with were not written";
            return Err(StoreError::Unreachable(why.into()).into());
        };
    }
    Ok(Commit::unchecked(last))
}

fn seed_write((key, value): &(String, String)) -> Option<Write> {
    match key.parse::<Key>() {
        Ok(key) => Some(Write::put(key, value.clone().into_bytes())),
        Err(error) => {
            tracing::warn!(key, %error, "a keyvalue to start with is left out");
            None
        }
    }
}

pub fn random_failed(error: impl std::fmt::Display) -> Interruption {
    Interruption::Store(StoreError::Invalid(format!("the system gives no random numbers: {error}")))
}
