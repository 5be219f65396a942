//! Header lines as text (`name: value\r\n`), and as the library has them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Reads lines that the codec has checked. What HTTP/2 has no form for is left out: there is nothing of that kind.
pub fn from_text(text: &[u8], fields: &mut HeaderMap) {
    if text.is_empty() {
        return;
    }
    // One allocation for all values.
    let text = Bytes::copy_from_slice(text);
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'\n', &text[at..]) {
        let line = &text[at..at + length];
        if let Some(colon) = memchr::memchr(b':', line)
            && let Ok(name) = HeaderName::from_bytes(&line[..colon])
        {
            let value = line[colon + 1..].trim_ascii();
            if let Ok(value) = HeaderValue::from_maybe_shared(text.slice_ref(value)) {
                fields.append(name, value);
            }
        }
        at += length + 1;
    }
}

/// Appends fields as lines. `false` if a value begins or ends with a blank, which is malformed (RFC 9113 section 8.2.1).
pub fn to_text(fields: &HeaderMap, out: &mut Vec<u8>) -> bool {
    let mut trimmed = true;
    for (name, value) in fields {
        trimmed &= write_line(name.as_str().as_bytes(), value.as_bytes(), out);
    }
    trimmed
}

/// Appends a line. `false` if the value begins or ends with a blank.
pub fn write_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    value.trim_ascii().len() == value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_fields_are_the_same() {
        let mut fields = HeaderMap::new();
        from_text(b"Set-Cookie: a=1\r\nX-A:b: c \r\nset-cookie: b=2\r\nEmpty:\r\n", &mut fields);
        let mut text = Vec::new();
        assert!(to_text(&fields, &mut text));
        let mut lines: Vec<_> = std::str::from_utf8(&text).unwrap().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["empty: ", "set-cookie: a=1", "set-cookie: b=2", "x-a: b: c"]);
    }

    #[test]
    fn blanks_around_a_value_are_found() {
        for (value, trimmed) in [(" a", false), ("a\t", false), ("a b", true), ("", true)] {
            let fields = [(HeaderName::from_static("x"), HeaderValue::from_str(value).unwrap())];
            assert_eq!(to_text(&HeaderMap::from_iter(fields), &mut Vec::new()), trimmed, "{value:?}");
        }
    }
}
