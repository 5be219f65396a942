//! Trailers (RFC 9110 section 6.5). Those that could be taken for a header that frames, routes, identifies or describes a
//! message are dropped, all others are passed on. They are never merged into headers.

use super::{
    fault::Malformed,
    head::{HeaderLine, KnownName},
    lines::{Progress, read_lines},
};
use crate::limits::TRAILER_COUNT_MAX;

/// Names that no trailer may have, besides those of [`KnownName`].
const REFUSED: [&str; 13] = [
    "age",
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
];

/// Appends the lines of a trailer section that are passed on, without its empty line. `private` is the name of a header that
/// is for the router alone, so it is dropped too.
pub fn pass_on(
    section: &[u8],
    private: Option<&str>,
    lines: &mut Vec<HeaderLine>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    if section.is_empty() {
        return Ok(());
    }
    match read_lines(section, lines, TRAILER_COUNT_MAX) {
        Ok(Progress::Complete(end)) if end == section.len() => {}
        _ => return Err(Malformed("the trailers are malformed")),
    }
    for line in lines.iter() {
        let name = line.name(section);
        let is_name = |text: &&str| text.as_bytes().eq_ignore_ascii_case(name);
        if line.known == KnownName::Other && !REFUSED.iter().chain(&private).any(is_name) {
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
            a_b: c\r\nAuthorization: x\r\nServer-Timing: a\r\nx-RELEASE: b\r\n\r\n";
        let passed = |private| {
            let mut out = Vec::new();
            pass_on(section, private, &mut Vec::new(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(passed(None), "X-Sum: 1\r\nServer-Timing: a\r\nx-RELEASE: b\r\n");
        assert_eq!(passed(Some("X-Release")), "X-Sum: 1\r\nServer-Timing: a\r\n");
    }

    #[test]
    fn malformed_trailers_are_an_error() {
        for section in ["a : b\r\n\r\n", "a\r\n\r\n", " a: b\r\n\r\n"] {
            assert!(
                pass_on(section.as_bytes(), None, &mut Vec::new(), &mut Vec::new()).is_err(),
                "{section:?}"
            );
        }
    }
}
