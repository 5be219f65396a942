//! The raw keyvalues, `/api/kv/` and `/v1/kv/`: the shape that old scripts speak.
//!
//! Keys are taken from the path as it came, since old clients do not escape; where one did, its escapes are
//! decoded. Bodies are raw values whatever their content type says. What a write to a rollout key means is adopted
//! in the commit that writes it (`commands::raw`). The router's own keys do not exist here.

mod listing;
mod own;
mod read;

use axum::{
    Json,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use keyvalues::{Key, Revision, Write};
use percent_encoding::percent_decode_str;

use self::{
    own::{not_for, refuse_own},
    read::read,
};
use super::{
    body,
    query::{Query, WriteQuery},
    request::asker,
    visible::VisibleKeys,
};
use crate::{
    control::{
        commands::{
            adoption::adopt_raw_writes,
            command::CommandOutcome,
            commit::{Commit, Plan},
            quota::{admit, admit_raw},
            raw::write_old_key,
            register::change_endpoints,
            registration::Registration,
            transact::transact,
        },
        fleet::wait::{Target as Awaited, wait_until_served},
        limits::{RAW_VALUE_BYTES_MAX, SERVED_WAIT_MAX},
        shared::{
            access::caller::Caller,
            audit::trail,
            core::Core,
            error::{ApiError, Kind},
        },
    },
    rollout::{
        adopt::OldKey,
        app::AppName,
        command::{Asker, Role},
        endpoint_set::EndpointChange,
        keys::{self, Meaning},
        release::ReleaseId,
    },
    schema::{app::Done, keyvalue::KeyvalueAnswer},
};

/// Where the raw keyvalues are served.
const ROOTS: [&str; 2] = ["/api/kv/", "/v1/kv/"];

/// Whether a path is one of ours.
pub fn is_kv(path: &str) -> bool {
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// Any request below the roots.
pub async fn handle(State(core): State<Core>, request: Request) -> Response {
    let result = match *request.method() {
        Method::GET | Method::HEAD => {
            let query = Query::parse(request.uri().query());
            match caller_of(&request) {
                Ok(caller) => read(&core, &caller, key_text(request.uri().path()), query).await,
                Err(error) => Err(error),
            }
        }
        Method::PUT => write(&core, request).await,
        Method::DELETE => delete(&core, request).await,
        _ => {
            let error = ApiError::new(Kind::Method, "raw keyvalues take GET, PUT and DELETE");
            return ([(header::ALLOW, "GET, HEAD, PUT, DELETE")], error).into_response();
        }
    };
    result.unwrap_or_else(IntoResponse::into_response)
}

async fn write(core: &Core, request: Request) -> Result<Response, ApiError> {
    let RawWrite { caller, key, query, force } = admit_write(core, &request)?;
    let value = body::read(request.into_body(), RAW_VALUE_BYTES_MAX).await?;
    trail::note(|notes| notes.ask(&value));
    let asker = asker(core, &caller, String::new(), None);
    let written = match Target::of(&key)? {
        Target::Old(app, old) => {
            let executed = write_old_key(core, &app, old, Some(text_of(&key, &value)?), &asker).await?;
            RawWriteOutcome::Old(app, executed)
        }
        Target::Endpoint(release, container) => {
            let text = text_of(&key, &value)?;
            core.addresses.load().parse_endpoint(text).map_err(|error| {
                ApiError::value(key.as_str(), format!("`{}`: {error}", text.escape_debug()))
            })?;
            let change = EndpointChange::PutRaw { container, address: text.to_owned() };
            let revision = register(core, &release, &change, &asker, force).await?;
            let adopted = adopt_waiting(core, &release).await?;
            RawWriteOutcome::Endpoint(release, revision, adopted.max(revision))
        }
        Target::Plain => RawWriteOutcome::Plain(commit(core, Write::put(key.clone(), value)).await?),
    };
    Ok(done(core, &key, &written, &query).await)
}

async fn delete(core: &Core, request: Request) -> Result<Response, ApiError> {
    let RawWrite { caller, key, query, force } = admit_write(core, &request)?;
    let asker = asker(core, &caller, String::new(), None);
    let written = match Target::of(&key)? {
        Target::Old(app, old) => {
            let executed = write_old_key(core, &app, old, None, &asker).await?;
            RawWriteOutcome::Old(app, executed)
        }
        Target::Endpoint(release, container) => {
            let change = EndpointChange::Remove { container };
            let revision = register(core, &release, &change, &asker, force).await?;
            RawWriteOutcome::Endpoint(release, revision, revision)
        }
        Target::Plain => RawWriteOutcome::Plain(commit(core, Write::delete(key.clone())).await?),
    };
    Ok(done(core, &key, &written, &query).await)
}

/// What was written, and at which store revision.
enum RawWriteOutcome {
    Old(AppName, CommandOutcome),
    /// The release, its endpoint's revision, and that of what was adopted because of it.
    Endpoint(ReleaseId, Revision, Revision),
    Plain(Revision),
}

impl RawWriteOutcome {
    fn revision(&self) -> Revision {
        match self {
            Self::Old(_, executed) => executed.revision,
            Self::Endpoint(_, _, revision) | Self::Plain(revision) => *revision,
        }
    }

    /// What members are waited for to serve.
    fn awaited(&self, core: &Core) -> Awaited {
        match self {
            Self::Old(app, executed) if executed.seq > 0 => {
                Awaited::App(app.clone(), executed.seq, executed.routed)
            }
            Self::Endpoint(release, revision, _) => Awaited::of_release(core, release, *revision),
            _ => Awaited::Store(self.revision()),
        }
    }
}

/// `true`, once this router serves what was written; with `?wait=fleet` how far every member does.
async fn done(core: &Core, key: &Key, written: &RawWriteOutcome, query: &WriteQuery) -> Response {
    let watched = [keys::ROLLING, keys::APPS].iter().any(|root| key.as_str().starts_with(root));
    if let Some(wait) = query.fleet {
        let applied = wait_until_served(core, written.revision(), wait, || written.awaited(core)).await;
        let status = if applied.is_everywhere() { StatusCode::OK } else { StatusCode::ACCEPTED };
        let body = KeyvalueAnswer { result: Done::Done, applied: applied.to_answer() };
        return (status, Json(body)).into_response();
    }
    if watched {
        core.replica.wait_for(written.revision(), SERVED_WAIT_MAX).await;
    }
    Json(true).into_response()
}

/// What a key may be written as.
enum Target {
    Old(AppName, OldKey),
    Endpoint(ReleaseId, String),
    Plain,
}

impl Target {
    fn of(key: &Key) -> Result<Self, ApiError> {
        refuse_own(key.as_str())?;
        refuse_ours(key.as_str())?;
        let old = |app: AppName, key: OldKey| Ok(Self::Old(app, key));
        match keys::meaning(key.as_str()) {
            Some(Meaning::StableId(app)) => old(app, OldKey::Stable),
            Some(Meaning::CandidateId(app)) => old(app, OldKey::Candidate),
            Some(Meaning::BlendPercent(app)) => old(app, OldKey::Blend),
            Some(Meaning::Stickyness(app)) => old(app, OldKey::Sticky),
            Some(Meaning::Endpoint(release, container)) => Ok(Self::Endpoint(release, container)),
            Some(Meaning::Null) => Ok(Self::Plain),
            Some(
                Meaning::Record(_)
                | Meaning::Event(..)
                | Meaning::EndpointEvent(..)
                | Meaning::EndpointSet(_)
                | Meaning::Settings(_)
                | Meaning::Previews(_)
                | Meaning::PipelineLock(_)
                | Meaning::Deployment(..)
                | Meaning::DefaultApp
                | Meaning::FreezeWindows
                | Meaning::Router,
            ) => Err(forbidden(key.as_str())),
            None => misnamed(key.as_str()).map_or(Ok(Self::Plain), Err),
        }
    }
}

/// What of an app is never a raw key of an old script.
const OWN_OF_AN_APP: [&str; 7] =
    ["rollout", "events", "endpoint-events", "settings", "previews", "pipeline-lock", "deployments"];

/// The record, the history, the settings, the previews and the deployments of an app are written through the API only.
fn refuse_ours(key: &str) -> Result<(), ApiError> {
    let mut segments = key.split('/');
    let ours = segments.next() == Some("rolling")
        && segments.next().is_some()
        && segments.next().is_some_and(|segment| OWN_OF_AN_APP.contains(&segment));
    if ours { Err(forbidden(key)) } else { Ok(()) }
}

fn forbidden(key: &str) -> ApiError {
    let message =
        format!("`{}` is written by the router alone; use the calls below /api/v1/apps", key.escape_debug());
    ApiError::new(Kind::Forbidden, message).field("key")
}

/// A rollout key of something that cannot be an app, or an endpoint of what cannot be a release, would be stored
/// and never counted.
fn misnamed(key: &str) -> Option<ApiError> {
    if let Some((app, rest)) = key.strip_prefix(keys::ROLLING).and_then(|rest| rest.split_once('/')) {
        let rollout = OldKey::ALL.iter().any(|old| old.name() == rest);
        let error = app.parse::<AppName>().err().filter(|_| rollout)?;
        return Some(ApiError::value("key", format!("`{}`: {error}", app.escape_debug())));
    }
    let (segment, container) = key.strip_prefix(keys::APPS)?.split_once("/containers/")?;
    let error = format!("apps/{segment}/containers").parse::<ReleaseId>().err();
    let error = error.filter(|_| !container.contains('/'))?;
    Some(ApiError::value("key", format!("`{}`: {error}", segment.escape_debug())))
}

/// What a write of a raw key says beside its value.
struct RawWrite {
    caller: Caller,
    key: Key,
    query: WriteQuery,
    /// Also an endpoint of a release that several apps route.
    force: bool,
}

fn caller_of(request: &Request) -> Result<Caller, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| ApiError::new(Kind::Unauthorized, "this call needs a token"))
}

