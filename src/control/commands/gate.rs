//! The gate: what must hold before a change is committed. A table can be built from it, and the release that it makes
//! stable has enough endpoints that serve.

use std::{collections::BTreeSet, sync::Arc};

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
        address::Address,
        app::AppName,
        cdn_loop,
        command::{Asker, Command, Role},
        command_name::CommandName,
        endpoint::Endpoint,
        endpoint_name::EndpointName,
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
    /// Those that are asked; of one by name, all that it stands for.
    endpoints: Vec<Endpoint>,
    settings: Arc<Settings>,
    purpose: Purpose,
}

/// What a question is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Only to find out what the names stand for, before anything can be decided.
    Names,
    /// To tell what the endpoints answer.
    Telling,
    /// Enough of them must pass.
    Refusing,
}

impl GateQuestion {
    /// About these endpoints, by the checks that these settings describe.
    pub fn new(release: &ReleaseId, endpoints: Vec<Endpoint>, settings: Arc<Settings>) -> Self {
        Self { release: release.clone(), endpoints, settings, purpose: Purpose::Refusing }
    }

    /// What the names of an app's endpoints stand for; none: that is known.
    fn about_names(core: &Core, routes: &AppRoutes) -> Option<Self> {
        let named =
            routes.listed().flat_map(|release| release.named.iter().map(move |named| (release, named)));
        let stale: Vec<_> = named.filter(|(_, named)| core.names.is_stale(&named.name)).collect();
        let (release, _) = stale.first()?;
        let endpoints = stale.iter().map(|(_, named)| Endpoint::Name(named.name.clone())).collect();
        let question = Self::new(&release.id, endpoints, Arc::clone(&routes.settings));
        Some(Self { purpose: Purpose::Names, ..question })
    }

    /// Whether an answer to this one answers the other one too.
    pub fn covers(&self, other: &Self) -> bool {
        // What a name stands for is known when it is decided again.
        other.purpose != Purpose::Names
            && (self.purpose == other.purpose || self.purpose == Purpose::Refusing)
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
        let refusal =
            answers.refusal(&self.release.to_string()).filter(|_| self.purpose == Purpose::Refusing);
        (answers, refusal)
    }

    /// What each endpoint answers, all asked at once.
    async fn answers(&self, core: &Core) -> GateAnswers {
        let (addresses, mut answers) = self.find(core).await;
        if self.purpose == Purpose::Names {
            return GateAnswers::default();
        }
        let router: Arc<str> = cdn_loop::name_of(&core.node).into();
        let mut checks = JoinSet::new();
        for address in addresses.into_iter().take(PROBES_MAX) {
            let (settings, router) = (Arc::clone(&self.settings), Arc::clone(&router));
            checks.spawn(async move {
                let checked = check_endpoint(address, &settings, &router).await;
                (address.into(), checked.err().map(|failure| failure.to_string()))
            });
        }
        answers.extend(checks.join_all().await);
        GateAnswers::new(answers)
    }

