//! What the stores inside our own process share: state, change log, watches and leases.
//!
//! `memory` is this and nothing else; `embedded` writes each batch to its file before it is applied here, so
//! both answer reads and watches with the same code, on the caller's thread and without waiting for a disk.

mod lease;
mod log;
mod shared;
mod state;
mod watch;

pub(crate) use lease::{LeaseHost, grant};
pub(crate) use log::{LOG_BATCHES_MAX, LOG_BYTES_MAX, Log, batch_bytes};
pub(crate) use shared::Shared;
pub(crate) use state::{Plan, State, filtered};

use crate::contract::StoreError;

/// A random id of 128 bits, in hex.
pub(crate) fn random_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unreachable(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