fn admit_write(core: &Core, request: &Request) -> Result<RawWrite, ApiError> {
    let caller = caller_of(request)?;
    caller.needs(Role::Ci)?;
    let mut query = Query::parse(request.uri().query());
    for unsupported in ["cas", "acquire", "release", "recurse"] {
        // Ignoring one of these would do something else than was asked.
        if query.take(unsupported).is_some() {
            let message = format!("a write of a raw keyvalue has no parameter `{unsupported}`");
            return Err(ApiError::new(Kind::Malformed, message).field(unsupported));
        }
    }
    let key = Key::new(&key_text(request.uri().path())?)?;
    let force = query.flag("force")?;
    admit_key(core, &caller, &key)?;
    Ok(RawWrite { caller, key, query: WriteQuery::take(&mut query)?, force })
}

/// Refuses a write that the caller's token is not for.
fn admit_key(core: &Core, caller: &Caller, key: &Key) -> Result<(), ApiError> {
    if key.as_str() == keys::NULL {
        // Without it a router that starts with a keyvalues file would take the store for a new one.
        caller.needs(Role::Operator)?;
    }
    let reading = core.replica.reading.load();
    let visible = VisibleKeys::of(&caller.scope, &reading);
    let Some(Meaning::Endpoint(release, _)) = keys::meaning(key.as_str()) else {
        return if visible.has(key.as_str()) { Ok(()) } else { Err(not_for(caller, key)) };
    };
    if visible.may_change(&release) { Ok(()) } else { Err(not_for(caller, key)) }
}

