//! The access log: one JSON object per request, whatever was asked.

use serde_json::Value;
use std::fs;
use support::log::objects;
use support::{Router, eventually, router};

fn lines(file: &std::path::Path, wanted: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    eventually("the log has all lines", || {
        lines = objects(file);
        lines.len() >= wanted
    });
    assert_eq!(lines.len(), wanted, "one line per request");
    lines
}

fn logged() -> (tempfile::TempDir, std::path::PathBuf, Router) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("access.log");
    let router = router().stable("v1").access_log(&file).start();
    (dir, file, router)
}

#[test]
fn a_line_says_what_happened() {
    let (_dir, file, router) = logged();
    let mut wire = router.connect();
    wire.send(format!("GET /a?b=c HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    let response = wire.response("GET");
    let line = lines(&file, 1).remove(0);
    assert_eq!(line["method"], "GET");
    assert_eq!(line["target"], "/a?b=c");
    assert_eq!(line["host"], router.host.as_str());
    assert_eq!(line["status"], 200);
    assert_eq!(line["app"], "hello");
    assert_eq!(line["track"], "stable");
    assert_eq!(line["endpoint"], response.header("x-endpoint").expect("the echo says it"));
    assert!(line["release"].as_str().is_some_and(|release| release.contains("v1")), "{line}");
    assert!(line["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1")), "{line}");
    assert!(line["reason"].is_string(), "{line}");
}

#[test]
fn nothing_can_be_smuggled_into_the_log() {
    let (_dir, file, router) = logged();
    let heads = [
        "GET /\"},{\"x\":\" HTTP/1.1\r\nHost: shop.example.test\r\nUser-Agent: \"quoted\\\r\n\r\n".to_owned(),
        "GET /%0a%0d HTTP/1.1\r\nHost: shop.example.test\r\nReferer: a\tb\r\n\r\n".to_owned(),
        "GET /\u{202e}\u{2028} HTTP/1.1\r\nHost: shop.example.test\r\n\r\n".to_owned(),
        "GET /\x1b[31m HTTP/1.1\r\nHost: shop.example.test\r\n\r\n".to_owned(),
    ];
    let mut answered = 0;
    for head in &heads {
        let mut wire = router.connect();
        wire.send(head);
        answered += usize::from(wire.try_response("GET").is_ok());
    }
    assert_eq!(answered, heads.len());
    let text = {
        lines(&file, heads.len());
        fs::read_to_string(&file).expect("the log is there")
    };
    assert!(text.chars().all(|char| !char.is_control() || char == '\n'), "{text:?}");
}

#[test]
fn a_rotated_log_is_reopened() {
    let (dir, file, router) = logged();
    let mut visitor = router.visitor();
    visitor.get("/before");
    lines(&file, 1);
    fs::rename(&file, dir.path().join("access.log.1")).expect("it can be moved");
    router.signal("HUP");
    eventually("a new log is opened", || {
        visitor.get("/after");
        file.exists() && fs::read_to_string(&file).is_ok_and(|text| text.contains("/after"))
    });
}