    /// The addresses to ask, and what is wrong with names that stand for none.
    async fn find(&self, core: &Core) -> (BTreeSet<Address>, Vec<(Endpoint, Option<String>)>) {
        let stale = self.endpoints.iter().filter_map(Endpoint::name).filter(|name| core.names.is_stale(name));
        let hosts: BTreeSet<Arc<str>> = stale.map(|name| Arc::clone(name.host())).collect();
        core.names.look_up(hosts).await;
        let policy = core.addresses.load();
        let (mut addresses, mut failures) = (BTreeSet::new(), Vec::new());
        for endpoint in &self.endpoints {
            let found = core.names.find(endpoint, &policy);
            if found.allowed.is_empty() {
                failures.push((endpoint.clone(), Some(found.faults.join("; "))));
            }
            addresses.extend(found.allowed);
        }
        (addresses, failures)
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
    // What is only said of a release moves nobody.
    if !puts_on_track(command) || event.record.command == CommandName::SetFacts {
        return Ok(None);
    }
    let table = build_table(core, stored, &event.record, endpoints).await?;
    if let Some(question) =
        table.apps.get(&stored.name).and_then(|routes| GateQuestion::about_names(core, routes))
    {
        return Ok(Some(question));
    }
    check_effect(core, &table, &stored.name, &event.record)?;
    let stable = event.record.stable.as_ref().map(|stay| &stay.release);
    let (Some(stable), Some(routes)) = (stable, table.apps.get(&stored.name)) else { return Ok(None) };
    if force || !is_asked(command) {
        return Ok(None);
    }
    let asked = endpoints_in(&table, &stored.name, stable);
    let question = GateQuestion::new(stable, asked, Arc::clone(&routes.settings));
    let refuses = replaces_stable(stored) || matches!(command, Command::Rollback { .. });
    let purpose = if refuses { Purpose::Refusing } else { Purpose::Telling };
    Ok(Some(GateQuestion { purpose, ..question }))
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
    check_effect(core, &table, &stored.name, record)?;
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
    keyspace.set_names(&core.names.resolved());
    Ok(keyspace.build(revision))
}

fn check_effect(core: &Core, table: &RoutingTable, app: &AppName, record: &Record) -> Result<(), ApiError> {
    let cannot = || {
        ApiError::new(
            Kind::Internal,
            format!("no table can be built from this change of `{app}`; nothing was changed"),
        )
    };
    let routes = table.apps.get(app).filter(|routes| routes.seq == record.seq).ok_or_else(cannot)?;
    for (track, stay) in [("stable", &record.stable), ("candidate", &record.candidate)] {
        if let Some(stay) = stay {
            check_endpoints(core, routes, &stay.release, track)?;
        }
    }
    Ok(())
}

fn check_endpoints(
    core: &Core,
    routes: &AppRoutes,
    release: &ReleaseId,
    track: &str,
) -> Result<(), ApiError> {
    let found = || routes.listed().filter(|routed| routed.id == *release);
    if found().any(|routed| !routed.endpoints.is_empty()) {
        return Ok(());
    }
    let policy = core.addresses.load();
    let names: BTreeSet<&EndpointName> =
        found().flat_map(|routed| routed.named.iter()).map(|named| &named.name).collect();
    if !names.is_empty() {
        let faults = |name: &EndpointName| core.names.find(&Endpoint::Name(name.clone()), &policy).faults;
        let each = names.into_iter().map(|name| format!("`{name}` {}", faults(name).join("; ")));
        let each = each.collect::<Vec<_>>().join("; ");
        let message = format!("`{release}` would be {track} and has no endpoint that can be reached: {each}");
        return Err(ApiError::value("release", message));
    }
    let message = format!(
        "`{release}` would be {track} and has no endpoint; send `endpoints`, or write `ip:port`, `name:port` or `unix:/path` below {release}/ first"
    );
    Err(ApiError::value("release", message))
}

/// The gate of an endpoint's drain: the release has this endpoint, and a release on a track keeps another one.
pub fn check_remaining(
    table: &RoutingTable,
    app: &AppName,
    release: &ReleaseId,
    address: Address,
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
pub fn endpoints_in(table: &RoutingTable, app: &AppName, release: &ReleaseId) -> Vec<Endpoint> {
    let routes = table.apps.get(app).map(|routes| routes.listed()).into_iter().flatten();
    let registered = routes.filter(|routed| routed.id == *release).flat_map(|routed| {
        let draining = routed.endpoints.iter().filter(|endpoint| endpoint.draining);
        let draining: Vec<Endpoint> = draining.map(|endpoint| endpoint.address.into()).collect();
        routed.registered().into_iter().filter(move |endpoint| !draining.contains(endpoint))
    });
    registered.collect::<BTreeSet<Endpoint>>().into_iter().collect()
}

/// The failure that says so.
pub fn refused(refusal: &str, answers: &GateAnswers) -> ApiError {
    let advice =
        "Send `wait` with a number of seconds to ask again until then; an operator may send `force`: true";
    ApiError::new(Kind::Refused("target_unhealthy"), format!("{refusal}. {advice}"))
        .endpoints(answers.to_answer())
}
