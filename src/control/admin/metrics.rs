//! `/metrics` in the Prometheus text format (version 0.0.4): live state and counters, read when asked.
//!
//! Series of a release end with it. Labels are names that were parsed, or escaped.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{Display, Write as _},
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use crate::{
    cell::{HistogramTotal, upper_bound_us},
    control::{
        fleet::{
            alarms::{AlarmKind, alarms},
            elsewhere::Elsewhere,
            load::Loads,
        },
        shared::{
            core::Core, fleet::roster::Member, hooks::progress::DeliveryOutcome, status::StoreState,
            stopping::Stopping,
        },
    },
    live::{
        activity::{ReleaseTotal, STANDING_WORDS, standing_index},
        table::Published,
    },
    rollout::{
        app::AppName,
        assign::Reason,
        table::{AppRoutes, EndpointRoute, ReleaseRoutes, Standing},
        target::EndpointSlot,
    },
    telemetry::counters,
};

/// Every how many of the fine buckets one is shown: a bound per doubling is enough for a dashboard.
const BUCKETS_SHOWN: usize = 4;

/// `GET /metrics`
pub async fn read(State(core): State<Core>) -> Response {
    let mut page = Page::default();
    router(&mut page, &core);
    fleet(&mut page, &core);
    hooks(&mut page, &core);
    process(&mut page, &core);
    let published = core.live.load_full();
    let releases: Vec<Row<'_>> = rows(&published);
    apps(&mut page, &published);
    shares(&mut page, &core);
    requests(&mut page, &releases);
    moves(&mut page, &releases);
    endpoints(&mut page, &published, &releases);
    drains(&mut page, &core, &published, &releases);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page.text).into_response()
}

/// One routed release with its counts.
struct Row<'a> {
    app: &'a AppRoutes,
    release: &'a ReleaseRoutes,
    total: ReleaseTotal,
    pinned: u64,
}

impl Row<'_> {
    fn labels(&self) -> String {
        format!("app=\"{}\",release=\"{}\"", self.app.name, self.release.id.name())
    }
}

fn rows(published: &Published) -> Vec<Row<'_>> {
    let mut apps: Vec<&AppRoutes> = published.table.apps.values().map(|app| &**app).collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    let mut rows = Vec::new();
    for app in apps {
        for release in &app.releases {
            let state = published.release(release.slot);
            rows.push(Row { app, release, total: state.total(), pinned: state.pinned_clients() });
        }
    }
    rows
}

