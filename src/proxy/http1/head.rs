//! Header lines, read once: tokenised, checked and recognised in the same pass.
//!
//! This is stricter than a general tokeniser can be, and the only reader there is, so no second reading can differ:
//! lines end with CRLF and nothing else, no line is folded, no blank precedes a colon, and no control byte stands
//! anywhere (RFC 9112 sections 2.2 and 5). The tests compare it with an independent tokeniser's reading.

use super::bytes::{CLASS, TOKEN, UNDERSCORE, all_value};
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
    let mut seen = 0;
    let mut name_end = start;
    let colon = loop {
        let Some(&byte) = block.get(name_end) else { break None };
        let class = CLASS[usize::from(byte)];
        if class & TOKEN == 0 {
            break Some(byte);
        }
        seen |= class;
        name_end += 1;
    };
    match colon {
        None => return Ok(Progress::Partial),
        Some(b':') if name_end > start => {}
        Some(byte) => return Err(bad_name(byte, name_end == start)),
    }
    let after = name_end + 1;
    let Progress::Complete(length) = line_length(&block[after..])? else { return Ok(Progress::Partial) };
    let value = &block[after..after + length];
    if !all_value(value) {
        return Err(HeaderFault::Malformed("a header value holds a control byte"));
    }
    let leading = value.iter().take_while(|byte| is_blank(**byte)).count();
    let trailing = value[leading..].iter().rev().take_while(|byte| is_blank(**byte)).count();
    let end = after + length + 2;
    let narrow = |position: usize| u16::try_from(position).map_err(|_| HeaderFault::TooLong);
    let name = &block[start..name_end];
    let known = if seen & UNDERSCORE == 0 { Known::of(name) } else { Known::Underscored };
    let line = HeaderLine {
        known,
        end: narrow(end)?,
        start: narrow(start)?,
        name_end: narrow(name_end)?,
        value_start: narrow(after + leading)?,
        value_end: narrow(after + length - trailing)?,
    };
    Ok(Progress::Complete(line))
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
