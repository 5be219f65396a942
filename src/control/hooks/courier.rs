//! The courier of one hook: tells it, in order, what it has not been told yet, and tries again what failed.
//!
//! What was told is stored before the next thing is told, so a restart repeats at most one message. An app whose message
//! is being tried again waits for that one; other apps go on.

use std::{collections::HashMap, time::Duration};

use keyvalues::{Check, Write};
use tokio::time::sleep;

use super::{
    client::HookClient,
    delivery::{Attempt, attempt},
    progress::{advance, go_back},
};
use crate::{
    control::{
        commands::{history, stored::StoredApp},
        limits::{HOOK_EVENTS_PER_TURN, HOOK_LOOK, HOOK_RETRIES, HOOK_RETRY_MAX},
        shared::{
            backoff::jittered,
            core::Core,
            entries::own_key,
            error::ApiError,
            hooks::{
                board::StoredHook,
                event::EventKind,
                hook::{Hook, HookName},
                message::Message,
                sent::{Delivery, Ended, Place},
            },
        },
    },
    limits::EVENTS_MAX,
    rollout::{app::AppName, keys, record::HistoryEvent},
};

/// Tells one hook.
pub struct Courier {
    core: Core,
    name: HookName,
    client: Option<HookClient>,
    progress: HashMap<Place, Progress>,
}

/// How far it is with an app, where that is more than what is stored.
#[derive(Debug, Default)]
struct Progress {
    seq: u64,
    failed: Option<Failed>,
}

/// A message that failed and is tried again.
#[derive(Debug)]
struct Failed {
    id: String,
    attempts: u32,
    /// When (monotonic).
    due: Duration,
}

/// When a courier has its next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// When something has changed.
    Change,
    /// When time has passed, too.
    Later,
    /// At once: there is more to tell.
    Now,
}

/// Why telling an app's history stops for now.
enum Stop {
    /// The next message is not due yet, or the store did not answer.
    Later,
    /// The hook was changed, or this router is not the one that tells.
    Changed,
}

impl Courier {
    pub fn new(core: Core, name: HookName) -> Self {
        Self { core, name, client: None, progress: HashMap::new() }
    }

    /// Goes on until the hook is gone.
    pub async fn run(mut self) {
        let (mut changes, mut serving) = (self.core.hooks.changes(), self.core.roster.serving());
        loop {
            changes.mark_unchanged();
            serving.mark_unchanged();
            let Some(stored) = self.core.hooks.hook(&self.name) else {
                return self.core.hooks.forget(&self.name);
            };
            let next = match &stored.hook {
                Ok(hook) if !hook.paused => self.turn(&stored, hook).await,
                _ => Next::Change,
            };
            tokio::select! {
                // Both senders live as long as `core`.
                _ = changes.changed(), if next != Next::Now => {}
                _ = serving.changed(), if next != Next::Now => {}
                () = sleep(HOOK_LOOK), if next == Next::Later => {}
                () = std::future::ready(()), if next == Next::Now => {}
            }
        }
    }

    /// Tells what there is.
    async fn turn(&mut self, stored: &StoredHook, hook: &Hook) -> Next {
        let mut next = self.notices(stored, hook).await;
        for (app, newest) in self.apps(hook) {
            if !self.may_tell(stored) {
                return next;
            }
            next = next.max(match self.history(stored, hook, &app, newest).await {
                Ok(true) => Next::Now,
                Ok(false) => Next::Change,
                Err(Stop::Later) => Next::Later,
                Err(Stop::Changed) => return next,
            });
        }
        self.tidy().await;
        next
    }

    /// The apps that the hook is told of, each with its newest seq.
    fn apps(&self, hook: &Hook) -> Vec<(AppName, u64)> {
        let view = self.core.replica.view.load();
        let wanted = view.apps.iter().filter(|(app, _)| hook.wants_app(app));
        wanted.filter_map(|(app, view)| Some((app.clone(), view.record.as_ref()?.seq))).collect()
    }

