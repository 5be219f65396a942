//! The one task that owns the keyspace: takes what the store says, builds tables and publishes them.

use std::{cell::LazyCell, convert::Infallible, sync::Arc, time::Duration};

use keyvalues::{Batch, Entry, Epoch, Event, Listing, Revision, StoreError, WatchItem};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    deadlines::{Deadlines, Moment, changed_apps},
    endpoint_ends::EndpointEnds,
    identity::{Identity, record_seq},
    interruption::Interruption,
    last_good::{LastGood, is_routed},
    origin,
    restore::Restore,
    upkeep::Upkeep,
};
use crate::{
    control::{
        fleet::elsewhere::Elsewhere,
        limits::{DEADLINE_TICK, WATCH_QUEUE, WATCH_SILENCE_MAX},
        shared::{
            core::Core,
            entries::{EPOCH, entry, value},
            error::ApiError,
            fleet::member::Report,
            pin_keys::{self, PIN_KEYS},
            settlement::{Decision, Settled},
            state_dir::StateDir,
        },
    },
    rollout::{
        keys::{self, Meaning},
        keyspace::Keyspace,
        pin::PinKeys,
    },
};

/// What `sync` is started with besides the core.
#[derive(Debug, Default)]
pub struct SyncOptions {
    /// Where the last good table is kept.
    pub state_dir: Option<Arc<StateDir>>,
    /// Keyvalues for a store that is not set up yet (no `rolling/null`), in the order they are written.
    pub seed: Vec<(String, String)>,
}

/// Everything the task holds. What it serves stays published whatever happens here.
pub struct Follower {
    core: Core,
    seed: Vec<(String, String)>,
    /// None until pin keys are known: a table without them could pin nobody.
    keyspace: Option<Keyspace>,
    identity: Option<Identity>,
    deadlines: Deadlines,
    endpoint_ends: EndpointEnds,
    last_good: LastGood,
    upkeep: Upkeep,
    /// The first table of this process is live.
    started: bool,
    /// Served so far.
    reached: Revision,
    /// Ready once this is served: what was found unadopted at the start is adopted first.
    ready_at: Revision,
    progressed: bool,
    /// The revision of the pin keys in use; 0 while they are not the store's.
    pin_keys_at: Revision,
}

/// A decision that was carried out, with what the store holds then; or the answer to one that changes nothing.
type Carried = Result<(Settled, Listing), Result<Settled, ApiError>>;

/// What a watch said, and when (monotonic).
type Told = (Result<WatchItem, StoreError>, Duration);

/// The task that reads a watch; it ends with this value.
struct Reader {
    items: mpsc::Receiver<Told>,
    task: JoinHandle<()>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    pub fn new(core: Core, options: SyncOptions) -> Self {
        Self {
            upkeep: Upkeep::new(core.clone()),
            core,
            seed: options.seed,
            keyspace: None,
            identity: None,
            deadlines: Deadlines::default(),
            endpoint_ends: EndpointEnds::default(),
            last_good: LastGood::new(options.state_dir),
            started: false,
            reached: 0,
            ready_at: 0,
            progressed: false,
            pin_keys_at: 0,
        }
    }

