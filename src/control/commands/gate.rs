//! The gate: what must hold before a change is committed. A table can be built from it, and the release that it makes
//! stable has enough endpoints that serve.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use tokio::task::JoinSet;

use super::stored::{StoredApp, endpoints_of};
use crate::{
    control::{
        limits::PROBES_MAX,
        shared::{
            core::Core,
            error::{ApiError, Kind},
            reading::releases_of,
        },
    },
    health_check::check_endpoint,
    rollout::{
        app::AppName,
        cdn_loop,
        command::{Asker, Command, Role},
        keys,
        keyspace::Keyspace,
        record::{HistoryEvent, Record},
        release::ReleaseId,
        settings::Settings,
        table::{AppRoutes, RoutingTable, Standing},
    },
};

/// What has to be asked before a change is committed: endpoints of the release that it makes stable.
#[derive(Debug, Clone)]
pub struct GateQuestion {
    release: ReleaseId,
    endpoints: Vec<SocketAddr>,
    settings: Arc<Settings>,
}

/// What an endpoint answered; an error says why that is not well.
type EndpointAnswer = (SocketAddr, Result<(), String>);

impl GateQuestion {
    /// About these endpoints, by the checks that these settings describe.
    pub fn new(release: &ReleaseId, endpoints: Vec<SocketAddr>, settings: Arc<Settings>) -> Self {
        Self { release: release.clone(), endpoints, settings }
    }

    /// Whether an answer to this one answers the other one too.
    pub fn covers(&self, other: &Self) -> bool {
        self.release == other.release
            && self.endpoints == other.endpoints
            && self.settings.health == other.settings.health
            && self.settings.check_host() == other.settings.check_host()
    }

    /// Asks all endpoints at once. 409 unless half of them, and at least one, answer well within the check's time-out.
    pub async fn ask(&self, core: &Core) -> Result<(), ApiError> {
        let router: Arc<str> = cdn_loop::name_of(&core.node).into();
        let mut checks = JoinSet::new();
        for address in self.endpoints.iter().copied().take(PROBES_MAX) {
            let (settings, router) = (Arc::clone(&self.settings), Arc::clone(&router));
            checks.spawn(async move {
                let checked = check_endpoint(address, &settings, &router).await;
                (address, checked.map_err(|failure| failure.to_string()))
            });
        }
        let mut answers = checks.join_all().await;
        answers.sort_by_key(|(address, _)| *address);
        check_enough(&self.release, &answers)
    }
}

/// Whether the gate is passed over: only an operator overrules it; what a pipeline forces is asked all the same.
pub fn is_overruled(force: bool, asker: &Asker) -> bool {
    force && asker.role >= Role::Operator
}

/// Refuses a change that could not be served. Gives what has to be asked before it is committed, if anything has.
pub async fn check(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    event: &HistoryEvent,
    endpoints: &[(String, String)],
    force: bool,
) -> Result<Option<GateQuestion>, ApiError> {
    if let Command::DrainEndpoint { release, address, .. } = command {
        let table = build_checked_table(core, stored, &event.record, endpoints).await?;
        return check_remaining(&table, &stored.name, release, *address, force).map(|()| None);
    }
    if !puts_on_track(command) {
        return Ok(None);
    }
    let table = build_checked_table(core, stored, &event.record, endpoints).await?;
    let stable = event.record.stable.as_ref().map(|stay| &stay.release);
    let (Some(stable), Some(routes)) = (stable, table.apps.get(&stored.name)) else { return Ok(None) };
    if force || !is_gated(stored, command) {
        return Ok(None);
    }
    let asked = endpoints_in(&table, &stored.name, stable);
    Ok(Some(GateQuestion::new(stable, asked, Arc::clone(&routes.settings))))
}

/// Whether a command makes a release stable in the place of another one. An app's first stable release has nothing to
/// save.
fn is_gated(stored: &StoredApp, command: &Command) -> bool {
    let had_stable =
        stored.record.as_ref().is_some_and(|record| record.stable.is_some() || record.previous.is_some());
    match command {
        Command::Promote { .. } | Command::SetStable { .. } => had_stable,
        Command::Rollback { .. } => true,
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

/// The endpoints that a table gives a release, less those that drain.
pub fn endpoints_in(table: &RoutingTable, app: &AppName, release: &ReleaseId) -> Vec<SocketAddr> {
    let routes = table.apps.get(app).map(|routes| routes.listed()).into_iter().flatten();
    let endpoints: BTreeMap<SocketAddr, ()> = routes
        .filter(|routed| routed.id == *release)
        .flat_map(|routed| routed.endpoints.iter().filter(|endpoint| !endpoint.draining))
        .map(|endpoint| (endpoint.address, ()))
        .collect();
    endpoints.into_keys().collect()
}

fn check_enough(release: &ReleaseId, answers: &[EndpointAnswer]) -> Result<(), ApiError> {
    let passed = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    let (all, needed) = (answers.len(), answers.len().div_ceil(2).max(1));
    if passed >= needed {
        return Ok(());
    }
    let said = |(address, answer): &EndpointAnswer| match answer {
        Ok(()) => format!("{address} passed"),
        Err(failure) => format!("{address} {failure}"),
    };
    let each: Vec<String> = answers.iter().map(said).collect();
    let message = format!(
        "{passed} of {all} endpoints of `{release}` pass the health check, and at least {needed} must: {}. Send `wait` with a \
         number of seconds to ask again until then; an operator may send `force`: true",
        each.join("; ")
    );
    Err(ApiError::new(Kind::Refused("target_unhealthy"), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_endpoints_and_at_least_one_must_pass() {
        let release: ReleaseId = "apps/shop-1-80/containers".parse().unwrap();
        for (passed, all, allowed) in [
            (0, 0, false),
            (0, 1, false),
            (1, 1, true),
            (1, 2, true),
            (1, 3, false),
            (2, 3, true),
            (2, 4, true),
        ] {
            let answer = |n: u16| {
                let well = if n < passed { Ok(()) } else { Err("refused the connection".to_owned()) };
                (SocketAddr::from(([10, 0, 0, 1], n)), well)
            };
            let answers: Vec<EndpointAnswer> = (0..all).map(answer).collect();
            let checked = check_enough(&release, &answers);
            assert_eq!(checked.is_ok(), allowed, "{passed} of {all}");
            let named = |(address, _): &EndpointAnswer| {
                checked.as_ref().err().is_none_or(|error| error.message().contains(&address.to_string()))
            };
            assert!(answers.iter().all(named), "{checked:?}");
        }
    }
}
