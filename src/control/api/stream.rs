//! Live updates: server-sent events of every change, computed once for however many pages are open.
//!
//! One task compares states and serialises what changed; every page gets the same bytes through a bounded queue. A
//! page that falls behind is sent whole states again, so nothing is ever lost but intermediate steps. After a publish
//! only the apps that it changed are looked at; all of them are once a second, since health and load change by themselves.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

use super::{
    fleet,
    request::{Read, app_name},
    router::facts,
    snapshot::Snapshot,
    visible,
};
use crate::{
    control::{
        commands::command::unknown_app,
        limits::STREAM_ALIVE,
        shared::{
            access::live_tokens::Pass,
            core::Core,
            error::ApiError,
            feed::{Message, PageState},
        },
    },
    rollout::app::AppName,
    schema::{
        fleet::Fleet,
        router::Router,
        stream::{GoneEvent, HooksEvent},
    },
};

/// What keeps an idle connection known to be alive.
const ALIVE: &[u8] = b": alive\n\n";

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

/// What every page is told when something has changed.
struct Update<'a> {
    core: &'a Core,
    sent: &'a mut PageState,
}

/// What the first page begins with.
fn first_states(core: &Core) -> PageState {
    let snapshot = Snapshot::of(core);
    let still = snapshot.still();
    let state = |app: AppName| (app.clone(), still_text(&still, &app));
    PageState {
        states: snapshot.apps().into_iter().map(state).collect(),
        activity: HashMap::new(),
        router: still_router(facts(core)),
        fleet: still_fleet(fleet::facts(core)),
        hooks: core.hooks.version(),
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
            self.core
                .feed
                .send(Some(app), self.core.feed.text("gone", 0, &GoneEvent { app: app.to_string() }));
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
        let version = self.core.hooks.version();
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

fn state_text(core: &Core, snapshot: &Snapshot, app: &AppName) -> Bytes {
    let state = snapshot.state(app).unwrap_or_default();
    core.feed.text("state", snapshot.seq(app).unwrap_or(0), &state)
}

/// `GET /api/v1/apps/{app}/stream`
pub async fn of_app(
    State(core): State<Core>,
    Path(app): Path<String>,
    Extension(pass): Extension<Pass>,
    call: Read,
) -> Result<Response, ApiError> {
    call.query.finish()?;
    let app = app_name(&app)?;
    if Snapshot::of(&core).seq(&app).is_none() {
        return Err(unknown_app(&app));
    }
    follow(core, Some(app), pass)
}

/// `GET /api/v1/stream`
pub async fn of_all(
    State(core): State<Core>,
    Extension(pass): Extension<Pass>,
    call: Read,
) -> Result<Response, ApiError> {
    call.query.finish()?;
    follow(core, None, pass)
}

/// Whatever Last-Event-ID a page comes back with, it is sent whole states first: they hold all it missed.
fn follow(core: Core, only: Option<AppName>, pass: Pass) -> Result<Response, ApiError> {
    let place = core.feed.places.take(&pass)?;
    let follower = Follower { messages: core.feed.messages.subscribe(), core, only, pass, first: true };
    let body = stream::unfold((follower, place), |(mut follower, place)| async move {
        let text = follower.next().await?;
        Some((Ok::<_, Infallible>(text), (follower, place)))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// One page.
struct Follower {
    core: Core,
    messages: broadcast::Receiver<Arc<Message>>,
    only: Option<AppName>,
    pass: Pass,
    first: bool,
}

impl Follower {
    /// What is sent next; `None` when the router stops, or the token is gone.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.first) {
            return Some(self.begin());
        }
        loop {
            let message = tokio::select! {
                message = timeout(STREAM_ALIVE, self.messages.recv()) => message,
                () = self.core.lifecycle.stopping() => return None,
                () = self.pass.ended() => return None,
            };
            match message {
                Err(_) => return Some(Bytes::from_static(ALIVE)),
                Ok(Ok(message)) => match &message.app {
                    Some(app) if self.wants(app) => return Some(message.text.clone()),
                    Some(_) => {}
                    // What is told to everybody may name apps that this token is not for.
                    None if !self.pass.caller().scope.has_all_apps() => return Some(self.general()),
                    None => return Some(message.text.clone()),
                },
                Ok(Err(RecvError::Lagged(_))) => return Some(self.states()),
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }

    fn wants(&self, app: &AppName) -> bool {
        self.only.as_ref().is_none_or(|only| only == app) && self.pass.caller().scope.has_app(app)
    }

    /// Whole states; what changes from here on follows.
    fn begin(&self) -> Bytes {
        let mut sent = self.core.feed.sent();
        sent.get_or_insert_with(|| first_states(&self.core));
        self.states()
    }

    /// Whatever this page wants, the router and the fleet included.
    fn states(&self) -> Bytes {
        let snapshot = Snapshot::of(&self.core);
        let apps = snapshot.apps().into_iter().filter(|app| self.wants(app));
        let states = apps.map(|app| state_text(&self.core, &snapshot, &app));
        [self.general()].into_iter().chain(states).collect::<Vec<_>>().concat().into()
    }

    /// The router and the fleet.
    fn general(&self) -> Bytes {
        let (core, scope) = (&self.core, &self.pass.caller().scope);
        let router = visible::router(facts(core), scope, &core.replica.reading.load());
        let fleet = visible::fleet(fleet::facts(core), scope);
        [core.feed.text("router", 0, &router), core.feed.text("fleet", 0, &fleet)].concat().into()
    }
}
