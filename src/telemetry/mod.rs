//! What the data plane reports about itself: counters per worker, the access log, and spans of traces.
//!
//! Counts per release are in [`crate::live::activity`]. The Prometheus text is made where it is served, in the control
//! plane.

pub mod access_log;
pub mod counters;
pub mod log_file;
pub mod traces;
