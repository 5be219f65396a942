//! The calls about which endpoints a release has: what is registered, all of them anew, one more, one less, none.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use keyvalues::Key;

use super::{
    answer::set_etag,
    query::WriteQuery,
    request::{Read, Write, app_name},
    tracks::parse_endpoints,
    visible::check_registration,
};
use crate::{
    control::{
        commands::{
            command::unknown_app,
            ownership::refuse_foreign_release,
            register::{RegistrationOutcome, change_endpoints},
            registration::Registration,
            release_endpoints::ReleaseEndpoints,
            release_name::ReleaseName,
            stored::StoredApp,
        },
        fleet::wait::{Target, wait_until_served},
        limits::SERVED_WAIT_MAX,
        shared::{audit::trail, core::Core, error::ApiError},
    },
    rollout::{
        address::Address,
        app::AppName,
        endpoint::Endpoint,
        endpoint_set::{EndpointChange, container_at},
        release::ReleaseId,
    },
    schema::{
        app::Outcome,
        apply_status::ApplyStatus,
        registration::{
            AddEndpointRequest, RegisteredEndpoint, RegisteredEndpoints, RemoveEndpointsRequest,
            ReplaceEndpointsRequest,
        },
    },
};

type Answer = Result<Response, ApiError>;

/// App and release as the path has them.
type OfRelease = Path<(String, String)>;

/// App, release, and container or address, as the path has them.
type OfEndpoint = Path<(String, String, String)>;

/// `GET .../releases/{release}/endpoints`
pub async fn list(State(core): State<Core>, Path((app, release)): OfRelease, call: Read) -> Answer {
    call.query.finish()?;
    let (_, release) = resolve(&core, &app, release, false).await?;
    let stored = ReleaseEndpoints::read(&core, &release).await?;
    Ok(answer(StatusCode::OK, &stored, None, None))
}

/// `PUT .../releases/{release}/endpoints`
pub async fn replace(State(core): State<Core>, Path((app, release)): OfRelease, call: Write) -> Answer {
    let ReplaceEndpointsRequest { endpoints, force, reason } = call.read()?;
    let parsed = parse_endpoints(&core, &endpoints)?;
    if parsed.is_empty() {
        let message =
            "the list is empty; allowed is at least one endpoint, and DELETE of the release removes all";
        return Err(ApiError::value("endpoints", message));
    }
    let (stored, release) = resolve(&core, &app, release, true).await?;
    let change = EndpointChange::Replace { addresses: parsed.iter().map(ToString::to_string).collect() };
    run(&core, (&stored.name, &release), &change, call, (force, reason)).await
}

/// `PUT .../releases/{release}/endpoints/{endpoint}`
pub async fn add(
    State(core): State<Core>,
    Path((app, release, endpoint)): OfEndpoint,
    call: Write,
) -> Answer {
    let AddEndpointRequest { address, force, reason } = call.read()?;
    let address = address_of(&core, &endpoint, address)?.to_string();
    let (stored, release) = resolve(&core, &app, release, true).await?;
    let container = container_of(&core, &endpoint);
    Key::new(&format!("{release}/{container}"))?;
    if container.contains('/') {
        return Err(ApiError::value("endpoint", "a container's id has no `/`"));
    }
    run(&core, (&stored.name, &release), &EndpointChange::Add { container, address }, call, (force, reason))
        .await
}

/// `DELETE .../releases/{release}/endpoints/{endpoint}`
pub async fn remove(
    State(core): State<Core>,
    Path((app, release, endpoint)): OfEndpoint,
    call: Write,
) -> Answer {
    let RemoveEndpointsRequest { force, reason } = call.read()?;
    let (stored, release) = resolve(&core, &app, release, false).await?;
    let change = EndpointChange::RemoveNamed { name: container_of(&core, &endpoint) };
    run(&core, (&stored.name, &release), &change, call, (force, reason)).await
}

/// `DELETE .../releases/{release}`
pub async fn remove_release(
    State(core): State<Core>,
    Path((app, release)): OfRelease,
    call: Write,
) -> Answer {
    let RemoveEndpointsRequest { force, reason } = call.read()?;
    let (stored, release) = resolve(&core, &app, release, false).await?;
    run(&core, (&stored.name, &release), &EndpointChange::RemoveAll, call, (force, reason)).await
}

