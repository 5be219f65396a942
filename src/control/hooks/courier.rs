//! The courier of one hook: it sends every change that was not sent yet, in order, and tries failed messages again.
//!
//! That a message was sent is stored before the next one is sent, so a restart repeats at most one message. While a
//! message of one app is tried again, later changes of that app wait; other apps do not.

use std::{collections::HashMap, time::Duration};

use keyvalues::{Check, Write};
use tokio::time::sleep;

use super::{
    client::HookClient,
    delivery::{Attempt, make_attempt},
    progress_store::{advance, go_back},
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
                progress::{Delivery, DeliveryOutcome, Topic},
            },
        },
    },
    limits::{ENDPOINT_EVENTS_MAX, EVENTS_MAX},
    rollout::{app::AppName, endpoint_event::is_settled, keys, record::HistoryEvent},
};

/// Sends to one hook.
pub struct Courier {
    core: Core,
    name: HookName,
    client: Option<HookClient>,
    topics: HashMap<Topic, TopicState>,
}

/// How far this courier is with one topic, where that is further than what is stored.
#[derive(Debug, Default)]
struct TopicState {
    /// Every change up to this seq was sent, or was not wanted.
    seq: u64,
    retry: Option<Retry>,
}

/// A message that failed and is tried again.
#[derive(Debug)]
struct Retry {
    id: String,
    attempts: u32,
    /// When (monotonic).
    due: Duration,
}

/// When a courier has its next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NextTurn {
    /// After a change.
    Change,
    /// After a change, or after a while.
    Later,
    /// At once: there is more to send.
    Now,
}

/// Why the history of an app is not sent further in this turn.
enum Pause {
    /// The next message is not due yet, or the store did not answer.
    Later,
    /// The hook was changed, or another router holds the claim.
    Changed,
}

impl Courier {
    pub fn new(core: Core, name: HookName) -> Self {
        Self { core, name, client: None, topics: HashMap::new() }
    }

    /// Sends until the hook is removed.
    pub async fn run(mut self) {
        let (mut changes, mut serving) = (self.core.hooks.changes(), self.core.roster.serving());
        let mut events = self.core.endpoint_events.changes();
        loop {
            changes.mark_unchanged();
            serving.mark_unchanged();
            events.mark_unchanged();
            let Some(stored) = self.core.hooks.hook(&self.name) else {
                return self.core.hooks.forget(&self.name);
            };
            let next = match &stored.hook {
                Ok(hook) if !hook.paused => self.turn(&stored, hook).await,
                _ => NextTurn::Change,
            };
            tokio::select! {
                // These senders live as long as `core`.
                _ = changes.changed(), if next != NextTurn::Now => {}
                _ = serving.changed(), if next != NextTurn::Now => {}
                _ = events.changed(), if next != NextTurn::Now => {}
                () = sleep(HOOK_LOOK), if next == NextTurn::Later => {}
                () = std::future::ready(()), if next == NextTurn::Now => {}
            }
        }
    }

    /// Sends what is due.
    async fn turn(&mut self, stored: &StoredHook, hook: &Hook) -> NextTurn {
        let mut next = self.send_notices(stored, hook).await;
        for (app, newest) in self.apps(hook) {
            if !self.may_send(stored) {
                return next;
            }
            let history = self.send_history(stored, hook, &app, newest).await;
            let of_endpoints = self.send_endpoint_events(stored, hook, &app).await;
            for sent in [history, of_endpoints] {
                next = next.max(match sent {
                    Ok(true) => NextTurn::Now,
                    Ok(false) => NextTurn::Change,
                    Err(Pause::Later) => NextTurn::Later,
                    Err(Pause::Changed) => return next,
                });
            }
        }
        self.forget_removed_apps().await;
        next
    }

    /// The apps whose changes the hook gets, each with its newest seq.
    fn apps(&self, hook: &Hook) -> Vec<(AppName, u64)> {
        let reading = self.core.replica.reading.load();
        let wanted = reading.apps.iter().filter(|(app, _)| hook.wants_app(app));
        wanted.filter_map(|(app, reading)| Some((app.clone(), reading.record.as_ref()?.seq))).collect()
    }

    /// Whether this router holds the claim, and the hook is as it was when the turn began.
    fn may_send(&self, stored: &StoredHook) -> bool {
        self.is_unchanged(stored) && self.core.hooks.has_claim(self.core.clock.monotonic())
    }

    fn is_unchanged(&self, stored: &StoredHook) -> bool {
        self.core.hooks.hook(&self.name).is_some_and(|now| now.revision == stored.revision)
    }

