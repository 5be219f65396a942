//! The gate: what must hold before a change is committed. A table can be built from it, and the release that it makes
//! stable has enough endpoints that serve.

use std::{collections::BTreeMap, net::SocketAddr};

use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::stored::{StoredApp, endpoints_of};
use crate::{
    control::{
        limits::{PROBE_MAX, PROBES_MAX},
        shared::{
            core::Core,
            error::{ApiError, Kind},
            reading::releases_of,
        },
    },
    rollout::{
        app::AppName,
        command::Command,
        keys,
        keyspace::Keyspace,
        record::{HistoryEvent, Record},
        release::ReleaseId,
        table::{AppRoutes, RoutingTable, Standing},
    },
};

/// Refuses a change that could not be served, or that would make a failing release stable.
pub async fn check(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    event: &HistoryEvent,
    endpoints: &[(String, String)],
    force: bool,
) -> Result<(), ApiError> {
    if let Command::DrainEndpoint { release, address, .. } = command {
        let table = build_checked_table(core, stored, &event.record, endpoints).await?;
        return check_remaining(&table, &stored.name, release, *address, force);
    }
    if !puts_on_track(command) {
        return Ok(());
    }
    let table = build_checked_table(core, stored, &event.record, endpoints).await?;
    let Some(stable) = event.record.stable.as_ref().map(|stay| &stay.release) else { return Ok(()) };
    match command {
        command if promotes(stored, command) && !force => check_serving(core, &stored.name, stable),
        Command::Rollback { .. } if !force => probe(stable, endpoints_in(&table, &stored.name, stable)).await,
        _ => Ok(()),
    }
}

/// Whether a command makes the candidate stable. Setting it as stable is a promote too.
fn promotes(stored: &StoredApp, command: &Command) -> bool {
    match command {
        Command::Promote { .. } => true,
        Command::SetStable { release } => {
            stored.record.as_ref().and_then(Record::candidate_release) == Some(release)
        }
        _ => false,
    }
}

/// Whether a command puts a release on a track, where it has to serve. No other command, abort above all, is ever
/// refused for the endpoints in the store.
fn puts_on_track(command: &Command) -> bool {
    matches!(
        command,
        Command::SetCandidate { .. }
            | Command::SetStable { .. }
            | Command::Promote { .. }
            | Command::Rollback { .. }
    )
}

/// Builds the table that a record would be served by, from the stored endpoints of its releases and from those that are
/// registered with it (key and value). 422 if the record would not take effect.
pub async fn build_checked_table(
    core: &Core,
    stored: &StoredApp,
    record: &Record,
    endpoints: &[(String, String)],
) -> Result<RoutingTable, ApiError> {
    let table = build_table(core, stored, record, endpoints).await?;
    check_effect(&table, &stored.name, record)?;
    Ok(table)
}

/// Builds the same table without that check.
pub async fn build_table(
    core: &Core,
    stored: &StoredApp,
    record: &Record,
    endpoints: &[(String, String)],
) -> Result<RoutingTable, ApiError> {
    let pin_keys = core.replica.pin_keys().ok_or_else(|| {
        ApiError::new(
            Kind::StoreUnavailable,
            "this router has not read its store yet; try again in a few seconds",
        )
    })?;
    let listing = endpoints_of(core, &releases_of(record)).await?;
    let mut keyspace = Keyspace::new(core.keyspace_options(pin_keys));
    let revision = listing.revision;
    for entry in &listing.entries {
        keyspace.put(entry.key.as_str(), &entry.value, entry.modified);
    }
    for (key, value) in endpoints {
        keyspace.put(key, value.as_bytes(), revision);
    }
    if let Some(settings) = &stored.settings_entry {
        keyspace.put(settings.key.as_str(), &settings.value, settings.modified);
    }
    let json =
        serde_json::to_vec(record).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    keyspace.put(&keys::record(&stored.name), &json, revision);
    Ok(keyspace.build(revision))
}

fn check_effect(table: &RoutingTable, app: &AppName, record: &Record) -> Result<(), ApiError> {
    let cannot = || {
        ApiError::new(
            Kind::Internal,
            format!("no table can be built from this change of `{app}`; nothing was changed"),
        )
    };
    let routes = table.apps.get(app).filter(|routes| routes.seq == record.seq).ok_or_else(cannot)?;
    for (track, stay) in [("stable", &record.stable), ("candidate", &record.candidate)] {
        if let Some(stay) = stay {
            check_endpoints(routes, &stay.release, track)?;
        }
    }
    Ok(())
}

