//! A delivery counts once, over the whole fleet: whoever takes it writes so under its name first, on the condition that
//! nobody else did.
//!
//! What was refused may be sent again. A router that dies over a delivery leaves it begun; after a while it may be sent again
//! too, and the command finds what was done already.

use keyvalues::{Check, Entry, Key, Revision, StoreError, Write as StoreWrite};

use crate::control::{
    commands::{
        commit::{Commit, Plan},
        transact::transact,
    },
    limits::{HOOK_IN_DELIVERIES_MAX, HOOK_IN_IGNORED_MAX, HOOK_IN_KEPT_MAX},
    shared::{
        core::Core,
        entries::{as_read, decode, encode, own_key},
        error::ApiError,
        hooks::hook::HookName,
        hooks_in::delivery::{DeliveryEnd, InDelivery, delivery_key},
    },
};

/// Old deliveries that are deleted with a new one.
const SWEPT_MAX: usize = 40;

/// What is to become of a delivery.
pub(super) enum TurnAnswer {
    /// It is this router's to carry out.
    Taken(Turn),
    /// It came before, and this came of it.
    Repeated(InDelivery),
    /// Some router is at it.
    UnderWay(InDelivery),
}

/// A delivery that this router carries out.
pub(super) struct Turn {
    key: Key,
    revision: Revision,
}

/// Takes a delivery, unless it counted already.
pub(super) async fn take_turn(
    core: &Core,
    hook: &HookName,
    id: &str,
    begun: InDelivery,
) -> Result<TurnAnswer, ApiError> {
    let (text, begun) = (&delivery_key(hook, id), &begun);
    let key = &own_key(text);
    let what = format!("the delivery `{id}`");
    transact(&core.store, &what, move |round| async move {
        let found = core.store.get(key).await?;
        let known: Option<InDelivery> = found.as_ref().and_then(|entry| decode(&entry.value));
        if let (Some(entry), Some(known)) = (&found, known) {
            if round.in_doubt && known == *begun {
                // The commit whose answer was lost did it.
                let turn = Turn { key: key.clone(), revision: entry.modified };
                return Ok(Plan::Nothing(TurnAnswer::Taken(turn)));
            }
            if known.end.is_final() {
                return Ok(Plan::Nothing(TurnAnswer::Repeated(known)));
            }
            if known.is_under_way(begun.at) {
                return Ok(Plan::Nothing(TurnAnswer::UnderWay(known)));
            }
        }
        let writes = vec![StoreWrite::put(key.clone(), encode(begun))];
        let commit = Commit { checks: vec![as_read(found.as_ref(), text)], writes, proof: None };
        let key = key.clone();
        Ok(Plan::write(commit, move |revision| TurnAnswer::Taken(Turn { key, revision })))
    })
    .await
}

impl Turn {
    /// Writes what came of it. That it is kept is not what the sender waits for, so a store that does not answer is only
    /// logged.
    pub(super) async fn end(self, core: &Core, hook: &HookName, ended: &InDelivery) {
        let Self { key, revision } = self;
        let check = Check::Unchanged(key.clone(), revision);
        let writes = swept(core, hook).chain([StoreWrite::put(key, encode(ended))]).collect();
        if let Err(error) = core.store.commit(vec![check], writes).await {
            tracing::warn!(%hook, %error, "what came of a delivery cannot be kept");
        }
    }
}

/// Keeps a delivery that was left out. Should it be there already, nothing is written.
pub(super) async fn keep_ignored(
    core: &Core,
    hook: &HookName,
    id: &str,
    ignored: &InDelivery,
) -> Result<(), StoreError> {
    let text = delivery_key(hook, id);
    let writes = swept(core, hook).chain([StoreWrite::put(own_key(&text), encode(ignored))]).collect();
    core.store.commit(vec![as_read(None::<&Entry>, &text)], writes).await?;
    Ok(())
}

/// Deletes of deliveries that are too old, or too many.
fn swept(core: &Core, hook: &HookName) -> impl Iterator<Item = StoreWrite> {
    let now = u128::from(core.clock.wall_ms());
    let (mut kept, mut ignored) = (0, 0);
    let all = core.hooks_in.deliveries(hook).into_iter();
    let over = all.filter(move |(_, delivery)| {
        kept += 1;
        ignored += usize::from(delivery.end == DeliveryEnd::Ignored);
        let is_surplus = delivery.end == DeliveryEnd::Ignored && ignored > HOOK_IN_IGNORED_MAX;
        let passed = now.saturating_sub(u128::from(delivery.at));
        is_surplus || kept > HOOK_IN_DELIVERIES_MAX || passed > HOOK_IN_KEPT_MAX.as_millis()
    });
    let over: Vec<String> = over.map(|(id, _)| delivery_key(hook, &id)).take(SWEPT_MAX).collect();
    over.into_iter().map(|key| StoreWrite::delete(own_key(&key)))
}
