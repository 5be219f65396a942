//! How far the cluster is.

use super::{
    gateway::Gateway,
    wire::{Blob, Number, Range, RangeAnswer},
};
use crate::contract::{Revision, StoreError};

/// The cluster's revision, as a quorum knows it, and its id.
pub(super) async fn status(gateway: &Gateway) -> Result<(Revision, u64), StoreError> {
    status_at(gateway, 0).await
}

/// The same, if the cluster still has what its keys were at a revision (0: now).
pub(super) async fn status_at(gateway: &Gateway, revision: Revision) -> Result<(Revision, u64), StoreError> {
    let nothing =
        Range { key: Blob::of(&[0]), keys_only: true, revision: Number(revision), ..Range::default() };
    let ranged: RangeAnswer = gateway.read("kv/range", &nothing).await?;
    Ok((ranged.header.revision.0, ranged.header.cluster_id.0))
}
