//! Reading raw keyvalues: one, a listing, or keys alone.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use keyvalues::{Entry, Key};

use super::{
    listing::{Form, describe, list, set_beside},
    own::{not_for, refuse_own},
};
use crate::{
    control::{
        api::{query::Query, visible::VisibleKeys},
        commands::release_endpoints::written_out,
        shared::{access::caller::Caller, core::Core, error::ApiError},
    },
    rollout::keys,
};

pub(super) async fn read(
    core: &Core,
    caller: &Caller,
    key: Result<String, ApiError>,
    mut query: Query,
) -> Result<Response, ApiError> {
    let text = key?;
    if query.flag("keys")? {
        return list(core, caller, &text, Form::Key, &mut query).await;
    }
    if query.flag("recurse")? {
        return list(core, caller, &text, Form::Whole, &mut query).await;
    }
    let key = Key::new(&text)?;
    refuse_own(key.as_str())?;
    if !VisibleKeys::of(&caller.scope, &core.replica.reading.load()).has(key.as_str()) {
        return Err(not_for(caller, &key));
    }
    // An endpoint may be one of a set that is not written out yet.
    let stored = match key.as_str().starts_with(keys::APPS) {
        true => endpoint(core, &key).await?,
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

/// The endpoint of this key, as it is once every set is written out.
async fn endpoint(core: &Core, key: &Key) -> Result<Option<Entry>, ApiError> {
    let set = set_beside(key.as_str());
    let prefixes: Vec<&str> = [key.as_str()].into_iter().chain(set.as_deref()).collect();
    let entries = written_out(core.store.list(&prefixes).await?.entries);
    Ok(entries.into_iter().find(|entry| entry.key == *key))
}
