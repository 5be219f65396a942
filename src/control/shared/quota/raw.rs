//! Keys that mean nothing to the router: how many there are, and their bytes.
//!
//! Nobody watches them, so they are counted when somebody writes one, a page at a time, and not each time.

use std::time::Duration;

use keyvalues::{Key, StoreError, Write};

use super::full::Full;
use crate::{
    control::{
        limits::{RAW_COUNT_EVERY, RAW_RECOUNT_PAUSE},
        shared::{error::ApiError, pages::Pages, store::StoreHandle},
    },
    limits::Limits,
    rollout::keys::meaning,
};

/// What there is.
#[derive(Debug, Default)]
pub struct RawUsage {
    keys: u64,
    /// Of keys and values.
    bytes: u64,
    /// When that was counted (monotonic); what this router has written since is added.
    counted_at: Option<Duration>,
}

/// A write of such a key.
#[derive(Debug)]
pub struct RawPut<'a> {
    key: &'a Key,
    bytes: u64,
}

/// The writes of such keys.
pub fn puts(writes: &[Write]) -> Vec<RawPut<'_>> {
    let raw = writes.iter().filter(|write| meaning(write.key().as_str()).is_none());
    let put = |write: &'_ Write| write.value().map(|value| size(write.key(), value.len()));
    raw.filter_map(|write| Some(RawPut { key: write.key(), bytes: put(write)? })).collect()
}

fn size(key: &Key, value: usize) -> u64 {
    (key.as_str().len() + value) as u64
}

impl RawUsage {
    /// Takes writes in, or refuses them. `now` is monotonic.
    pub async fn admit(
        &mut self,
        store: &StoreHandle,
        limits: &Limits,
        puts: &[RawPut<'_>],
        now: Duration,
    ) -> Result<(), ApiError> {
        self.count(store, now, RAW_COUNT_EVERY).await?;
        let (mut keys, mut bytes) = (0, 0);
        for put in puts {
            match store.get(put.key).await? {
                None => (keys, bytes) = (keys + 1, bytes + put.bytes),
                Some(old) => bytes += put.bytes.saturating_sub(size(put.key, old.value.len())),
            }
        }
        let key = puts.first().map_or("", |put| put.key.as_str());
        if self.check(limits, key, keys, bytes).is_err() {
            // Some may have been deleted.
            self.count(store, now, RAW_RECOUNT_PAUSE).await?;
        }
        self.check(limits, key, keys, bytes)?;
        self.keys += keys;
        self.bytes += bytes;
        Ok(())
    }

    fn check(&self, limits: &Limits, key: &str, keys: u64, bytes: u64) -> Result<(), Full> {
        let keys_max = u64::from(limits.raw_keys_max);
        for (of, there, more, max, limit) in [
            ("raw keys", self.keys, keys, keys_max, "raw_keys_max"),
            ("bytes of raw keys and values", self.bytes, bytes, limits.raw_bytes_max, "raw_bytes_max"),
        ] {
            if more > 0 && there + more > max {
                return Err(Full { field: key.to_owned(), of: of.to_owned(), there, more, max, limit });
            }
        }
        Ok(())
    }

    /// Counts what there is, unless that was done within this time.
    async fn count(&mut self, store: &StoreHandle, now: Duration, every: Duration) -> Result<(), StoreError> {
        if self.counted_at.is_some_and(|counted_at| now < counted_at + every) {
            return Ok(());
        }
        let (mut keys, mut bytes) = (0, 0);
        let mut pages = Pages::new(store, "", None);
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                break;
            }
            for entry in page.iter().filter(|entry| meaning(entry.key.as_str()).is_none()) {
                (keys, bytes) = (keys + 1, bytes + size(&entry.key, entry.value.len()));
            }
        }
        *self = Self { keys, bytes, counted_at: Some(now) };
        Ok(())
    }
}
