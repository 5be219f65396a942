//! An app's state as the API shows it: what the record says, with the live state of what it names.

use serde_json::Value;

use super::{approvals::describe, snapshot::Snapshot};
use crate::{
    control::shared::{
        former_endpoints::FormerEndpoint, gate_answers::GateAnswers, local_abort::LocalAbort,
        stop_check::StopCheck,
    },
    live::endpoints::EndpointState as LiveEndpoint,
    rollout::{
        address::Address,
        app::AppName,
        approval_standing::{ApprovalStanding, approvals_of, author_of},
        freeze::{Freeze, coming_freeze, freeze_at},
        record::{DrainingRelease, Record, Stay, Tenure},
        release::ReleaseId,
        settings::Settings,
        table::{AppRoutes, EndpointRoute, ReleaseKey, ReleaseRoutes, Standing},
    },
    schema::{
        activity::{Activity, Moves},
        app::{App, Frozen, NextFreeze, Shares, Update},
        approval::ReleaseApprovals,
        endpoint::{Endpoint, EndpointDrain, EndpointLoad, EndpointState, GoneEndpoint},
        release::Release,
        stream::{ActivityEvent, EndpointActivity},
        verdict::VerdictSentence,
    },
};

impl Snapshot {
    /// One app's state, or `None` when there is no such app.
    pub fn state(&self, app: &AppName) -> Option<App> {
        let reading = self.reading.apps.get(app)?;
        let routes = self.published.table.routes_of(app);
        let state = match &reading.record {
            Some(record) => self.record_state(record, app, routes),
            None => App { sticky: true, ..App::default() },
        };
        let pipelines = &reading.pipeline_lock;
        let (frozen, next_freeze) = self.freezes(&reading.settings);
        Some(App {
            lock: state.lock.or_else(|| pipelines.held_at(self.now_ms).cloned()),
            lock_queue: pipelines.queue_at(self.now_ms).cloned().collect(),
            frozen,
            next_freeze,
            app: app.to_string(),
            hosts: reading.settings.hosts.clone(),
            paths: reading.settings.paths.clone(),
            default: self.default_app() == Some(app),
            leading_hosts: routes.map(|routes| self.published.table.hosts_of(routes)).unwrap_or_default(),
            local_abort: self.local_aborts.get(app).map(LocalAbort::to_answer),
            problems: self.reading.problems_of(app).cloned().collect(),
            // Settings are numbers, texts and lists, which all have a JSON form.
            settings: serde_json::to_value(&*reading.settings).unwrap_or(Value::Null),
            ..state
        })
    }

    /// The freeze that holds `ci` back now, and the one that does next.
    fn freezes(&self, settings: &Settings) -> (Option<Frozen>, Option<NextFreeze>) {
        let own = settings.own_freezes();
        let windows = || own.iter().chain(self.reading.freeze_windows.iter());
        let stands = freeze_at(windows(), self.now_ms);
        let comes = coming_freeze(windows(), self.now_ms);
        (
            stands.map(|Freeze { window, until }| Frozen { window, until }),
            comes.map(|next| NextFreeze {
                window: next.freeze.window,
                from: next.from,
                until: next.freeze.until,
            }),
        )
    }

    /// What the live stream says every second.
    pub fn activity(&self, app: &AppName) -> Option<ActivityEvent> {
        let routes = self.published.table.apps.get(app)?;
        let mut event = ActivityEvent {
            app: app.to_string(),
            shares: self.shares(app, routes.blend.percent()),
            moves: self.moves(app),
            verdict: self.verdict(app, routes.candidate.map(|at| routes.release(at).tenure)),
            plan: self.known_plan(app),
            ..ActivityEvent::default()
        };
        for release in routes.listed() {
            let activity = self.activity_of(app, Some(release), &release.id, release.tenure);
            event.releases.insert(release.id.to_string(), activity);
            let endpoints = release.endpoints.iter();
            let endpoints = endpoints.map(|route| (route.address.to_string(), self.endpoint_activity(route)));
            event.endpoints.extend(endpoints);
        }
        Some(event)
    }

    fn endpoint_activity(&self, route: &EndpointRoute) -> EndpointActivity {
        let state = self.published.endpoint(route.slot);
        let sum = route.draining.then(|| self.left_at(route.address));
        EndpointActivity {
            healthy: state.serves(),
            in_flight: state.in_flight(),
            open_sockets: state.open_sockets(),
            can_be_stopped: sum.is_some_and(|sum| sum.can_be_stopped),
            fleet: sum,
        }
    }

