//! Heads of old endpoints, mended: bare line feeds, and versions that nobody has (docs/http.md). For apps that ask for it
//! (`lenient_responses`), and for responses alone: whoever can make an endpoint say a line feed can make it say a header.
//!
//! A head is mended only after the strict reader has refused it, and is read again strictly afterwards, so that leniency adds
//! no second reading of anything else.

/// What became of a head that was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Repair {
    /// It is not whole.
    Partial,
    /// The head as it was meant, how long it was, and what was let pass.
    Whole(Vec<u8>, usize, &'static str),
    /// Nothing that is let pass is wrong with it.
    Nothing,
}

const LINE_FEED: &str = "a line of the header ends with a bare line feed";
const VERSION: &str = "its version of HTTP/1 does not exist";
const BOTH: &str = "lines end with a bare line feed, and its version of HTTP/1 does not exist";

/// Mends the head at the start of `bytes`.
pub fn mend(bytes: &[u8]) -> Repair {
    if !bytes.starts_with(b"HTTP/1.") {
        return Repair::Nothing;
    }
    let (mut out, mut at, mut bare) = (Vec::with_capacity(bytes.len().min(64 * 1024) + 64), 0, false);
    loop {
        let Some(length) = memchr::memchr(b'\n', &bytes[at..]) else { return Repair::Partial };
        let line = &bytes[at..at + length];
        at += length + 1;
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        bare |= text.len() == line.len();
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
        if text.is_empty() {
            break;
        }
    }
    let odd = out.get(7).is_some_and(|minor| matches!(minor, b'2'..=b'9')) && out.get(8) == Some(&b' ');
    if odd {
        out[7] = b'1';
    }
    match (bare, odd) {
        (true, true) => Repair::Whole(out, at, BOTH),
        (true, false) => Repair::Whole(out, at, LINE_FEED),
        (false, true) => Repair::Whole(out, at, VERSION),
        (false, false) => Repair::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_feeds_and_versions_are_mended_and_nothing_else_is() {
        let mended = |text: &str| match mend(text.as_bytes()) {
            Repair::Whole(head, length, what) => Some((String::from_utf8(head).unwrap(), length, what)),
            _ => None,
        };
        let wanted = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n".to_owned();
        assert_eq!(mended("HTTP/1.1 200 OK\nA: b\r\n\nbody"), Some((wanted.clone(), 23, LINE_FEED)));
        assert_eq!(mended("HTTP/1.2 200 OK\r\nA: b\r\n\r\n"), Some((wanted.clone(), 25, VERSION)));
        assert_eq!(mended("HTTP/1.3 200 OK\nA: b\n\n"), Some((wanted, 22, BOTH)));
        for text in
            ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/2.0 200 OK\n\n", "HTTP/1.10 200 OK\r\n\r\n", "x"]
        {
            assert_eq!(mend(text.as_bytes()), Repair::Nothing, "{text:?}");
        }
        assert_eq!(mend(b"HTTP/1.1 200 OK\nA: b\n"), Repair::Partial);
    }
}
