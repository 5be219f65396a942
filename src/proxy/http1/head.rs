//! Header lines, read once: tokenised, checked and recognised in the same pass.
//!
//! This is stricter than a general tokeniser can be, and the only reader there is, so no second reading can differ:
//! lines end with CRLF and nothing else, no line is folded, no blank precedes a colon, and no control byte stands
//! anywhere (RFC 9112 sections 2.2 and 5). The tests compare it with an independent tokeniser's reading.

use std::ops::Range;

use super::bytes::{CLASS, TOKEN, all_text};
use crate::proxy::head::{HeaderLine, Known};

/// How far reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<T> {
    /// More bytes are needed.
    Partial,
    /// Done.
    Complete(T),
}

/// What is wrong with a header block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// A line breaks the rules.
    Malformed(&'static str),
    /// More lines than allowed.
    TooMany,
    /// The block goes past 65,535 bytes, where positions end.
    TooLong,
}

/// Reads header lines up to the empty line that ends them. `lines` is cleared first; positions are relative to the
/// start of `block`. Completes with the position behind the empty line.
pub fn read_lines(
    block: &[u8],
    lines: &mut Vec<HeaderLine>,
    count_max: usize,
) -> Result<Progress<usize>, HeaderFault> {
    lines.clear();
    let read = read_each_line(block, lines, count_max);
    // Names are tokens and a line ends with CRLF, so what is left to be refused stands in a value. One look at all of
    // them runs on whole vectors, as one at each would not.
    let end = lines.last().map_or(0, |line| usize::from(line.end));
    if !all_text(&block[..end]) {
        return Err(HeaderFault::Malformed("a header value holds a control byte"));
    }
    read
}

fn read_each_line(
    block: &[u8],
    lines: &mut Vec<HeaderLine>,
    count_max: usize,
) -> Result<Progress<usize>, HeaderFault> {
    let mut at = 0;
    loop {
        match block.get(at) {
            None => return Ok(Progress::Partial),
            Some(b'\r') => return end_of_block(block, at),
            Some(_) if lines.len() == count_max => return Err(HeaderFault::TooMany),
            Some(_) => {}
        }
        let Progress::Complete(line) = read_line(block, at)? else { return Ok(Progress::Partial) };
        at = usize::from(line.end);
        lines.push(line);
    }
}

fn end_of_block(block: &[u8], at: usize) -> Result<Progress<usize>, HeaderFault> {
    match block.get(at + 1) {
        None => Ok(Progress::Partial),
        Some(b'\n') => Ok(Progress::Complete(at + 2)),
        Some(_) => Err(HeaderFault::Malformed("a line ends with a carriage return alone")),
    }
}

fn read_line(block: &[u8], start: usize) -> Result<Progress<HeaderLine>, HeaderFault> {
    let rest = &block[start..];
    let Some(name_end) = rest.iter().position(|&byte| CLASS[usize::from(byte)] & TOKEN == 0) else {
        return Ok(Progress::Partial);
    };
    if rest[name_end] != b':' || name_end == 0 {
        return Err(bad_name(rest[name_end], name_end == 0));
    }
    let after = name_end + 1;
    let Progress::Complete(length) = line_length(&rest[after..])? else { return Ok(Progress::Partial) };
    let value = trimmed(rest, after..after + length);
    let end = u16::try_from(start + after + length + 2).map_err(|_| HeaderFault::TooLong)?;
    // What is before the end fits as it does.
    let narrow = |position: usize| (start + position) as u16;
    Ok(Progress::Complete(HeaderLine {
        known: recognised(&rest[..name_end]),
        end,
        start: narrow(0),
        name_end: narrow(name_end),
        value_start: narrow(value.start),
        value_end: narrow(value.end),
    }))
}

fn recognised(name: &[u8]) -> Known {
    match Known::of(name) {
        Known::Other if name.contains(&b'_') => Known::Underscored,
        known => known,
    }
}

/// A range less the blanks at its ends.
fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while start < end && is_blank(bytes[start]) {
        start += 1;
    }
    while start < end && is_blank(bytes[end - 1]) {
        end -= 1;
    }
    start..end
}

/// Finds the CRLF that ends a line; completes with the length before it. What cannot become a line is refused
/// before its end is there.
pub fn line_length(bytes: &[u8]) -> Result<Progress<usize>, HeaderFault> {
    let bare = HeaderFault::Malformed("a line ends with a line feed or a carriage return alone");
    let Some(length) = memchr::memchr2(b'\r', b'\n', bytes) else {
        let clean = memchr::memchr(0, bytes).is_none();
        return if clean { Ok(Progress::Partial) } else { Err(HeaderFault::Malformed("a NUL byte")) };
    };
    match (bytes[length], bytes.get(length + 1)) {
        (b'\r', Some(b'\n')) => Ok(Progress::Complete(length)),
        (b'\r', None) => Ok(Progress::Partial),
        _ => Err(bare),
    }
}

fn bad_name(byte: u8, empty: bool) -> HeaderFault {
    HeaderFault::Malformed(match byte {
        b' ' | b'\t' if empty => "a header line is folded",
        b' ' | b'\t' => "a blank stands before a header's colon",
        b':' => "a header has no name",
        b'\r' | b'\n' => "a header line has no colon",
        _ => "a header name holds a byte that no name may hold",
    })
}

/// Whether a byte is a blank of HTTP: space or tab.
pub fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(block: &str) -> Result<Progress<Vec<(String, String)>>, HeaderFault> {
        let mut lines = Vec::new();
        let block = block.as_bytes();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(match read_lines(block, &mut lines, 8)? {
            Progress::Partial => Progress::Partial,
            Progress::Complete(end) => {
                assert_eq!(end, block.len());
                Progress::Complete(
                    lines.iter().map(|line| (text(line.name(block)), text(line.value(block)))).collect(),
                )
            }
        })
    }

    #[test]
    fn lines_are_read_with_blanks_trimmed() {
        let lines = read("Host:a\r\nX-A: \t b c \t\r\nEmpty:\r\n\r\n").unwrap();
        let expected = [("Host", "a"), ("X-A", "b c"), ("Empty", "")];
        assert_eq!(lines, Progress::Complete(expected.map(|(a, b)| (a.into(), b.into())).into()));
    }

    #[test]
    fn every_prefix_is_partial() {
        let whole = "Host: a\r\nX_Y: 1\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Ok(Progress::Partial), "{end}");
        }
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        for block in [
            "Host: a\n\r\n",
            "Host: a\r\n\n",
            "Host: a\rb\r\n\r\n",
            "Host : a\r\n\r\n",
            ": a\r\n\r\n",
            " a: b\r\n\r\n",
            "a: b\r\n c\r\n\r\n",
            "a: b\0\r\n\r\n",
            "a\0: b\r\n\r\n",
            "a: b\x7f\r\n\r\n",
            "a b\r\n\r\n",
            "a\r\n\r\n",
            "a(: b\r\n\r\n",
            "a: b\r\n\rx",
            "a: \x0bchunked\r\n\r\n",
            "a: b\0",
            "\0",
        ] {
            assert!(matches!(read(block), Err(HeaderFault::Malformed(_))), "{block:?}: {:?}", read(block));
        }
        assert_eq!(read(&"a: b\r\n".repeat(9)), Err(HeaderFault::TooMany));
        assert_eq!(read(&format!("a: {}\r\n", "b".repeat(70_000))), Err(HeaderFault::TooLong));
    }
}