    fn record_state(&self, record: &Record, app: &AppName, routes: Option<&AppRoutes>) -> App {
        let on_track = |stay: &Option<Stay>| stay.as_ref().map(|stay| self.on_track(app, routes, stay));
        let draining = record.draining.iter().map(|draining| self.draining(app, routes, draining));
        App {
            seq: record.seq,
            stable: on_track(&record.stable),
            candidate: on_track(&record.candidate)
                .map(|release| Release { approvals: self.approvals(app, record, routes), ..release }),
            previous: record.previous.as_ref().map(|release| self.previous(app, routes, release)),
            draining: draining.collect(),
            blend: record.blend,
            sticky: record.sticky,
            shares: self.shares(app, record.blend.percent()),
            verdict: self.verdict(app, record.candidate.as_ref().map(|candidate| candidate.tenure)),
            moves: self.moves(app),
            lock: record.lock_at(self.now_ms).cloned(),
            halt: record.halt.clone(),
            plan: self.plan(app, record),
            updated: Some(Update {
                command: record.command.to_string(),
                actor: record.actor.clone(),
                reason: record.reason.clone(),
                at: record.at,
            }),
            ..App::default()
        }
    }

    fn on_track(&self, app: &AppName, routes: Option<&AppRoutes>, stay: &Stay) -> Release {
        Release {
            set_by: Some(stay.set_by.clone()),
            since: Some(stay.since),
            facts: stay.facts.clone(),
            ..self.release(app, routes, &stay.release, stay.tenure)
        }
    }

    /// How the candidate stands, where approvals are needed or somebody gave one.
    fn approvals(
        &self,
        app: &AppName,
        record: &Record,
        routes: Option<&AppRoutes>,
    ) -> Option<ReleaseApprovals> {
        let release = record.candidate_release()?;
        let needed = routes.map_or(0, |routes| routes.settings.approvals);
        if needed == 0 && approvals_of(record, release).is_none() {
            return None;
        }
        let routed = routes.and_then(|routes| find(routes, release, None));
        let endpoints = routed.map(ReleaseRoutes::registered).unwrap_or_default();
        let standing = ApprovalStanding::of(record, release, &endpoints, author_of(record, release)?);
        Some(describe(app, release, needed, &standing))
    }

    fn draining(&self, app: &AppName, routes: Option<&AppRoutes>, draining: &DrainingRelease) -> Release {
        Release {
            cause: Some(draining.cause),
            since: Some(draining.since),
            until: Some(draining.until),
            ..self.release(app, routes, &draining.release, draining.tenure)
        }
    }

    fn previous(&self, app: &AppName, routes: Option<&AppRoutes>, id: &ReleaseId) -> Release {
        // It may be draining as well, and is then shown with that tenure's activity.
        let routed = routes.and_then(|routes| find(routes, id, None));
        Release {
            // A rollback starts the containers that are kept, so what they say now tells nothing.
            rollback_refusal: self
                .rollback_refusal(id.name_in(app), routed)
                .filter(|_| !self.is_kept(app, id)),
            ..self.release(app, routes, id, routed.map_or(0, |release| release.tenure))
        }
    }

    /// Why the gate would refuse a rollback to a release, as far as the last checks tell.
    fn rollback_refusal(&self, name: &str, routed: Option<&ReleaseRoutes>) -> Option<String> {
        let endpoints = routed.map(|release| release.endpoints.iter()).into_iter().flatten();
        let seen = |route: &EndpointRoute| {
            let failure = self.published.endpoint(route.slot).check_failure();
            (route.address.into(), failure.map(|failure| failure.to_string()))
        };
        GateAnswers::new(endpoints.filter(|route| !route.draining).map(seen).collect()).refusal(name)
    }

    fn release(&self, app: &AppName, routes: Option<&AppRoutes>, id: &ReleaseId, tenure: u32) -> Release {
        let routed = routes.and_then(|routes| find(routes, id, Some(tenure)));
        let endpoints = routed.map(|release| release.endpoints.iter()).into_iter().flatten();
        Release {
            id: id.to_string(),
            release: routes
                .map_or_else(|| id.name_in(app).to_owned(), |routes| routes.names().name_of(id).to_owned()),
            service: id.service_in(app).to_owned(),
            port: id.port(),
            tenure,
            endpoints: endpoints.map(|route| self.endpoint(routes, (id, routed), route)).collect(),
            gone: self.gone_from(app, id),
            activity: self.activity_of(app, routed, id, tenure),
            ..Release::default()
        }
    }

    /// One endpoint, also one that was taken out of its release while something was open there.
    pub fn endpoint_of(&self, app: &AppName, release: &ReleaseId, address: Address) -> Option<EndpointState> {
        let routes = self.published.table.routes_of(app);
        let routed = routes.and_then(|routes| find(routes, release, None));
        let listed = routed.and_then(|routed| routed.endpoints.iter().find(|route| route.address == address));
        if let Some(route) = listed {
            return Some(EndpointState::Listed(self.endpoint(routes, (release, routed), route)));
        }
        let is_meant = |former: &&FormerEndpoint| {
            let key = former.state.key();
            key.release == *release && key.address == address
        };
        let former = self.former.get(app)?.iter().find(is_meant)?;
        Some(EndpointState::Gone(self.gone_endpoint(former)))
    }

