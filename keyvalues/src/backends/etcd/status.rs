//! How far the cluster is.

use super::{
    gateway::Gateway,
    wire::{Blob, Number, Range, RangeAnswer},
};
use crate::contract::{Revision, StoreError};

/// The cluster's revision, as a quorum knows it, and its id.
pub(super) async fn status(gateway: &Gateway) -> Result<(Revision, u64), StoreError> {
    let ranged: RangeAnswer = gateway.probe("kv/range", &nothing_at(0)).await?;
    Ok((ranged.header.revision.0, ranged.header.cluster_id.0))
}

/// The same, if the cluster still has what its keys were at a revision.
pub(super) async fn status_at(gateway: &Gateway, revision: Revision) -> Result<(Revision, u64), StoreError> {
    let ranged: RangeAnswer = gateway.read("kv/range", &nothing_at(revision)).await?;
    Ok((ranged.header.revision.0, ranged.header.cluster_id.0))
}

/// A question whose answer has no keys.
fn nothing_at(revision: Revision) -> Range {
    Range { key: Blob::of(&[0]), keys_only: true, revision: Number(revision), ..Range::default() }
}
