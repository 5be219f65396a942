//! The log's formats, and what people try to write into them.

use super::access_log::log_file;
use std::fs;
use std::path::{Path, PathBuf};
use support::log::whole_lines;
use support::{Router, eventually, router};

/// Requests whose every part tries to be something else to whoever reads the log: quotes that end a field, escapes of
/// terminals, line ends in other alphabets, bytes that are no text.
const ATTEMPTS: [&[u8]; 7] = [
    b"GET /\"},{\"status\":200,\"x\":\" HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"GET /\\u000a\\n%0a%0d%00 HTTP/1.1\r\nHost: a.test\r\nReferer: \\\"x\\\\\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: \",\"status\":999,\"y\":\"\xe2\x80\xa8\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a.test\r\nUser-Agent: a\" 200 1 \"-\" \"b\xff\xfe\tc\\\r\n\r\n",
    b"GET /\xe2\x80\xae\xc2\x85\xc2\x9b31m HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\"b.test\r\n\r\n",
    b"GET /\x1b[2J HTTP/1.1\r\nHost: a.test\r\n\r\n",
];

fn started(format: &str) -> (tempfile::TempDir, PathBuf, Router) {
    let (folder, file) = log_file();
    let router = router().stable("v1").access_log(&file).flag("--access-log-format").flag(format).start();
    (folder, file, router)
}

/// Waits for so many lines; they are all that come.
fn lines(file: &Path, wanted: usize) -> Vec<String> {
    eventually("the log has all lines", || whole_lines(file).len() >= wanted);
    let bytes = fs::read(file).expect("the log is there");
    let plain = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    assert!(plain, "printable ASCII and line ends, nothing else: {:?}", String::from_utf8_lossy(&bytes));
    let lines = whole_lines(file);
    assert_eq!(lines.len(), wanted);
    lines
}

fn attempt_all(router: &Router) -> Vec<u16> {
    let each = ATTEMPTS.iter().map(|attempt| {
        let mut wire = router.connect();
        wire.send(attempt);
        wire.response("GET").status
    });
    each.collect()
}

/// The fields of a line in the combined format: address, identity, user, date, request, status, bytes, referer, agent.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let (field, after) = match rest.as_bytes()[0] {
            b'"' => quoted(&rest[1..]),
            b'[' => rest[1..].split_once(']').expect("a bracket is closed"),
            _ => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
        };
        fields.push(field.to_owned());
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    fields
}

/// What stands between quotes, and what follows; a backslash escapes what is behind it.
fn quoted(text: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let end = end.unwrap_or_else(|| panic!("no closing quote in {text:?}"));
    (&text[..end], &text[end + 1..])
}

#[test]
fn nothing_can_be_smuggled_into_json() {
    let (_folder, file, router) = started("json");
    let statuses = attempt_all(&router);
    for (line, status) in lines(&file, ATTEMPTS.len()).iter().zip(statuses) {
        let json: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert_eq!(json["status"], status, "{line}");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(15), "{line}");
    }
}

#[test]
fn nothing_can_be_smuggled_into_the_combined_format() {
    let (_folder, file, router) = started("combined");
    let statuses = attempt_all(&router);
    for (line, status) in lines(&file, ATTEMPTS.len()).iter().zip(statuses) {
        let fields = fields(line);
        assert_eq!(fields.len(), 9, "{line}");
        assert_eq!(
            (fields[0].as_str(), fields[5].as_str()),
            ("127.0.0.1", status.to_string().as_str()),
            "{line}"
        );
    }
}

#[test]
fn a_combined_line_is_what_log_readers_know() {
    let (_folder, file, router) = started("combined");
    let mut wire = router.connect();
    let headers = "Referer: https://shop.test/a?b\r\nUser-Agent: Mozilla/5.0 (X11; \"quoted\")\r\n";
    wire.send(format!("GET /c?d=e HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host));
    let length = wire.response("GET").body.len();
    wire.send(format!("GET /bare HTTP/1.0\r\nHost: {}\r\n\r\n", router.host));
    wire.response("GET");
    let lines = lines(&file, 2);
    let (first, second) = (fields(&lines[0]), fields(&lines[1]));
    assert_eq!(first[..3], ["127.0.0.1", "-", "-"]);
    // 20/Nov/2026:11:19:45 +0000
    let date = first[3].as_bytes();
    assert_eq!((date.len(), date[2], date[6], date[11], &date[20..]), (26, b'/', b'/', b':', &b" +0000"[..]));
    assert_eq!(first[4..7], ["GET /c?d=e HTTP/1.1", "200", length.to_string().as_str()]);
    assert_eq!(first[7..], ["https://shop.test/a?b", r"Mozilla/5.0 (X11; \x22quoted\x22)"]);
    assert_eq!(
        (second[4].as_str(), &second[7..]),
        ("GET /bare HTTP/1.0", &["-".to_owned(), "-".to_owned()][..])
    );
}

#[test]
fn a_common_line_ends_with_the_bytes() {
    let (_folder, file, router) = started("common");
    router.visitor().get("/x");
    let fields = fields(&lines(&file, 1)[0]);
    assert_eq!((fields.len(), fields[4].as_str(), fields[5].as_str()), (7, "GET /x HTTP/1.1", "200"));
}
