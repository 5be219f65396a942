//! Trailers (RFC 9110 section 6.5): passed on when harmless, dropped when they could be taken for a header that
//! frames, routes, identifies or decorates a message. They are never merged into headers.

use super::{
    fault::Malformed,
    head::{Progress, read_lines},
};
use crate::{
    limits::TRAILER_COUNT_MAX,
    proxy::head::{HeaderLine, Known},
};

/// Names that no trailer may bear, besides all that [`Known`] lists.
const REFUSED: [&str; 15] = [
    "age",
    "authorization",
    "content-encoding",
    "content-range",
    "content-type",
    "expires",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "location",
    "max-forwards",
    "pragma",
    "range",
    "vary",
    "www-authenticate",
];

/// Appends those lines of a trailer section that may pass, without the empty line that ends it.
pub fn pass_on(section: &[u8], lines: &mut Vec<HeaderLine>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if section.is_empty() {
        return Ok(());
    }
    match read_lines(section, lines, TRAILER_COUNT_MAX) {
        Ok(Progress::Complete(end)) if end == section.len() => {}
        _ => return Err(Malformed("the trailers are malformed")),
    }
    for line in lines.iter() {
        let name = line.name(section);
        let refused = |text: &&str| text.as_bytes().eq_ignore_ascii_case(name);
        if line.known == Known::Other && !REFUSED.iter().any(refused) {
            out.extend_from_slice(line.whole(section));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_taken_for_a_header_is_dropped() {
        let section =
            b"X-Sum: 1\r\nHost: evil\r\ncontent-length: 5\r\nCookie: a=b\r\nX-Forwarded-For: 1.1.1.1\r\n\
            a_b: c\r\nAuthorization: x\r\nServer-Timing: a\r\n\r\n";
        let mut out = Vec::new();
        pass_on(section, &mut Vec::new(), &mut out).unwrap();
        assert_eq!(out, b"X-Sum: 1\r\nServer-Timing: a\r\n");
    }

    #[test]
    fn malformed_trailers_are_an_error() {
        for section in ["a : b\r\n\r\n", "a\r\n\r\n", " a: b\r\n\r\n"] {
            assert!(pass_on(section.as_bytes(), &mut Vec::new(), &mut Vec::new()).is_err(), "{section:?}");
        }
    }
}
