//! What the stores inside our own process share: state, change log, watches and leases.
//!
//! `memory` is this and nothing else. `embedded` writes each batch to its file before it is applied here. So both answer reads
//! and watches with the same code, on the caller's thread and without waiting for a disk.

mod batches;
mod lease;
mod log;
mod random_id;
mod shared;
mod state;
mod watch;

pub(crate) use self::{
    batches::{batch_bytes, filter},
    lease::{LeaseHost, grant},
    log::{LOG_BATCHES_MAX, LOG_BYTES_MAX, Log},
    random_id::random_id,
    shared::SharedState,
    state::{Plan, State},
    watch::LogWatch,
};