async fn run(
    core: &Core,
    (app, release): (&AppName, &ReleaseId),
    change: &EndpointChange,
    call: Write,
    (force, reason): (Option<bool>, Option<String>),
) -> Answer {
    check_registration(core, &call.caller, app, release)?;
    let asker = call.asker(core, reason)?;
    let query = call.finish()?;
    let registration = Registration { change, asker: &asker, app: Some(app), force: force == Some(true) };
    let outcome = change_endpoints(core, release, registration).await?;
    trail::note(|notes| notes.is_unchanged = !outcome.changed);
    let (status, applied) = reached(core, release, outcome, &query).await;
    let stored = ReleaseEndpoints::read(core, release).await?;
    let result = if outcome.changed { Outcome::Done } else { Outcome::Unchanged };
    Ok(answer(status, &stored, Some(result), applied))
}

/// Waits until this router serves a change, with `?wait=fleet` until every member does; 202 if that takes too long.
pub(super) async fn reached(
    core: &Core,
    release: &ReleaseId,
    outcome: RegistrationOutcome,
    query: &WriteQuery,
) -> (StatusCode, Option<ApplyStatus>) {
    let (served, applied) = match query.fleet {
        None => (core.replica.wait_for(outcome.revision, SERVED_WAIT_MAX).await, None),
        Some(wait) => {
            let target = || Target::of_release(core, release, outcome.revision);
            let applied = wait_until_served(core, outcome.revision, wait, target).await;
            (applied.is_everywhere(), Some(applied.to_answer()))
        }
    };
    (if served { StatusCode::OK } else { StatusCode::ACCEPTED }, applied)
}

fn answer(
    status: StatusCode,
    stored: &ReleaseEndpoints,
    result: Option<Outcome>,
    applied: Option<ApplyStatus>,
) -> Response {
    let describe = |(container, address): (&String, &String)| RegisteredEndpoint {
        container: container.clone(),
        address: address.clone(),
    };
    let body = RegisteredEndpoints {
        id: stored.release.to_string(),
        count: stored.set.count,
        endpoints: stored.containers().iter().map(describe).collect(),
        result,
        applied,
    };
    let mut response = (status, Json(body)).into_response();
    set_etag(&mut response, Some(stored.set.count));
    response
}

/// The app, as it is stored, and the release that a path names; the app must exist.
pub(super) async fn resolve(
    core: &Core,
    app: &str,
    release: String,
    registers: bool,
) -> Result<(StoredApp, ReleaseId), ApiError> {
    let app = app_name(app)?;
    let stored = StoredApp::read(core, &app).await?;
    if stored.is_absent() {
        return Err(unknown_app(&app));
    }
    let name = ReleaseName { registers, ..ReleaseName::new("release", release) };
    let release = name.resolve(core, &app).await?;
    refuse_foreign_release(core, &stored, &release).await?;
    Ok((stored, release))
}

/// What an endpoint is called: the container's id, or how its address or name is written.
fn container_of(core: &Core, endpoint: &str) -> String {
    let parsed = core.addresses.load().parse_endpoint(endpoint);
    parsed.map_or_else(|_| endpoint.to_owned(), |parsed| container_at(&parsed.to_string()).into_owned())
}

/// Where a container is: as the request says, or as its name does.
fn address_of(core: &Core, endpoint: &str, address: Option<String>) -> Result<Endpoint, ApiError> {
    let policy = core.addresses.load();
    let named = endpoint.parse::<Address>().ok();
    let text = match (&address, named) {
        (Some(address), None) => address.as_str(),
        (None, _) => endpoint,
        (Some(address), Some(named)) if address.parse() == Ok(named) => endpoint,
        (Some(_), Some(_)) => {
            let message =
                "it is another address than the one in the path; name the container by its id there";
            return Err(ApiError::value("address", message));
        }
    };
    policy
        .parse_endpoint(text)
        .map_err(|error| ApiError::value("address", format!("`{}`: {error}", text.escape_debug())))
}