/// The key in a path: everything behind the root, with well-formed escapes decoded and all else as it came.
fn key_text(path: &str) -> Result<String, ApiError> {
    let raw = ROOTS.iter().find_map(|root| path.strip_prefix(root)).unwrap_or_default();
    let decoded = percent_decode_str(raw).decode_utf8();
    let text = decoded.map_err(|_| ApiError::new(Kind::Malformed, "the key is not UTF-8").field("key"))?;
    Ok(text.into_owned())
}

fn text_of<'a>(key: &Key, value: &'a [u8]) -> Result<&'a str, ApiError> {
    let text =
        std::str::from_utf8(value).map_err(|_| ApiError::value(key.as_str(), "the value is not UTF-8"))?;
    Ok(text.trim())
}

/// Changes the endpoints of a release as a raw key says.
async fn register(
    core: &Core,
    release: &ReleaseId,
    change: &EndpointChange,
    asker: &Asker,
    force: bool,
) -> Result<Revision, ApiError> {
    let registration = Registration { change, asker, app: None, force };
    let outcome = change_endpoints(core, release, registration).await?;
    trail::note(|notes| notes.is_unchanged = !outcome.changed);
    Ok(outcome.revision)
}

async fn commit(core: &Core, write: Write) -> Result<Revision, ApiError> {
    core.replica.require_known_store().await?;
    let write = &write;
    admit(core, std::slice::from_ref(write)).await?;
    admit_raw(core, std::slice::from_ref(write)).await?;
    transact(&core.store, &format!("`{}`", write.key()), move |_| async move {
        Ok(Plan::write(Commit::unchecked(vec![write.clone()]), |revision| revision))
    })
    .await
}

