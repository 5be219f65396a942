//! Idempotency keys: whoever does not know whether his call arrived sends it again with the same key, and gets the answer to the
//! first one, for a day.

use axum::http::HeaderMap;
use keyvalues::{Check, Entry, Write};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    control::{
        limits::{IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_SWEPT_MAX},
        shared::{
            core::Core,
            entries::{decode, encode, own_key},
            error::{ApiError, Kind},
        },
    },
    rollout::{app::AppName, deployment::id::DeploymentId},
};

/// The header.
const HEADER: &str = "idempotency-key";
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// The key of a call.
#[derive(Debug)]
pub struct IdempotencyKey {
    stored_at: String,
    prefix: String,
    /// A digest of what was asked for: another call with this key is not a repeat.
    asked: String,
}

/// What is stored of the first call.
#[derive(Debug, Serialize, Deserialize)]
struct FirstCall {
    deployment: DeploymentId,
    asked: String,
    at: u64,
}

impl IdempotencyKey {
    /// The key that came with a call; none: it has none.
    pub fn read(_: &Core, app: &AppName, headers: &HeaderMap, body: &[u8]) -> Result<Option<Self>, ApiError> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let is_one = values.next().is_none();
        let text = value.to_str().unwrap_or_default();
        if !is_one || text.is_empty() || text.len() > KEY_BYTES_MAX {
            let message = format!("allowed is one value of 1 to {KEY_BYTES_MAX} printable characters");
            return Err(ApiError::value("Idempotency-Key", message));
        }
        let prefix = format!("rolling/router/idempotency/{app}/");
        Ok(Some(Self {
            stored_at: format!("{prefix}{}", digest(text.as_bytes())),
            prefix,
            asked: digest(body),
        }))
    }

    /// The deployment that the first call with this key has made; none: this is the first.
    pub async fn made(&self, core: &Core) -> Result<Option<DeploymentId>, ApiError> {
        let stored = core.store.get(&own_key(&self.stored_at)).await?;
        let Some(first) = stored.and_then(|entry| decode::<FirstCall>(&entry.value)) else { return Ok(None) };
        if core.clock.wall_ms() >= first.at + IDEMPOTENCY_KEPT_MS {
            return Ok(None);
        }
        if first.asked != self.asked {
            let message =
                "this key came with another call within the last day; send a new key with each new call";
            return Err(
                ApiError::new(Kind::Refused("idempotency_key_used"), message).field("Idempotency-Key")
            );
        }
        Ok(Some(first.deployment))
    }

    /// The writes by which this call is the first with its key, and by which old ones go.
    pub async fn writes(
        &self,
        core: &Core,
        id: &DeploymentId,
    ) -> Result<Vec<(Option<Check>, Write)>, ApiError> {
        let now = core.clock.wall_ms();
        let first = FirstCall { deployment: id.clone(), asked: self.asked.clone(), at: now };
        let own = own_key(&self.stored_at);
        let listing = core.store.list(&[&self.prefix]).await?;
        let is_old = |entry: &&Entry| {
            decode::<FirstCall>(&entry.value).is_none_or(|first| now >= first.at + IDEMPOTENCY_KEPT_MS)
        };
        let here = listing.entries.iter().find(|entry| entry.key == own);
        let check = here.map_or_else(
            || Check::Absent(own.clone()),
            |entry| Check::Unchanged(entry.key.clone(), entry.modified),
        );
        let old = listing.entries.iter().filter(|entry| entry.key != own).filter(is_old);
        let swept = old.take(IDEMPOTENCY_SWEPT_MAX).map(|entry| (None, Write::delete(entry.key.clone())));
        Ok([(Some(check), Write::put(own.clone(), encode(&first)))].into_iter().chain(swept).collect())
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