    /// Whether this router is the one that tells, and the hook is as it was when the turn began.
    fn may_tell(&self, stored: &StoredHook) -> bool {
        self.is_same(stored) && self.core.hooks.holds(self.core.clock.monotonic())
    }

    fn is_same(&self, stored: &StoredHook) -> bool {
        self.core.hooks.hook(&self.name).is_some_and(|now| now.revision == stored.revision)
    }

    /// Tells what is in no history. Whoever raised it tells it, whoever holds the claim.
    async fn notices(&mut self, stored: &StoredHook, hook: &Hook) -> Next {
        while let Some(message) = self.core.hooks.first_notice(&self.name) {
            if self.is_early(&Place::NONE) {
                return Next::Later;
            }
            if !self.is_same(stored) {
                return Next::Change;
            }
            let ended = self.tell(hook, &Place::NONE, &message).await;
            if ended.outcome != Ended::Failed {
                self.core.hooks.end_notice(&self.name, &message);
            }
            // A store that is down is what some of them are about.
            let _ = advance(&self.core, &self.name, &Place::NONE, 0, Some(&ended)).await;
        }
        Next::Change
    }

    /// Tells the next events of an app; `true` when there are more.
    async fn history(
        &mut self,
        stored: &StoredHook,
        hook: &Hook,
        app: &AppName,
        newest: u64,
    ) -> Result<bool, Stop> {
        let place = Place::of(app);
        let told = self.told(&place, app, newest).await?;
        if told >= newest {
            return Ok(false);
        }
        if self.is_early(&place) {
            return Err(Stop::Later);
        }
        let start = (told + 1).max((newest + 1).saturating_sub(EVENTS_MAX));
        let end = newest.min(start + HOOK_EVENTS_PER_TURN - 1);
        let events = history::read(&self.core, app, start, end + 1).await.map_err(|_| Stop::Later)?;
        for event in &events {
            self.tell_event(stored, hook, &place, app, event).await?;
        }
        // What was not wanted, or is not in the store any more, counts as told.
        self.reach(&place, end, None).await?;
        Ok(end < newest)
    }

    async fn tell_event(
        &mut self,
        stored: &StoredHook,
        hook: &Hook,
        place: &Place,
        app: &AppName,
        event: &HistoryEvent,
    ) -> Result<(), Stop> {
        let seq = event.record.seq;
        if !hook.wants(EventKind::of_command(&event.record.command)) {
            self.progress.entry(place.clone()).or_default().seq = seq;
            return Ok(());
        }
        if !self.may_tell(stored) {
            return Err(Stop::Changed);
        }
        let ended = self.tell(hook, place, &Message::of_event(app, event)).await;
        if ended.outcome == Ended::Failed {
            let _ = advance(&self.core, &self.name, place, seq - 1, Some(&ended)).await;
            return Err(Stop::Later);
        }
        self.reach(place, seq, Some(&ended)).await
    }

    /// How far the hook was told. A store that fell back knows less than was told: then it begins again there.
    async fn told(&mut self, place: &Place, app: &AppName, newest: u64) -> Result<u64, Stop> {
        let stored = self.core.hooks.sent(&self.name, place).map_or(0, |sent| sent.seq);
        let told = stored.max(self.progress.get(place).map_or(0, |progress| progress.seq));
        if told <= newest {
            return Ok(told);
        }
        let now = StoredApp::read(&self.core, app).await.map_err(|_| Stop::Later)?.seq();
        if told <= now {
            return Ok(told);
        }
        tracing::warn!(hook = %self.name, %app, told, now, "the app began anew; the hook is told its newest change");
        self.progress.remove(place);
        go_back(&self.core, &self.name, place, now.saturating_sub(1)).await.map_err(|_| Stop::Later)?;
        Err(Stop::Later)
    }

