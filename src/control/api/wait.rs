//! `GET .../wait`: answers when something is so, or says what it still waits for.
//!
//! Health and what is open come from counters that nobody announces, so the state is looked at again and again, at a pace that
//! costs nothing beside a health check.

use std::{str::FromStr as _, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use super::{
    query::WriteQuery,
    request::{Read, app_name},
    snapshot::Snapshot,
    tracks::find_release,
    wait_for_plan::{take_step, wait_for_step},
};
use crate::{
    control::{
        commands::{command::unknown_app, known_release::is_known, stored::StoredApp},
        fleet::wait::{Target, wait_until_applied},
        limits::{FLEET_WAIT_MAX, WAIT_PACE},
        shared::{
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{app::AppName, blend::Blend, release::ReleaseId, table::ReleaseRoutes},
    schema::{
        app::App,
        endpoint::EndpointLoad,
        release::Release,
        wait::{Goal, Waited},
    },
};

/// How long a call waits that does not say so.
const WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// `GET /api/v1/apps/{app}/wait?for=...`: 200 when it is so, 202 when the time has passed.
pub async fn wait(
    State(core): State<Core>,
    Path(app): Path<String>,
    mut call: Read,
) -> Result<Response, ApiError> {
    let app = app_name(&app)?;
    let goal = goal(call.query.take("for"))?;
    let time = WriteQuery::take_timeout(&mut call.query)?.unwrap_or(WAIT_DEFAULT).min(FLEET_WAIT_MAX);
    let release = call.query.take("release");
    let step = take_step(&mut call.query, goal)?;
    call.query.finish()?;
    if Snapshot::of(&core).seq(&app).is_none() && StoredApp::read(&core, &app).await?.is_absent() {
        return Err(unknown_app(&app));
    }
    if let Some(step) = step {
        refuse_release(goal, release.as_deref())?;
        return Ok(answer(wait_for_step(&core, &app, step, time).await?));
    }
    if goal == Goal::Applied {
        refuse_release(goal, release.as_deref())?;
        return Ok(answer(applied(&core, &app, time).await?));
    }
    let release = find_release(&core, &app, "release", release).await?;
    if let Some(release) = &release {
        refuse_unknown(&core, &app, release).await?;
    }
    let begun = core.clock.monotonic();
    loop {
        let waited = look(&Snapshot::of(&core), &app, goal, release.as_ref());
        if waited.met || core.clock.monotonic().saturating_sub(begun) >= time {
            return Ok(answer(waited));
        }
        tokio::time::sleep(WAIT_PACE).await;
    }
}

fn goal(text: Option<String>) -> Result<Goal, ApiError> {
    let refused = |message: String| ApiError::new(Kind::Malformed, format!("for: {message}")).field("for");
    let text = text.ok_or_else(|| {
        refused(format!("it is missing; allowed are {}", Goal::ALL.map(Goal::as_str).join(", ")))
    })?;
    Goal::from_str(&text).map_err(refused)
}

fn refuse_release(goal: Goal, release: Option<&str>) -> Result<(), ApiError> {
    if release.is_none() {
        return Ok(());
    }
    let goal = goal.as_str();
    let message = format!("release: `{goal}` is about the whole app; leave the release out");
    Err(ApiError::new(Kind::Malformed, message).field("release"))
}

/// Refuses a release that nobody knows: no time makes of it what is waited for.
async fn refuse_unknown(core: &Core, app: &AppName, release: &ReleaseId) -> Result<(), ApiError> {
    if is_known(core, app, release).await? {
        return Ok(());
    }
    let message = format!(
        "there is no release `{}`: it has no endpoint, and is neither routed nor in the history of `{app}`",
        release.name_in(app)
    );
    Err(ApiError::new(Kind::NotFound, message).field("release"))
}

fn answer(waited: Waited) -> Response {
    let status = if waited.met { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Json(waited)).into_response()
}

/// Waits until every router serves what the store holds of the app now.
async fn applied(core: &Core, app: &AppName, time: Duration) -> Result<Waited, ApiError> {
    let stored = StoredApp::read(core, app).await?;
    let target = Target::App(app.clone(), stored.seq(), stored.routed());
    let status = wait_until_applied(core, &target, time).await;
    let met = status.is_everywhere();
    Ok(Waited {
        app: app.to_string(),
        goal: Goal::Applied,
        met,
        seq: stored.seq(),
        waiting_for: if met { Vec::new() } else { vec![status.text()] },
        ..Waited::default()
    })
}

/// What is so now.
fn look(snapshot: &Snapshot, app: &AppName, goal: Goal, release: Option<&ReleaseId>) -> Waited {
    // The store knows an app before this router serves it.
    let Some(state) = snapshot.state(app) else {
        let waiting_for = vec!["this router does not serve the app yet".to_owned()];
        return Waited { app: app.to_string(), goal, waiting_for, ..Waited::default() };
    };
    let view = View { snapshot, app, state: &state };
    let chosen = view.chosen(goal, release);
    let waiting_for = match (goal, &chosen) {
        (Goal::Healthy, None) | (Goal::Live, None) => vec!["the app has no release".to_owned()],
        (Goal::Healthy, Some(id)) => view.until_healthy(id),
        (Goal::Live, Some(id)) => view.until_live(id),
        (Goal::Drained, _) => view.until_drained(release),
        (Goal::CanBeStopped | Goal::Applied | Goal::PlanStep, _) => view.until_stoppable(release),
    };
    let way_back =
        matches!(goal, Goal::Drained | Goal::CanBeStopped).then(|| view.way_back(release)).flatten();
    let releases = chosen.map(|id| vec![name_of(&state, app, &id)]).unwrap_or_default();
    let met = waiting_for.is_empty();
    Waited { app: app.to_string(), goal, met, seq: state.seq, releases, waiting_for, way_back }
}

/// One app at one moment.
struct View<'a> {
    snapshot: &'a Snapshot,
    app: &'a AppName,
    state: &'a App,
}

impl View<'_> {
    /// The release that is meant: the one named, or else the newest on a track.
    fn chosen(&self, goal: Goal, release: Option<&ReleaseId>) -> Option<ReleaseId> {
        let newest = || {
            let of_track = self.state.candidate.as_ref().or(self.state.stable.as_ref())?;
            of_track.id.parse().ok()
        };
        let is_about_a_track = matches!(goal, Goal::Healthy | Goal::Live);
        release.cloned().or_else(|| if is_about_a_track { newest() } else { None })
    }

    fn routes(&self, id: &ReleaseId) -> Option<&ReleaseRoutes> {
        self.snapshot.published.table.routes_of(self.app)?.listed().find(|release| release.id == *id)
    }

    fn until_healthy(&self, id: &ReleaseId) -> Vec<String> {
        let name = name_of(self.state, self.app, id);
        let Some(routes) = self.routes(id) else { return vec![format!("{name} is not routed")] };
        if routes.endpoints.is_empty() {
            return vec![format!("{name} has no endpoint")];
        }
        let remaining = routes.endpoints.iter().filter(|route| !route.draining).filter_map(|route| {
            let endpoint = self.snapshot.published.endpoint(route.slot);
            let failure = endpoint.check_failure();
            // One that only begins to fail serves still, and is not healthy.
            match (endpoint.serves() && failure.is_none(), endpoint.checked()) {
                (true, true) => None,
                (true, false) => Some(format!("{} of {name} is not checked yet", route.address)),
                (false, _) => {
                    let why = failure.map(|why| format!(": {why}")).unwrap_or_default();
                    Some(format!("{} of {name} does not pass its checks{why}", route.address))
                }
            }
        });
        remaining.collect()
    }

    fn until_live(&self, id: &ReleaseId) -> Vec<String> {
        let name = name_of(self.state, self.app, id);
        let is =
            |release: &Option<Release>| release.as_ref().is_some_and(|release| release.id == id.as_str());
        let is_candidate = is(&self.state.candidate);
        if !is(&self.state.stable) && !is_candidate {
            return vec![format!("{name} is on no track")];
        }
        if is_candidate && self.state.blend == Blend::ZERO {
            return vec![format!("{name} is the candidate at blend 0, which gets no new client")];
        }
        let Some(routes) = self.routes(id) else { return vec![format!("{name} is not routed here yet")] };
        let serves = |slot| self.snapshot.published.endpoint(slot).serves();
        if routes.endpoints.iter().any(|route| !route.draining && serves(route.slot)) {
            return Vec::new();
        }
        vec![format!("no endpoint of {name} serves")]
    }

    fn until_drained(&self, release: Option<&ReleaseId>) -> Vec<String> {
        let on_track = self.on_track(release);
        let draining =
            self.draining(release).map(|release| format!("{} drains{}", release.name(), remaining(release)));
        on_track.into_iter().chain(draining).collect()
    }

    fn until_stoppable(&self, release: Option<&ReleaseId>) -> Vec<String> {
        let busy = self.draining(release).filter(|release| !release.activity.can_be_stopped);
        let draining =
            busy.map(|release| format!("{} is still in use{}", release.name(), remaining(release)));
        self.on_track(release).into_iter().chain(draining).chain(self.until_left(release)).collect()
    }

    /// The endpoints that nothing is sent to any more and where something is open: of a release that was aborted or rolled
    /// back from, or of one that they were taken out of.
    fn until_left<'a>(&'a self, release: Option<&'a ReleaseId>) -> impl Iterator<Item = String> + 'a {
        let former = self.snapshot.former.get(self.app).map(|former| former.iter()).into_iter().flatten();
        let keys = former.map(|former| former.state.key());
        let meant = keys.filter(move |key| release.is_none_or(|id| key.release == *id));
        meant.filter_map(|key| {
            let left = self.snapshot.left_at(key.address);
            let why = match left {
                EndpointLoad { can_be_stopped: true, .. } => return None,
                EndpointLoad { in_flight: 0, reported, members, .. } if reported < members => {
                    format!("{reported} of {members} routers have said what is open")
                }
                EndpointLoad { in_flight: 0, .. } => "another release has it".to_owned(),
                EndpointLoad { in_flight, .. } => format!("{in_flight} requests and WebSockets are open"),
            };
            Some(format!("{} of {}: {why}", key.address, name_of(self.state, self.app, &key.release)))
        })
    }

    fn draining<'a>(&'a self, release: Option<&'a ReleaseId>) -> impl Iterator<Item = &'a Release> {
        self.state.draining.iter().filter(move |draining| is_meant(draining, release))
    }

    /// The release that a rollback goes to, if it is one of those that are meant.
    fn way_back(&self, release: Option<&ReleaseId>) -> Option<String> {
        let previous = self.state.previous.as_ref().filter(|previous| is_meant(previous, release))?;
        Some(previous.name().to_owned())
    }

    /// That a release that was named is on a track.
    fn on_track(&self, release: Option<&ReleaseId>) -> Option<String> {
        let id = release?;
        let tracks = [("stable release", &self.state.stable), ("candidate", &self.state.candidate)];
        let (track, release) = tracks.into_iter().find_map(|(track, release)| {
            Some((track, release.as_ref().filter(|release| release.id == id.as_str())?))
        })?;
        Some(format!("{} is the {track}", release.name()))
    }
}

fn is_meant(release: &Release, wanted: Option<&ReleaseId>) -> bool {
    wanted.is_none_or(|id| release.id == id.as_str())
}

/// What is left of a draining release, behind its name.
fn remaining(release: &Release) -> String {
    let load = release.activity.fleet.as_ref();
    match load {
        Some(load) if load.reported < load.members => {
            format!(": {} of {} routers have said what is open", load.reported, load.members)
        }
        Some(load) => format!(
            ": {} clients, {} requests and {} WebSockets on {} routers",
            load.pinned, load.open_requests, load.open_sockets, load.members
        ),
        None => String::new(),
    }
}

/// A release as people name it.
fn name_of(state: &App, app: &AppName, id: &ReleaseId) -> String {
    let shown = state.stable.iter().chain(&state.candidate).chain(&state.draining).chain(&state.previous);
    let known = shown.into_iter().find(|release| release.id == id.as_str());
    known.map_or_else(|| id.name_in(app).to_owned(), |release| release.name().to_owned())
}
