//! Storing how far a hook was told an app's history.

use keyvalues::Write;

use crate::control::{
    commands::{
        commit::{Commit, Plan},
        transact::transact,
    },
    shared::{
        core::Core,
        entries::{as_read, decode, encode, entry, own_key, unchanged},
        error::ApiError,
        hooks::{
            hook::HookName,
            sent::{Delivery, Place, Sent},
        },
    },
};

/// Stores how far a hook was told something, never less than is stored, and how it went. Nothing is stored for a hook that
/// is gone: the commit is held to its being there.
pub async fn advance(
    core: &Core,
    hook: &HookName,
    place: &Place,
    seq: u64,
    delivery: Option<&Delivery>,
) -> Result<(), ApiError> {
    change(core, hook, place, |sent| {
        sent.seq = sent.seq.max(seq);
        if let Some(delivery) = delivery {
            sent.add(delivery.clone());
        }
    })
    .await
}

/// Begins again at a seq: what the store holds of the app is older than what was told.
pub async fn go_back(core: &Core, hook: &HookName, place: &Place, seq: u64) -> Result<(), ApiError> {
    change(core, hook, place, |sent| sent.seq = sent.seq.min(seq)).await
}

async fn change(
    core: &Core,
    hook: &HookName,
    place: &Place,
    edit: impl Fn(&mut Sent),
) -> Result<(), ApiError> {
    let (hook_key, key) = (&hook.key(), &place.key(hook));
    let edit = &edit;
    transact(&core.store, &format!("the progress of the hook `{hook}`"), move |_| async move {
        let listing = core.store.list(&[hook_key, key]).await?;
        let Some(stored) = entry(&listing, hook_key) else { return Ok(Plan::Nothing(())) };
        let known = entry(&listing, key);
        let before: Option<Sent> = known.and_then(|entry| decode(&entry.value));
        let mut after = before.clone().unwrap_or_default();
        edit(&mut after);
        if before.as_ref() == Some(&after) {
            return Ok(Plan::Nothing(()));
        }
        let checks = vec![unchanged(stored), as_read(known, key)];
        let writes = vec![Write::put(own_key(key), encode(&after))];
        Ok(Plan::write(Commit { checks, writes, proof: None }, |_| ()))
    })
    .await
}
