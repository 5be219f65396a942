//! The router itself: its store, its fleet, its hooks, its process. Bounded by what a fleet is, so never left out.

use super::page::Page;
use crate::{
    control::{
        fleet::alarms::{AlarmKind, alarms},
        shared::{
            acme::overview, core::Core, fleet::roster::Member, hooks::progress::DeliveryOutcome,
            status::StoreState,
        },
    },
    schema::certificate::Certificate,
    telemetry::counters,
};

/// Everything that is about no app.
pub fn write(page: &mut Page, core: &Core) {
    router(page, core);
    reloads(page, core);
    fleet(page, core);
    hooks(page, core);
    certificates(page, core);
    process(page, core);
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
        "Time since the last confirmed read of the store; +Inf before the first.",
    );
    let staleness =
        status.staleness().map_or("+Inf".to_owned(), |staleness| staleness.as_secs_f64().to_string());
    page.sample("rolling_store_staleness_seconds", "", staleness);
    page.gauge("rolling_store_revision", "The store revision that is served.");
    page.sample("rolling_store_revision", "", status.revision());
    page.gauge("rolling_keyvalue_problems", "Stored values that cannot be taken.");
    page.sample("rolling_keyvalue_problems", "", core.replica.reading.load().problems.len());
    page.gauge(
        "rolling_local_aborts",
        "Apps whose candidate this router alone has dropped, since its store has not taken the abort yet.",
    );
    page.sample("rolling_local_aborts", "", core.replica.local_aborts.all().len());
    page.counter("rolling_tables_published_total", "Routing tables published.");
    page.sample("rolling_tables_published_total", "", core.live.load().generation);
    page.gauge("rolling_stream_followers", "Pages that follow the live stream.");
    page.sample("rolling_stream_followers", "", core.feed.followers());
    page.counter("rolling_failed_sign_ins_total", "API calls without a valid token.");
    page.sample("rolling_failed_sign_ins_total", "", core.sign_ins.failed_total());
    page.counter("rolling_refused_calls_total", "API calls refused for who sent them.");
    for (status, count) in core.refusals.counts() {
        page.sample("rolling_refused_calls_total", &format!("status=\"{status}\""), count);
    }
    let (written, lost) = core.journal.counts();
    page.counter("rolling_audit_lines_total", "Lines handed to the audit log.");
    page.sample("rolling_audit_lines_total", "", written);
    page.counter(
        "rolling_audit_lost_total",
        "Entries of the audit that are lost: unwritten, or too many without a token.",
    );
    page.sample("rolling_audit_lost_total", "", lost);
    page.histogram_head(
        "rolling_publish_lag_seconds",
        "From the store's word of a change to the table that requests go by.",
    );
    page.histogram("rolling_publish_lag_seconds", "", &core.live.lag());
}

/// Files that were read again while the router runs.
fn reloads(page: &mut Page, core: &Core) {
    let name = "rolling_reload_failures_total";
    page.counter(name, "Files that were read again and could not be used, or not all of them.");
    page.sample(name, "what=\"certificates\"", core.live.certificates().failed_reads());
    page.sample(name, "what=\"tokens\"", core.tokens.failed_reads());
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
        member.skew_ms(&core.clock).map(|ms| ms as f64 / 1_000.0)
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
            core.hooks.waiting(&core.replica.reading.load(), name, hook).values().sum::<u64>()
        });
        page.sample("rolling_hook_lag_events", &format!("hook=\"{name}\""), waiting);
    }
}

/// Certificates in files of this router, and those of a CA; series of one end with it.
fn certificates(page: &mut Page, core: &Core) {
    let all = overview::certificates(core);
    let labels = |one: &Certificate| {
        let name = one.names.first().or(one.file.as_ref()).map_or("", String::as_str);
        format!("name=\"{}\",source=\"{}\"", escaped(name), one.source)
    };
    page.gauge("rolling_certificate_ends_seconds", "When a certificate ends, in Unix seconds.");
    for one in &all {
        if let Some(ends_at) = one.ends_at {
            page.sample("rolling_certificate_ends_seconds", &labels(one), ends_at / 1_000);
        }
    }
    page.gauge("rolling_certificate_failures", "Orders for a certificate that have failed in a row.");
    for one in all.iter().filter(|one| one.source == "acme") {
        page.sample("rolling_certificate_failures", &labels(one), one.failures);
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
