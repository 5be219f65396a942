//! Raising the format in which the fleet signs pins, once every member reads it. It is never lowered: clients hold pins of the
//! format that was signed.

use keyvalues::{Revision, Write};

use super::{
    commit::{Commit, Plan},
    transact::transact,
};
use crate::{
    control::shared::{
        core::Core,
        entries::{as_read, entry, own_key},
        error::ApiError,
        pin_keys::{PIN_FORMAT, decode_format, encode_format},
    },
    rollout::pin::PinFormat,
};

/// Writes the newest format, unless it is there.
pub async fn raise(core: &Core) -> Result<Revision, ApiError> {
    transact(&core.store, "the format of pins", move |_| async move {
        let listing = core.store.list(&[PIN_FORMAT]).await?;
        let found = entry(&listing, PIN_FORMAT);
        if found.and_then(|entry| decode_format(&entry.value)) == Some(PinFormat::NEWEST) {
            return Ok(Plan::Nothing(listing.revision));
        }
        let write = Write::put(own_key(PIN_FORMAT), encode_format(PinFormat::NEWEST));
        let commit = Commit { checks: vec![as_read(found, PIN_FORMAT)], writes: vec![write], proof: None };
        Ok(Plan::write(commit, |revision| revision))
    })
    .await
}
