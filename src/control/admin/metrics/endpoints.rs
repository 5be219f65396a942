//! Endpoints, and what is left where nothing new comes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::{
    page::{Group, Page},
    row::Row,
};
use crate::{
    control::{
        fleet::release_loads::ReleaseLoads,
        shared::{
            body_stream::BodyError, core::Core, fleet::endpoint_loads::EndpointLoads, stop_check::StopCheck,
        },
    },
    live::{
        endpoints::EndpointState,
        first_bytes::{BOUNDS_MS, BUCKETS},
        table::PublishedTable,
    },
    rollout::{
        app::AppName,
        release::ReleaseId,
        release_names::ReleaseNames,
        table::{EndpointKey, EndpointRoute, Standing},
    },
};

/// What is told of an endpoint in one number: name, help, whether it only grows, and the number.
type Figure = (&'static str, &'static str, bool, fn(&EndpointState) -> u64);

const FIGURES: [Figure; 4] = [
    ("rolling_endpoint_healthy", "1 while an endpoint serves.", false, |of| of.serves().into()),
    ("rolling_endpoint_in_flight", "Requests in flight at an endpoint.", false, |of| of.in_flight().into()),
    ("rolling_endpoint_requests_total", "Requests sent to an endpoint.", true, |of| of.counts().0),
    ("rolling_endpoint_failures_total", "Failures that were the endpoint's.", true, |of| of.counts().1),
];