    /// Follows the store until that fails.
    pub async fn follow(&mut self) -> Interruption {
        match self.try_follow().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_follow(&mut self) -> Result<Infallible, Interruption> {
        self.remember();
        let revision = self.connect().await?;
        let mut reader = self.read(revision).await?;
        let mut ticks = interval(DEADLINE_TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let core = self.core.clone();
        loop {
            tokio::select! {
                biased;
                item = reader.items.recv() => self.take_items(item, &mut reader)?,
                revision = self.upkeep.done() => self.upkept(revision),
                () = core.replica.relist.notified() => return Err(Interruption::Resync),
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    /// Whether the store was read since this was last asked.
    pub fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progressed)
    }

    /// Says why following ended, and falls back on the last good table if nothing is served yet.
    pub fn note(&mut self, ended: &Interruption) {
        if matches!(ended, Interruption::Resync) {
            return;
        }
        if !self.started {
            self.serve_last_good();
        }
        let table = match self.started {
            true => "serving the last good table",
            false => "there is no last good table: requests get 503 until the store can be followed",
        };
        match ended {
            Interruption::Resync => {}
            Interruption::Store(error) => {
                if self.core.replica.status.down().is_none() {
                    tracing::warn!(%error, "the store cannot be followed; {table}");
                }
                self.core.replica.status.set_down(error.to_string());
            }
            Interruption::Diverged(why) => {
                if self.core.replica.status.diverged().is_none() {
                    tracing::error!("{why}; {table}, and refusing commands");
                }
                self.core.replica.status.set_diverged(why.clone());
            }
        }
    }

    /// Lets a pause pass; deadlines go on.
    pub async fn rest(&mut self, pause: Duration) {
        let mut ticks = interval(DEADLINE_TICK);
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        let core = self.core.clone();
        loop {
            tokio::select! {
                () = &mut over => return,
                () = core.replica.relist.notified() => return,
                revision = self.upkeep.done() => self.upkept(revision),
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    /// Keeps what is not kept yet.
    pub async fn finish(&mut self) {
        self.last_good.finish(self.identity.as_ref()).await;
    }

    /// The identity that the last process left, read once.
    fn remember(&mut self) {
        if self.identity.is_none() {
            self.identity = self.last_good.load().map(|saved| saved.identity);
        }
    }

    /// Lists the store, makes sure it is the right one, and serves what it holds.
    async fn connect(&mut self) -> Result<Revision, Interruption> {
        let own = self.core.store.epoch().await?;
        let listing = origin::list(&self.core).await?;
        match self.identity.as_ref().and_then(|known| known.contradiction(&listing, &own)) {
            None => self.take_over(listing, &own).await,
            Some(why) => self.settle(listing, &own, why).await,
        }
    }

    /// Makes what every fleet has once, and serves what the store holds.
    async fn take_over(&mut self, listing: Listing, own: &Epoch) -> Result<Revision, Interruption> {
        let kept = self.core.replica.pin_keys().or_else(|| self.last_good.pin_keys().cloned());
        let listing = if self.core.store.capabilities().atomic_commit {
            origin::prepare(&self.core, listing, &self.seed, kept.as_ref()).await?
        } else {
            listing
        };
        let epoch = value(&listing, EPOCH).unwrap_or_default();
        self.identity.get_or_insert_with(|| Identity::new(epoch, own));
        self.take_listing(&listing)?;
        Ok(listing.revision)
    }

    /// Carries out what an operator decided about a store that contradicts what was seen of it, and says what came of
    /// it; without a decision the store stays refused.
    async fn settle(&mut self, listing: Listing, own: &Epoch, why: String) -> Result<Revision, Interruption> {
        let Some(asked) = self.core.replica.settlement.take() else {
            return Err(Interruption::Diverged(why));
        };
        let done = match self.carry_out(asked.decision, listing).await {
            Ok(Err(undone)) => {
                asked.answer(undone);
                return Err(Interruption::Diverged(why));
            }
            Ok(Ok((settled, listing))) => {
                self.identity = None;
                self.take_over(listing, own).await.map(|revision| (settled, revision))
            }
            Err(ended) => Err(ended),
        };
        match done {
            Ok((settled, revision)) => {
                // What was decided must not have to be decided again after a crash.
                self.last_good.finish(self.identity.as_ref()).await;
                asked.answer(Ok(settled));
                Ok(revision)
            }
            Err(ended) => {
                asked.answer(Err(ended.refusal()));
                Err(ended)
            }
        }
    }

    /// Makes the store what was decided, and lists it again; or gives the answer of a decision that changes nothing.
    async fn carry_out(&self, decision: Decision, listing: Listing) -> Result<Carried, Interruption> {
        let known = self.identity.as_ref().map_or("", |known| known.epoch.as_str());
        let Decision::Restore { replace, dry_run } = decision else {
            let listing = origin::accept(&self.core, listing, known).await?;
            return Ok(Ok((Settled::default(), listing)));
        };
        let restore = Restore::plan(&listing, self.last_good.values(), known);
        let settled = restore.settled();
        let refused = restore.refuse_foreign(replace || dry_run);
        if dry_run || refused.is_err() {
            return Ok(Err(refused.map(|()| settled)));
        }
        let pins = self.core.replica.pin_keys().or_else(|| self.last_good.pin_keys().cloned());
        restore.carry_out(&self.core, &listing, pins.as_ref()).await?;
        Ok(Ok((settled, origin::list(&self.core).await?)))
    }

    fn take_listing(&mut self, listing: &Listing) -> Result<(), Interruption> {
        self.take_stored_pin_keys(entry(listing, PIN_KEYS))?;
        self.core.roster.replace(listing);
        self.core.hooks.replace(listing);
        if let Some(identity) = &mut self.identity {
            identity.saw_listing(listing);
        }
        let routed = || listing.entries.iter().filter(|entry| is_routed(entry.key.as_str()));
        self.last_good.replace(routed().map(|entry| (entry.key.as_str(), &entry.value, entry.modified)));
        if let Some(keyspace) = &mut self.keyspace {
            let mut entries = routed().map(|entry| (entry.key.as_str(), &entry.value[..], entry.modified));
            keyspace.replace(&mut entries, listing.revision);
        }
        self.core.replica.status.confirm(listing.revision);
        self.progressed = true;
        self.publish(listing.revision, self.core.clock.monotonic());
        Ok(())
    }

    /// `true` when these can be read.
    fn take_stored_pin_keys(&mut self, entry: Option<&Entry>) -> Result<bool, Interruption> {
        let keys = entry.and_then(|entry| Some((pin_keys::decode(&entry.value)?, entry.modified)));
        let at = keys.as_ref().map(|(_, modified)| *modified);
        self.take_pin_keys(keys.map(|(keys, _)| keys))?;
        self.pin_keys_at = at.unwrap_or(self.pin_keys_at);
        Ok(at.is_some())
    }

    /// Uses the pin keys of the store; if those cannot be read, the ones last known.
    fn take_pin_keys(&mut self, stored: Option<PinKeys>) -> Result<(), Interruption> {
        let known = || self.core.replica.pin_keys().or_else(|| self.last_good.pin_keys().cloned());
        let keys = match stored.or_else(known) {
            Some(keys) => keys,
            None => pin_keys::generate().map_err(|error| StoreError::Corrupt(error.to_string()))?,
        };
        self.core.replica.set_pin_keys(keys.clone());
        self.last_good.keep_pin_keys(&keys);
        match &mut self.keyspace {
            Some(keyspace) => keyspace.set_pin_keys(keys),
            None => self.keyspace = Some(Keyspace::new(self.core.keyspace_options(keys))),
        }
        Ok(())
    }

    async fn read(&self, after: Revision) -> Result<Reader, StoreError> {
        let mut watch = self.core.store.watch(&[keys::APPS, keys::ROLLING], after).await?;
        let (queue, items) = mpsc::channel(WATCH_QUEUE);
        let clock = self.core.clock.clone();
        let task = tokio::spawn(async move {
            loop {
                let item = match timeout(WATCH_SILENCE_MAX, watch.next()).await {
                    Ok(item) => item,
                    Err(_) => Err(StoreError::Unreachable("its watch fell silent".into())),
                };
                let last = item.is_err();
                if queue.send((item, clock.monotonic())).await.is_err() || last {
                    return;
                }
            }
        });
        Ok(Reader { items, task })
    }

    /// Takes an item and whatever else is there already, then publishes once.
    fn take_items(&mut self, first: Option<Told>, reader: &mut Reader) -> Result<(), Interruption> {
        let mut next = first;
        let mut reached = None;
        let mut changed = false;
        let mut told_at = Duration::ZERO;
        while let Some((item, at)) = next {
            told_at = at;
            match item? {
                WatchItem::Resync => return Err(Interruption::Resync),
                WatchItem::Progress(revision) => reached = Some(revision),
                WatchItem::Batch(batch) => {
                    reached = Some(batch.revision);
                    changed |= self.take_batch(&batch)?;
                }
            }
            next = reader.items.try_recv().ok();
        }
        let Some(revision) = reached else {
            return Err(StoreError::Unreachable("its watch ended".into()).into());
        };
        if let Some(identity) = &mut self.identity {
            identity.saw(revision);
        }
        self.core.replica.status.confirm(revision);
        if changed {
            self.publish(revision, told_at);
        } else {
            self.served(revision);
        }
        Ok(())
    }

    /// `true` when the batch changes what is routed or shown.
    fn take_batch(&mut self, batch: &Batch) -> Result<bool, Interruption> {
        let mut changed = false;
        for event in &batch.events {
            changed |= match event {
                Event::Put(entry) => self.take_put(entry)?,
                Event::Deleted { key } => self.take_deletion(key.as_str(), batch.revision)?,
            };
        }
        Ok(changed)
    }

    fn take_put(&mut self, entry: &Entry) -> Result<bool, Interruption> {
        let key = entry.key.as_str();
        match keys::meaning(key) {
            Some(Meaning::Router) => return self.take_own(key, Some(entry)),
            Some(Meaning::Event(..)) => {
                if let Some(identity) = &mut self.identity {
                    identity.saw_event(entry);
                }
                return Ok(false);
            }
            Some(Meaning::Record(app)) => {
                let behind = |seq| self.identity.as_ref().is_some_and(|known| known.is_behind(&app, seq));
                if record_seq(&entry.value).is_some_and(behind) {
                    return Err(Interruption::Diverged(format!(
                        "the record of `{app}` went back to an earlier seq"
                    )));
                }
            }
            Some(_) => {}
            None => return Ok(false),
        }
        if let Some(keyspace) = &mut self.keyspace {
            keyspace.put(key, &entry.value, entry.modified);
        }
        self.last_good.put(key, Some((entry.value.clone(), entry.modified)));
        Ok(true)
    }

    fn take_deletion(&mut self, key: &str, revision: Revision) -> Result<bool, Interruption> {
        match keys::meaning(key) {
            Some(Meaning::Router) => return self.take_own(key, None),
            Some(Meaning::Event(..)) | None => return Ok(false),
            Some(Meaning::Record(app)) => {
                if let Some(identity) = &mut self.identity {
                    identity.forget(&app);
                }
            }
            Some(_) => {}
        }
        if let Some(keyspace) = &mut self.keyspace {
            keyspace.delete(key, revision);
        }
        self.last_good.put(key, None);
        Ok(true)
    }

    /// The router's own keys: the epoch must stay, pin keys may be rotated.
    fn take_own(&mut self, key: &str, entry: Option<&Entry>) -> Result<bool, Interruption> {
        match key {
            EPOCH => {
                let value = entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
                if value.as_deref() != self.identity.as_ref().map(|identity| identity.epoch.as_str()) {
                    return Err(Interruption::Diverged("the store's epoch was changed or deleted".into()));
                }
                Ok(false)
            }
            PIN_KEYS => {
                // Unreadable or deleted keys are written back by the next listing.
                if self.take_stored_pin_keys(entry)? { Ok(true) } else { Err(Interruption::Resync) }
            }
            _ => {
                if !self.core.hooks.take(key, entry) {
                    self.core.roster.take(key, entry.map(|entry| &entry.value[..]));
                }
                Ok(false)
            }
        }
    }

    /// `told_at` is when the store told of the newest change. What did not change is not looked at.
    fn publish(&mut self, revision: Revision, told_at: Duration) {
        let Some(keyspace) = &mut self.keyspace else { return };
        let before = self.core.live.publish(keyspace.build(revision), told_at);
        let after = self.core.live.load_full();
        let changes = keyspace.take_changes();
        let moment = Moment { now: self.core.clock.monotonic(), wall_ms: self.core.clock.wall_ms() };
        self.deadlines.published(&before, &after, moment, !self.started);
        self.endpoint_ends.published(&before, &after, moment, !self.started);
        show_gone(&self.core, &self.endpoint_ends);
        let view = self.core.replica.view.load().after(keyspace, &changes);
        self.last_good.built(|key| view.is_faulty(key));
        self.core.replica.view.store(Arc::new(view));
        // Last, so that whoever reads the report finds everything else in place.
        let epoch = self.identity.as_ref().map_or_else(String::new, |identity| identity.epoch.clone());
        let report = self.core.roster.served().with(changed_apps(&before, &after));
        self.core.roster.serve(Report { epoch, pin_keys: self.pin_keys_at, ..report });
        self.started = true;
        self.upkeep.adopt(keyspace);
        self.served(revision);
        self.core.feed.nudge();
    }

    fn served(&mut self, revision: Revision) {
        self.core.replica.set_reached(revision);
        self.reached = revision;
        self.consider_ready();
    }

    fn upkept(&mut self, revision: Revision) {
        self.ready_at = self.ready_at.max(revision);
        self.consider_ready();
    }

    /// What was written past the API before this router started is adopted before it calls itself ready.
    fn consider_ready(&self) {
        if self.started && self.upkeep.is_idle() && self.reached >= self.ready_at {
            self.core.lifecycle.set_published();
        }
    }

    fn tick(&mut self) {
        let now = self.core.clock.monotonic();
        let published = self.core.live.load_full();
        let due = self.deadlines.tick(&published, now, !self.core.roster.is_own_clock_off());
        let elsewhere = LazyCell::new(|| Elsewhere::of(&self.core));
        self.endpoint_ends.tick(&published, now, |address| elsewhere.is_open(address));
        show_gone(&self.core, &self.endpoint_ends);
        // Without its store a router ends nothing and adopts nothing; both are done once it is back.
        if self.core.replica.status.is_followed() {
            due.into_iter().for_each(|(app, tenure)| self.upkeep.retire(app, tenure));
            if let Some(keyspace) = &self.keyspace {
                self.upkeep.adopt(keyspace);
            }
        }
        self.consider_ready();
        self.last_good.tick(self.identity.as_ref(), now);
    }

    /// The store does not answer: what the last process served is served again.
    fn serve_last_good(&mut self) {
        let Some(saved) = self.last_good.load() else { return };
        if self.take_pin_keys(None).is_err() {
            return;
        }
        let revision = saved.identity.revision;
        if let Some(keyspace) = &mut self.keyspace {
            let entries = saved.entries.iter();
            keyspace.replace(
                &mut entries.map(|(key, value, modified)| (key.as_str(), value.as_bytes(), *modified)),
                revision,
            );
        }
        let values = saved.entries.iter().map(|(key, value, modified)| {
            (key.clone(), bytes::Bytes::copy_from_slice(value.as_bytes()), *modified)
        });
        let values: Vec<_> = values.collect();
        self.last_good.replace(values.iter().map(|(key, value, modified)| (key.as_str(), value, *modified)));
        tracing::warn!(revision, "serving the last good table from the state directory");
        self.publish(revision, self.core.clock.monotonic());
        self.core.lifecycle.set_published();
    }
}

/// Shows which endpoints no table names any more, if these are others than before.
fn show_gone(core: &Core, ends: &EndpointEnds) {
    let differ = ends.gone().differences(&core.replica.gone.load()).next().is_some();
    if differ {
        core.replica.gone.store(Arc::new(ends.gone().clone()));
    }
}
