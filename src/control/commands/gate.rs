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
            gate_answers::GateAnswers,
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
    /// Whether enough of them must pass. Else they are asked only to be told.
    refuses: bool,
}

impl GateQuestion {
    /// About these endpoints, by the checks that these settings describe.
    pub fn new(release: &ReleaseId, endpoints: Vec<SocketAddr>, settings: Arc<Settings>) -> Self {
        Self { release: release.clone(), endpoints, settings, refuses: true }
    }

    /// Whether an answer to this one answers the other one too.
    pub fn covers(&self, other: &Self) -> bool {
        self.refuses >= other.refuses
            && self.release == other.release
            && self.endpoints == other.endpoints
            && self.settings.health == other.settings.health
            && self.settings.check_host() == other.settings.check_host()
    }

    /// Asks all endpoints at once. 409 unless half of them, and at least one, answer well within the check's time-out.
    pub async fn ask(&self, core: &Core) -> Result<GateAnswers, ApiError> {
        match self.judge(core).await {
            (answers, Some(refusal)) => Err(refused(&refusal, &answers)),
            (answers, None) => Ok(answers),
        }
    }

    /// The same, with the refusal as a sentence.
    pub async fn judge(&self, core: &Core) -> (GateAnswers, Option<String>) {
        let answers = self.answers(core).await;
        let refusal = answers.refusal(&self.release.to_string()).filter(|_| self.refuses);
        (answers, refusal)
    }

    /// What each endpoint answers, all asked at once.
    async fn answers(&self, core: &Core) -> GateAnswers {
        let router: Arc<str> = cdn_loop::name_of(&core.node).into();
        let mut checks = JoinSet::new();
        for address in self.endpoints.iter().copied().take(PROBES_MAX) {
            let (settings, router) = (Arc::clone(&self.settings), Arc::clone(&router));
            checks.spawn(async move {
                let checked = check_endpoint(address, &settings, &router).await;
                (address, checked.err().map(|failure| failure.to_string()))
            });
        }
        GateAnswers::new(checks.join_all().await)
    }
}

/// Whether what keeps users served is passed over: only an operator overrules that; what a pipeline forces is held to it all
/// the same.
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
    if force || !is_asked(command) {
        return Ok(None);
    }
    let asked = endpoints_in(&table, &stored.name, stable);
    let question = GateQuestion::new(stable, asked, Arc::clone(&routes.settings));
    let refuses = replaces_stable(stored) || matches!(command, Command::Rollback { .. });
    Ok(Some(GateQuestion { refuses, ..question }))
}

/// Whether a command makes a release stable.
const fn is_asked(command: &Command) -> bool {
    matches!(command, Command::Promote { .. } | Command::SetStable { .. } | Command::Rollback { .. })
}

/// Whether there was a stable release before. An app's first one has nothing to save.
pub fn replaces_stable(stored: &StoredApp) -> bool {
    stored.record.as_ref().is_some_and(|record| record.stable.is_some() || record.previous.is_some())
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

/// The failure that says so.
pub fn refused(refusal: &str, answers: &GateAnswers) -> ApiError {
    let advice =
        "Send `wait` with a number of seconds to ask again until then; an operator may send `force`: true";
    ApiError::new(Kind::Refused("target_unhealthy"), format!("{refusal}. {advice}"))
        .endpoints(answers.to_answer())
}