pub async fn endpoints(
    page: &mut Page,
    published: &PublishedTable,
    rows: &[Row<'_>],
) -> Result<(), BodyError> {
    let endpoints: usize = rows.iter().map(|row| row.release.endpoints.len()).sum();
    let names: usize = rows.iter().map(|row| row.release.named.len()).sum();
    if !page.begin(Group::Endpoints, endpoints * FIGURES.len() + names) {
        return Ok(());
    }
    for (name, help, grows, figure) in FIGURES {
        if grows {
            page.counter(name, help)
        } else {
            page.gauge(name, help)
        }
        for row in rows {
            for endpoint in &row.release.endpoints {
                let labels = format!("{},address=\"{}\"", row.labels(), endpoint.address);
                page.sample(name, &labels, figure(published.endpoint(endpoint.slot)));
                page.flush_when_full().await?;
            }
        }
    }
    let name = "rolling_endpoint_name_addresses";
    if rows.iter().any(|row| !row.release.named.is_empty()) {
        page.gauge(name, "Addresses that an endpoint's name stands for, less those that are not allowed.");
    }
    for row in rows {
        for named in row.release.named.iter() {
            let labels = format!("{},name=\"{}\"", row.labels(), named.name);
            page.sample(name, &labels, named.addresses.len());
            page.flush_when_full().await?;
        }
    }
    Ok(())
}

/// How long endpoints took. It has the most series of all, so it comes last, and is left out first.
pub async fn durations(
    page: &mut Page,
    published: &PublishedTable,
    rows: &[Row<'_>],
) -> Result<(), BodyError> {
    let endpoints: usize = rows.iter().map(|row| row.release.endpoints.len()).sum();
    if !page.begin(Group::EndpointDurations, endpoints * (BUCKETS + 2)) {
        return Ok(());
    }
    let name = "rolling_endpoint_first_byte_seconds";
    page.histogram_head(name, "From when an endpoint was asked to the head of its response.");
    let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
    for row in rows {
        for endpoint in &row.release.endpoints {
            let labels = format!("{},address=\"{}\"", row.labels(), endpoint.address);
            let (within, sum_ms) = published.endpoint(endpoint.slot).first_bytes.read();
            let bounds = BOUNDS_MS.iter().map(|ms| seconds(*ms).to_string());
            for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(within) {
                page.sample(&format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), count);
            }
            page.sample(&format!("{name}_sum"), &labels, seconds(sum_ms));
            page.sample(&format!("{name}_count"), &labels, within[BUCKETS - 1]);
            page.flush_when_full().await?;
        }
    }
    Ok(())
}

/// What is left where nothing new comes, and what can be stopped.
pub async fn drains(
    page: &mut Page,
    core: &Core,
    published: &PublishedTable,
    rows: &[Row<'_>],
) -> Result<(), BodyError> {
    let draining: Vec<&Row<'_>> =
        rows.iter().filter(|row| matches!(row.release.standing, Standing::Draining { .. })).collect();
    let all = rows.iter().flat_map(|row| row.release.endpoints.iter().map(move |endpoint| (row, endpoint)));
    let endpoints: Vec<(&Row<'_>, &EndpointRoute)> = all.filter(|(_, endpoint)| endpoint.draining).collect();
    let former = core.replica.former_endpoints.load_full();
    let gone_series: usize = former.values().map(|former| former.iter().count()).sum();
    if !page.begin(Group::Drains, draining.len() + 2 * endpoints.len() + gone_series) {
        return Ok(());
    }
    page.gauge(
        "rolling_release_can_be_stopped",
        "1 when nobody is left at a release that drains, on any router.",
    );
    let (board, loads) = (core.board.load_full(), ReleaseLoads::of(core));
    for row in draining {
        let own = board.releases.get(row.state.key()).is_some_and(|activity| activity.can_be_stopped);
        let stops = loads.sum(row.state, own).can_be_stopped;
        page.sample("rolling_release_can_be_stopped", &row.labels(), u8::from(stops));
        page.flush_when_full().await?;
    }
    let labels = |row: &Row<'_>, endpoint: &EndpointRoute| {
        format!("{},address=\"{}\"", row.labels(), endpoint.address)
    };
    let name = "rolling_draining_endpoint_open_sockets";
    page.gauge(name, "WebSockets open at an endpoint that drains.");
    for (row, endpoint) in &endpoints {
        page.sample(name, &labels(row, endpoint), published.endpoint(endpoint.slot).open_sockets());
        page.flush_when_full().await?;
    }
    let name = "rolling_endpoint_can_be_stopped";
    page.gauge(name, "1 when nothing is open at an endpoint that drains, on any router.");
    let (endpoint_loads, check) = (EndpointLoads::of(core), StopCheck { published, former: &former });
    for (row, endpoint) in &endpoints {
        let stops = endpoint_loads.sum(check, endpoint.address).can_be_stopped;
        page.sample(name, &labels(row, endpoint), u8::from(stops));
        page.flush_when_full().await?;
    }
    let name = "rolling_gone_endpoint_in_flight";
    page.gauge(name, "Requests at an endpoint that was taken out of its release.");
    let gone: Vec<_> = former.values().flat_map(|former| former.iter()).collect();
    let names = names_of_gone(published, gone.iter().map(|former| former.state.key()));
    // An endpoint that was taken out twice is one series.
    let mut in_flight: BTreeMap<_, u64> = BTreeMap::new();
    for former in gone {
        let EndpointKey { app, release, address } = former.state.key();
        *in_flight.entry((app, release, address)).or_default() += u64::from(former.state.in_flight());
    }
    for ((app, release, address), requests) in in_flight {
        let release = names[app].name_of(release);
        page.sample(name, &format!("app=\"{app}\",release=\"{release}\",address=\"{address}\""), requests);
        page.flush_when_full().await?;
    }
    Ok(())
}

/// The names of the releases that endpoints were taken out of, which their apps may not list any more.
fn names_of_gone<'a>(
    published: &'a PublishedTable,
    gone: impl Iterator<Item = &'a EndpointKey>,
) -> HashMap<&'a AppName, ReleaseNames<'a>> {
    let mut releases: HashMap<&AppName, BTreeSet<&ReleaseId>> = HashMap::new();
    for key in gone {
        releases.entry(&key.app).or_default().insert(&key.release);
    }
    let named = releases.into_iter().map(|(app, gone)| {
        let listed = published.table.routes_of(app).into_iter().flat_map(|routes| routes.listed());
        (app, ReleaseNames::of(app, gone.into_iter().chain(listed.map(|release| &release.id))))
    });
    named.collect()
}
