//! A health check by the health protocol of gRPC (`grpc.health.v1.Health/Check`, `health-checking.md` of gRPC).
//!
//! The question has one field and so has the answer, so both are written and read here, without a library for their encoding.

use std::time::Duration;

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};

use super::failure::CheckFailure;
use crate::rollout::settings::Settings;

/// The method that is called.
const METHOD: &str = "/grpc.health.v1.Health/Check";
/// The state of a service that may be sent requests; the others by their number.
const STATES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING: &str = "SERVING";
/// The names of gRPC's statuses, by number.
const STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// The longest answer that is read, in bytes: a right one has 7, with room for fields to come.
const ANSWER_BYTES_MAX: usize = 1_024;
/// What stands before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Asks for the state of a service on a connection that is open. `authority` is the Host of the check.
pub async fn ask(
    sender: SendRequest<Bytes>,
    service: &str,
    authority: &str,
    settings: &Settings,
) -> Result<(), CheckFailure> {
    let head = head(authority, settings)?;
    let failed = super::http2::failed;
    let (response, mut body) =
        sender.ready().await.map_err(failed)?.send_request(head, false).map_err(failed)?;
    body.send_data(question(service).into(), true).map_err(failed)?;
    let (head, mut answer) = response.await.map_err(failed)?.into_parts();
    let status = head.status.as_u16();
    if status != 200 {
        return Err(CheckFailure::Status { path: METHOD.into(), status, allowed: "200".into() });
    }
    let message = read(&mut answer).await?;
    let trailers = answer.trailers().await.map_err(failed)?;
    judge(service, trailers.as_ref().and_then(said).or_else(|| said(&head.headers)), &message)
}

fn head(authority: &str, settings: &Settings) -> Result<Request<()>, http::Error> {
    let scheme = if settings.upstream.is_secure() { "https" } else { "http" };
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(METHOD).build()?;
    let mut head = Request::post(uri)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, super::USER_AGENT)
        .header("grpc-timeout", timeout(Duration::from_millis(settings.health.timeout_ms)))
        .body(())?;
    for (name, value) in settings.health.own_headers() {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        head.headers_mut().insert(name, HeaderValue::from_str(value)?);
    }
    Ok(head)
}

/// A time as gRPC writes it: at most eight digits, and a unit.
fn timeout(time: Duration) -> String {
    format!("{}m", time.as_millis().min(99_999_999))
}

/// A `HealthCheckRequest` with its prefix. Its field 1 is the service, and is left out if that is empty.
fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(service.len() + 3);
    if !service.is_empty() {
        message.push(0x0A);
        write_varint(service.len(), &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), &message].concat()
}

fn write_varint(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7F {
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

async fn read(answer: &mut RecvStream) -> Result<Vec<u8>, CheckFailure> {
    let mut seen = Vec::new();
    while let Some(data) = answer.data().await {
        let data = data.map_err(super::http2::failed)?;
        answer.flow_control().release_capacity(data.len()).map_err(super::http2::failed)?;
        seen.extend_from_slice(&data);
        if seen.len() > ANSWER_BYTES_MAX {
            return Err(CheckFailure::NotGrpc);
        }
    }
    Ok(seen)
}

/// The status of a call.
fn said(fields: &HeaderMap) -> Option<usize> {
    fields.get("grpc-status")?.to_str().ok()?.parse().ok()
}

fn judge(service: &str, status: Option<usize>, message: &[u8]) -> Result<(), CheckFailure> {
    let refused = |said: String| CheckFailure::Grpc { service: service.to_owned(), said };
    match status.ok_or(CheckFailure::NotGrpc)? {
        0 => match state(message).ok_or(CheckFailure::NotGrpc)? {
            state if STATES.get(state) == Some(&SERVING) => Ok(()),
            state => Err(refused(STATES.get(state).map_or_else(|| state.to_string(), |&name| name.into()))),
        },
        status => Err(refused(STATUSES.get(status).map_or_else(|| status.to_string(), |&name| name.into()))),
    }
}

/// The field 1 of a `HealthCheckResponse` with its prefix; 0 where it is left out. Other fields are passed over.
fn state(answer: &[u8]) -> Option<usize> {
    let (prefix, mut message) = answer.split_at_checked(PREFIX_BYTES)?;
    let length = u32::from_be_bytes(prefix[1..].try_into().ok()?);
    if prefix[0] != 0 || length as usize != message.len() {
        return None;
    }
    let mut state = 0;
    while !message.is_empty() {
        let key = read_varint(&mut message)?;
        match key & 7 {
            0 => {
                let value = read_varint(&mut message)?;
                state = if key >> 3 == 1 { value } else { state };
            }
            2 => {
                let length = read_varint(&mut message)?;
                message = message.get(length..)?;
            }
            1 => message = message.get(8..)?,
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(state)
}

fn read_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for place in 0..5 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7F) << (7 * place);
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_question_is_a_message_with_one_text() {
        assert_eq!(question(""), [0, 0, 0, 0, 0]);
        assert_eq!(question("a.B"), [0, 0, 0, 0, 5, 0x0A, 3, b'a', b'.', b'B']);
        let long = question(&"x".repeat(200));
        assert_eq!(long[..8], [0, 0, 0, 0, 203, 0x0A, 0xC8, 1]);
    }

    #[test]
    fn the_answer_is_read_with_fields_that_are_not_known() {
        for (answer, read) in [
            (&[0, 0, 0, 0, 2, 0x08, 1][..], Some(1)),
            (&[0, 0, 0, 0, 0], Some(0)),
            (&[0, 0, 0, 0, 6, 0x12, 2, 8, 2, 0x08, 1], Some(1)),
            (&[0, 0, 0, 0, 4, 0x10, 7, 0x08, 2], Some(2)),
            (&[1, 0, 0, 0, 2, 0x08, 1], None),
            (&[0, 0, 0, 0, 3, 0x08, 1], None),
            (&[0, 0, 0, 0, 2, 0x12, 9], None),
            (&[0, 0, 0], None),
            (b"<html>", None),
        ] {
            assert_eq!(state(answer), read, "{answer:?}");
        }
    }

    #[test]
    fn only_a_service_that_serves_is_healthy() {
        let answer = |state| [0, 0, 0, 0, 2, 0x08, state];
        assert!(judge("a", Some(0), &answer(1)).is_ok());
        for (status, message, told) in [
            (Some(0), &answer(2)[..], "the service `a` of gRPC answered NOT_SERVING"),
            (Some(0), &answer(9), "the service `a` of gRPC answered 9"),
            (Some(5), &[], "the service `a` of gRPC answered NOT_FOUND"),
            (Some(12), &[], "the service `a` of gRPC answered UNIMPLEMENTED"),
            (None, &answer(1), "answered something that is not the health protocol of gRPC"),
        ] {
            assert_eq!(judge("a", status, message).unwrap_err().to_string(), told);
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_too_odd(answer: Vec<u8>) {
            let _ = state(&answer);
        }
    }
}
