//! Bodies: bounded in size and time, and JSON only where they say so.

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

use crate::control::{
    limits::{BODY_BYTES_PER_SECOND_MIN, BODY_MAX},
    shared::{
        audit::trail,
        error::{ApiError, Kind},
    },
};

/// Reads a body of at most `bytes_max` bytes, in time: whoever sends a long one over a slow line gets more of it.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let mut limited = Limited::new(body, bytes_max);
    let mut received = BytesMut::new();
    let begun = Instant::now();
    loop {
        let deadline = begun + time_for(received.len());
        let Ok(frame) = timeout_at(deadline, limited.frame()).await else {
            let text = format!(
                "the body did not arrive within {BODY_MAX:?}, and a second more for each {} KiB of it",
                BODY_BYTES_PER_SECOND_MIN >> 10
            );
            return Err(ApiError::new(Kind::Slow, text));
        };
        match frame {
            None => return Ok(received.freeze()),
            // Trailers are no part of it.
            Some(Ok(frame)) => received.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Some(Err(error)) if error.is::<LengthLimitError>() => {
                let text = format!("the body has more than {bytes_max} bytes");
                return Err(ApiError::new(Kind::TooLarge, text));
            }
            Some(Err(_)) => return Err(ApiError::new(Kind::Malformed, "the body was cut short")),
        }
    }
}

/// How long a body may have taken of which so many bytes are there.
fn time_for(received: usize) -> Duration {
    BODY_MAX + Duration::from_secs((received / BODY_BYTES_PER_SECOND_MIN) as u64)
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

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use std::convert::Infallible;
    use tokio::time::sleep;

    use super::*;

    const BYTES_MAX: usize = 1 << 20;

    /// A body of parts of so many bytes, one after each pause.
    fn slow(part: usize, parts: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(parts, move |left| async move {
            let next = left.checked_sub(1)?;
            sleep(pause).await;
            Some((Ok::<_, Infallible>(Bytes::from(vec![b' '; part])), next))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_body_may_come_over_a_slow_line() {
        let begun = Instant::now();
        let body = slow(8 << 10, 100, Duration::from_millis(500));
        assert_eq!(read(body, BYTES_MAX).await.unwrap().len(), 100 * (8 << 10));
        assert!(begun.elapsed() > BODY_MAX * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_drips_has_no_more_time_than_one_that_does_not_come() {
        for (part, longest) in [(0, BODY_MAX), (100, BODY_MAX), (2 << 10, BODY_MAX * 8 / 7)] {
            let begun = Instant::now();
            let refused = read(slow(part, 1_000, Duration::from_secs(1)), BYTES_MAX).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Slow);
            assert!(
                begun.elapsed() >= BODY_MAX && begun.elapsed() <= longest,
                "{part}: {:?}",
                begun.elapsed()
            );
        }
    }

    #[tokio::test]
    async fn one_that_is_too_long_is_refused_where_it_is() {
        let refused = read(slow(BYTES_MAX / 2, 3, Duration::ZERO), BYTES_MAX).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::TooLarge);
    }
}