    /// Sends the notices. The router that raised one sends it, whoever holds the claim.
    async fn send_notices(&mut self, stored: &StoredHook, hook: &Hook) -> NextTurn {
        while let Some(message) = self.core.hooks.first_notice(&self.name) {
            if self.must_wait(&Topic::None) {
                return NextTurn::Later;
            }
            if !self.is_unchanged(stored) {
                return NextTurn::Change;
            }
            let delivery = self.send(hook, &Topic::None, &message).await;
            if delivery.outcome != DeliveryOutcome::Failed {
                self.core.hooks.remove_notice(&self.name, &message);
            }
            // This may fail: a store that is down is what some notices are about.
            let _ = advance(&self.core, &self.name, &Topic::None, 0, Some(&delivery)).await;
        }
        NextTurn::Change
    }

    /// Sends the next changes of an app; `true` when there are more.
    async fn send_history(
        &mut self,
        stored: &StoredHook,
        hook: &Hook,
        app: &AppName,
        newest: u64,
    ) -> Result<bool, Pause> {
        let topic = Topic::of(app);
        let sent = self.sent_seq(&topic, app, newest).await?;
        if sent >= newest {
            return Ok(false);
        }
        if self.must_wait(&topic) {
            return Err(Pause::Later);
        }
        let start = (sent + 1).max((newest + 1).saturating_sub(EVENTS_MAX));
        let end = newest.min(start + HOOK_EVENTS_PER_TURN - 1);
        let events = history::read(&self.core, app, start, end + 1).await.map_err(|_| Pause::Later)?;
        for event in &events {
            self.send_event(stored, hook, &topic, (event.record.seq, event)).await?;
        }
        // Events that were not wanted, or are not in the store any more, count as sent.
        self.note_sent(&topic, end, None).await?;
        Ok(end < newest)
    }

    /// Sends the next events about endpoints of an app, each once nothing is joined to it any more; `true` when there are
    /// more.
    async fn send_endpoint_events(
        &mut self,
        stored: &StoredHook,
        hook: &Hook,
        app: &AppName,
    ) -> Result<bool, Pause> {
        let (topic, newest) = (Topic::Endpoints(app.clone()), self.core.endpoint_events.of(app));
        let told = self.core.hooks.progress(&self.name, &topic).map_or(0, |progress| progress.seq);
        let sent = told.max(self.topics.get(&topic).map_or(0, |state| state.seq));
        if sent >= newest {
            return Ok(false);
        }
        if self.must_wait(&topic) {
            return Err(Pause::Later);
        }
        let start = (sent + 1).max((newest + 1).saturating_sub(ENDPOINT_EVENTS_MAX));
        let end = newest.min(start + HOOK_EVENTS_PER_TURN - 1);
        let events = history::read_endpoint_events(&self.core, app, start, end + 1).await;
        for (number, event) in &events.map_err(|_| Pause::Later)? {
            if !is_settled(event, self.core.clock.wall_ms()) {
                return Err(Pause::Later);
            }
            self.send_event(stored, hook, &topic, (*number, event)).await?;
        }
        self.note_sent(&topic, end, None).await?;
        Ok(end < newest)
    }

    /// Sends one event, which has this number in its topic.
    async fn send_event(
        &mut self,
        stored: &StoredHook,
        hook: &Hook,
        topic: &Topic,
        (seq, event): (u64, &HistoryEvent),
    ) -> Result<(), Pause> {
        let Some(app) = topic.app() else { return Ok(()) };
        if !hook.wants(&EventKind::of_command(&event.record.command)) {
            self.topics.entry(topic.clone()).or_default().seq = seq;
            return Ok(());
        }
        if !self.may_send(stored) {
            return Err(Pause::Changed);
        }
        let delivery = self.send(hook, topic, &Message::of_event(app, event)).await;
        if delivery.outcome == DeliveryOutcome::Failed {
            let _ = advance(&self.core, &self.name, topic, seq - 1, Some(&delivery)).await;
            return Err(Pause::Later);
        }
        self.note_sent(topic, seq, Some(&delivery)).await
    }

    /// The seq up to which everything was sent. If the store fell back behind it, sending starts again at what the store
    /// holds.
    async fn sent_seq(&mut self, topic: &Topic, app: &AppName, newest: u64) -> Result<u64, Pause> {
        let stored = self.core.hooks.progress(&self.name, topic).map_or(0, |progress| progress.seq);
        let sent = stored.max(self.topics.get(topic).map_or(0, |state| state.seq));
        if sent <= newest {
            return Ok(sent);
        }
        let now = StoredApp::read(&self.core, app).await.map_err(|_| Pause::Later)?.seq();
        if sent <= now {
            return Ok(sent);
        }
        tracing::warn!(hook = %self.name, %app, sent, now, "the app's history began again; its newest change is sent to the hook");
        self.topics.remove(topic);
        go_back(&self.core, &self.name, topic, now.saturating_sub(1)).await.map_err(|_| Pause::Later)?;
        Err(Pause::Later)
    }

