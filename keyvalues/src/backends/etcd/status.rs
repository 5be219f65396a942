//! How far the cluster is.

use super::{
    gateway::Gateway,
    wire::{Blob, Number, Range, RangeAnswer},
};
use crate::contract::{Revision, StoreError};

/// The cluster's revision, as a quorum knows it, and its id.
pub(super) async fn status(gateway: &Gateway) -> Result<(Revision, u64), StoreError> {
    let nothing = Range { key: Blob::of(&[0]), range_end: None, keys_only: true, limit: Number(0) };
    let ranged: RangeAnswer = gateway.read("kv/range", &nothing).await?;
    Ok((ranged.header.revision.0, ranged.header.cluster_id.0))
}
