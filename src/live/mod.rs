//! What crosses between the control plane and the data plane: the published routing table, the state of endpoints and
//! releases that outlives any one table, testers' connections, the strict reading of requests, the certificates of a CA, and
//! requests that are repeated for a comparison.
//!
//! What requests read here, they read by atomics: no lock is taken on their way.

pub mod activity;
pub mod buckets;
pub mod certificates;
pub mod cohort;
pub mod endpoints;
pub mod first_bytes;
pub mod handover;
pub mod releases;
pub mod request_follower;
pub mod shadow;
pub mod sketch;
pub mod table;