    /// Everything up to this seq was sent. Kept here too, so that nothing is sent twice while the store does not answer.
    async fn note_sent(&mut self, topic: &Topic, seq: u64, delivery: Option<&Delivery>) -> Result<(), Pause> {
        self.topics.entry(topic.clone()).or_default().seq = seq;
        advance(&self.core, &self.name, topic, seq, delivery).await.map_err(|error| {
            tracing::warn!(hook = %self.name, error = error.message(), "that a message was sent to the hook is not stored yet");
            Pause::Later
        })
    }

    /// Whether a message of this topic is to be tried again, but not yet.
    fn must_wait(&self, topic: &Topic) -> bool {
        let retry = self.topics.get(topic).and_then(|state| state.retry.as_ref());
        retry.is_some_and(|retry| self.core.clock.monotonic() < retry.due)
    }

    /// Sends a message once. If that fails, sets when it is tried again, unless it was the last attempt.
    async fn send(&mut self, hook: &Hook, topic: &Topic, message: &Message) -> Delivery {
        let (core, at) = (self.core.clone(), self.core.clock.wall_ms());
        let id = message.id(&core.roster.epoch());
        let attempt = match self.client(hook) {
            Ok(client) => make_attempt(&client, &hook.secret, &id, message, &core.clock).await,
            Err(error) => Attempt::refused(error),
        };
        let state = self.topics.entry(topic.clone()).or_default();
        let earlier = state.retry.take().filter(|retry| retry.id == id);
        let attempts = earlier.map_or(0, |retry| retry.attempts) + 1;
        let pause = HOOK_RETRIES.get(attempts as usize - 1).filter(|_| !attempt.delivered);
        let outcome = match (attempt.delivered, pause) {
            (true, _) => DeliveryOutcome::Delivered,
            (false, Some(_)) => DeliveryOutcome::Failed,
            (false, None) => DeliveryOutcome::Dropped,
        };
        if let Some(pause) = pause {
            let pause = jittered(*pause).max(attempt.retry_after.unwrap_or_default().min(HOOK_RETRY_MAX));
            let due = core.clock.monotonic() + pause;
            state.retry = Some(Retry { id: id.clone(), attempts, due });
        }
        core.hooks.count(&self.name, outcome);
        let delivery = attempt.delivery(message, id, attempts, outcome, at, core.name());
        self.log(&delivery);
        delivery
    }

    fn log(&self, delivery: &Delivery) {
        let (hook, id, attempt, error) = (&self.name, &delivery.id, delivery.attempt, &delivery.error);
        match delivery.outcome {
            DeliveryOutcome::Delivered => {
                tracing::debug!(%hook, id, attempt, "a message was delivered to a hook");
            }
            DeliveryOutcome::Failed => {
                tracing::info!(%hook, id, attempt, ?error, "a message was not delivered to a hook; it is tried again");
            }
            DeliveryOutcome::Dropped => {
                tracing::warn!(%hook, id, attempt, ?error, "a message was not delivered to a hook; it is given up");
            }
        }
    }

    fn client(&mut self, hook: &Hook) -> Result<HookClient, String> {
        if let Some(client) = self.client.as_ref().filter(|client| client.is_for(hook)) {
            return Ok(client.clone());
        }
        let client = HookClient::new(hook, &self.core.addresses.load()).map_err(|error| error.to_string())?;
        Ok(self.client.insert(client).clone())
    }

    /// Forgets apps that were removed: the history of a later app of that name is sent from its first change.
    async fn forget_removed_apps(&mut self) {
        let reading = self.core.replica.reading.load_full();
        for topic in self.core.hooks.topics(&self.name) {
            let Some(app) = topic.app().filter(|app| !reading.apps.contains_key(*app)) else { continue };
            self.topics.remove(&topic);
            if let Err(error) = forget(&self.core, &self.name, &topic, app).await {
                tracing::debug!(hook = %self.name, %app, error = error.message(), "the progress of a hook with a removed app is still stored");
            }
        }
    }
}

/// Deletes the progress with an app, unless the app exists after all.
async fn forget(core: &Core, hook: &HookName, topic: &Topic, app: &AppName) -> Result<(), ApiError> {
    let absent = Check::Absent(own_key(&keys::record(app)));
    core.store.commit(vec![absent], vec![Write::delete(own_key(&topic.key(hook)))]).await?;
    Ok(())
}
