//! The loop: who has the claim on an engine carries its deployments on, each in a task of its own, so that a long pull holds up no
//! other.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::sleep,
};

use super::turn::turn;
use crate::{
    control::{
        limits::{CARRIER_FAILED_PAUSE, CARRIER_TICK, CLAIM_EVERY},
        shared::{
            claim::Claim,
            core::Core,
            deployments::{DeploymentKey, StoredDeployment},
        },
    },
    engine::{EngineName, Engines},
    rollout::deployment::run::SPREAD,
};

/// Carries deployments out until the task is dropped. A router without engines has nothing to do.
pub async fn run(core: Core, engines: Engines) {
    if engines.is_empty() || core.is_follower {
        return;
    }
    let mut carrier = Carrier {
        core,
        engines,
        claims: BTreeMap::new(),
        claimed_at: None,
        was_wanted: false,
        turns: JoinSet::new(),
        busy: BTreeMap::new(),
        due: BTreeMap::new(),
    };
    let mut changes = carrier.core.deployments.changes();
    loop {
        carrier.look_at_claims().await;
        carrier.begin_turns();
        tokio::select! {
            Some(done) = carrier.turns.join_next_with_id(), if !carrier.turns.is_empty() => {
                carrier.end_turn(done);
            }
            // What is changed is looked at soon, and not at once: each step is a change.
            _ = changes.changed() => sleep(CARRIER_TICK / 4).await,
            () = sleep(CARRIER_TICK) => {}
        }
    }
}

struct Carrier {
    core: Core,
    engines: Engines,
    claims: BTreeMap<EngineName, Claim>,
    /// When the claims were looked at last (monotonic).
    claimed_at: Option<Duration>,
    /// Whether there was something to carry out then.
    was_wanted: bool,
    /// Each gives after how long its deployment is looked at again; none: it is gone.
    turns: JoinSet<Option<Duration>>,
    /// Whose turns they are, and what was stored when they began.
    busy: BTreeMap<Id, (DeploymentKey, Arc<StoredDeployment>)>,
    /// When each is looked at again (monotonic), unless it is another one by then than was stored.
    due: BTreeMap<DeploymentKey, (Duration, Arc<StoredDeployment>)>,
}

/// A deployment that an engine runs.
struct Charge {
    key: DeploymentKey,
    engine: String,
    stored: Arc<StoredDeployment>,
}

impl Carrier {
    /// Keeps the claims while there is something to carry out, and gives them back when there is not.
    async fn look_at_claims(&mut self) {
        let now = self.core.clock.monotonic();
        let is_wanted = self.core.replica.status.is_followed() && !self.charges().is_empty();
        let is_first = is_wanted && !self.was_wanted;
        if !is_first && self.claimed_at.is_some_and(|at| now < at + CLAIM_EVERY) {
            return;
        }
        (self.claimed_at, self.was_wanted) = (Some(now), is_wanted);
        let names: Vec<EngineName> = self.engines.iter().map(|engine| engine.name().clone()).collect();
        for name in names {
            let held = self.claims.remove(&name);
            let held = Claim::hold(&self.core, &claim_key(&name), held, is_wanted).await;
            if let Some(claim) = held {
                self.claims.insert(name, claim);
            }
        }
    }

    /// The deployments that an engine runs.
    fn charges(&self) -> Vec<Charge> {
        let charge = |stored: Arc<StoredDeployment>| {
            let deployment = stored.as_ref().as_ref().ok()?;
            let engine = deployment.run.as_ref()?.engine.clone();
            Some(Charge {
                key: (deployment.app.clone(), deployment.id.clone()),
                engine,
                stored: stored.clone(),
            })
        };
        self.core.deployments.all().into_iter().filter_map(charge).collect()
    }

    /// Whether this router has the claim on an engine; on all of them for what is spread.
    fn has_claim(&self, engine: &str) -> bool {
        let is_good =
            |name: &EngineName| self.claims.get(name).is_some_and(|claim| claim.is_good(&self.core));
        let mut its =
            self.engines.iter().filter(|it| engine == SPREAD || it.name().as_str() == engine).peekable();
        its.peek().is_some() && its.all(|it| is_good(it.name()))
    }

    fn begin_turns(&mut self) {
        let now = self.core.clock.monotonic();
        for Charge { key, engine, stored } in self.charges() {
            let is_due =
                self.due.get(&key).is_none_or(|(at, seen)| now >= *at || !Arc::ptr_eq(seen, &stored));
            let is_busy = self.busy.values().any(|(other, _)| *other == key);
            if is_busy || !is_due || !self.has_claim(&engine) {
                continue;
            }
            let (core, engines, its) = (self.core.clone(), self.engines.clone(), key.clone());
            let task = self.turns.spawn(async move { turn(&core, &engines, &its).await });
            self.busy.insert(task.id(), (key, stored));
        }
    }

    fn end_turn(&mut self, done: Result<(Id, Option<Duration>), JoinError>) {
        // A turn that panicked has said so, and must not keep its deployment from the next one.
        let (id, pause) = done.unwrap_or_else(|error| (error.id(), Some(CARRIER_FAILED_PAUSE)));
        let Some((key, stored)) = self.busy.remove(&id) else { return };
        let now = self.core.clock.monotonic();
        match pause {
            Some(pause) => drop(self.due.insert(key, (now + pause, stored))),
            None => drop(self.due.remove(&key)),
        }
    }
}

/// Where the claim on an engine stands: of all routers that have it, one carries deployments out there.
fn claim_key(engine: &EngineName) -> String {
    format!("rolling/router/carriers/{engine}")
}