fn check_endpoints(routes: &AppRoutes, release: &ReleaseId, track: &str) -> Result<(), ApiError> {
    let mut found = routes.listed().filter(|routed| routed.id == *release);
    if found.any(|routed| !routed.endpoints.is_empty()) {
        return Ok(());
    }
    let message = format!(
        "`{release}` would be {track} and has no endpoint; send `endpoints`, or write `ip:port` below {release}/ first"
    );
    Err(ApiError::value("release", message))
}

/// The gate of a promote: at least half of the endpoints, and at least one, must serve by this router's checks.
pub fn check_serving(core: &Core, app: &AppName, release: &ReleaseId) -> Result<(), ApiError> {
    let published = core.live.load();
    let Some(routes) = published.table.apps.get(app) else { return Ok(()) };
    let Some(routed) = routes.listed().find(|routed| routed.id == *release) else { return Ok(()) };
    let endpoints = || routed.endpoints.iter().filter(|endpoint| !endpoint.draining);
    let serving = endpoints().filter(|endpoint| published.endpoint(endpoint.slot).serves()).count();
    check_enough(release, serving, endpoints().count())
}

/// The gate of an endpoint's drain: the release has this endpoint, and a release on a track keeps another one.
pub fn check_remaining(
    table: &RoutingTable,
    app: &AppName,
    release: &ReleaseId,
    address: SocketAddr,
    force: bool,
) -> Result<(), ApiError> {
    let releases = table.apps.get(app).map(|routes| routes.listed()).into_iter().flatten();
    let mut known = false;
    for routed in releases.filter(|routed| routed.id == *release) {
        known |= routed.endpoints.iter().any(|endpoint| endpoint.address == address);
        let on_track = matches!(routed.standing, Standing::Stable | Standing::Candidate);
        let none_left = routed.endpoints.len() == 1
            || routed.standing == Standing::Stable && routed.endpoints.iter().all(|other| !other.draining)
            || routed.endpoints.iter().all(|other| other.draining);
        if known && on_track && none_left && !force {
            let message = format!(
                "`{release}` would have no endpoint left that takes requests; add another one first, or send `force`: true"
            );
            return Err(ApiError::new(Kind::Refused("last_endpoint"), message));
        }
    }
    if known {
        return Ok(());
    }
    let message = format!("`{release}` has no endpoint `{address}`");
    Err(ApiError::new(Kind::NotFound, message).field("endpoint"))
}

/// The gate of a rollback: connects to the endpoints now, since nobody may have checked them lately.
pub async fn probe(release: &ReleaseId, endpoints: Vec<SocketAddr>) -> Result<(), ApiError> {
    let asked = endpoints.len().min(PROBES_MAX);
    let mut probes = JoinSet::new();
    for address in endpoints.into_iter().take(asked) {
        probes
            .spawn(async move { matches!(timeout(PROBE_MAX, TcpStream::connect(address)).await, Ok(Ok(_))) });
    }
    let answered = probes.join_all().await.into_iter().filter(|answered| *answered).count();
    check_enough(release, answered, asked)
}

/// The endpoints that a table gives a release.
pub fn endpoints_in(table: &RoutingTable, app: &AppName, release: &ReleaseId) -> Vec<SocketAddr> {
    let routes = table.apps.get(app).map(|routes| routes.listed()).into_iter().flatten();
    let endpoints: BTreeMap<SocketAddr, ()> = routes
        .filter(|routed| routed.id == *release)
        .flat_map(|routed| routed.endpoints.iter().map(|endpoint| (endpoint.address, ())))
        .collect();
    endpoints.into_keys().collect()
}

fn check_enough(release: &ReleaseId, serving: usize, endpoints: usize) -> Result<(), ApiError> {
    let needed = endpoints.div_ceil(2).max(1);
    if serving >= needed {
        return Ok(());
    }
    let message = format!(
        "{serving} of {endpoints} endpoints of `{release}` serve, and at least {needed} must; send `force`: true to do it \
         anyway"
    );
    Err(ApiError::new(Kind::Refused("target_unhealthy"), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_endpoints_and_at_least_one_must_serve() {
        let release: ReleaseId = "apps/shop-1-80/containers".parse().unwrap();
        for (serving, endpoints, allowed) in [
            (0, 0, false),
            (0, 1, false),
            (1, 1, true),
            (1, 2, true),
            (1, 3, false),
            (2, 3, true),
            (2, 4, true),
        ] {
            assert_eq!(
                check_enough(&release, serving, endpoints).is_ok(),
                allowed,
                "{serving} of {endpoints}"
            );
        }
    }
}
