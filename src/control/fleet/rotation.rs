//! The rotation of the pin keys, in two commits: `next` is made, and becomes `current` once every member verifies it. So no
//! member ever meets a pin that it cannot verify. A rotation that was cut short continues with the next call.

use std::time::Duration;

use keyvalues::{Check, Revision, Write};
use serde::{Deserialize, Serialize};

use super::wait::{ApplyStatus, Target, wait_until_applied};
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::{TransactError, transact},
        },
        limits::ROTATION_PAUSE_MIN,
        shared::{
            core::Core,
            entries::{decode, encode, entry, own_key},
            error::{ApiError, Kind},
            pin_keys::{self, PIN_KEYS},
        },
    },
    rollout::{
        pin::{PinKey, PinKeys},
        settings::Settings,
    },
    span::in_words,
};

/// What is changed, in the words of an error.
const WHAT: &str = "the set of pin keys";

/// Where the last rotation is stored.
pub const LAST_ROTATION_KEY: &str = "rolling/router/rotated";

/// Who rotated the keys, and when (Unix ms).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastRotation {
    pub at: u64,
    pub by: String,
}

/// How a rotation stands.
#[derive(Debug)]
pub struct Rotation {
    /// Whether `next` became `current`.
    pub done: bool,
    pub applied: ApplyStatus,
}

/// The pin keys as stored.
struct StoredPinKeys {
    keys: PinKeys,
    modified: Revision,
    rotated: Option<LastRotation>,
}

/// Begins a rotation or continues one. Waits for the members at most this long after each of the two commits.
pub async fn rotate(core: &Core, by: &str, force: bool, wait: Duration) -> Result<Rotation, ApiError> {
    core.replica.require_known_store().await?;
    if !core.store.capabilities().atomic_commit {
        return Err(ApiError::new(
            Kind::Unsupported,
            "this store is followed and not written to; its routers have keys of their own",
        ));
    }
    let (next, revision) = begin(core, force).await?;
    let known = wait_until_applied(core, &Target::PinKeys(revision), wait).await;
    if !known.is_everywhere() {
        return Ok(Rotation { done: false, applied: known });
    }
    let revision = finish(core, by, &next, revision).await?;
    tracing::info!(by, "the pin keys were rotated");
    Ok(Rotation { done: true, applied: wait_until_applied(core, &Target::PinKeys(revision), wait).await })
}

/// Makes `next` unless there is one. Returns it with the revision that members have to use.
async fn begin(core: &Core, force: bool) -> Result<(PinKey, Revision), ApiError> {
    transact(&core.store, WHAT, move |_| async move {
        let stored = read(core).await?;
        if let Some(next) = stored.keys.next {
            return Ok(Plan::Nothing((next, stored.modified)));
        }
        if !force {
            refuse_too_soon(core, stored.rotated.as_ref())?;
        }
        let next = new_key(&stored.keys)?;
        let keys = PinKeys { next: Some(next), ..stored.keys };
        Ok(Plan::write(commit(stored.modified, &keys, None), move |revision| (next, revision)))
    })
    .await
}

/// Makes `next` the one that signs, if the keys are still those that every member uses.
async fn finish(core: &Core, by: &str, next: &PinKey, revision: Revision) -> Result<Revision, ApiError> {
    transact(&core.store, WHAT, move |_| async move {
        let stored = read(core).await?;
        if stored.keys.current == *next {
            return Ok(Plan::Nothing(stored.modified));
        }
        if stored.modified != revision {
            return Err(TransactError::Contended(WHAT.to_owned()).into());
        }
        let keys = PinKeys { next: None, current: *next, previous: Some(stored.keys.current) };
        let rotated = LastRotation { at: core.clock.wall_ms(), by: by.to_owned() };
        Ok(Plan::write(commit(revision, &keys, Some(&rotated)), |revision| revision))
    })
    .await
}

async fn read(core: &Core) -> Result<StoredPinKeys, ApiError> {
    let listing = core.store.list(&[PIN_KEYS, LAST_ROTATION_KEY]).await?;
    let found = entry(&listing, PIN_KEYS);
    let keys = found.and_then(|entry| Some((pin_keys::decode(&entry.value)?, entry.modified)));
    let (keys, modified) = keys.ok_or_else(|| {
        ApiError::new(
            Kind::Refused("no_pin_keys"),
            "the store holds no readable pin keys; there is nothing to rotate",
        )
    })?;
    let rotated = entry(&listing, LAST_ROTATION_KEY).and_then(|entry| decode(&entry.value));
    Ok(StoredPinKeys { keys, modified, rotated })
}

fn commit(seen: Revision, keys: &PinKeys, rotated: Option<&LastRotation>) -> Commit {
    let mut writes = vec![Write::put(own_key(PIN_KEYS), pin_keys::encode(keys))];
    writes.extend(rotated.map(|rotated| Write::put(own_key(LAST_ROTATION_KEY), encode(rotated))));
    Commit { checks: vec![Check::Unchanged(own_key(PIN_KEYS), seen)], writes, proof: None }
}

/// A new key, whose id no key in use has.
fn new_key(keys: &PinKeys) -> Result<PinKey, ApiError> {
    let used = |id| keys.current.id == id || keys.previous.as_ref().is_some_and(|key| key.id == id);
    loop {
        let made = pin_keys::generate().map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
        if !used(made.current.id) {
            return Ok(made.current);
        }
    }
}

/// A rotation drops the `previous` key, and the pins that it signed are lost. So they must have expired by then.
fn refuse_too_soon(core: &Core, rotated: Option<&LastRotation>) -> Result<(), ApiError> {
    let Some(rotated) = rotated else { return Ok(()) };
    let reading = core.replica.reading.load();
    let pins = reading.apps.values().map(|app| app.settings.pinseconds);
    let longest = pins.max().unwrap_or_else(|| Settings::default().pinseconds);
    let pause = Duration::from_secs(longest.into()).max(ROTATION_PAUSE_MIN);
    let passed = Duration::from_millis(core.clock.wall_ms().saturating_sub(rotated.at));
    if passed >= pause {
        return Ok(());
    }
    let message = format!(
        "the pin keys were rotated {} ago by {}, and pins live for {}: another rotation now would forget clients that have \
         not come back since; `force` does it anyway",
        in_words(passed.as_secs()),
        rotated.by,
        in_words(pause.as_secs())
    );
    Err(ApiError::new(Kind::Refused("too_soon"), message))
}
