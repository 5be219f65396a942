//! One JSON object per request: what is in it, that every request has exactly one, and that a disk which cannot keep up
//! costs lines and never traffic.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::endpoint::scripted;
use support::log::objects;
use support::router::id;
use support::{Reply, Router, Wire, count, eventually, router};

/// Every field of a line.
const FIELDS: [&str; 15] = [
    "app",
    "bytes",
    "client",
    "duration_us",
    "endpoint",
    "host",
    "method",
    "reason",
    "release",
    "request_id",
    "retries",
    "status",
    "target",
    "time",
    "track",
];

/// A folder, and a log in it.
pub fn log_file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("access.log");
    (folder, file)
}

/// Waits for so many lines in the log; they are all that come.
fn lines(file: &Path, wanted: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    eventually("the log has all lines", || {
        lines = objects(file);
        lines.len() >= wanted
    });
    assert_eq!(lines.len(), wanted, "one line per request");
    lines
}

#[test]
fn a_line_has_every_field_of_what_happened() {
    let (_folder, file) = log_file();
    let endpoint = scripted(|_| {
        // What is measured here is that time passes.
        support::clock::pause(Duration::from_millis(60));
        Reply::response("201 Created", &[("Content-Type", "text/plain")], "twelve bytes")
    });
    let address = endpoint.address.to_string();
    let router = router().stable_on("v1", vec![endpoint]).access_log(&file).start();
    let mut wire = router.connect();
    wire.send(
        "POST /a/b?c=d&e HTTP/1.1\r\nHost: Shop.Example.Test:8000\r\nX-Request-Id: from-the-client\r\n",
    );
    wire.send("Content-Length: 3\r\n\r\nabc");
    let pin = support::visitor::pin_of(&wire.response("POST")).expect("a first answer pins");
    wire.send(format!("HEAD / HTTP/1.0\r\nHost: {}\r\nCookie: rolling_pin={pin}\r\n\r\n", router.host));
    wire.response("HEAD");

    let lines = lines(&file, 2);
    for line in &lines {
        let fields: BTreeSet<&str> =
            line.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(FIELDS));
        let time = line["time"].as_str().expect("a text");
        assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
        let duration = line["duration_us"].as_u64().expect("a number");
        assert!((50_000..20_000_000).contains(&duration), "{duration}");
        assert_eq!((&line["app"], &line["track"]), (&"hello".into(), &"stable".into()));
        assert_eq!((&line["release"], &line["endpoint"]), (&id("v1").into(), &address.clone().into()));
        assert_eq!((&line["client"], &line["retries"]), (&"127.0.0.1".into(), &0.into()));
        assert_eq!(line["status"], 201);
    }
    let (first, second) = (&lines[0], &lines[1]);
    assert_eq!((&first["method"], &first["target"]), (&"POST".into(), &"/a/b?c=d&e".into()));
    assert!(first["host"].as_str().is_some_and(|host| host.eq_ignore_ascii_case("shop.example.test:8000")));
    assert_eq!((&first["bytes"], &first["request_id"]), (&12.into(), &"from-the-client".into()));
    assert_ne!(first["reason"], "pin");
    assert_eq!((&second["method"], &second["bytes"]), (&"HEAD".into(), &0.into()));
    assert_eq!(second["reason"], "pin");
    assert!(second["request_id"].as_str().is_some_and(|id| id.len() >= 16), "one was made: {second}");
}

#[test]
fn what_went_nowhere_is_logged_too() {
    let (_folder, file) = log_file();
    let router = router().stable("v1").access_log(&file).start();
    let refused = [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("not even HTTP\r\n\r\n", 400),
    ];
    for (request, status) in refused {
        let mut wire = router.connect();
        wire.send(request);
        assert_eq!(wire.response("GET").status, status);
    }
    for (line, (request, status)) in lines(&file, refused.len()).iter().zip(refused) {
        assert_eq!(line["status"], status, "{request:?}");
        assert_eq!(line["endpoint"], Value::Null);
        assert_eq!((&line["app"], &line["release"]), (&"".into(), &"".into()));
    }
}

