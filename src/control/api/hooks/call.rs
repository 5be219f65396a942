//! What the calls about a hook of either kind share: its name in the path, and its version in the answer.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use keyvalues::Revision;
use serde::Serialize;

use crate::control::{
    api::answer::set_etag,
    shared::{
        error::{ApiError, Kind},
        hooks::hook::HookName,
    },
};

/// The hook that a path names.
pub(in crate::control::api) fn hook_name(text: &str) -> Result<HookName, ApiError> {
    text.parse().map_err(|error| ApiError::new(Kind::Malformed, format!("{error}")).field("hook"))
}

/// An answer with the version that a change of the hook names in `If-Match`.
pub(in crate::control::api) fn tagged(
    status: StatusCode,
    body: &impl Serialize,
    revision: Revision,
) -> Response {
    let mut response = (status, Json(body)).into_response();
    set_etag(&mut response, Some(revision));
    response
}
