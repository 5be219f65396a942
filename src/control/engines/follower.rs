//! What is known of one engine's containers, and how the store is brought to say the same.
//!
//! Signals are acted on at once. Whatever has to wait for a gate or for the store is settled beside that, again and again
//! until it is done.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures_util::future::join_all;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::{
    adopted::{Adopted, is_end, stop_timeout},
    changes::{Changes, Registered},
};
use crate::{
    control::{
        limits::{ENGINE_DEADLINE_TICK, ENGINE_SETTLE_AFTER},
        shared::{error::ApiError, hex::hex},
    },
    engine::{Container, ContainerAction, ContainerEvent, LABEL_APP},
    rollout::app::AppName,
};

/// How many hex digits of an id stand for it, as people know it from an engine's own lists.
const ID_DIGITS: usize = 12;

/// What is known of one engine's containers.
pub struct Follower {
    changes: Changes,
    state: Mutex<State>,
    /// Something is to be settled.
    unsettled: Notify,
}

#[derive(Default)]
struct State {
    /// What the names of this engine's endpoints begin with. None: it never answered.
    prefix: Option<String>,
    /// The containers that are to be endpoints, by id.
    present: BTreeMap<String, Adopted>,
    /// The containers that were told to end, by id.
    ending: HashMap<String, Ending>,
    /// What the store has, by the endpoint's name. None: not read since the engine was found.
    registered: Option<BTreeMap<String, Registered>>,
    /// What was said about a container last, so that it is said once.
    said: HashMap<String, String>,
}

#[derive(Clone)]
struct Ending {
    /// None: it was no endpoint yet.
    endpoint: Option<Registered>,
    /// When it is asked whether it still runs (monotonic).
    until: Duration,
}

impl Follower {
    pub fn new(changes: Changes) -> Self {
        Self { changes, state: Mutex::default(), unsettled: Notify::new() }
    }

    /// Takes a full look: what is known from before counts no more.
    pub fn look(&self, engine_id: &str, containers: &[Container]) {
        let mut state = self.state.lock();
        state.prefix = Some(prefix(engine_id));
        state.registered = None;
        state.present.clear();
        for container in containers {
            self.take(&mut state, container);
        }
        drop(state);
        self.unsettled.notify_one();
    }

    /// Takes an event.
    pub async fn note(&self, event: ContainerEvent) {
        match event.action {
            ContainerAction::Kill { signal } => {
                if let Some(container) = self.inspect(&event.id).await
                    && is_end(signal, &container)
                {
                    self.end(&container).await;
                }
            }
            ContainerAction::Start | ContainerAction::Unpause => {
                if let Some(container) = self.inspect(&event.id).await {
                    self.lift(&event.id, "its container was started again").await;
                    self.take(&mut self.state.lock(), &container);
                }
            }
            ContainerAction::Die { .. } | ContainerAction::Pause | ContainerAction::Destroy => {
                // An event may be older than a start that the last look has seen.
                let container = self.inspect(&event.id).await.filter(Container::is_running);
                if container.is_none() {
                    let mut state = self.state.lock();
                    state.present.remove(&event.id);
                    state.ending.remove(&event.id);
                    state.said.remove(&event.id);
                }
            }
        }
        self.unsettled.notify_one();
    }

    /// Brings the store to say what runs, until the task is dropped.
    pub async fn settle(&self) {
        loop {
            match self.settle_once().await {
                true => self.unsettled.notified().await,
                false => {
                    let _ = tokio::time::timeout(ENGINE_SETTLE_AFTER, self.unsettled.notified()).await;
                }
            }
        }
    }

    /// Takes in again what still runs after the time in which it should have ended, until the task is dropped.
    pub async fn watch_deadlines(&self) {
        let mut ticks = tokio::time::interval(ENGINE_DEADLINE_TICK);
        loop {
            ticks.tick().await;
            let now = self.changes.core.clock.monotonic();
            let due: Vec<String> = {
                let state = self.state.lock();
                state
                    .ending
                    .iter()
                    .filter(|(_, ending)| ending.until <= now)
                    .map(|(id, _)| id.clone())
                    .collect()
            };
            for id in due {
                let container = self.inspect(&id).await.filter(Container::is_running);
                if let Some(container) = container {
                    self.lift(&id, "its container still runs").await;
                    self.take(&mut self.state.lock(), &container);
                    self.unsettled.notify_one();
                }
                self.state.lock().ending.remove(&id);
            }
        }
    }

    /// A container was told to end: nobody new is sent there.
    async fn end(&self, container: &Container) {
        let limit = stop_timeout(container);
        let until = self.changes.core.clock.monotonic() + limit + ENGINE_SETTLE_AFTER;
        let known = {
            let mut state = self.state.lock();
            state.present.remove(&container.id);
            let key = state.key(&container.id);
            key.and_then(|key| state.registered.as_ref()?.get(&key).cloned())
        };
        let endpoint = match known {
            Some(endpoint) => Some(endpoint),
            None => self.endpoint_of(container).await,
        };
        self.state.lock().ending.insert(container.id.clone(), Ending { endpoint: endpoint.clone(), until });
        if let Some(endpoint) = endpoint
            && let Err(error) = self.changes.drain(&endpoint, limit).await
        {
            self.say(&container.id, &container.name, "cannot be drained", &error);
        }
    }

