//! Apps and their releases: what is routed, who asked for it, and how that went.

use std::collections::{BTreeMap, HashMap};

use super::{
    page::{Group, Page, histogram_series},
    row::Row,
};
use crate::{
    cell::HistogramTotal,
    control::shared::{body_stream::BodyError, core::Core},
    live::activity::{ReleaseTotal, STANDING_WORDS, standing_index},
    rollout::{
        app::AppName,
        assign::Reason,
        table::{AppRoutes, RoutingTable},
    },
};

pub async fn apps(page: &mut Page, apps: &[&AppRoutes], table: &RoutingTable) -> Result<(), BodyError> {
    let releases: usize = apps.iter().map(|app| app.listed().count()).sum();
    if !page.begin(Group::Apps, 5 * apps.len() + releases) {
        return Ok(());
    }
    page.gauge("rolling_seq", "The seq of the rollout record that is served.");
    for app in apps {
        page.sample("rolling_seq", &format!("app=\"{}\"", app.name), app.seq);
        page.flush_when_full().await?;
    }
    page.gauge(
        "rolling_app_leading_hosts",
        "Hosts that lead to the app, 1 more if it is the default; 0: none does.",
    );
    for app in apps {
        let hosts = table.hosts_of(app).len();
        page.sample("rolling_app_leading_hosts", &format!("app=\"{}\"", app.name), hosts);
        page.flush_when_full().await?;
    }
    page.gauge("rolling_blend_percent", "The candidate's share of unpinned clients, as configured.");
    for app in apps {
        page.sample("rolling_blend_percent", &format!("app=\"{}\"", app.name), app.blend);
        page.flush_when_full().await?;
    }
    page.gauge(
        "rolling_release_info",
        "1 for each release that is routed or kept for a rollback, with its track.",
    );
    for app in apps {
        let names = app.names();
        for release in app.listed() {
            let track = release.standing.as_str();
            let labels = format!(
                "app=\"{}\",release=\"{}\",track=\"{track}\",tenure=\"{}\"",
                app.name,
                names.name_of(&release.id),
                release.tenure
            );
            page.sample("rolling_release_info", &labels, 1);
        }
        page.flush_when_full().await?;
    }
    Ok(())
}

/// Belongs to the group of the apps.
pub fn shares(page: &mut Page, core: &Core) {
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

/// What is counted of a release in one number: name, help, whether it only grows, and the number.
type Figure = (&'static str, &'static str, bool, fn(&ReleaseTotal) -> u64);

/// The bounces of clients that never bring a pin back are a series of their own.
const BOUNCES: &str = "rolling_bounces_total";

const FIGURES: [Figure; 6] = [
    ("rolling_open_requests", "Requests open now, WebSockets not among them.", false, |of| of.open_requests),
    ("rolling_open_sockets", "WebSockets open now.", false, |of| of.open_sockets),
    ("rolling_pins_issued_total", "Pins sent to clients that had none.", true, |of| of.pins_issued),
    (BOUNCES, "Third moves of a client within one day.", true, |of| of.bounces),
    ("rolling_received_bytes_total", "Bytes of request bodies.", true, |of| of.bytes_received),
    ("rolling_sent_bytes_total", "Bytes of response bodies.", true, |of| of.bytes_sent),
];

pub async fn requests(page: &mut Page, rows: &[Row<'_>]) -> Result<(), BodyError> {
    // Most releases were on one track only, with five classes of statuses.
    if !page.begin(Group::Requests, rows.len() * (5 + 1 + FIGURES.len() + 1)) {
        return Ok(());
    }
    page.counter("rolling_requests_total", "Answered requests by the release's track then and status class.");
    for row in rows {
        statuses(page, row);
        page.flush_when_full().await?;
    }
    page.gauge("rolling_pinned_clients", "Distinct clients whose pins came back in the last minutes.");
    for row in rows {
        page.sample("rolling_pinned_clients", &row.labels(), row.state.pinned_clients());
        page.flush_when_full().await?;
    }
    for (name, help, grows, figure) in FIGURES {
        if grows {
            page.counter(name, help)
        } else {
            page.gauge(name, help)
        }
        for row in rows {
            page.sample(name, &row.labels(), figure(&row.total()));
            let without_pin = row.total().bounces_without_pin;
            if name == BOUNCES && without_pin > 0 {
                page.sample(name, &format!("{},pin=\"none\"", row.labels()), without_pin);
            }
            page.flush_when_full().await?;
        }
    }
    Ok(())
}

fn statuses(page: &mut Page, row: &Row<'_>) {
    let now = standing_index(Some(row.release.standing));
    for (place, (track, classes)) in STANDING_WORDS.iter().zip(row.total().statuses).enumerate() {
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

pub async fn durations(page: &mut Page, rows: &[Row<'_>]) -> Result<(), BodyError> {
    // Most releases were on one track only.
    if !page.begin(Group::Durations, 2 * rows.len() * histogram_series()) {
        return Ok(());
    }
    let name = "rolling_request_duration_seconds";
    page.histogram_head(name, "From when a release was asked to its response's last byte.");
    each_track(page, rows, |page, labels, (whole, _)| page.histogram(name, labels, whole)).await?;
    let name = "rolling_first_byte_seconds";
    page.histogram_head(name, "From when a release was asked to its response's head.");
    each_track(page, rows, |page, labels, (_, first)| page.histogram(name, labels, first)).await
}

/// Writes the durations of every release for each track that it was on.
async fn each_track(
    page: &mut Page,
    rows: &[Row<'_>],
    write: impl Fn(&mut Page, &str, &(HistogramTotal, HistogramTotal)),
) -> Result<(), BodyError> {
    for row in rows {
        let now = standing_index(Some(row.release.standing));
        for (place, track) in STANDING_WORDS.iter().enumerate() {
            let total = row.state.durations(place);
            if place != now && total.is_none() {
                continue;
            }
            let labels = format!("{},track=\"{track}\"", row.labels());
            write(page, &labels, &total.unwrap_or_default());
        }
        page.flush_when_full().await?;
    }
    Ok(())
}

pub async fn moves(page: &mut Page, rows: &[Row<'_>]) -> Result<(), BodyError> {
    if !page.begin(Group::Moves, rows.len() * Reason::ALL.len()) {
        return Ok(());
    }
    page.counter("rolling_assignments_total", "Requests by the reason of their assignment.");
    for row in rows {
        for (reason, count) in Reason::ALL.iter().zip(row.total().reasons) {
            let labels = format!("{},reason=\"{}\"", row.labels(), reason.as_str());
            page.sample("rolling_assignments_total", &labels, count);
        }
        page.flush_when_full().await?;
    }
    page.counter(
        "rolling_release_moves_total",
        "Clients that changed release, by where they came from and why.",
    );
    for row in rows {
        for (from, counts) in STANDING_WORDS.iter().zip(&row.total().moves) {
            for (reason, count) in Reason::ALL.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let (app, to) = (&row.app.name, row.name);
                let reason = reason.as_str();
                let labels = format!("app=\"{app}\",from=\"{from}\",to=\"{to}\",reason=\"{reason}\"");
                page.sample("rolling_release_moves_total", &labels, count);
            }
        }
        page.flush_when_full().await?;
    }
    Ok(())
}
