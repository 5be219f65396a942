//! The one task that follows the store: connects, reads the watch, and has published what came.

use std::{convert::Infallible, sync::Arc, time::Duration};

use keyvalues::{Epoch, Listing, Revision, StoreError, WatchItem};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    identity::Identity,
    image::StoreImage,
    interruption::Interruption,
    origin,
    publisher::Publisher,
    restore::Restore,
    succession::Succession,
    watch_reader::{WatchNews, WatchReader},
};
use crate::{
    control::{
        commands::local_abort::hand_over,
        limits::DEADLINE_TICK,
        shared::{
            core::Core,
            entries::{EPOCH, is_routed, value},
            error::ApiError,
            settlement::{Decision, SettlementCounts},
            state_dir::StateDir,
            store::Values,
        },
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
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
    image: StoreImage,
    publisher: Publisher,
    /// The store was read since this was last asked.
    progressed: bool,
    /// What was last said about the store's own settings.
    risk: Option<String>,
}

/// What an operator can do about a store that is another one than was served from.
const ADVICE: &str = "`rolling-router store restore` writes what this router serves back into the store, `rolling-router store \
                      accept` takes the store as it is";
/// What an operator can do about a store whose contents are damaged.
const DAMAGE_ADVICE: &str = "move the store's file away, then `rolling-router store restore` writes what this router serves \
                             into a new one";

/// What became of a decision about the store.
enum Execution {
    /// It was carried out; the store holds this now.
    Done(SettlementCounts, Listing),
    /// It changes nothing, or was refused: this is the answer.
    Answer(Result<SettlementCounts, ApiError>),
}

impl Follower {
    pub fn new(core: Core, options: SyncOptions) -> Self {
        let image = StoreImage::new(core.clone(), options.state_dir);
        core.replica.local_aborts.take_saved(image.last_good.local_aborts());
        Self {
            image,
            publisher: Publisher::new(core.clone()),
            core,
            seed: options.seed,
            progressed: false,
            risk: None,
        }
    }

    /// Follows the store until that is interrupted.
    pub async fn follow(&mut self) -> Interruption {
        match self.try_follow().await {
            Ok(never) => match never {},
            Err(interruption) => interruption,
        }
    }

    async fn try_follow(&mut self) -> Result<Infallible, Interruption> {
        self.load_identity();
        let revision = self.connect().await?;
        self.warn_of_risk().await;
        let mut reader = WatchReader::start(&self.core, revision).await?;
        let mut ticks = interval(DEADLINE_TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let core = self.core.clone();
        loop {
            tokio::select! {
                biased;
                item = reader.next() => self.take_news(item, &mut reader)?,
                revision = self.publisher.upkeep.next_done() => self.publisher.note_upkeep(revision),
                () = core.replica.relist.notified() => return Err(Interruption::Resync),
                () = core.replica.local_aborts.asked() => {
                    self.serve_local_aborts();
                    // The store is given them as soon as it takes anything.
                    return Err(Interruption::Resync);
                }
                () = core.names.changed.notified() => self.publisher.publish_names(&mut self.image),
                _ = ticks.tick() => self.publisher.tick(&mut self.image),
            }
        }
    }

    /// Whether the store was read since this was last asked.
    pub fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progressed)
    }

    /// Shows and logs an interruption, and falls back on the last good table if nothing is served yet.
    pub fn report(&mut self, interruption: &Interruption) {
        if matches!(interruption, Interruption::Resync) {
            return;
        }
        let is_news = self.show(interruption);
        // Whoever sees the table sees how the store is: no command is decided by a store that the table did not come from.
        if !self.publisher.has_started() {
            self.serve_last_good();
        }
        let table = match self.publisher.has_started() {
            true => "the last good table is served on",
            false => "there is no last good table: requests get 503 until the store can be followed",
        };
        match interruption {
            Interruption::Store(error) if is_news => {
                tracing::warn!(%error, "the store cannot be followed; {table}");
            }
            Interruption::Diverged(why) if is_news => {
                tracing::error!("{why}; {table}, and commands are refused; {ADVICE}");
            }
            _ => {}
        }
    }

    /// Shows an interruption in the store's status; `true` if it was not shown before.
    fn show(&self, interruption: &Interruption) -> bool {
        let status = &self.core.replica.status;
        match interruption {
            Interruption::Resync => false,
            Interruption::Store(error) => {
                let is_news = status.down().is_none();
                status.set_down(match error {
                    StoreError::Corrupt(_) => format!("{error}; {DAMAGE_ADVICE}"),
                    error => error.to_string(),
                });
                is_news
            }
            Interruption::Diverged(why) => {
                let is_news = status.diverged().is_none();
                status.set_diverged(format!("{why}; {ADVICE}"));
                is_news
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
                () = core.replica.local_aborts.asked() => self.serve_local_aborts(),
                revision = self.publisher.upkeep.next_done() => self.publisher.note_upkeep(revision),
                () = core.names.changed.notified() => self.publisher.publish_names(&mut self.image),
                _ = ticks.tick() => self.publisher.tick(&mut self.image),
            }
        }
    }

    /// Serves and keeps the aborts that this router alone applies.
    fn serve_local_aborts(&mut self) {
        let aborts = &self.core.replica.local_aborts;
        self.image.last_good.keep_local_aborts(&aborts.all());
        self.image.serve_local_aborts();
        self.publisher.publish_again(&mut self.image);
        aborts.note_served();
        self.core.feed.nudge_all();
    }

    /// Gives the store the aborts that it has missed, before anything of it is served; gives the apps whose abort is over.
    async fn hand_over_aborts(&self, listing: Listing) -> Result<(Listing, Vec<AppName>), Interruption> {
        if self.core.replica.local_aborts.are_none() {
            return Ok((listing, Vec::new()));
        }
        let over = hand_over(&self.core).await;
        let over = over.map_err(|error| StoreError::Unreachable(error.message().to_owned()))?;
        Ok((origin::list(&self.core).await?, over))
    }

    /// The store's word is served again for these apps.
    fn end_local_aborts(&self, over: &[AppName]) {
        if over.is_empty() {
            return;
        }
        let aborts = &self.core.replica.local_aborts;
        over.iter().for_each(|app| aborts.end(app));
        self.image.last_good.keep_local_aborts(&aborts.all());
        self.core.feed.nudge_all();
    }

    /// Writes what is not in the state directory yet, before the process ends.
    pub async fn finish(&mut self) {
        self.image.last_good.finish(self.image.identity.as_ref()).await;
    }

    /// Says once what in the store's settings puts its contents at risk, and again when that is something else.
    async fn warn_of_risk(&mut self) {
        let risk = self.core.store.risk().await;
        if let Some(risk) = risk.as_ref().filter(|_| risk != self.risk) {
            tracing::warn!("{risk}");
        }
        self.risk = risk;
    }

    /// Reads the identity that the last process left, once.
    fn load_identity(&mut self) {
        if self.image.identity.is_none() {
            let Some(saved) = self.image.last_good.load() else { return };
            if self.image.last_good.values().is_empty() {
                self.image.last_good.take_saved(&saved);
            }
            self.image.identity = Some(saved.identity);
        }
    }

    /// Lists the store, makes sure it is the right one, and serves what it holds.
    async fn connect(&mut self) -> Result<Revision, Interruption> {
        let (own, listing) = self.read_store().await?;
        let known = self.image.identity.as_ref();
        match known.and_then(|known| known.contradiction(&listing, &own)) {
            None => self.take_over(listing, &own).await,
            Some(why) => self.follow_on(listing, &own, why).await,
        }
    }

    /// Reads the whole store. Who presses the stop button meanwhile does not wait for it.
    async fn read_store(&mut self) -> Result<(Epoch, Listing), Interruption> {
        let core = self.core.clone();
        let read = async { Ok((core.store.epoch().await?, origin::list(&core).await?)) };
        tokio::pin!(read);
        loop {
            tokio::select! {
                read = &mut read => return read,
                () = core.replica.local_aborts.asked() => self.serve_local_aborts(),
            }
        }
    }

    /// Follows a store on that contradicts what was seen of it, if an operator ordered that of all routers, or of this one.
    async fn follow_on(
        &mut self,
        listing: Listing,
        own: &Epoch,
        why: String,
    ) -> Result<Revision, Interruption> {
        match Succession::find(&listing, self.image.epoch()) {
            Some(order) if order.is_done => {
                tracing::warn!("the store was replaced by an operator's order, and is followed on");
                self.image.identity = None;
                let revision = self.take_over(listing, own).await?;
                self.finish().await;
                Ok(revision)
            }
            Some(_) => {
                let why = "`kv import --replace` is writing the store anew, or was broken off: import the file again";
                self.settle(listing, own, why.to_owned()).await
            }
            None => {
                let why = format!("{why}; {}", comparison(&listing, self.image.last_good.values()));
                self.settle(listing, own, why).await
            }
        }
    }

    /// Makes what every fleet has once, and serves what the store holds.
    async fn take_over(&mut self, listing: Listing, own: &Epoch) -> Result<Revision, Interruption> {
        let kept = self.image.known_pin_keys();
        let (listing, over) = if self.core.store.capabilities().atomic_commit {
            let listing = origin::prepare(&self.core, listing, &self.seed, kept.as_ref()).await?;
            self.hand_over_aborts(listing).await?
        } else {
            (listing, Vec::new())
        };
        let epoch = value(&listing, EPOCH).unwrap_or_default();
        // Of a store that is met for the first time, or was settled, nothing is missed.
        self.image.compare(self.image.identity.is_some().then_some(&listing));
        self.image.identity.get_or_insert_with(|| Identity::new(epoch, own));
        self.image.take_listing(&listing)?;
        self.core.replica.status.confirm(listing.revision);
        self.progressed = true;
        self.publisher.publish(&mut self.image, listing.revision, self.core.clock.monotonic());
        self.end_local_aborts(&over);
        Ok(listing.revision)
    }

    /// Carries out what an operator decided about a store that contradicts what was seen of it, and answers; without a
    /// decision the store stays refused.
    async fn settle(&mut self, listing: Listing, own: &Epoch, why: String) -> Result<Revision, Interruption> {
        let Some(pending) = self.core.replica.settlement.take() else {
            return Err(Interruption::Diverged(why));
        };
        let done = match self.carry_out(&pending.decision, listing).await {
            Ok(Execution::Answer(answer)) => {
                pending.answer(answer);
                return Err(Interruption::Diverged(why));
            }
            Ok(Execution::Done(settlement, listing)) => {
                self.image.identity = None;
                self.take_over(listing, own).await.map(|revision| (settlement, revision))
            }
            Err(interruption) => Err(interruption),
        };
        match done {
            Ok((settlement, revision)) => {
                // What was decided must not have to be decided again after a crash.
                self.finish().await;
                pending.answer(Ok(settlement));
                Ok(revision)
            }
            Err(interruption) => {
                pending.answer(Err(interruption.refusal()));
                Err(interruption)
            }
        }
    }

    async fn carry_out(&self, decision: &Decision, listing: Listing) -> Result<Execution, Interruption> {
        let known = self.image.epoch();
        let Decision::Restore(order) = decision else {
            let listing = origin::accept(&self.core, listing, known).await?;
            return Ok(Execution::Done(SettlementCounts::default(), listing));
        };
        let good = self.image.last_good.values();
        let mut restore = Restore::plan(&listing, good, &self.image.last_good.deployments, known);
        let admitted = restore.admit(&self.core, (&listing, good), order).await;
        let settlement = restore.settled();
        if order.dry_run || admitted.is_err() {
            return Ok(Execution::Answer(admitted.map(|()| settlement)));
        }
        restore.carry_out(&self.core, &listing, self.image.known_pin_keys().as_ref()).await?;
        Ok(Execution::Done(settlement, origin::list(&self.core).await?))
    }

    /// Takes an item and whatever else is there already, then publishes once.
    fn take_news(&mut self, first: Option<WatchNews>, reader: &mut WatchReader) -> Result<(), Interruption> {
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
                    changed |= self.image.take_batch(&batch)?;
                }
            }
            next = reader.ready();
        }
        let Some(revision) = reached else {
            return Err(StoreError::Unreachable("the store's watch ended".into()).into());
        };
        if let Some(identity) = &mut self.image.identity {
            identity.saw(revision);
        }
        self.core.replica.status.confirm(revision);
        if changed {
            self.publisher.publish(&mut self.image, revision, told_at);
        } else {
            self.publisher.note_served(revision);
        }
        Ok(())
    }

    /// The store does not answer: what the last process served is served again.
    fn serve_last_good(&mut self) {
        let Some(revision) = self.image.take_saved_table() else { return };
        self.image.serve_local_aborts();
        tracing::warn!(revision, "the last good table is served from the state directory");
        self.publisher.publish(&mut self.image, revision, self.core.clock.monotonic());
        self.core.lifecycle.set_published();
    }
}

/// What the store holds, beside what is served.
fn comparison(listing: &Listing, good: &Values) -> String {
    let held: Vec<&str> = listing.entries.iter().map(|entry| entry.key.as_str()).collect();
    let served: Vec<&str> = good.keys().map(AsRef::as_ref).collect();
    format!("the store holds {}, this router serves {}", contents(&held), contents(&served))
}

/// How many apps and routed keys there are.
fn contents(keys: &[&str]) -> String {
    let is_record = |key: &&&str| matches!(keys::meaning(key), Some(Meaning::Record(_)));
    let apps = keys.iter().filter(is_record).count();
    let routed = keys.iter().filter(|key| is_routed(key)).count();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!("{apps} app{} in {routed} key{}", plural(apps), plural(routed))
}
