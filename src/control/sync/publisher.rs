//! Building tables from the image of the store and publishing them, and what has to be done when time has passed.

use std::{cell::LazyCell, sync::Arc, time::Duration};

use keyvalues::Revision;

use super::{
    changes::{Moment, changed_apps},
    endpoint_deadlines::EndpointDeadlines,
    image::StoreImage,
    release_deadlines::ReleaseDeadlines,
    upkeep::Upkeep,
};
use crate::control::shared::{
    core::Core,
    fleet::{endpoint_loads::EndpointLoads, member::Report},
    lost_key::LostKey,
};

/// What was published, and the deadlines that run because of it.
pub struct Publisher {
    core: Core,
    pub upkeep: Upkeep,
    release_deadlines: ReleaseDeadlines,
    endpoint_deadlines: EndpointDeadlines,
    /// The first table of this process is live.
    started: bool,
    /// Served up to this revision.
    reached: Revision,
    /// Ready once this is served: what was found unadopted at the start is adopted first.
    ready_at: Revision,
}

impl Publisher {
    pub fn new(core: Core) -> Self {
        Self {
            upkeep: Upkeep::new(core.clone()),
            core,
            release_deadlines: ReleaseDeadlines::default(),
            endpoint_deadlines: EndpointDeadlines::default(),
            started: false,
            reached: 0,
            ready_at: 0,
        }
    }

    /// Whether the first table of this process is live.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// Publishes again what the image holds, with what names stand for now; before the first publish there is nothing to repeat.
    pub fn publish_names(&mut self, image: &mut StoreImage) {
        if self.started {
            self.publish_again(image);
        }
    }

    /// Publishes again what the image holds, which did not come from the store alone.
    pub fn publish_again(&mut self, image: &mut StoreImage) {
        self.publish(image, self.reached, self.core.clock.monotonic());
    }

    /// Publishes what the image holds. `told_at` is when the store told of the newest change (monotonic). What did not
    /// change is not looked at.
    pub fn publish(&mut self, image: &mut StoreImage, revision: Revision, told_at: Duration) {
        let Some(keyspace) = &mut image.keyspace else { return };
        keyspace.set_names(&self.core.names.resolved());
        let before = self.core.live.publish(keyspace.build(revision), told_at);
        self.core.names.want(keyspace.wanted_names());
        self.core.live.note_published(self.core.clock.monotonic());
        let after = self.core.live.load_full();
        let changes = keyspace.take_changes();
        let moment = Moment { now: self.core.clock.monotonic(), wall_ms: self.core.clock.wall_ms() };
        self.release_deadlines.note_publish(&before, &after, moment, !self.started);
        self.endpoint_deadlines.note_publish(&before, &after, moment, !self.started);
        self.show_removed_endpoints();
        let losses = image.losses.shown();
        let waiting = &self.core.replica.waiting;
        waiting.retain(revision, |app| keyspace.unsettled().any(|unsettled| unsettled == app));
        waiting.take_change();
        let further = losses.iter().map(LostKey::problem).chain(waiting.problems()).collect();
        let reading = self.core.replica.reading.load().after(keyspace, &changes, further);
        let is_lost = |key: &str| losses.iter().any(|lost| lost.key == key);
        image.last_good.keep_built(|key| reading.is_faulty(key) && !is_lost(key));
        self.core.store.hold(image.last_good.values().clone());
        self.core.replica.losses.store(Arc::new(losses));
        self.core.replica.reading.store(Arc::new(reading));
        self.upkeep.recover(image.losses.records());
        self.upkeep.adopt(keyspace);
        self.upkeep.write_out(keyspace);
        // After everything else is in place for whoever reads the report.
        let report = self.core.roster.served().with(changed_apps(&before, &after));
        let (epoch, pin_keys) = (image.epoch().to_owned(), image.pin_keys_at);
        self.core.roster.serve(Report { epoch, pin_keys, ..report });
        self.started = true;
        self.core.lifecycle.set_read();
        self.note_served(revision);
        self.core.feed.nudge();
    }

    /// Everything up to this revision is served.
    pub fn note_served(&mut self, revision: Revision) {
        self.core.replica.set_reached(revision);
        self.reached = revision;
        self.consider_ready();
    }

    /// Upkeep has made this revision of the store.
    pub fn note_upkeep(&mut self, revision: Revision) {
        self.ready_at = self.ready_at.max(revision);
        self.consider_ready();
    }

    /// Ends what is due, and starts the upkeep that is due.
    pub fn tick(&mut self, image: &mut StoreImage) {
        let now = self.core.clock.monotonic();
        let published = self.core.live.load_full();
        let due = self.release_deadlines.tick(&published, now, !self.core.roster.is_own_clock_off());
        let endpoint_loads = LazyCell::new(|| EndpointLoads::of(&self.core));
        self.endpoint_deadlines.tick(&published, now, |address| endpoint_loads.is_open(address));
        self.show_removed_endpoints();
        // Without its store a router ends nothing and adopts nothing; both are done once it is back.
        if self.core.replica.status.is_followed() {
            due.into_iter().for_each(|(app, tenure)| self.upkeep.retire(app, tenure));
            self.upkeep.recover(image.losses.records());
            self.upkeep.note_unregistered(image.unregistered());
            if let Some(keyspace) = &image.keyspace {
                self.upkeep.adopt(keyspace);
                self.upkeep.write_out(keyspace);
            }
            self.upkeep.raise_pin_format(image.stored_pin_format);
        }
        let shows_others = self.core.replica.waiting.take_change();
        if image.let_go_of_endpoints(now, self.reached) || shows_others {
            self.publish(image, self.reached, now);
        }
        self.consider_ready();
        image.last_good.tick(image.identity.as_ref(), now);
    }

    /// Old keys that were written in the store before this router started are adopted before it calls itself ready, and the
    /// names of endpoints were looked up.
    fn consider_ready(&self) {
        let is_served =
            self.started && self.reached >= self.ready_at && self.core.names.unknown_hosts().is_empty();
        if is_served && self.upkeep.is_idle() {
            self.core.lifecycle.set_published();
        }
    }

    /// Shows which endpoints no table names any more, if these are others than before.
    fn show_removed_endpoints(&self) {
        let removed = self.endpoint_deadlines.removed();
        if *removed != **self.core.replica.former_endpoints.load() {
            self.core.replica.former_endpoints.store(Arc::new(removed.clone()));
        }
    }
}
