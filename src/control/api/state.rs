//! An app's state as the API shows it: what the record says, with the live state of what it names.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    blocks::BlockMap,
    control::{
        fleet::{
            elsewhere::{Elsewhere, EndpointLoad},
            load::Loads,
        },
        shared::{
            activity::{Activity, Board, Moves},
            core::Core,
            gone::{Gone, GoneEndpoints},
            stopping::Stopping,
            view::View,
        },
    },
    live::table::Published,
    rollout::{
        app::AppName,
        record::{Record, Stay},
        release::ReleaseId,
        table::{AppRoutes, EndpointRoute, ReleaseKey, ReleaseRoutes, Standing},
    },
};

/// Everything a state is made from, of one moment.
pub struct Snapshot {
    pub view: Arc<View>,
    pub published: Arc<Published>,
    board: Arc<Board>,
    gone: Arc<GoneEndpoints>,
    loads: Loads,
    elsewhere: Elsewhere,
    now_ms: u64,
    /// Leave out what changes with every request, to see whether anything else did.
    still: bool,
}

impl Snapshot {
    /// Now, with everything.
    pub fn of(core: &Core) -> Self {
        Self {
            view: core.replica.view.load_full(),
            published: core.live.load_full(),
            board: core.board.load_full(),
            gone: core.replica.gone.load_full(),
            loads: Loads::of(core),
            elsewhere: Elsewhere::of(core),
            now_ms: core.clock.wall_ms(),
            still: false,
        }
    }

    /// The same moment without activity and load.
    pub fn still(&self) -> Self {
        Self {
            view: Arc::clone(&self.view),
            published: Arc::clone(&self.published),
            board: Arc::default(),
            gone: Arc::clone(&self.gone),
            loads: Loads::default(),
            elsewhere: self.elsewhere.clone(),
            now_ms: self.now_ms,
            still: true,
        }
    }

    /// The apps of which anything but activity may differ from what it was, ended ones included.
    pub fn changed_since(&self, view: &View, published: &Published) -> BTreeSet<AppName> {
        let concerns_all = !Arc::ptr_eq(&self.view.problems, &view.problems)
            || default_app(&self.published) != default_app(published);
        if concerns_all {
            return self.view.apps.keys().chain(view.apps.keys()).cloned().collect();
        }
        let read = changed(&self.view.apps, &view.apps);
        read.chain(changed(&self.published.table.apps, &published.table.apps)).cloned().collect()
    }

    /// The apps that exist, by name.
    pub fn apps(&self) -> Vec<AppName> {
        self.view.apps.keys().cloned().collect()
    }

    /// The app for unknown hosts.
    pub fn default_app(&self) -> Option<&AppName> {
        default_app(&self.published)
    }

    /// An app's seq; 0 before its first record.
    pub fn seq(&self, app: &AppName) -> Option<u64> {
        self.view.apps.get(app).map(|view| view.record.as_ref().map_or(0, |record| record.seq))
    }

    /// One app's state, or `None` when there is no such app.
    pub fn state(&self, app: &AppName) -> Option<Map<String, Value>> {
        let view = self.view.apps.get(app)?;
        let routes = self.published.table.apps.get(app).map(|routes| &**routes);
        let mut state = match &view.record {
            Some(record) => self.record_state(record, app, routes),
            None => no_record(),
        };
        let problems: Vec<_> = self.view.problems_of(app).collect();
        state.insert("app".into(), json!(app));
        state.insert("hosts".into(), json!(view.settings.hosts));
        state.insert("default".into(), json!(self.default_app() == Some(app)));
        state.insert("problems".into(), json!(problems));
        state.insert("settings".into(), json!(*view.settings));
        Some(state)
    }

    /// What the live stream says every second.
    pub fn activity(&self, app: &AppName) -> Option<Value> {
        let routes = self.published.table.apps.get(app)?;
        let mut releases = Map::new();
        let mut endpoints = Map::new();
        for release in routes.listed() {
            releases.insert(
                release.id.to_string(),
                self.activity_of(app, Some(release), &release.id, release.tenure),
            );
            for route in &release.endpoints {
                let state = self.published.endpoint(route.slot);
                let sum = route.draining.then(|| self.left_at(route.address));
                let value = json!({
                    "healthy": state.serves(),
                    "in_flight": state.in_flight(),
                    "open_sockets": state.open_sockets(),
                    "can_be_stopped": sum.is_some_and(|sum| sum.can_be_stopped),
                    "fleet": sum,
                });
                endpoints.insert(route.address.to_string(), value);
            }
        }
        let shares = self.shares(app, routes.blend.percent());
        let moves = self.moves(app);
        Some(json!({
            "app": app, "releases": releases, "endpoints": endpoints, "shares": shares, "moves": moves,
        }))
    }

