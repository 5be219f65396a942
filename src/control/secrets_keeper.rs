//! Looks after the secrets of the store: reads the file of their keys again, says to the store by which key they are written once
//! every member holds it, and writes anew what was written otherwise.

use std::{sync::Arc, time::Duration};

use keyvalues::{Check, Outcome, Write, sealed::PLAIN};
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    fleet::secrets::agreed,
    limits::{ACTIVITY_TICK, CLAIM_EVERY, SECRETS_KEYS_EVERY, SECRETS_WRITTEN_MAX},
    shared::{
        claim::Claim,
        core::Core,
        entries::{as_read, own_key},
        secrets::names::CURRENT_KEY,
    },
};

/// Who does it for the fleet.
const CLAIM_KEY: &str = "rolling/router/secrets-claim";

/// Looks after them, for ever.
pub async fn run(core: Core) {
    let file = async {
        loop {
            sleep(SECRETS_KEYS_EVERY).await;
            look(&core, false).await;
        }
    };
    let keep = async {
        if core.store.capabilities().atomic_commit {
            Keeper { core: core.clone(), claim: None, claimed_at: None, last: Said::default() }.run().await;
        }
    };
    tokio::join!(file, keep);
}

/// Reads the file again if it has changed; `at_once`: also if it may still be being written. What could not be read before is
/// read again.
pub async fn look(core: &Core, at_once: bool) {
    let secrets = Arc::clone(&core.secrets);
    if spawn_blocking(move || secrets.look(at_once)).await.unwrap_or_default() {
        core.replica.relist.notify_one();
        core.feed.nudge_all();
    }
}

struct Keeper {
    core: Core,
    claim: Option<Claim>,
    /// When the claim was looked at last (monotonic).
    claimed_at: Option<Duration>,
    last: Said,
}

/// What was logged last.
#[derive(Default, PartialEq, Clone)]
struct Said {
    unreadable: usize,
    left: usize,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            sleep(ACTIVITY_TICK).await;
            if self.core.replica.status.is_followed() {
                self.turn().await;
            }
        }
    }

    async fn turn(&mut self) {
        let seals = &self.core.secrets.seals;
        let next = agreed(&self.core).filter(|next| seals.current().as_ref() != Some(next));
        let outdated = if seals.holds_current() { seals.outdated() } else { Vec::new() };
        self.say(outdated.len());
        self.look_at_claim(next.is_some() || !outdated.is_empty()).await;
        if !self.claim.as_ref().is_some_and(|claim| claim.is_good(&self.core)) {
            return;
        }
        match next {
            Some(next) => self.name_key(&next).await,
            None => self.write_anew(&outdated).await,
        }
    }

    /// Keeps the claim while there is something to do, and gives it back when there is not.
    async fn look_at_claim(&mut self, is_wanted: bool) {
        let now = self.core.clock.monotonic();
        let is_held = self.claim.is_some();
        if is_held == is_wanted && (!is_held || self.claimed_at.is_some_and(|at| now < at + CLAIM_EVERY)) {
            return;
        }
        self.claimed_at = Some(now);
        self.claim = Claim::hold(&self.core, CLAIM_KEY, self.claim.take(), is_wanted).await;
    }

    /// Says to the store by which key secrets are written from now on.
    async fn name_key(&self, next: &str) {
        let store = &self.core.store;
        let Ok(stored) = store.get(&own_key(CURRENT_KEY)).await else { return };
        if stored.as_ref().is_some_and(|stored| stored.value == next.as_bytes()) {
            return;
        }
        let checks: Vec<Check> = vec![as_read(stored.as_ref(), CURRENT_KEY)];
        let write = Write::put(own_key(CURRENT_KEY), next.to_owned());
        if let Ok(Outcome::Done(_)) = store.commit(checks, vec![write]).await {
            match next {
                PLAIN => tracing::warn!(
                    "every member has `plain` first: the store's secrets are written unencrypted again"
                ),
                key => tracing::info!(
                    key,
                    "every member holds this key: the store's secrets are written with it"
                ),
            }
        }
    }

    /// Writes secrets anew. What somebody changes meanwhile, or what fails, is looked at again in the next turn.
    async fn write_anew(&self, keys: &[String]) {
        // What the watch told of last may be old.
        if self.core.store.get(&own_key(CURRENT_KEY)).await.is_err() {
            return;
        }
        for key in keys.iter().take(SECRETS_WRITTEN_MAX) {
            if let Err(error) = self.core.store.write_anew(&own_key(key)).await {
                return tracing::warn!(%error, "secrets are written anew later");
            }
        }
    }

    /// Tells of what has changed: secrets that cannot be read, and how many are left to be written anew.
    fn say(&mut self, left: usize) {
        let counts = self.core.secrets.seals.counts();
        let now = Said { unreadable: counts.unreadable, left };
        let last = std::mem::replace(&mut self.last, now.clone());
        if now == last {
            return;
        }
        if now.unreadable != last.unreadable {
            for (key, why) in self.core.secrets.seals.census().unreadable() {
                tracing::error!(key, "a secret of the store cannot be read, and is not replaced: {why}");
            }
        }
        if left != 0 {
            tracing::info!(left, of = counts.all, "secrets of the store are written anew");
        } else if last.left != 0 {
            let key = self.core.secrets.seals.current().unwrap_or_else(|| PLAIN.to_owned());
            tracing::info!(
                key,
                secrets = counts.all,
                "all secrets of the store are written so; no other key is needed"
            );
        }
        self.core.feed.nudge_all();
    }
}