#[test]
fn a_client_that_left_is_logged_without_a_status() {
    let (_folder, file) = log_file();
    let endpoint = scripted(|_| Reply::Hang(Vec::new()));
    let router = router().stable_on("v1", vec![endpoint]).access_log(&file).start();
    let mut wire = router.connect();
    wire.send(format!("GET /gone HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    eventually("the endpoint has it", || router.endpoint("v1").received() == 1);
    drop(wire);
    let line = lines(&file, 1).remove(0);
    assert_eq!((&line["status"], &line["target"]), (&0.into(), &"/gone".into()));
}

#[test]
fn a_repeat_is_counted_in_the_line() {
    let (_folder, file) = log_file();
    let (good, bad) = (support::echo("v1"), support::echo("v1"));
    let address = good.address.to_string();
    let router = router().stable_on("v1", vec![good, bad]).access_log(&file).start();
    router.endpoints_of("v1")[1].stop();
    let repeats = || objects(&file).into_iter().filter(|line| line["retries"] == 1).collect::<Vec<_>>();
    let mut asked = 0;
    // Each client is drawn an endpoint; before long one meets the stopped endpoint.
    while repeats().is_empty() {
        router.visitor().get("/");
        asked += 1;
        assert!(asked < 60, "nobody met the stopped endpoint");
        lines(&file, asked);
    }
    assert!(repeats().iter().all(|line| line["status"] == 200 && line["endpoint"] == address.as_str()));
}

#[test]
fn every_request_has_its_line_while_the_log_is_rotated() {
    let (folder, file) = log_file();
    let router = router().stable("v1").workers(2).access_log(&file).start();
    let (each, rotations) = (count(300, 5_000), count(8, 60));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let mut visitor = router.visitor();
                scope.spawn(move || (0..each).for_each(|n| drop(visitor.get(&format!("/{client}/{n}")))))
            })
            .collect();
        scope.spawn(|| {
            for n in 0..rotations {
                fs::rename(&file, folder.path().join(format!("access.log.{n}"))).expect("it can be moved");
                router.signal("HUP");
                eventually("a new log is opened", || file.exists());
            }
            over.store(true, Ordering::SeqCst);
        });
        clients.into_iter().for_each(|client| client.join().expect("a client is always served"));
    });
    assert!(over.load(Ordering::SeqCst));
    let mut targets = BTreeSet::new();
    eventually("every line is somewhere", || {
        targets = targets_in(folder.path());
        targets.len() == 4 * each
    });
}

/// The targets in all files of a folder; no line is there twice.
fn targets_in(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("the folder is there").flatten();
    let mut targets = BTreeSet::new();
    for line in files.flat_map(|file| objects(&file.path())) {
        let target = line["target"].as_str().expect("a text").to_owned();
        assert!(targets.insert(target), "twice: {line}");
    }
    targets
}

/// A pipe that nobody reads is the slowest disk there is.
#[test]
fn a_log_that_cannot_keep_up_loses_lines_and_holds_up_nobody() {
    let (_folder, file) = log_file();
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo can be run").success());
    let mut pipe = OpenOptions::new().read(true).write(true).open(&file).expect("it can be opened");
    let router = router().stable("v1").access_log(&file).start();
    let mut wire = router.connect();
    let mut sent = 0;
    let dropped = |router: &Router| router.api().metrics().sum("rolling_access_log_lines_dropped_total", &[]);
    // A line of 60 KiB each time: after the 64 KiB that a pipe holds, and the batches that wait, they are dropped.
    while dropped(&router) < 5.0 {
        for _ in 0..20 {
            ask(&mut wire, &router, "/lost", &"\u{fc}".repeat(5_000));
            sent += 1;
        }
        assert!(sent < 5_000, "so many lines cannot be waiting");
    }
    let counted = |router: &Router| {
        let metrics = router.api().metrics();
        let of = |name: &str| metrics.sum(name, &[]);
        of("rolling_access_log_lines_total") + of("rolling_access_log_lines_dropped_total")
    };
    eventually("every line is counted as written or dropped", || {
        (counted(&router) - f64::from(sent)).abs() < f64::EPSILON
    });

    // Somebody reads again: what waited comes, and new lines do.
    let reader = std::thread::spawn(move || {
        let (mut seen, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        while !seen.windows(6).any(|window| window == b"/found") {
            let read = pipe.read(&mut buffer).expect("a pipe can be read");
            let keep = seen.len().saturating_sub(8);
            seen.drain(..keep);
            seen.extend_from_slice(&buffer[..read]);
        }
    });
    eventually("lines come through again", || {
        ask(&mut wire, &router, "/found", "id");
        reader.is_finished()
    });
    reader.join().expect("the reader found it");
}

fn ask(wire: &mut Wire, router: &Router, target: &str, request_id: &str) {
    wire.send(format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {request_id}\r\n\r\n",
        router.host
    ));
    assert_eq!(wire.response("GET").status, 200);
}
