//! Activity: rates and quantiles of every routed release over the last seconds.
//!
//! Workers only count; here the counts of two moments are subtracted, once for everybody who asks. Samples of an idle
//! release are shared, so that a thousand quiet apps cost next to nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    limits::{ACTIVITY_SAMPLES, ACTIVITY_TICK},
    shared::{
        activity::{Activity, ActivityBoard, Moves},
        core::Core,
        fleet::past::MemberPast,
        former_endpoints::FormerEndpoints,
        past_cell::PastCell,
        stop_check::StopCheck,
    },
};
use crate::{
    cell::HistogramTotal,
    live::{activity::ReleaseTotal, releases::ReleaseState, table::PublishedTable},
    rollout::{
        app::AppName,
        blend::Blend,
        record::Tenure,
        release::ReleaseId,
        table::{AppRoutes, ReleaseKey, ReleaseRoutes, Standing},
        target::ReleaseIndex,
    },
};

/// "Lately", for pinned clients, is between one and two of these.
const PINNED_WINDOW: Duration = Duration::from_secs(300);

/// Samples until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let started = (core.clock.monotonic(), core.clock.wall_ms());
    let mut sampler = Sampler { started, ..Sampler::default() };
    loop {
        ticks.tick().await;
        let board = sampler.sample(
            &core.live.load_full(),
            &core.replica.former_endpoints.load(),
            core.clock.monotonic(),
        );
        sampler.note_past(&core);
        core.board.store(Arc::new(board));
        core.misdirected.note(core.counters.misdirected(), core.clock.monotonic());
        core.feed.nudge_all();
    }
}

#[derive(Debug, Default)]
struct Sampler {
    releases: HashMap<ReleaseKey, Samples>,
    draws: HashMap<AppName, Draws>,
    /// Moves to releases whose stay has ended.
    past: HashMap<AppName, Moves>,
    turned: Duration,
    /// When sampling began: monotonic, and in Unix ms.
    started: (Duration, u64),
    /// Stays that have ended, of which the last moments are not in the past yet.
    ended: Vec<Samples>,
    /// What happened in the minute that is going on, as far as it is in the past.
    told: HashMap<(AppName, ReleaseId), PastCell>,
    /// The minute (since 1970) that is going on.
    minute: u64,
}

#[derive(Debug)]
struct Samples {
    state: Arc<ReleaseState>,
    ring: VecDeque<(Duration, Arc<ReleaseTotal>)>,
    /// What is in the past already.
    noted: Arc<ReleaseTotal>,
}

/// The draws that were counted when candidate or blend last changed.
#[derive(Debug)]
struct Draws {
    candidate: Tenure,
    blend: Blend,
    sticky: bool,
    before: (u64, u64),
}

impl Sampler {
    fn sample(
        &mut self,
        published: &PublishedTable,
        former: &FormerEndpoints,
        now: Duration,
    ) -> ActivityBoard {
        let turn = now.saturating_sub(self.turned) >= PINNED_WINDOW;
        if turn {
            self.turned = now;
        }
        let mut releases = HashMap::new();
        let mut board = ActivityBoard::default();
        for state in published.releases.iter().flatten().filter(|state| state.key().tenure != 0) {
            if turn {
                state.turn_window();
            }
            let mut samples = match self.releases.remove(state.key()) {
                Some(known) if Arc::ptr_eq(&known.state, state) => known,
                other => {
                    other.into_iter().for_each(|ended| self.end(ended));
                    Samples::new(Arc::clone(state))
                }
            };
            samples.push(now);
            let mut activity = samples.activity();
            let routes = routes_of(published, state.key());
            let check = StopCheck { published, former };
            activity.can_be_stopped = activity.nobody_is_left()
                && routes.is_some_and(|routes| {
                    self.would_have_seen_clients(routes, now) && check.release_can_be_stopped(routes)
                });
            board.releases.insert(state.key().clone(), activity);
            releases.insert(state.key().clone(), samples);
        }
        let ended = std::mem::replace(&mut self.releases, releases);
        ended.into_values().for_each(|ended| self.end(ended));
        board.moves = self.moves(published);
        self.past.retain(|app, _| published.table.apps.contains_key(app));
        self.draws.retain(|app, _| published.table.apps.contains_key(app));
        for app in published.table.apps.values() {
            if let Some(share) = self.drawn(app) {
                board.drawn.insert(app.name.clone(), share);
            }
            if let Some(share) = confirmed(app, &board.releases) {
                board.confirmed.insert(app.name.clone(), share);
            }
        }
        board
    }

