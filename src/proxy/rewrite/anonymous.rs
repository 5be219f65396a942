//! A request's head as a stranger would send it, for a sibling that is asked for an asset.

use crate::proxy::codec::{
    head::HeaderLine,
    lines::{Progress, read_lines},
};

/// Headers that a sibling is not told: who asks, and what the client has already of another release.
const LEFT_OUT: [&[u8]; 8] = [
    b"cookie",
    b"authorization",
    b"range",
    b"if-range",
    b"if-match",
    b"if-none-match",
    b"if-modified-since",
    b"if-unmodified-since",
];

/// Appends a request's head without the headers that a sibling is not told.
pub fn write_anonymous(request: &[u8], lines: &mut Vec<HeaderLine>, out: &mut Vec<u8>) {
    let start = memchr::memchr(b'\n', request).map_or(0, |end| end + 1);
    let block = &request[start..];
    out.extend_from_slice(&request[..start]);
    // The router has written it, so it can be read.
    if let Ok(Progress::Complete(_)) = read_lines(block, lines, usize::MAX) {
        let stays =
            |line: &&HeaderLine| LEFT_OUT.iter().all(|name| !line.name(block).eq_ignore_ascii_case(name));
        lines.iter().filter(stays).for_each(|line| out.extend_from_slice(line.whole(block)));
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_is_not_told_who_asks() {
        let request = "GET /a-BX3k9dQ2.js HTTP/1.1\r\nhost: a\r\nCookie: s=1\r\nAccept: */*\r\nAUTHORIZATION: Basic x\r\n\
            If-None-Match: \"1\"\r\nRange: bytes=0-1\r\ncdn-loop: me\r\n\r\n";
        let mut out = Vec::new();
        write_anonymous(request.as_bytes(), &mut Vec::new(), &mut out);
        let expected = "GET /a-BX3k9dQ2.js HTTP/1.1\r\nhost: a\r\nAccept: */*\r\ncdn-loop: me\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
