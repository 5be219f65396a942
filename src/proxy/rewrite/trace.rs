//! Trace context (W3C Trace Context level 1): beginning a trace where a request belongs to none.
//!
//! A router that makes no spans passes a valid `traceparent` on as it is, so the endpoint's span becomes a child of the
//! client's. One that makes spans puts its own between the two.

use crate::proxy::codec::{
    head::{KnownName, RequestHead, is_named_by_connection},
    number::write_hex,
};

/// `version "-" trace-id "-" parent-id "-" flags`, in which only digits and `-` stand.
const LENGTH: usize = 55;
const TRACE_ID: std::ops::Range<usize> = 3..35;
const PARENT_ID: std::ops::Range<usize> = 36..52;

/// The bits of the flags.
const SAMPLED: u8 = 0x01;
const RANDOM: u8 = 0x02;

/// The trace context that goes upstream instead of what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub trace_id: [u64; 2],
    /// The span that is the parent of the endpoint's.
    pub parent_id: u64,
    /// The flags.
    flags: u8,
    /// The trace began elsewhere, and its `tracestate` goes on with it.
    pub continued: bool,
}

impl Trace {
    /// A trace that begins here, with random numbers for its ids.
    pub fn new(sampled: bool, mut random: impl FnMut() -> u64) -> Self {
        // An id of nothing but zeros is invalid.
        let trace_id = [random(), random().max(1)];
        let flags = if sampled { SAMPLED } else { 0 };
        Self { trace_id, parent_id: random().max(1), flags, continued: false }
    }

    /// The trace that a request belongs to: it has one `traceparent` line, which is valid (section 3.2 of the recommendation).
    pub fn of(head: &RequestHead<'_>) -> Option<Self> {
        let mut carried = head.lines.iter().filter(|line| line.known == KnownName::Traceparent);
        match (carried.next(), carried.next()) {
            (Some(line), None) if !is_named_by_connection(head.block, head.lines, line) => {
                Self::read(line.value(head.block))
            }
            _ => None,
        }
    }

    fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value.get(..LENGTH)?).ok().filter(|_| is_valid(value))?;
        let number = |at: usize| u64::from_str_radix(text.get(at..at + 16)?, 16).ok();
        let trace_id = [number(TRACE_ID.start)?, number(TRACE_ID.start + 16)?];
        let flags = u8::from_str_radix(&text[PARENT_ID.end + 1..], 16).ok()?;
        Some(Self {
            trace_id,
            parent_id: number(PARENT_ID.start)?,
            flags: flags & (SAMPLED | RANDOM),
            continued: true,
        })
    }

    /// Whether spans of it are kept.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same trace without anybody's spans from here on.
    pub fn unsampled(self) -> Self {
        Self { flags: self.flags & !SAMPLED, ..self }
    }

    /// The same trace with a span of this router as the parent of the endpoint's.
    pub fn through(self, span_id: u64) -> Self {
        Self { parent_id: span_id, flags: self.flags | SAMPLED, ..self }
    }

    /// Appends its `traceparent` line.
    #[inline(never)]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"traceparent: 00-");
        self.trace_id.iter().for_each(|part| write_hex(*part, out));
        out.push(b'-');
        write_hex(self.parent_id, out);
        out.extend_from_slice(b"-0");
        out.push(b'0' + self.flags);
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether a request belongs to a trace.
pub fn is_carried_by(head: &RequestHead<'_>) -> bool {
    Trace::of(head).is_some()
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
        Trace::new(true, || numbers.next().unwrap()).write(&mut out);
        assert_eq!(out, b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
        out.clear();
        Trace::new(true, || 0).write(&mut out);
        assert!(is_valid(out.strip_prefix(b"traceparent: ").unwrap().trim_ascii_end()), "{out:?}");
    }
    #[test]
    fn a_trace_that_came_is_written_as_it_was_read() {
        let text = |trace: Trace| {
            let mut out = Vec::new();
            trace.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        let read = |flags: &str| {
            let value = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            Trace::read(value.as_bytes()).unwrap()
        };
        let line = |parent: &str, flags: &str| {
            format!("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-{parent}-{flags}\r\n")
        };
        assert_eq!(text(read("01")), line("00f067aa0ba902b7", "01"));
        assert_eq!(text(read("ff")), line("00f067aa0ba902b7", "03"), "flags that nobody knows are left out");
        assert_eq!(text(read("03").unsampled()), line("00f067aa0ba902b7", "02"));
        assert_eq!(text(read("00").through(0xab)), line("00000000000000ab", "01"));
        assert!(read("01").is_sampled() && !read("02").is_sampled());
    }
}
