//! Bodies: bounded in size and time, and JSON only where they say so.

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::control::{
    limits::BODY_MAX,
    shared::{
        audit::trail,
        error::{ApiError, Kind},
    },
};

/// Reads a body of at most `bytes_max` bytes, in time.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let limited = Limited::new(body, bytes_max).collect();
    match timeout(BODY_MAX, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::new(Kind::TooLarge, format!("the body has more than {bytes_max} bytes")))
        }
        Ok(Err(_)) => Err(ApiError::new(Kind::Malformed, "the body was cut short")),
        Err(_) => Err(ApiError::new(Kind::Slow, format!("the body did not arrive within {BODY_MAX:?}"))),
    }
}

/// Reads a JSON body as it is; `None` when there is none and no media type says that there is. Anything but `application/json` is refused: a form that
/// another site's page submits is none.
pub async fn read_json(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Option<Bytes>, ApiError> {
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let is_json = media_type.map(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    let refused = || ApiError::new(Kind::MediaType, "send the body as `Content-Type: application/json`");
    if is_json == Some(false) {
        return Err(refused());
    }
    let bytes = read(body, bytes_max).await?;
    trail::note(|notes| notes.ask(&bytes));
    match (bytes.is_empty(), is_json) {
        (true, None) => Ok(None),
        (false, None) => Err(refused()),
        // An empty text is no JSON, so whoever says that there is some gets to know.
        (_, Some(_)) => Ok(Some(bytes)),
    }
}