fn router(page: &mut Page, core: &Core) {
    let status = &core.replica.status;
    page.gauge("rolling_build_info", "The version that runs.");
    page.sample("rolling_build_info", &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")), 1);
    page.gauge("rolling_uptime_seconds", "Time since the start.");
    let uptime = core.clock.monotonic().saturating_sub(core.lifecycle.started).as_secs_f64();
    page.sample("rolling_uptime_seconds", "", uptime);
    page.gauge("rolling_ready", "1 when a table is published and listeners accept.");
    page.sample("rolling_ready", "", u8::from(core.lifecycle.is_ready()));
    page.gauge("rolling_store_state", "1 for the state that the store is in.");
    for state in [StoreState::Current, StoreState::Stale, StoreState::Down, StoreState::Diverged] {
        let label = format!("state=\"{}\"", state.as_str());
        page.sample("rolling_store_state", &label, u8::from(status.state() == state));
    }
    page.gauge(
        "rolling_store_staleness_seconds",
        "Time since the store was surely read; +Inf before the first time.",
    );
    let staleness =
        status.staleness().map_or("+Inf".to_owned(), |staleness| staleness.as_secs_f64().to_string());
    page.sample("rolling_store_staleness_seconds", "", staleness);
    page.gauge("rolling_store_revision", "The store revision that is served.");
    page.sample("rolling_store_revision", "", status.revision());
    page.gauge("rolling_keyvalue_problems", "Stored values that cannot be taken.");
    page.sample("rolling_keyvalue_problems", "", core.replica.view.load().problems.len());
    page.counter("rolling_tables_published_total", "Routing tables published.");
    page.sample("rolling_tables_published_total", "", core.live.load().generation);
    page.gauge("rolling_stream_followers", "Pages that follow the live stream.");
    page.sample("rolling_stream_followers", "", core.feed.followers());
    page.counter("rolling_failed_sign_ins_total", "API calls without a valid token.");
    page.sample("rolling_failed_sign_ins_total", "", core.sign_ins.failed_total());
    page.histogram_head(
        "rolling_publish_lag_seconds",
        "From the store's word to a worker's first request by the new table.",
    );
    page.histogram("rolling_publish_lag_seconds", "", &core.live.lag());
}

/// The fleet as this router sees it; series of a member end with its membership.
fn fleet(page: &mut Page, core: &Core) {
    let mut members = core.roster.members();
    members.remove(&core.node);
    page.gauge("rolling_fleet_members", "Members of the fleet, this router among them.");
    page.sample("rolling_fleet_members", "", members.len() + 1);
    let each = |page: &mut Page, name: &str, value: &dyn Fn(&Member) -> Option<f64>| {
        for (node, member) in &members {
            if let Some(value) = value(member) {
                let label = format!("member=\"{}\",node=\"{}\"", escaped(member.name(node)), escaped(node));
                page.sample(name, &label, value);
            }
        }
    };
    page.gauge("rolling_fleet_member_heard", "1 while another member gives signs of life.");
    each(page, "rolling_fleet_member_heard", &|member| Some(f64::from(u8::from(member.alive.is_some()))));
    page.gauge("rolling_fleet_member_silent_seconds", "Time since another member was heard from.");
    each(page, "rolling_fleet_member_silent_seconds", &|member| {
        member.silent(&core.clock).map(|silent| silent.as_secs_f64())
    });
    page.gauge("rolling_fleet_member_skew_seconds", "Another member's wall clock less this router's.");
    each(page, "rolling_fleet_member_skew_seconds", &|member| {
        #[allow(clippy::cast_precision_loss, reason = "clocks differ by far less than 2^52 ms")]
        member.skew_ms().map(|ms| ms as f64 / 1_000.0)
    });
    page.gauge("rolling_fleet_alarms", "Alarms about members, by kind.");
    let alarms = alarms(core);
    for kind in AlarmKind::ALL {
        let count = alarms.iter().filter(|alarm| alarm.kind == kind).count();
        page.sample("rolling_fleet_alarms", &format!("kind=\"{}\"", kind.as_str()), count);
    }
}

/// Hooks; series of one end with it.
fn hooks(page: &mut Page, core: &Core) {
    let names = core.hooks.names();
    page.counter(
        "rolling_hook_deliveries_total",
        "Messages sent to a hook by this router, by how that ended.",
    );
    for name in &names {
        for (ended, count) in DeliveryOutcome::ALL.iter().zip(core.hooks.counts(name)) {
            let labels = format!("hook=\"{name}\",outcome=\"{}\"", ended.as_str());
            page.sample("rolling_hook_deliveries_total", &labels, count);
        }
    }
    page.gauge("rolling_hook_lag_events", "Changes that a hook was not told of yet.");
    for name in &names {
        let hook = core.hooks.hook(name);
        let hook = hook.as_ref().and_then(|stored| stored.hook.as_ref().ok());
        let waiting = hook.map_or(0, |hook| {
            core.hooks.waiting(&core.replica.view.load(), name, hook).values().sum::<u64>()
        });
        page.sample("rolling_hook_lag_events", &format!("hook=\"{name}\""), waiting);
    }
}

/// A label's value as the text format wants it: members name themselves through the store.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn process(page: &mut Page, core: &Core) {
    let mut last = "";
    for (metric, value) in core.counters.totals() {
        if metric.name != last {
            match metric.kind {
                counters::Kind::Counter => page.counter(metric.name, metric.help.trim()),
                counters::Kind::Gauge => page.gauge(metric.name, metric.help.trim()),
            }
            last = metric.name;
        }
        page.sample(metric.name, metric.label.unwrap_or(""), value);
    }
}

fn apps(page: &mut Page, published: &Published) {
    let mut apps: Vec<&AppRoutes> = published.table.apps.values().map(|app| &**app).collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    page.gauge("rolling_seq", "The seq of the rollout record that is served.");
    for app in &apps {
        page.sample("rolling_seq", &format!("app=\"{}\"", app.name), app.seq);
    }
    page.gauge("rolling_blend_percent", "The candidate's share of unpinned clients, as configured.");
    for app in &apps {
        page.sample("rolling_blend_percent", &format!("app=\"{}\"", app.name), app.blend);
    }
    page.gauge(
        "rolling_release_info",
        "1 for each release that is routed or kept for a rollback, with its track.",
    );
    for app in &apps {
        for release in app.listed() {
            let track = release.standing.as_str();
            let labels = format!(
                "app=\"{}\",release=\"{}\",track=\"{track}\",tenure=\"{}\"",
                app.name,
                release.id.name(),
                release.tenure
            );
            page.sample("rolling_release_info", &labels, 1);
        }
    }
}