    /// The endpoint that a container is, as the store has it. Nobody else's apps are touched.
    async fn endpoint_of(&self, container: &Container) -> Option<Registered> {
        let app: AppName = container.label(LABEL_APP)?.parse().ok()?;
        let is_meant = container.is_ours() || self.changes.engine.policy().adopts(&app);
        self.changes.endpoint_of(&app, container).await.ok().flatten().filter(|_| is_meant)
    }

    /// Ends the drain of a container that goes on.
    async fn lift(&self, id: &str, reason: &str) {
        let ending = self.state.lock().ending.remove(id);
        if let Some(endpoint) = ending.and_then(|ending| ending.endpoint)
            && let Err(error) = self.changes.undrain(&endpoint, reason).await
        {
            self.say(id, id, "cannot be taken in again", &error);
        }
    }

    /// Takes note of a container that may be an endpoint.
    fn take(&self, state: &mut State, container: &Container) {
        if state.ending.contains_key(&container.id) && container.is_running() {
            return;
        }
        match Adopted::read(container, &self.changes.engine) {
            Ok(Some(adopted)) => {
                state.present.insert(container.id.clone(), adopted);
            }
            Ok(None) => {
                state.present.remove(&container.id);
            }
            Err(why) => {
                if state.said.insert(container.id.clone(), why.clone()).as_ref() != Some(&why) {
                    let (engine, name) = (self.changes.engine.name(), &container.name);
                    tracing::warn!(%engine, "the container {name} cannot be an endpoint: {why}");
                }
            }
        }
    }

    async fn inspect(&self, id: &str) -> Option<Container> {
        // An engine that does not answer is looked at as a whole when it does.
        self.changes.engine.find(id).await.ok().flatten()
    }

    /// Whether everything is settled.
    async fn settle_once(&self) -> bool {
        let Some(prefix) = self.state.lock().prefix.clone() else { return true };
        if self.state.lock().registered.is_none() {
            match self.changes.registered(&prefix).await {
                Ok(registered) => self.state.lock().registered = Some(registered),
                Err(error) => {
                    self.say("", "the store", "cannot be read", &error);
                    return false;
                }
            }
        }
        // New ones first: a release on a track does not lose its last endpoint.
        let new = self.new_endpoints();
        let mut settled =
            join_all(new.into_iter().map(|(id, key, adopted)| self.add(id, key, adopted))).await;
        for (key, gone) in self.gone_endpoints() {
            settled.push(self.remove(key, gone).await);
        }
        settled.iter().all(|done| *done)
    }

    /// Containers that run, and are no endpoints yet or elsewhere.
    fn new_endpoints(&self) -> Vec<(String, String, Adopted)> {
        let state = self.state.lock();
        let Some(registered) = &state.registered else { return Vec::new() };
        let new = state.present.iter().filter_map(|(id, adopted)| {
            let key = state.key(id)?;
            let is_known = registered.get(&key).is_some_and(|known| known.address == adopted.address.into());
            (!is_known).then(|| (id.clone(), key, adopted.clone()))
        });
        new.collect()
    }

    /// Endpoints whose containers do not run.
    fn gone_endpoints(&self) -> Vec<(String, Registered)> {
        let state = self.state.lock();
        let running = state.present.keys().chain(state.ending.keys());
        let running: Vec<String> = running.filter_map(|id| state.key(id)).collect();
        let registered = state.registered.iter().flatten();
        registered
            .filter(|(key, _)| !running.contains(key))
            .map(|(key, gone)| (key.clone(), gone.clone()))
            .collect()
    }

    async fn add(&self, id: String, key: String, adopted: Adopted) -> bool {
        let added = self.changes.register(&key, &adopted).await;
        let mut state = self.state.lock();
        match added {
            Ok(endpoint) => {
                state.said.remove(&id);
                // A look that came meanwhile has them read anew.
                if let Some(known) = &mut state.registered {
                    known.insert(key, endpoint);
                }
                // It may have ended while it was asked.
                state.present.contains_key(&id)
            }
            Err(error) => {
                drop(state);
                self.say(&id, &id[..ID_DIGITS.min(id.len())], "is no endpoint yet", &error);
                false
            }
        }
    }

    async fn remove(&self, key: String, gone: Registered) -> bool {
        match self.changes.remove(&key, &gone).await {
            Ok(()) => {
                if let Some(known) = &mut self.state.lock().registered {
                    known.remove(&key);
                }
                true
            }
            Err(error) => {
                self.say(&key, &key, "cannot be removed yet", &error);
                false
            }
        }
    }

    /// Says once what keeps a container from being what it should be.
    fn say(&self, about: &str, name: &str, what: &str, error: &ApiError) {
        let text = format!("{what}: {}", error.message());
        if self.state.lock().said.insert(about.to_owned(), text.clone()).as_ref() != Some(&text) {
            let engine = self.changes.engine.name();
            tracing::warn!(%engine, "the container {name} {text}");
        }
    }
}

impl State {
    /// The name of a container's endpoint.
    fn key(&self, id: &str) -> Option<String> {
        Some(format!("{}{}", self.prefix.as_ref()?, id.get(..ID_DIGITS)?))
    }
}

/// What the names of an engine's endpoints begin with. It follows from the engine's own id, since two routers may call two
/// engines by one name.
fn prefix(engine_id: &str) -> String {
    format!("engine-{}-", hex(&Sha256::digest(engine_id)[..4]))
}