    /// Everything up to this seq is told. Kept here too, so that nothing is told twice while the store does not answer.
    async fn reach(&mut self, place: &Place, seq: u64, delivery: Option<&Delivery>) -> Result<(), Stop> {
        self.progress.entry(place.clone()).or_default().seq = seq;
        advance(&self.core, &self.name, place, seq, delivery).await.map_err(|error| {
            tracing::warn!(hook = %self.name, error = error.message(), "what a hook was told is not stored yet");
            Stop::Later
        })
    }

    fn is_early(&self, place: &Place) -> bool {
        let failed = self.progress.get(place).and_then(|progress| progress.failed.as_ref());
        failed.is_some_and(|failed| self.core.clock.monotonic() < failed.due)
    }

    /// Sends a message once, and takes note of how it went.
    async fn tell(&mut self, hook: &Hook, place: &Place, message: &Message) -> Delivery {
        let (core, at) = (self.core.clone(), self.core.clock.wall_ms());
        let id = message.id(&core.roster.epoch());
        let done = match self.client(hook) {
            Ok(client) => attempt(&client, &hook.secret, &id, message, &core.clock).await,
            Err(error) => Attempt::refused(error),
        };
        let earlier = self.progress.entry(place.clone()).or_default().failed.take();
        let attempts = earlier.filter(|failed| failed.id == id).map_or(0, |failed| failed.attempts) + 1;
        let next = HOOK_RETRIES.get(attempts as usize - 1).filter(|_| !done.delivered);
        let outcome = match (done.delivered, next) {
            (true, _) => Ended::Delivered,
            (false, Some(_)) => Ended::Failed,
            (false, None) => Ended::Dropped,
        };
        if let Some(pause) = next {
            let pause = jittered(*pause).max(done.rest.unwrap_or_default().min(HOOK_RETRY_MAX));
            let due = core.clock.monotonic() + pause;
            let failed = Some(Failed { id: id.clone(), attempts, due });
            self.progress.entry(place.clone()).or_default().failed = failed;
        }
        core.hooks.count(&self.name, outcome);
        let delivery = done.delivery(message, id, attempts, outcome, at, core.name());
        self.log(&delivery);
        delivery
    }

    fn log(&self, delivery: &Delivery) {
        let (hook, id, attempt, error) = (&self.name, &delivery.id, delivery.attempt, &delivery.error);
        match delivery.outcome {
            Ended::Delivered => tracing::debug!(%hook, id, attempt, "a hook was told"),
            Ended::Failed => {
                tracing::info!(%hook, id, attempt, ?error, "a hook was not told; it is tried again")
            }
            Ended::Dropped => tracing::warn!(%hook, id, attempt, ?error, "a hook was not told; given up"),
        }
    }

    fn client(&mut self, hook: &Hook) -> Result<HookClient, String> {
        if let Some(client) = self.client.as_ref().filter(|client| client.leads_to(&hook.url)) {
            return Ok(client.clone());
        }
        let client =
            HookClient::new(&hook.url, &self.core.options.addresses).map_err(|error| error.to_string())?;
        Ok(self.client.insert(client).clone())
    }

    /// Forgets apps that are gone: one of that name that comes later begins at its first change.
    async fn tidy(&mut self) {
        let view = self.core.replica.view.load_full();
        for place in self.core.hooks.places(&self.name) {
            let Some(app) = place.app().filter(|app| !view.apps.contains_key(*app)) else { continue };
            self.progress.remove(&place);
            if let Err(error) = forget(&self.core, &self.name, &place, app).await {
                tracing::debug!(hook = %self.name, error = error.message(), "an app that is gone is not forgotten yet");
            }
        }
    }
}

/// Unless the app is there after all.
async fn forget(core: &Core, hook: &HookName, place: &Place, app: &AppName) -> Result<(), ApiError> {
    let absent = Check::Absent(own_key(&keys::record(app)));
    core.store.commit(vec![absent], vec![Write::delete(own_key(&place.key(hook)))]).await?;
    Ok(())
}
