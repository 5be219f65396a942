//! The description of the API, as it was tested with this binary.

use std::sync::LazyLock;

use axum::{http::HeaderMap, response::Response};

use super::request::Read;
use crate::control::shared::{asset::Asset, error::ApiError};

static DESCRIPTION: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("application/json", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")))
});

/// `GET /api/openapi.json`: OpenAPI 3.1.
pub async fn read(headers: HeaderMap, call: Read) -> Result<Response, ApiError> {
    call.query.finish()?;
    Ok(DESCRIPTION.respond(&headers, &[]))
}