    /// Whether this router would have seen the clients of a release that drains: it has been sampling since before the
    /// drain began, or for as long as "lately" lasts.
    fn would_have_seen_clients(&self, release: &ReleaseRoutes, now: Duration) -> bool {
        let (started, started_ms) = self.started;
        let saw_it_begin =
            matches!(release.standing, Standing::Draining { since, .. } if since >= started_ms);
        saw_it_begin || now.saturating_sub(started) >= PINNED_WINDOW
    }

    /// Keeps what was counted during a stay that has ended.
    fn end(&mut self, ended: Samples) {
        self.past.entry(ended.state.key().app.clone()).or_default().add(&ended.state.total());
        self.ended.push(ended);
    }

    /// Adds to the past what has happened since the last minute began, when it is over, and of stays that have ended.
    fn note_past(&mut self, core: &Core) {
        let minute = core.clock.wall_ms() / 60_000;
        if self.minute == 0 {
            // The first look: no minute is over yet.
            self.minute = minute;
        }
        let over = self.minute;
        for mut ended in self.ended.drain(..) {
            ended.note_past(core, over, &mut self.told);
        }
        if minute == over {
            return;
        }
        for samples in self.releases.values_mut() {
            samples.note_past(core, over, &mut self.told);
        }
        core.past.tell(MemberPast::new(over, self.told.drain()));
        self.minute = minute;
        let published = core.live.load();
        core.past.tidy(minute, |app| published.table.apps.contains_key(app));
    }

    fn moves(&self, published: &PublishedTable) -> HashMap<AppName, Moves> {
        let mut moves = self.past.clone();
        for samples in self.releases.values() {
            if let Some((_, total)) = samples.ring.back() {
                moves.entry(samples.state.key().app.clone()).or_default().add(total);
            }
        }
        moves.retain(|app, _| published.table.apps.contains_key(app));
        moves
    }

    fn drawn(&mut self, app: &AppRoutes) -> Option<f64> {
        let candidate = app.release(app.candidate?);
        let now = (self.draws_of(app, app.candidate), self.draws_of(app, app.stable));
        let draws = self.draws.entry(app.name.clone()).or_insert_with(|| Draws::new(app, now));
        if (draws.candidate, draws.blend, draws.sticky) != (candidate.tenure, app.blend, app.sticky) {
            *draws = Draws::new(app, now);
        }
        let to_candidate = now.0.saturating_sub(draws.before.0);
        let all = to_candidate + now.1.saturating_sub(draws.before.1);
        percent(to_candidate, all)
    }

    fn draws_of(&self, app: &AppRoutes, release: Option<ReleaseIndex>) -> u64 {
        let Some(release) = release.map(|index| app.release(index)) else { return 0 };
        let key = ReleaseKey { app: app.name.clone(), release: release.id.clone(), tenure: release.tenure };
        let total = self.releases.get(&key).and_then(|samples| samples.ring.back());
        total.map_or(0, |(_, total)| total.draws)
    }
}

/// Of the clients pinned to candidate or stable that came back lately, the percent pinned to the candidate.
fn confirmed(app: &AppRoutes, releases: &HashMap<ReleaseKey, Activity>) -> Option<f64> {
    let pinned = |index: ReleaseIndex| {
        let release = app.release(index);
        let key = ReleaseKey { app: app.name.clone(), release: release.id.clone(), tenure: release.tenure };
        releases.get(&key).map_or(0, |activity| activity.pinned)
    };
    let candidate = pinned(app.candidate.filter(|_| app.sticky)?);
    percent(candidate, candidate + app.stable.map_or(0, pinned))
}

