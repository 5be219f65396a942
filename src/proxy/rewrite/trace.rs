//! Trace context (W3C Trace Context level 1): beginning a trace where a request belongs to none.
//!
//! Deliberately absent: a span of the router itself. It passes a valid `traceparent` on as it is, so the endpoint's span
//! becomes a child of the client's, and the router has to report nothing to a collector.

use crate::proxy::codec::{
    head::{KnownName, RequestHead, is_named_by_connection},
    number::write_hex,
};

/// `version "-" trace-id "-" parent-id "-" flags`, in which only digits and `-` stand.
const LENGTH: usize = 55;
const TRACE_ID: std::ops::Range<usize> = 3..35;
const PARENT_ID: std::ops::Range<usize> = 36..52;

/// A trace that begins here. It is marked as sampled, since an endpoint that samples by its parent would record nothing
/// otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Trace {
    trace_id: [u64; 2],
    parent_id: u64,
}

impl Trace {
    /// A trace with random numbers for its ids.
    pub fn new(mut random: impl FnMut() -> u64) -> Self {
        // An id of nothing but zeros is invalid.
        Self { trace_id: [random(), random().max(1)], parent_id: random().max(1) }
    }

    /// Appends its `traceparent` line.
    #[inline(never)]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"traceparent: 00-");
        self.trace_id.iter().for_each(|part| write_hex(*part, out));
        out.push(b'-');
        write_hex(self.parent_id, out);
        out.extend_from_slice(b"-01\r\n");
    }
}

/// Whether a request belongs to a trace: it has one `traceparent` line, which is valid (section 3.2 of the recommendation).
pub fn is_carried_by(head: &RequestHead<'_>) -> bool {
    let mut carried = head.lines.iter().filter(|line| line.known == KnownName::Traceparent);
    match (carried.next(), carried.next()) {
        (Some(line), None) => {
            is_valid(line.value(head.block)) && !is_named_by_connection(head.block, head.lines, line)
        }
        _ => false,
    }
}

/// The trace id of a `traceparent` that is valid.
pub fn id_of(value: &[u8]) -> Option<String> {
    let id = value.get(TRACE_ID).filter(|_| is_valid(value))?;
    std::str::from_utf8(id).ok().map(str::to_owned)
}

/// Whether a `traceparent` is valid. In a later version more may follow after another `-`.
fn is_valid(value: &[u8]) -> bool {
    let Some((known, more)) = value.split_at_checked(LENGTH) else { return false };
    let is_expected = |(at, byte): (usize, &u8)| match at {
        2 | 35 | 52 => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    let is_zero = |id: &[u8]| id.iter().all(|byte| *byte == b'0');
    let version = &known[..2];
    known.iter().enumerate().all(is_expected)
        && version != b"ff"
        && !is_zero(&known[TRACE_ID])
        && !is_zero(&known[PARENT_ID])
        && (more.is_empty() || version != b"00" && more[0] == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_valid() {
        for (value, valid) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false),
            ("0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("", false),
        ] {
            assert_eq!(is_valid(value.as_bytes()), valid, "{value}");
        }
    }

    #[test]
    fn what_begins_here_is_valid() {
        let mut numbers = [0x4bf9_2f35_77b3_4da6, 0xa3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7].into_iter();
        let mut out = Vec::new();
        Trace::new(|| numbers.next().unwrap()).write(&mut out);
        assert_eq!(out, b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
        out.clear();
        Trace::new(|| 0).write(&mut out);
        assert!(is_valid(out.strip_prefix(b"traceparent: ").unwrap().trim_ascii_end()), "{out:?}");
    }
}
