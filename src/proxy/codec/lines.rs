//! Header lines, read once: tokenised, checked and recognised in the same pass.
//!
//! This is stricter than a general tokeniser, and it is the only reader of header lines, so two readings cannot differ:
//! lines end with CRLF and nothing else, no line is folded, no blank precedes a colon, and no control byte is allowed (RFC
//! 9112 sections 2.2 and 5). The tests compare it with an independent tokeniser.

use super::{
    bytes::{CLASS, Classes, TOKEN, UNDERSCORE},
    head::{HeaderLine, KnownName},
    stripe::{STRIPE_BYTES, Stripe, plain_length},
};

/// How far something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<T> {
    /// More bytes are needed.
    Partial,
    /// All of it was read.
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
    let (mut base, mut start, mut split) = (0, 0, false);
    loop {
        let rest = &block[base..];
        let last;
        let stripe = Stripe::of(match rest.first_chunk() {
            Some(stripe) => stripe,
            None => {
                last = padded(rest);
                &last
            }
        });
        if split && stripe.line_feeds & 1 == 0 && !rest.is_empty() {
            return Err(BARE);
        }
        let (mut line_feeds, mut end) = (stripe.line_feeds, None);
        while line_feeds != 0 {
            let line_feed = base + line_feeds.trailing_zeros() as usize;
            let Some((b'\r', line)) = block[start..line_feed].split_last() else { return Err(BARE) };
            if line.is_empty() {
                end = Some(line_feed + 1);
                break;
            }
            if lines.len() == count_max {
                return Err(HeaderFault::TooMany);
            }
            lines.push(read_line(block, line, start)?);
            start = line_feed + 1;
            line_feeds &= line_feeds - 1;
        }
        let seen = if end.is_some() { line_feeds ^ (line_feeds - 1) } else { u64::MAX };
        // The loop above has checked that a carriage return precedes each line feed.
        let others = stripe.controls & !(stripe.line_feeds | stripe.line_feeds >> 1) & seen;
        split = others != 0;
        if split {
            check_split(rest, others)?;
        }
        if let Some(end) = end {
            return Ok(Progress::Complete(end));
        }
        if rest.len() < STRIPE_BYTES {
            return check_partial(&block[start..]);
        }
        base += STRIPE_BYTES;
    }
}

const BARE: HeaderFault = HeaderFault::Malformed("a line ends with LF or CR alone instead of CRLF");

/// Makes a stripe of the last bytes of a block. It is filled up with blanks, in which nothing is found.
fn padded(rest: &[u8]) -> [u8; STRIPE_BYTES] {
    let mut stripe = [b' '; STRIPE_BYTES];
    stripe[..rest.len()].copy_from_slice(rest);
    stripe
}

/// Reads a line, given without its CRLF. `start` is its place in the block.
#[inline]
fn read_line(block: &[u8], line: &[u8], start: usize) -> Result<HeaderLine, HeaderFault> {
    let plain = plain_length(&block[start..]);
    let (colon, known) = match line.get(plain) {
        Some(b':') if plain > 0 => (plain, KnownName::of(&line[..plain])),
        _ => read_name(line).ok_or_else(|| name_fault(line))?,
    };
    let value = &line[colon + 1..];
    let (value_start, value_end) = match value {
        [b' ', value @ ..] if is_trimmed(value) => (colon + 2, line.len()),
        _ => trimmed(line, colon + 1),
    };
    let end = u16::try_from(start + line.len() + 2).map_err(|_| HeaderFault::TooLong)?;
    // The end fits, and so does every position before it.
    let narrow = |position: usize| (start + position) as u16;
    Ok(HeaderLine {
        known,
        end,
        start: narrow(0),
        name_end: narrow(colon),
        value_start: narrow(value_start),
        value_end: narrow(value_end),
    })
}

/// Where the name ends, and which one it is: for any name, byte by byte. `None` if the line does not begin with a token and a
/// colon.
#[cold]
fn read_name(line: &[u8]) -> Option<(usize, KnownName)> {
    let colon = memchr::memchr(b':', line)?;
    let (name, classes) = (&line[..colon], Classes::of(&line[..colon]));
    let known = match KnownName::of(name) {
        KnownName::Other if classes.any & UNDERSCORE != 0 => KnownName::Underscored,
        known => known,
    };
    (colon > 0 && classes.all & TOKEN != 0).then_some((colon, known))
}

/// Whether a value begins and ends with something else than a blank.
fn is_trimmed(value: &[u8]) -> bool {
    matches!((value.first(), value.last()), (Some(first), Some(last)) if !is_blank(*first) && !is_blank(*last))
}

