//! Storing how far a hook is with a topic.

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
            progress::{Delivery, Progress, Topic},
        },
    },
};

/// Stores that everything up to a seq was sent, never less than is stored, and how the delivery ended. Nothing is stored
/// for a hook that was removed: the commit is held to the hook.
pub async fn advance(
    core: &Core,
    hook: &HookName,
    topic: &Topic,
    seq: u64,
    delivery: Option<&Delivery>,
) -> Result<(), ApiError> {
    change(core, hook, topic, |progress| {
        progress.seq = progress.seq.max(seq);
        if let Some(delivery) = delivery {
            progress.add(delivery.clone());
        }
    })
    .await
}

/// Goes back to a seq: the store holds an older state of the app than was sent.
pub async fn go_back(core: &Core, hook: &HookName, topic: &Topic, seq: u64) -> Result<(), ApiError> {
    change(core, hook, topic, |progress| progress.seq = progress.seq.min(seq)).await
}

async fn change(
    core: &Core,
    hook: &HookName,
    topic: &Topic,
    edit: impl Fn(&mut Progress),
) -> Result<(), ApiError> {
    let (hook_key, key) = (&hook.key(), &topic.key(hook));
    let edit = &edit;
    transact(&core.store, &format!("the progress of the hook `{hook}`"), move |_| async move {
        let listing = core.store.list(&[hook_key, key]).await?;
        let Some(stored) = entry(&listing, hook_key) else { return Ok(Plan::Nothing(())) };
        let known = entry(&listing, key);
        let before: Option<Progress> = known.and_then(|entry| decode(&entry.value));
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
