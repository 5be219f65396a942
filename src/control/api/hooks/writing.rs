//! A hook, of either kind, is written to the store.

use axum::http::StatusCode;
use keyvalues::{Revision, Write as StoreWrite};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};

use super::removal::refuse_stale;
use crate::{
    control::{
        commands::{
            commit::{Commit, Plan},
            transact::transact,
        },
        limits::{HOOKS_MAX, SERVED_WAIT_MAX},
        shared::{
            core::Core,
            entries::{as_read, encode, entry, own_key},
            error::{ApiError, Kind},
            secrets::board::unreadable,
        },
    },
    rollout::unknown_fields,
};

/// Writes in one commit beside the hook itself.
const BATCH: usize = 90;

/// What is to be written.
pub(in crate::control::api) struct HookWriting<'a> {
    /// The hook's key.
    pub key: String,
    /// What the keys of all hooks of its kind begin with.
    pub prefix: &'a str,
    /// What hooks of its kind are called.
    pub kind: &'a str,
    /// What it is, in the words of an error.
    pub what: String,
    /// The version that whoever writes it has read.
    pub if_match: Option<u64>,
}

/// A hook that was written.
pub(in crate::control::api) struct HookWrite<H> {
    pub hook: H,
    pub revision: Revision,
    pub is_new: bool,
}

impl HookWriting<'_> {
    /// Writes the hook that is made of the one that is stored, in one commit. What is made beside it is written with it, or
    /// before it where that is too much for one.
    pub async fn carry_out<H: Clone + PartialEq + Serialize + DeserializeOwned + Send + 'static>(
        self,
        core: &Core,
        make: impl Fn(Option<&H>) -> Result<(H, Vec<StoreWrite>), ApiError>,
    ) -> Result<HookWrite<H>, ApiError> {
        let Self { ref key, prefix, kind, ref what, if_match } = self;
        let make = &make;
        // What the last round wrote, and whether that was new.
        let tried: &Mutex<Option<(H, bool)>> = &Mutex::default();
        transact(&core.store, what, move |round| async move {
            let listing = core.store.list(&[prefix]).await?;
            let found = entry(&listing, key);
            if let Some((found, why)) =
                found.and_then(|found| Some((found, core.secrets.seals.unreadable(found.key.as_str())?)))
            {
                return Err(unreadable(found.key.as_str(), &why).into());
            }
            let known: Option<H> = found.and_then(|entry| serde_json::from_slice(&entry.value).ok());
            // The commit whose answer was lost may have done it.
            if round.in_doubt
                && let (Some((hook, is_new)), Some(found)) = (&*tried.lock(), found)
                && known.as_ref() == Some(hook)
            {
                let (hook, revision, is_new) = (hook.clone(), found.modified, *is_new);
                return Ok(Plan::Nothing(HookWrite { hook, revision, is_new }));
            }
            refuse_stale(if_match, found)?;
            if found.is_none() && listing.entries.len() >= HOOKS_MAX {
                let message = format!("there are {HOOKS_MAX} {kind} already; remove one that nobody needs");
                return Err(ApiError::new(Kind::Refused("too_many_hooks"), message));
            }
            let (hook, mut writes) = make(known.as_ref())?;
            while writes.len() > BATCH {
                core.store.commit(Vec::new(), writes.split_off(writes.len() - BATCH)).await?;
            }
            let json = match found {
                Some(found) => unknown_fields::keep(&found.value, &known, encode(&hook)),
                None => encode(&hook),
            };
            writes.push(StoreWrite::put(own_key(key), json));
            let is_new = found.is_none();
            *tried.lock() = Some((hook.clone(), is_new));
            let commit = Commit { checks: vec![as_read(found, key)], writes, proof: None };
            Ok(Plan::write(commit, move |revision| HookWrite { hook, revision, is_new }))
        })
        .await
    }
}

impl<H> HookWrite<H> {
    /// The status of the answer, once this router serves the hook or has not for a while.
    pub async fn status(&self, core: &Core) -> StatusCode {
        match (core.replica.wait_for(self.revision, SERVED_WAIT_MAX).await, self.is_new) {
            (false, _) => StatusCode::ACCEPTED,
            (true, true) => StatusCode::CREATED,
            (true, false) => StatusCode::OK,
        }
    }
}
