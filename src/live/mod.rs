//! What crosses between the control plane and the data plane: the published routing table, and the state of
//! endpoints and releases that outlives any one table.
//!
//! Everything here is shared by reading atomics. No lock is taken on the request path.

pub mod activity;
pub mod buckets;
pub mod endpoints;
pub mod releases;
pub mod sketch;
pub mod table;
