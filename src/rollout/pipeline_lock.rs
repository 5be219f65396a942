//! The lock of an app's pipelines, as it is stored: which run has it, and which wait for it in what order.
//!
//! It is no part of the record, since it is renewed all the time. Every end in it is one that a run has to put off itself, so
//! what is left of a run that died passes.

use serde::{Deserialize, Serialize};

use super::record::Lock;

/// The most runs that wait. A further one has no place until one of them has gone.
pub const QUEUE_MAX: usize = 100;
/// The most bytes of JSON that are read as such a lock: a full queue with the longest reasons.
const LOCK_BYTES_MAX: usize = 256 * 1024;

/// The lock of an app's pipelines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineLock {
    /// The lock of the run that has it; its end may have passed.
    pub held: Option<Lock>,
    /// The runs that wait for it, first come first; the ends of some may have passed.
    pub queue: Vec<Waiter>,
}

/// A run of a pipeline that waits for the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Waiter {
    /// Whose it is: the name of a token.
    pub by: String,
    /// Which run.
    pub holder: String,
    /// What it wants the lock for.
    pub reason: String,
    /// Since when it waits, Unix ms.
    pub since: u64,
    /// When it loses its place unless it asks again, Unix ms.
    pub until: u64,
}

impl Waiter {
    /// Whether it is this run.
    pub fn is(&self, by: &str, holder: &str) -> bool {
        self.by == by && self.holder == holder
    }
}

impl PipelineLock {
    /// Parses the stored JSON.
    ///
    /// # Errors
    /// The value is no such lock; the text says what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        if json.len() > LOCK_BYTES_MAX {
            return Err(format!(
                "a pipelines' lock of at most {LOCK_BYTES_MAX} bytes; this value has {}",
                json.len()
            ));
        }
        let lock: Self =
            serde_json::from_slice(json).map_err(|error| format!("a pipelines' lock as JSON: {error}"))?;
        match &lock.held {
            Some(Lock { holder, until, .. }) if holder.is_none() || until.is_none() => {
                Err("a pipelines' lock whose `held` has a holder and an end".to_owned())
            }
            _ => Ok(lock),
        }
    }

    /// The lock of the run that has it at `now` (Unix ms).
    pub fn held_at(&self, now: u64) -> Option<&Lock> {
        self.held.as_ref().filter(|lock| lock.stands_at(now))
    }

    /// The runs that wait at `now` (Unix ms), in their order.
    pub fn queue_at(&self, now: u64) -> impl Iterator<Item = &Waiter> {
        self.queue.iter().filter(move |waiter| now < waiter.until)
    }

    /// Whether a run could have it at `now`: it has it, or it is free and nobody waits who came before.
    pub fn is_free_for(&self, by: &str, holder: &str, now: u64) -> bool {
        match self.held_at(now) {
            Some(lock) => lock.by == by && lock.holder.as_deref() == Some(holder),
            None => self.queue_at(now).next().is_none_or(|first| first.is(by, holder)),
        }
    }

    /// Whether it says nothing, so that it need not be stored.
    pub fn is_empty(&self) -> bool {
        self.held.is_none() && self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(holder: Option<&str>, until: Option<u64>) -> Lock {
        let holder = holder.map(str::to_owned);
        Lock { reason: "deploy".into(), by: "a".into(), at: 0, until, automatic: false, holder }
    }

    #[test]
    fn what_is_stored_is_what_is_read_and_a_lock_has_an_end_and_a_holder() {
        let waiter = Waiter { by: "b".into(), holder: "r".into(), reason: "x".into(), since: 1, until: 9 };
        let whole = PipelineLock { held: Some(lock(Some("r"), Some(5))), queue: vec![waiter] };
        assert_eq!(PipelineLock::parse(&serde_json::to_vec(&whole).unwrap()), Ok(whole));
        for held in [lock(None, Some(5)), lock(Some("r"), None)] {
            let wrong = PipelineLock { held: Some(held), queue: Vec::new() };
            assert!(PipelineLock::parse(&serde_json::to_vec(&wrong).unwrap()).is_err());
        }
        for wrong in ["yes", "[]x", "7", r#"{"held":7}"#, r#"{"queue":[7]}"#] {
            assert!(PipelineLock::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