    fn record_state(&self, record: &Record, app: &AppName, routes: Option<&AppRoutes>) -> Map<String, Value> {
        let stay = |stay: &Option<Stay>| {
            stay.as_ref().map(|stay| {
                let mut release = self.release(app, routes, &stay.release, stay.tenure);
                release.insert("set_by".into(), json!(stay.set_by));
                release.insert("since".into(), json!(stay.since));
                release
            })
        };
        let draining = record.draining.iter().map(|draining| {
            let mut release = self.release(app, routes, &draining.release, draining.tenure);
            release.insert("cause".into(), json!(draining.cause));
            release.insert("since".into(), json!(draining.since));
            release.insert("until".into(), json!(draining.until));
            release
        });
        let lock = record.lock_at(self.now_ms);
        let state = json!({
            "seq": record.seq,
            "stable": stay(&record.stable),
            "candidate": stay(&record.candidate),
            "previous": record.previous.as_ref().map(|release| self.previous(app, routes, release)),
            "draining": draining.collect::<Vec<_>>(),
            "blend": record.blend,
            "sticky": record.sticky,
            "shares": self.shares(app, record.blend.percent()),
            "moves": self.moves(app),
            "lock": lock,
            "updated": {
                "command": record.command, "actor": record.actor, "reason": record.reason, "at": record.at,
            },
        });
        object(state)
    }

    fn previous(&self, app: &AppName, routes: Option<&AppRoutes>, id: &ReleaseId) -> Map<String, Value> {
        // It may be draining as well, and is then shown with that tenure's activity.
        let tenure = routes.and_then(|routes| find(routes, id, None)).map_or(0, |release| release.tenure);
        self.release(app, routes, id, tenure)
    }

    fn release(
        &self,
        app: &AppName,
        routes: Option<&AppRoutes>,
        id: &ReleaseId,
        tenure: u32,
    ) -> Map<String, Value> {
        let routed = routes.and_then(|routes| find(routes, id, Some(tenure)));
        let endpoints = routed.map(|release| release.endpoints.iter()).into_iter().flatten();
        let release = json!({
            "id": id,
            "release": id.name(),
            "service": id.service(),
            "port": id.port(),
            "tenure": tenure,
            "endpoints": endpoints.map(|route| self.endpoint(routes, id, route)).collect::<Vec<_>>(),
            "gone": self.gone_from(app, id),
            "activity": self.activity_of(app, routed, id, tenure),
        });
        object(release)
    }

    /// One endpoint, also one that was taken out of its release while something was open there.
    pub fn endpoint_of(&self, app: &AppName, release: &ReleaseId, address: SocketAddr) -> Option<Value> {
        let routes = self.published.table.apps.get(app).map(|routes| &**routes);
        let routed = routes.and_then(|routes| find(routes, release, None));
        let listed = routed.and_then(|routed| routed.endpoints.iter().find(|route| route.address == address));
        if let Some(route) = listed {
            return Some(self.endpoint(routes, release, route));
        }
        let of = |gone: &&Gone| {
            let key = gone.state.key();
            key.release == *release && key.address == address
        };
        self.gone.get(app)?.iter().find(of).map(|gone| self.gone_endpoint(gone))
    }

    /// The endpoints that were taken out of a release, and where something is open still.
    fn gone_from(&self, app: &AppName, release: &ReleaseId) -> Vec<Value> {
        let is_open =
            |gone: &Gone| gone.state.in_flight() > 0 || self.elsewhere.is_open(gone.state.key().address);
        let of = |gone: &&Gone| gone.state.key().release == *release && is_open(gone);
        let gone = self.gone.get(app).map(|gone| gone.iter()).into_iter().flatten();
        gone.filter(of).map(|gone| self.gone_endpoint(gone)).collect()
    }

    fn gone_endpoint(&self, gone: &Gone) -> Value {
        let address = gone.state.key().address;
        let sum = self.left_at(address);
        json!({
            "address": address.to_string(),
            "in_flight": if self.still { 0 } else { gone.state.in_flight() },
            "open_sockets": if self.still { 0 } else { gone.state.open_sockets() },
            "can_be_stopped": sum.can_be_stopped,
            "fleet": (!self.still).then_some(sum),
        })
    }