/// Where a value begins and ends in its line, without the blanks around it. `start` is behind the colon.
#[cold]
fn trimmed(line: &[u8], start: usize) -> (usize, usize) {
    let leading = line[start..].iter().take_while(|byte| is_blank(**byte)).count();
    let rest = &line[start + leading..];
    let trailing = rest.iter().rev().take_while(|byte| is_blank(**byte)).count();
    (start + leading, line.len() - trailing)
}

/// Checks a control byte that ends no line in its stripe: it may only be a carriage return at the very end, whose line feed
/// may follow.
#[cold]
fn check_split(stripe: &[u8], others: u64) -> Result<(), HeaderFault> {
    let at = others.trailing_zeros() as usize;
    match stripe[at] {
        b'\r' if at + 1 == stripe.len().min(STRIPE_BYTES) => Ok(()),
        b'\r' => Err(BARE),
        _ => Err(HeaderFault::Malformed("a header value contains a control byte")),
    }
}

/// Checks a line that is not whole yet. It is refused as soon as it cannot become a valid one.
#[cold]
fn check_partial(begun: &[u8]) -> Result<Progress<usize>, HeaderFault> {
    match begun.iter().find(|byte| CLASS[usize::from(**byte)] & TOKEN == 0) {
        None => Ok(Progress::Partial),
        Some(b'\r') if begun.len() == 1 => Ok(Progress::Partial),
        Some(b':') if begun[0] != b':' => Ok(Progress::Partial),
        Some(_) => Err(name_fault(begun)),
    }
}

/// Finds the CRLF that ends a line. Completes with the length of the line before it, which may still contain a carriage
/// return. A line that cannot become a valid one is refused before its end is there.
pub fn line_length(bytes: &[u8]) -> Result<Progress<usize>, HeaderFault> {
    let Some(line_feed) = memchr::memchr(b'\n', bytes) else { return check_partial_line(bytes) };
    match line_feed.checked_sub(1) {
        Some(length) if bytes[length] == b'\r' => Ok(Progress::Complete(length)),
        _ => Err(BARE),
    }
}

#[cold]
fn check_partial_line(bytes: &[u8]) -> Result<Progress<usize>, HeaderFault> {
    match bytes.iter().position(|byte| matches!(byte, 0 | b'\r')) {
        Some(at) if bytes[at] == 0 => Err(HeaderFault::Malformed("the header contains a NUL byte")),
        Some(at) if at + 1 < bytes.len() => Err(BARE),
        _ => Ok(Progress::Partial),
    }
}

/// What is wrong with the name at the start of a line.
#[cold]
fn name_fault(line: &[u8]) -> HeaderFault {
    let end = line.iter().position(|&byte| CLASS[usize::from(byte)] & TOKEN == 0);
    HeaderFault::Malformed(match end.map(|end| (line[end], end)) {
        Some((b' ' | b'\t', 0)) => "a header line is folded",
        Some((b' ' | b'\t', _)) => "there is a space or tab before a header's colon",
        Some((b':', 0)) => "a header has no name",
        None | Some((b'\r', _)) => "a header line has no colon",
        Some(_) => "a header name contains a byte that is not allowed there",
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

    /// A first line that moves everything behind it by one byte each, over all places in a stripe.
    fn shifts() -> impl Iterator<Item = String> {
        (0..=2 * STRIPE_BYTES).map(|by| format!("S: {}\r\n", "x".repeat(by)))
    }

    #[test]
    fn lines_are_read_with_blanks_trimmed() {
        for first in shifts() {
            let read = read(&format!("{first}Host:a\r\nX-A: \t b: c \t\r\nEmpty:\r\n\r\n")).unwrap();
            let first = first[3..].trim_end();
            let expected = [("S", first), ("Host", "a"), ("X-A", "b: c"), ("Empty", "")];
            assert_eq!(read, Progress::Complete(expected.map(|(a, b)| (a.into(), b.into())).into()));
        }
    }

    #[test]
    fn every_prefix_is_partial() {
        for first in shifts() {
            let whole = format!("{first}Host: a\r\nX_Y: 1\r\n\r\n");
            for end in 0..whole.len() {
                assert_eq!(read(&whole[..end]), Ok(Progress::Partial), "{end}");
            }
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
            "x\rreal-ip: 1\r\n\r\n",
            "http\x12-settings: 1\r\n\r\n",
        ] {
            for first in shifts() {
                let block = first + block;
                assert!(
                    matches!(read(&block), Err(HeaderFault::Malformed(_))),
                    "{block:?}: {:?}",
                    read(&block)
                );
            }
        }
        assert_eq!(read(&"a: b\r\n".repeat(9)), Err(HeaderFault::TooMany));
        assert_eq!(read(&format!("a: {}\r\n", "b".repeat(70_000))), Err(HeaderFault::TooLong));
    }
}
