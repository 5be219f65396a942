//! What the data plane tells about itself: counters per worker, and the access log.
//!
//! What is counted per release lives in [`crate::live::activity`]; the Prometheus text is put together where it is
//! served, in the control plane.

pub mod access_log;
pub mod counters;