/// A `stable/id` may have waited for this release's first endpoint: it is adopted before the write is answered.
async fn adopt_waiting(core: &Core, release: &ReleaseId) -> Result<Revision, ApiError> {
    let reading = core.replica.reading.load_full();
    let mut revision = 0;
    for (app, app_reading) in reading.apps.iter() {
        let named = app_reading.old.stable.as_deref() == Some(release.as_str());
        let record = app_reading.record.as_ref();
        let routed =
            record.and_then(|record| record.stable.as_ref()).is_some_and(|stay| stay.release == *release);
        if named && !routed {
            revision = revision.max(adopt_raw_writes(core, app).await?);
        }
    }
    Ok(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_they_come_and_escapes_decoded() {
        let key = |path| key_text(path).unwrap();
        assert_eq!(key("/api/kv/rolling/shop/stable/id"), "rolling/shop/stable/id");
        assert_eq!(key("/v1/kv/rolling%2Fshop%2fstable/id"), "rolling/shop/stable/id");
        assert_eq!(key("/v1/kv/odd/100%/x"), "odd/100%/x");
        assert_eq!(key("/v1/kv/a%20b+c"), "a b+c");
        for refused in
            ["/api/kv/../x", "/api/kv/a/%2e%2e/b", "/api/kv/a%0d%0ab", "/api/kv/a%00", "/api/kv/a//b"]
        {
            assert!(Key::new(&key(refused)).is_err(), "{refused}");
        }
        assert!(key_text("/api/kv/%ff").is_err());
    }

    #[test]
    fn what_is_ours_cannot_be_written_and_what_cannot_count_is_refused() {
        let kind = |key: &str| Target::of(&key.parse().unwrap()).err().map(|error| error.kind());
        for key in [
            "rolling/router/pinkeys",
            "rolling/router",
            "rolling/shop/rollout",
            "rolling/shop/settings",
            "rolling/shop/events/000000000001",
            "rolling/shop/events/x",
            "rolling/null/rollout",
        ] {
            assert_eq!(kind(key), Some(Kind::Forbidden), "{key}");
        }
        for key in ["rolling/null/stable/id", "rolling/-x/blendpercent", "apps/a b/containers/c1"] {
            assert_eq!(kind(key), Some(Kind::Value), "{key}");
        }
        for key in ["rolling/null", "rolling/shop/stable/id", "apps/a-1-80/containers/c1", "other/key"] {
            assert_eq!(kind(key), None, "{key}");
        }
    }
}