    /// What is left, on all routers, at an endpoint that gets nothing new.
    fn left_at(&self, address: SocketAddr) -> EndpointLoad {
        self.elsewhere.sum(Stopping { published: &self.published, gone: &self.gone }, address)
    }

    fn endpoint(&self, routes: Option<&AppRoutes>, release: &ReleaseId, route: &EndpointRoute) -> Value {
        let drains = routes.map(|routes| routes.endpoint_drains.iter()).into_iter().flatten();
        let mut drains = drains.filter(|drain| route.draining && drain.is_of(release, route.address));
        let draining = drains.next().map(|drain| json!({ "since": drain.since, "until": drain.until }));
        let state = self.published.endpoint(route.slot);
        let sum = route.draining.then(|| self.left_at(route.address));
        let failed = state.failed_checks();
        // The count goes on while an endpoint is out; saying so each time would make every check an event.
        let detail = match (state.serves(), failed) {
            (true, _) => None,
            (false, 0) if state.ejected() => {
                Some("ejected for a while: it fails more than its peers".to_owned())
            }
            (false, 0..=3) => Some(format!("refused or did not answer {failed} checks in a row")),
            (false, _) => Some("refuses or does not answer checks".to_owned()),
        };
        json!({
            "address": route.address.to_string(),
            "healthy": state.serves(),
            "in_flight": if self.still { 0 } else { state.in_flight() },
            "open_sockets": if self.still { 0 } else { state.open_sockets() },
            "draining": draining,
            "can_be_stopped": sum.is_some_and(|sum| sum.can_be_stopped),
            "fleet": sum.filter(|_| !self.still),
            "detail": detail,
        })
    }

    /// What this router sees of a release; of a draining one also what the whole fleet still carries.
    fn activity_of(
        &self,
        app: &AppName,
        routes: Option<&ReleaseRoutes>,
        id: &ReleaseId,
        tenure: u32,
    ) -> Value {
        let key = ReleaseKey { app: app.clone(), release: id.clone(), tenure };
        let mut activity = json!(self.board.releases.get(&key).unwrap_or(&Activity::default()));
        let draining = routes.filter(|routes| matches!(routes.standing, Standing::Draining { .. }));
        if let Some(routes) = draining.filter(|_| !self.still) {
            let own = activity["can_be_stopped"] == true;
            let sum = self.loads.sum(self.published.release(routes.slot), own);
            // Nobody may be left on any router, not only on this one.
            activity["can_be_stopped"] = json!(sum.can_be_stopped);
            activity["fleet"] = json!(sum);
        }
        activity
    }

    fn shares(&self, app: &AppName, configured: f64) -> Value {
        let (drawn, confirmed) = (self.board.drawn.get(app), self.board.confirmed.get(app));
        json!({ "configured": configured, "drawn": drawn, "confirmed": confirmed })
    }

    fn moves(&self, app: &AppName) -> Moves {
        self.board.moves.get(app).cloned().unwrap_or_default()
    }
}

/// The app for unknown hosts, by this table.
fn default_app(published: &Published) -> Option<&AppName> {
    published.table.default_app.as_ref().map(|app| &app.name)
}

/// The keys of values that are not the same ones.
fn changed<'a, T>(
    now: &'a BlockMap<AppName, Arc<T>>,
    then: &'a BlockMap<AppName, Arc<T>>,
) -> impl Iterator<Item = &'a AppName> {
    let differ = |then: Option<&Arc<T>>, now: Option<&Arc<T>>| match (then, now) {
        (Some(then), Some(now)) => !Arc::ptr_eq(then, now),
        _ => true,
    };
    now.differences(then).filter(move |(_, then, now)| differ(*then, *now)).map(|(name, ..)| name)
}

/// The compiled release: of this tenure if there is one, else of any.
fn find<'a>(routes: &'a AppRoutes, id: &ReleaseId, tenure: Option<u32>) -> Option<&'a ReleaseRoutes> {
    let same = |release: &&ReleaseRoutes| release.id == *id;
    let exact =
        |release: &&ReleaseRoutes| same(release) && tenure.is_none_or(|wanted| wanted == release.tenure);
    routes.listed().find(exact).or_else(|| routes.listed().find(same))
}

fn no_record() -> Map<String, Value> {
    object(json!({
        "seq": 0, "stable": null, "candidate": null, "previous": null, "draining": [], "blend": 0,
        "sticky": true, "shares": { "configured": 0.0, "drawn": null, "confirmed": null },
        "moves": Moves::default(), "lock": null, "updated": null,
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
