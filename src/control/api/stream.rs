//! Live updates: server-sent events of every change, computed once for however many pages are open.
//!
//! One task compares states and serialises what changed; every page gets the same bytes through a bounded queue. A
//! page that falls behind is sent whole states again, so nothing is ever lost but intermediate steps. After a publish
//! only the apps that it changed are looked at; all of them are once a second, since health and load change by themselves.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;

use super::{fleet, router::facts, snapshot::Snapshot};
use crate::{
    control::shared::{core::Core, feed::PageState},
    rollout::app::AppName,
    schema::{
        fleet::Fleet,
        router::Router,
        stream::{GoneEvent, HooksEvent},
    },
};

/// Computes what changed, until the task is dropped.
pub async fn run(core: Core) {
    loop {
        core.feed.changed.notified().await;
        let mut sent = core.feed.sent();
        if core.feed.followers() == 0 {
            *sent = None;
        }
        // A page that has not begun yet finds the change in its first states.
        if let Some(sent) = sent.as_mut() {
            Update { core: &core, sent }.send();
        }
    }
}

/// Another number with each change of a hook, out or in.
fn version_of_hooks(core: &Core) -> u64 {
    core.hooks.version().wrapping_add(core.hooks_in.version())
}

/// What every page is told when something has changed.
struct Update<'a> {
    core: &'a Core,
    sent: &'a mut PageState,
}

/// What the first page begins with.
pub fn first_states(core: &Core) -> PageState {
    let snapshot = Snapshot::of(core);
    let still = snapshot.still();
    let state = |app: AppName| (app.clone(), still_text(&still, &app));
    PageState {
        states: snapshot.apps().into_iter().map(state).collect(),
        activity: HashMap::new(),
        router: still_router(facts(core)),
        fleet: still_fleet(fleet::facts(core)),
        hooks: version_of_hooks(core),
        reading: Arc::clone(&snapshot.reading),
        published: Arc::clone(&snapshot.published),
    }
}

impl Update<'_> {
    fn send(mut self) {
        let all = self.core.feed.all.swap(false, Ordering::Relaxed);
        let snapshot = Snapshot::of(self.core);
        let apps: BTreeSet<AppName> = if all {
            snapshot.apps().into_iter().chain(self.sent.states.keys().cloned()).collect()
        } else {
            snapshot.changed_since(&self.sent.reading, &self.sent.published)
        };
        let still = snapshot.still();
        for app in &apps {
            match snapshot.seq(app) {
                Some(seq) => self.send_app((&snapshot, &still), app, seq),
                None => self.send_end(app),
            }
        }
        self.send_router();
        self.send_fleet();
        self.send_hooks();
        self.sent.reading = snapshot.reading;
        self.sent.published = snapshot.published;
    }

    fn send_app(&mut self, (snapshot, still): (&Snapshot, &Snapshot), app: &AppName, seq: u64) {
        let (feed, sent) = (&self.core.feed, &mut *self.sent);
        let state = still_text(still, app);
        if sent.states.get(app) != Some(&state) {
            sent.states.insert(app.clone(), state);
            feed.send(Some(app), state_text(self.core, snapshot, app));
        }
        if let Some(activity) = snapshot.activity(app)
            && sent.activity.get(app) != Some(&activity)
        {
            feed.send(Some(app), feed.text("activity", seq, &activity));
            sent.activity.insert(app.clone(), activity);
        }
    }

    fn send_end(&mut self, app: &AppName) {
        self.sent.activity.remove(app);
        if self.sent.states.remove(app).is_some() {
            self.core.feed.send(Some(app), gone_text(self.core, app));
        }
    }

    /// The router's own facts, when one changed that is no running figure: above all how its store does.
    fn send_router(&mut self) {
        let facts = facts(self.core);
        let still = still_router(facts.clone());
        if self.sent.router != still {
            self.core.feed.send(None, self.core.feed.text("router", 0, &facts));
            self.sent.router = still;
        }
    }

    /// That something about hooks changed, and not what: not everybody who follows may see them.
    fn send_hooks(&mut self) {
        let version = version_of_hooks(self.core);
        if self.sent.hooks != version {
            self.core.feed.send(None, self.core.feed.text("hooks", 0, &HooksEvent { version }));
            self.sent.hooks = version;
        }
    }

    /// The fleet, when anything but a running figure changed.
    fn send_fleet(&mut self) {
        let facts = fleet::facts(self.core);
        let still = still_fleet(facts.clone());
        if self.sent.fleet != still {
            self.core.feed.send(None, self.core.feed.text("fleet", 0, &facts));
            self.sent.fleet = still;
        }
    }
}

/// A state without what changes with every request.
fn still_text(still: &Snapshot, app: &AppName) -> String {
    // A state has a JSON form.
    still.state(app).and_then(|state| serde_json::to_string(&state).ok()).unwrap_or_default()
}

/// The router without its running figures.
fn still_router(mut facts: Router) -> Router {
    facts.uptime_seconds = 0;
    facts.store.staleness_seconds = None;
    facts.store.revision = 0;
    facts
}

/// The fleet without what changes all the time about its members.
fn still_fleet(mut facts: Fleet) -> Fleet {
    for member in &mut facts.members {
        member.silent_seconds = None;
        member.skew_ms = None;
        member.staleness_seconds = None;
        member.revision = None;
    }
    facts.alarms.iter_mut().for_each(|alarm| alarm.message.clear());
    facts
}

pub fn state_text(core: &Core, snapshot: &Snapshot, app: &AppName) -> Bytes {
    let state = snapshot.state(app).unwrap_or_default();
    core.feed.text("state", snapshot.seq(app).unwrap_or(0), &state)
}

pub fn gone_text(core: &Core, app: &AppName) -> Bytes {
    core.feed.text("gone", 0, &GoneEvent { app: app.to_string() })
}