    /// The endpoints that were taken out of a release, and where something is open still.
    fn gone_from(&self, app: &AppName, release: &ReleaseId) -> Vec<GoneEndpoint> {
        let is_open = |former: &FormerEndpoint| {
            former.state.in_flight() > 0 || self.endpoint_loads.is_open(former.state.key().address)
        };
        let is_meant = |former: &&FormerEndpoint| former.state.key().release == *release && is_open(former);
        let former = self.former.get(app).map(|former| former.iter()).into_iter().flatten();
        former.filter(is_meant).map(|former| self.gone_endpoint(former)).collect()
    }

    fn gone_endpoint(&self, former: &FormerEndpoint) -> GoneEndpoint {
        let address = former.state.key().address;
        let sum = self.left_at(address);
        GoneEndpoint {
            address: address.to_string(),
            in_flight: if self.still { 0 } else { former.state.in_flight() },
            open_sockets: if self.still { 0 } else { former.state.open_sockets() },
            can_be_stopped: sum.can_be_stopped,
            fleet: (!self.still).then_some(sum),
        }
    }

    /// What is left, on all routers, at an endpoint that gets nothing new.
    pub(super) fn left_at(&self, address: Address) -> EndpointLoad {
        self.endpoint_loads.sum(StopCheck { published: &self.published, former: &self.former }, address)
    }

    fn endpoint(
        &self,
        routes: Option<&AppRoutes>,
        (release, routed): (&ReleaseId, Option<&ReleaseRoutes>),
        route: &EndpointRoute,
    ) -> Endpoint {
        let drains = routes.map(|routes| routes.endpoint_drains.iter()).into_iter().flatten();
        let mut drains = drains.filter(|drain| route.draining && drain.is_of(release, route.address));
        let state = self.published.endpoint(route.slot);
        let sum = route.draining.then(|| self.left_at(route.address));
        Endpoint {
            address: route.address.to_string(),
            name: routed.and_then(|routed| routed.name_of(route.address)).map(ToString::to_string),
            healthy: state.serves(),
            checked: state.checked(),
            in_flight: if self.still { 0 } else { state.in_flight() },
            open_sockets: if self.still { 0 } else { state.open_sockets() },
            draining: drains.next().map(|drain| EndpointDrain {
                since: drain.since,
                until: drain.until,
                softly: drain.softly,
            }),
            can_be_stopped: sum.is_some_and(|sum| sum.can_be_stopped),
            fleet: sum.filter(|_| !self.still),
            detail: detail(state),
        }
    }

    /// What this router sees of a release; of a draining one also what the whole fleet still carries.
    fn activity_of(
        &self,
        app: &AppName,
        routes: Option<&ReleaseRoutes>,
        id: &ReleaseId,
        tenure: u32,
    ) -> Activity {
        let key = ReleaseKey { app: app.clone(), release: id.clone(), tenure };
        let mut activity = self.board.releases.get(&key).cloned().unwrap_or_default();
        let draining = routes.filter(|routes| matches!(routes.standing, Standing::Draining { .. }));
        if let Some(routes) = draining.filter(|_| !self.still) {
            let sum = self.loads.sum(self.published.release(routes.slot), activity.can_be_stopped);
            // Nobody may be left on any router, not only on this one.
            activity.can_be_stopped = sum.can_be_stopped;
            activity.fleet = Some(sum);
        }
        activity
    }

    fn shares(&self, app: &AppName, configured: f64) -> Shares {
        let (drawn, confirmed) = (self.board.drawn.get(app), self.board.confirmed.get(app));
        Shares { configured, drawn: drawn.copied(), confirmed: confirmed.copied() }
    }

    /// The verdict about the candidate of this tenure.
    fn verdict(&self, app: &AppName, candidate: Option<Tenure>) -> Option<VerdictSentence> {
        let known = self.verdicts.get(app)?;
        (candidate == Some(known.tenure)).then(|| known.words())
    }

    fn moves(&self, app: &AppName) -> Moves {
        self.board.moves.get(app).cloned().unwrap_or_default()
    }
}

/// What was seen of an endpoint that does not serve. It has no count of checks: that goes on while the endpoint is out,
/// and every check would be an event.
fn detail(state: &LiveEndpoint) -> Option<String> {
    if state.serves() {
        return None;
    }
    let words = match state.check_failure() {
        Some(failure) => failure.to_string(),
        None if state.ejected() => "ejected for a while: it fails more than its peers".to_owned(),
        None => "passes checks again, but not yet often enough".to_owned(),
    };
    Some(words)
}

/// The compiled release: of this tenure if there is one, else of any.
fn find<'a>(routes: &'a AppRoutes, id: &ReleaseId, tenure: Option<u32>) -> Option<&'a ReleaseRoutes> {
    let same = |release: &&ReleaseRoutes| release.id == *id;
    let exact =
        |release: &&ReleaseRoutes| same(release) && tenure.is_none_or(|wanted| wanted == release.tenure);
    routes.listed().find(exact).or_else(|| routes.listed().find(same))
}