/// Two decimals; `None` of nothing.
fn percent(part: u64, all: u64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let share = (all > 0).then(|| part as f64 * 100.0 / all as f64);
    share.map(|share| rounded(share, 2))
}

impl Draws {
    fn new(app: &AppRoutes, before: (u64, u64)) -> Self {
        let candidate = app.candidate.map_or(0, |index| app.release(index).tenure);
        Self { candidate, blend: app.blend, sticky: app.sticky, before }
    }
}

impl Samples {
    fn new(state: Arc<ReleaseState>) -> Self {
        Self { state, ring: VecDeque::with_capacity(ACTIVITY_SAMPLES), noted: Arc::default() }
    }

    /// Adds to a minute of the past what is not in it yet.
    fn note_past(&mut self, core: &Core, minute: u64, told: &mut HashMap<(AppName, ReleaseId), PastCell>) {
        let Some((_, total)) = self.ring.back() else { return };
        if Arc::ptr_eq(total, &self.noted) {
            return;
        }
        let ReleaseKey { app, release, .. } = self.state.key();
        let did = PastCell::between(&self.noted, total);
        core.past.add(app, release, minute, &did);
        told.entry((app.clone(), release.clone())).or_default().add(&did);
        self.noted = Arc::clone(total);
    }

    fn push(&mut self, now: Duration) {
        if self.ring.len() == ACTIVITY_SAMPLES {
            self.ring.pop_front();
        }
        let total = self.state.total();
        let same =
            self.ring.back().filter(|(_, last)| is_same(last, &total)).map(|(_, last)| Arc::clone(last));
        self.ring.push_back((now, same.unwrap_or_else(|| Arc::new(total))));
    }

    fn activity(&self) -> Activity {
        let (Some((from, first)), Some((to, last))) = (self.ring.front(), self.ring.back()) else {
            return Activity::default();
        };
        let seconds = to.saturating_sub(*from).as_secs_f64();
        let latency = last.latency.since(&first.latency);
        let first_byte = last.first_byte.since(&first.first_byte);
        let ms = |quantile| quantile_ms(&latency, quantile);
        let requests = last.requests().saturating_sub(first.requests());
        let errors = last.errors().saturating_sub(first.errors());
        #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let (requests, errors) = (requests as f64, errors as f64);
        Activity {
            requests_per_second: if seconds > 0.0 { rounded(requests / seconds, 1) } else { 0.0 },
            error_share: if requests > 0.0 { rounded(errors / requests, 5) } else { 0.0 },
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            first_byte_p50_ms: quantile_ms(&first_byte, 0.5),
            first_byte_p95_ms: quantile_ms(&first_byte, 0.95),
            requests: last.requests(),
            errors: last.errors(),
            open_requests: last.open_requests,
            open_sockets: last.open_sockets,
            pinned: self.state.pinned_clients(),
            can_be_stopped: false,
            fleet: None,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "durations far below 2^52 us")]
fn quantile_ms(durations: &HistogramTotal, quantile: f64) -> Option<f64> {
    durations.quantile_us(quantile).map(|us| rounded(us as f64 / 1_000.0, 3))
}

fn routes_of<'a>(published: &'a PublishedTable, key: &ReleaseKey) -> Option<&'a ReleaseRoutes> {
    let app = published.table.apps.get(&key.app)?;
    app.releases.iter().find(|release| release.id == key.release && release.tenure == key.tenure)
}

fn is_same(a: &ReleaseTotal, b: &ReleaseTotal) -> bool {
    (a.requests(), a.open_requests, a.open_sockets, a.reasons, a.moves, a.bounces)
        == (b.requests(), b.open_requests, b.open_sockets, b.reasons, b.moves, b.bounces)
}

fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}