fn shares(page: &mut Page, core: &Core) {
    let board = core.board.load();
    let mut each = |name: &str, help: &str, shares: &HashMap<AppName, f64>| {
        page.gauge(name, help);
        let sorted: BTreeMap<_, _> = shares.iter().collect();
        sorted.into_iter().for_each(|(app, share)| page.sample(name, &format!("app=\"{app}\""), share));
    };
    let help = "The candidate's share of the new clients drawn at the present blend.";
    each("rolling_blend_drawn_percent", help, &board.drawn);
    let help = "The candidate's share of the clients whose pins came back in the last minutes.";
    each("rolling_blend_confirmed_percent", help, &board.confirmed);
}

fn requests(page: &mut Page, rows: &[Row<'_>]) {
    page.counter("rolling_requests_total", "Answered requests by the release's track then and status class.");
    for row in rows {
        let now = standing_index(Some(row.release.standing));
        for (place, (track, classes)) in STANDING_WORDS.iter().zip(row.total.statuses).enumerate() {
            // A track that the release was never on has no series.
            if place != now && classes.iter().sum::<u64>() == 0 {
                continue;
            }
            for (class, count) in (1..).zip(classes) {
                let labels = format!("{},track=\"{track}\",status=\"{class}xx\"", row.labels());
                page.sample("rolling_requests_total", &labels, count);
            }
        }
    }
    page.histogram_head(
        "rolling_request_duration_seconds",
        "From a request's first byte to its response's last.",
    );
    for row in rows {
        page.histogram("rolling_request_duration_seconds", &row.labels(), &row.total.latency);
    }
    let each = |page: &mut Page, name: &str, value: fn(&Row<'_>) -> u64| {
        rows.iter().for_each(|row| page.sample(name, &row.labels(), value(row)));
    };
    page.gauge("rolling_open_requests", "Requests open now, WebSockets not among them.");
    each(page, "rolling_open_requests", |row| row.total.open_requests);
    page.gauge("rolling_open_sockets", "WebSockets open now.");
    each(page, "rolling_open_sockets", |row| row.total.open_sockets);
    page.gauge("rolling_pinned_clients", "Distinct clients whose pins came back in the last minutes.");
    each(page, "rolling_pinned_clients", |row| row.pinned);
    page.counter("rolling_pins_issued_total", "Pins sent to clients that had none.");
    each(page, "rolling_pins_issued_total", |row| row.total.pins_issued);
    page.counter("rolling_bounces_total", "Third moves of a client within one day.");
    each(page, "rolling_bounces_total", |row| row.total.bounces);
    page.counter("rolling_received_bytes_total", "Bytes of request bodies.");
    each(page, "rolling_received_bytes_total", |row| row.total.bytes_received);
    page.counter("rolling_sent_bytes_total", "Bytes of response bodies.");
    each(page, "rolling_sent_bytes_total", |row| row.total.bytes_sent);
}

fn moves(page: &mut Page, rows: &[Row<'_>]) {
    page.counter("rolling_assignments_total", "Requests by the reason of their assignment.");
    for row in rows {
        for (reason, count) in Reason::ALL.iter().zip(row.total.reasons) {
            let labels = format!("{},reason=\"{}\"", row.labels(), reason.as_str());
            page.sample("rolling_assignments_total", &labels, count);
        }
    }
    page.counter(
        "rolling_release_moves_total",
        "Clients that changed release, by where they came from and why.",
    );
    for row in rows {
        for (from, counts) in STANDING_WORDS.iter().zip(&row.total.moves) {
            for (reason, count) in Reason::ALL.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let (app, to) = (&row.app.name, row.release.id.name());
                let reason = reason.as_str();
                let labels = format!("app=\"{app}\",from=\"{from}\",to=\"{to}\",reason=\"{reason}\"");
                page.sample("rolling_release_moves_total", &labels, count);
            }
        }
    }
}

fn endpoints(page: &mut Page, published: &Published, rows: &[Row<'_>]) {
    let each = |page: &mut Page, name: &str, value: &dyn Fn(EndpointSlot) -> u64| {
        for row in rows {
            for endpoint in &row.release.endpoints {
                let labels = format!("{},address=\"{}\"", row.labels(), endpoint.address);
                page.sample(name, &labels, value(endpoint.slot));
            }
        }
    };
    page.gauge("rolling_endpoint_healthy", "1 while an endpoint serves.");
    each(page, "rolling_endpoint_healthy", &|slot| published.endpoint(slot).serves().into());
    page.gauge("rolling_endpoint_in_flight", "Requests in flight at an endpoint.");
    each(page, "rolling_endpoint_in_flight", &|slot| published.endpoint(slot).in_flight().into());
    page.counter("rolling_endpoint_requests_total", "Requests sent to an endpoint.");
    each(page, "rolling_endpoint_requests_total", &|slot| published.endpoint(slot).counts().0);
    page.counter("rolling_endpoint_failures_total", "Failures that were the endpoint's.");
    each(page, "rolling_endpoint_failures_total", &|slot| published.endpoint(slot).counts().1);
}

/// What is left where nothing new comes, and what can be stopped.
fn drains(page: &mut Page, core: &Core, published: &Published, rows: &[Row<'_>]) {
    let (gone, board) = (core.replica.gone.load(), core.board.load());
    let (stopping, loads) = (Stopping { published, gone: &gone }, Loads::of(core));
    let elsewhere = Elsewhere::of(core);
    let draining = || rows.iter().filter(|row| matches!(row.release.standing, Standing::Draining { .. }));
    page.gauge(
        "rolling_release_can_be_stopped",
        "1 when nobody is left at a release that drains, on any router.",
    );
    for row in draining() {
        let state = published.release(row.release.slot);
        let own = board.releases.get(state.key()).is_some_and(|activity| activity.can_be_stopped);
        let stops = loads.sum(state, own).can_be_stopped;
        page.sample("rolling_release_can_be_stopped", &row.labels(), u8::from(stops));
    }
    let endpoints = || {
        let all =
            rows.iter().flat_map(|row| row.release.endpoints.iter().map(move |endpoint| (row, endpoint)));
        all.filter(|(_, endpoint)| endpoint.draining)
    };
    let each = |page: &mut Page, name: &str, value: &dyn Fn(&EndpointRoute) -> u64| {
        for (row, endpoint) in endpoints() {
            let labels = format!("{},address=\"{}\"", row.labels(), endpoint.address);
            page.sample(name, &labels, value(endpoint));
        }
    };
    page.gauge("rolling_draining_endpoint_open_sockets", "WebSockets open at an endpoint that drains.");
    each(page, "rolling_draining_endpoint_open_sockets", &|endpoint| {
        published.endpoint(endpoint.slot).open_sockets().into()
    });
    page.gauge(
        "rolling_endpoint_can_be_stopped",
        "1 when nothing is open at an endpoint that drains, on any router.",
    );
    each(page, "rolling_endpoint_can_be_stopped", &|endpoint| {
        elsewhere.sum(stopping, endpoint.address).can_be_stopped.into()
    });
    page.gauge(
        "rolling_gone_endpoint_in_flight",
        "Requests at an endpoint that was taken out of its release.",
    );
    for gone in gone.values().flat_map(|gone| gone.iter()) {
        let key = gone.state.key();
        let labels =
            format!("app=\"{}\",release=\"{}\",address=\"{}\"", key.app, key.release.name(), key.address);
        page.sample("rolling_gone_endpoint_in_flight", &labels, gone.state.in_flight());
    }
}

/// The text as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn counter(&mut self, name: &str, help: &str) {
        self.head(name, help, "counter");
    }

    fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    fn histogram_head(&mut self, name: &str, help: &str) {
        self.head(name, help, "histogram");
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = if labels.is_empty() {
            writeln!(self.text, "{name} {value}")
        } else {
            writeln!(self.text, "{name}{{{labels}}} {value}")
        };
    }

    fn histogram(&mut self, name: &str, labels: &str, total: &HistogramTotal) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (index, bucket) in total.buckets.iter().enumerate() {
            below += bucket;
            if (index + 1).is_multiple_of(BUCKETS_SHOWN) {
                #[allow(clippy::cast_precision_loss, reason = "bounds far below 2^52 us")]
                let bound = upper_bound_us(index) as f64 / 1_000_000.0;
                self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), below);
            }
        }
        self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), below);
        #[allow(clippy::cast_precision_loss, reason = "sums far below 2^52 us")]
        let sum = total.sum_us as f64 / 1_000_000.0;
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, below);
    }
}
