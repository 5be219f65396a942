//! Reading raw keyvalues: one, a listing, or keys alone.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keyvalues::{Entry, Key};

use super::own::{is_own, not_for, refuse_own};
use crate::{
    control::{
        api::{query::Query, visible::VisibleKeys},
        commands::release_endpoints::written_out,
        shared::{access::caller::Caller, core::Core, error::ApiError},
    },
    rollout::{keys, release::ReleaseId},
    schema::keyvalue::Keyvalue,
};

pub(super) async fn read(
    core: &Core,
    caller: &Caller,
    key: Result<String, ApiError>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let text = key?;
    if query.flag("keys")? {
        let keys: Vec<String> =
            below(core, caller, &text).await?.iter().map(|entry| entry.key.to_string()).collect();
        return Ok(Json(keys).into_response());
    }
    if query.flag("recurse")? {
        let entries: Vec<Keyvalue> = below(core, caller, &text).await?.iter().map(describe).collect();
        return Ok(Json(entries).into_response());
    }
    let key = Key::new(&text)?;
    refuse_own(key.as_str())?;
    if !VisibleKeys::of(&caller.scope, &core.replica.reading.load()).has(key.as_str()) {
        return Err(not_for(caller, &key));
    }
    // An endpoint may be one of a set that is not written out yet.
    let stored = match key.as_str().starts_with(keys::APPS) {
        true => below(core, caller, &text).await?.into_iter().find(|entry| entry.key == key),
        false => core.store.get(&key).await?,
    };
    let Some(entry) = stored else {
        return Ok(plain(Vec::new()));
    };
    if query.flag("raw")? {
        return Ok(plain(entry.value.to_vec()));
    }
    Ok(Json([describe(&entry)]).into_response())
}

/// A value as it is. Never sniffed, never HTML.
fn plain(value: Vec<u8>) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], value).into_response()
}

/// Everything below a prefix (and the key itself, if it is one), less what is the router's own or not for the caller. Sets of endpoints are seen
/// as if they were written out.
async fn below(core: &Core, caller: &Caller, text: &str) -> Result<Vec<Entry>, ApiError> {
    let base = text.trim_end_matches('/');
    if !base.is_empty() {
        refuse_own(Key::new(base)?.as_str())?;
    }
    let set = set_beside(base);
    let prefixes: Vec<&str> = [base].into_iter().chain(set.as_deref()).collect();
    let entries = written_out(core.store.list(&prefixes).await?.entries);
    let inside = |key: &str| {
        base.is_empty() || key.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let reading = core.replica.reading.load();
    let visible = VisibleKeys::of(&caller.scope, &reading);
    let shown = |entry: &Entry| {
        let key = entry.key.as_str();
        inside(key) && !is_own(key) && visible.has(key)
    };
    Ok(entries.into_iter().filter(shown).collect())
}

fn describe(entry: &Entry) -> Keyvalue {
    Keyvalue {
        key: entry.key.as_str().to_owned(),
        value: Some(BASE64_STANDARD.encode(&entry.value)),
        create_index: entry.created,
        modify_index: entry.modified,
        lock_index: 0,
        flags: 0,
    }
}

/// The set that may count instead of keys below this prefix, where the prefix does not cover it.
fn set_beside(base: &str) -> Option<String> {
    let segment = base.strip_prefix(keys::APPS)?.split('/').next()?;
    let release: ReleaseId = format!("apps/{segment}/containers").parse().ok()?;
    base.starts_with(release.as_str()).then(|| keys::endpoint_set(&release))
}
