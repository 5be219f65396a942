//! Calls of gRPC, as far as a proxy has to know them: which requests are calls, how long each may take, and what a status of gRPC
//! is in HTTP. The protocol is that of `PROTOCOL-HTTP2.md` of gRPC.

use crate::proxy::{codec::head::RequestHead, worker::coarse};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcCall {
    /// When its client gives up (`grpc-timeout`), monotonic ms.
    pub due_ms: u64,
}

impl GrpcCall {
    /// The call that a request is, if it is one.
    #[cold]
    pub fn of(head: &RequestHead<'_>) -> Option<Self> {
        let value = |name: &[u8]| {
            let mut lines = head.lines.iter();
            let line = lines.find(|line| line.name(head.block).eq_ignore_ascii_case(name))?;
            Some(line.value(head.block))
        };
        if !is_media_type(value(b"content-type")?) {
            return None;
        }
        let timeout_ms = value(b"grpc-timeout").and_then(timeout_ms).unwrap_or(u64::MAX);
        Some(Self { due_ms: coarse::now_ms().saturating_add(timeout_ms) })
    }
}

/// Whether a media type is gRPC's: `application/grpc`, or with a `+` and the form of its messages. gRPC-Web is another protocol.
fn is_media_type(value: &[u8]) -> bool {
    let Some((kind, rest)) = value.split_at_checked(b"application/grpc".len()) else { return false };
    kind.eq_ignore_ascii_case(b"application/grpc") && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

/// At most 8 digits and a unit, in ms, rounded up.
fn timeout_ms(value: &[u8]) -> Option<u64> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(count * 3_600_000),
        b'M' => Some(count * 60_000),
        b'S' => Some(count * 1_000),
        b'm' => Some(count),
        b'u' => Some(count.div_ceil(1_000)),
        b'n' => Some(count.div_ceil(1_000_000)),
        _ => None,
    }
}

/// The status of HTTP that says the same as one of gRPC, for what is counted and judged. 200: no failure of the endpoint.
pub fn http_status(grpc_status: &[u8]) -> u16 {
    match grpc_status {
        // UNKNOWN, INTERNAL, DATA_LOSS: the application broke.
        b"2" | b"13" | b"15" => 500,
        // DEADLINE_EXCEEDED, UNAVAILABLE.
        b"4" => 504,
        b"14" => 503,
        // UNIMPLEMENTED.
        b"12" => 501,
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_at_most_eight_digits() {
        for (value, ms) in [
            ("1H", Some(3_600_000)),
            ("2M", Some(120_000)),
            ("3S", Some(3_000)),
            ("250m", Some(250)),
            ("1u", Some(1)),
            ("99999999n", Some(100)),
            ("0m", Some(0)),
            ("123456789m", None),
            ("1", None),
            ("m", None),
            ("-1S", None),
            ("", None),
        ] {
            assert_eq!(timeout_ms(value.as_bytes()), ms, "{value}");
        }
    }

    #[test]
    fn grpc_is_told_from_grpc_web() {
        for (value, is) in [
            ("application/grpc", true),
            ("Application/gRPC+proto", true),
            ("application/grpc; charset=x", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            assert_eq!(is_media_type(value.as_bytes()), is, "{value}");
        }
    }
}
