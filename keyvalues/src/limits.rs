//! The limits of the contract by name, and the checks that enforce them.
//!
//! All backends refuse the same requests, so that a rollout that works on one store works on every other. So the limits are
//! those of the narrowest store, etcd: 128 operations and 1.5 MiB in one transaction, unless its operator raised them.

use std::{collections::BTreeSet, time::Duration};

use crate::contract::{Check, StoreError, Write};

/// The most writes one commit carries (etcd's own limit is 128 operations, checks included).
pub const COMMIT_WRITES_MAX: usize = 100;

/// The most checks one commit carries, for the same reason.
pub const COMMIT_CHECKS_MAX: usize = 100;

/// The longest value, in bytes: 1 MiB. A rollout record has about 2 KB; etcd takes 1.5 MiB for a whole request.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// The most bytes of keys and values in one commit: what fits etcd's 1.5 MiB (1,572,864 bytes) with its framing.
pub const COMMIT_BYTES_MAX: usize = 1_500_000;

/// The longest time to live of a lease: one day. A lease is a sign of life, so nothing needs more.
pub const LEASE_TTL_MAX: Duration = Duration::from_secs(86_400);

/// The longest silence of an idle watch before it proves with a `Progress` item that its view is current.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Refuses a commit that breaks a limit or names a key twice among its writes.
pub(crate) fn check_commit(checks: &[Check], writes: &[Write]) -> Result<(), StoreError> {
    let invalid = |text: String| Err(StoreError::Invalid(text));
    if writes.len() > COMMIT_WRITES_MAX {
        return invalid(format!(
            "{} writes in one commit; at most {COMMIT_WRITES_MAX} are allowed",
            writes.len()
        ));
    }
    if checks.len() > COMMIT_CHECKS_MAX {
        return invalid(format!(
            "{} checks in one commit; at most {COMMIT_CHECKS_MAX} are allowed",
            checks.len()
        ));
    }
    let mut seen = BTreeSet::new();
    let mut bytes = checks.iter().map(|check| check.key().as_str().len()).sum::<usize>();
    for write in writes {
        let key = write.key();
        if !seen.insert(key) {
            return invalid(format!("the key {key} is written twice in one commit"));
        }
        let value_bytes = write.value().map_or(0, <[u8]>::len);
        if value_bytes > VALUE_BYTES_MAX {
            return invalid(format!(
                "the value of {key} has {value_bytes} bytes; at most {VALUE_BYTES_MAX} are allowed"
            ));
        }
        bytes += key.as_str().len() + value_bytes;
    }
    if bytes > COMMIT_BYTES_MAX {
        return invalid(format!("{bytes} bytes in one commit; at most {COMMIT_BYTES_MAX} are allowed"));
    }
    Ok(())
}

/// Refuses a time to live of zero or beyond [`LEASE_TTL_MAX`].
pub(crate) fn check_ttl(ttl: Duration) -> Result<(), StoreError> {
    if ttl.is_zero() || ttl > LEASE_TTL_MAX {
        return Err(StoreError::Invalid(format!(
            "a lease of {} s; more than 0 and at most {} s are allowed",
            ttl.as_secs_f64(),
            LEASE_TTL_MAX.as_secs()
        )));
    }
    Ok(())
}
