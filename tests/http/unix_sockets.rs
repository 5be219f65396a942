//! A front that listens on a file: who comes there is served like everybody else, and no connection is lost when the router ends or
//! is replaced.

use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use support::clock::PATIENCE;
use support::command::run;
use support::log::objects;
use support::message::{Response, Source, read_response};
use support::websocket::{TEXT, echo_sockets, frame, masked_frame, upgrade};
use support::{Reply, RouterBuilder, eventually, router};

/// A folder for the socket, and the flag that names it beside a port.
fn place() -> (tempfile::TempDir, PathBuf, String) {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let path = dir.path().join("front.sock");
    let flag = format!("unix:{}", path.display());
    (dir, path, flag)
}

struct Client(Source<UnixStream>);

impl Client {
    fn open(path: &Path) -> Self {
        Self::try_open(path).expect("the router accepts connections")
    }

    fn try_open(path: &Path) -> Option<Self> {
        let stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        Some(Self(Source::new(stream)))
    }

    fn ask(&mut self, text: &str) -> Option<Response> {
        self.0.stream.write_all(text.as_bytes()).ok()?;
        read_response(&mut self.0, text.split(' ').next().unwrap_or_default()).ok()
    }
}

fn get(lines: &str) -> String {
    format!("GET /page HTTP/1.1\r\nHost: shop.example.test\r\n{lines}\r\n")
}

fn on(builder: RouterBuilder, flag: &str) -> RouterBuilder {
    builder.also_on(flag)
}

#[test]
fn clients_of_a_file_are_served_like_others_and_count_as_loopback() {
    let (dir, path, flag) = place();
    let log = dir.path().join("access.log");
    let router = on(router().stable("v1"), &flag).access_log(&log).start();
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o660);
    let mut client = Client::open(&path);
    for _ in 0..3 {
        let response = client.ask(&get("X-Forwarded-For: 6.6.6.6\r\n")).expect("an answer");
        assert_eq!(response.status, 200);
        let text = response.text();
        assert!(text.contains("x-forwarded-for: 127.0.0.1\r\n") && !text.contains("6.6.6.6"), "{text}");
    }
    let body = "x".repeat(300_000);
    let put =
        format!("PUT / HTTP/1.1\r\nHost: shop.example.test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert!(client.ask(&put).expect("an answer").text().ends_with(&body));
    assert_eq!(
        client.ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").map(|response| response.status),
        Some(400)
    );
    assert_eq!(router.visitor().get("/").response.status, 200, "the port serves as well");
    eventually("the log says so", || {
        objects(&log).iter().filter(|line| line["client"] == "127.0.0.1").count() >= 4
    });
    let served = router.api().metrics().sum("rolling_connections_accepted_total", &[]);
    assert!(served >= 2.0, "{served}");
}

#[test]
fn a_proxy_that_comes_by_a_file_is_trusted_where_loopback_is() {
    let (_dir, path, flag) = place();
    let _router = on(router().stable("v1"), &flag).flag("--trusted-networks=127.0.0.0/8").start();
    let lines = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n";
    let text = Client::open(&path).ask(&get(lines)).expect("an answer").text();
    assert!(
        text.contains("x-real-ip: 192.0.2.7\r\n") && text.contains("x-forwarded-proto: https\r\n"),
        "{text}"
    );
}

#[test]
fn a_websocket_passes_and_an_answer_that_is_cut_is_seen_to_be() {
    let (_dir, path, flag) = place();
    let _router = on(router().stable_on("v1", vec![echo_sockets("v1")]), &flag).start();
    let mut client = Client::open(&path);
    assert_eq!(client.ask(&upgrade("/chat", "shop.example.test")).map(|response| response.status), Some(101));
    client.0.stream.write_all(&masked_frame(TEXT, b"hello")).expect("the tunnel takes it");
    let mut echoed = vec![0; 7];
    client.0.stream.read_exact(&mut echoed).expect("it comes back");
    assert_eq!(echoed, frame(TEXT, b"hello"));
    let cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    let (_dir, path, flag) = place();
    let endpoint = support::scripted(move |_| Reply::Close(cut.clone()));
    let _router = on(router().stable_on("v1", vec![endpoint]), &flag).start();
    assert!(Client::open(&path).ask(&get("")).is_none(), "no last chunk");
}

#[test]
fn the_file_goes_with_the_router_and_one_that_was_left_is_taken() {
    let (_dir, path, flag) = place();
    let mut first = on(router().stable("v1").durable(), &flag).start();
    first.kill();
    assert!(path.exists(), "nobody took it away");
    first.start_again();
    assert_eq!(Client::open(&path).ask(&get("")).map(|response| response.status), Some(200));
    let state = first.path("other").display().to_string();
    let taken = run(
        &["serve", "--store", "memory", "--state", &state, "--admin", "127.0.0.1:0", "--listen", &flag],
        &[],
    );
    assert_ne!(taken.code, 0, "{taken:?}");
    assert!(taken.err.contains("cannot listen on unix:") && taken.err.contains("in use"), "{taken:?}");
    assert_eq!(
        Client::open(&path).ask(&get("")).map(|response| response.status),
        Some(200),
        "nobody's but its own"
    );
    first.terminate();
    eventually("it has ended", || first.exit_code() == Some(0));
    assert!(!path.exists());
    fs::write(&path, "mine").expect("a file can be written");
    let refused = run(
        &["serve", "--store", "memory", "--state", &state, "--admin", "127.0.0.1:0", "--listen", &flag],
        &[],
    );
    assert!(refused.err.contains("there is a file that is no socket"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "mine");
}

#[test]
fn check_says_what_is_wrong_with_a_file() {
    let (dir, path, _) = place();
    for (value, told) in [
        (format!("unix:{}/none/front.sock", dir.path().display()), "its folder does not exist"),
        ("unix:front.sock".to_owned(), "an absolute path"),
        (format!("unix:{0},unix:{0}", path.display()), "is given twice"),
    ] {
        let ran = run(&["check", "--store", "memory", "--admin", "127.0.0.1:0", "--listen", &value], &[]);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(ran.code != 0 && said.contains(told), "{value}: {ran:?}");
    }
    let flag = format!("unix:{}", path.display());
    let ran = run(&["check", "--store", "memory", "--admin", "127.0.0.1:0", "--listen", &flag], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains(&format!("end users on {flag}")), "{ran:?}");
    assert!(UnixListener::bind(&path).is_ok(), "it listens nowhere");
}

/// Newcomers come all the time while the router is replaced twice and then ends: all who could connect are answered.
#[test]
fn an_upgrade_and_an_end_lose_nobody() {
    let (_dir, path, flag) = place();
    let mut router = on(router().stable("v1").durable().workers(2), &flag).flag("--grace-seconds=1").start();
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (path, over, answered) = (path.clone(), Arc::clone(&over), Arc::clone(&answered));
            thread::spawn(move || {
                let mut failures = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    // Once the file is gone nobody can come.
                    let Some(mut client) = Client::try_open(&path) else { continue };
                    match client.ask(&get("Connection: close\r\n")).map(|response| response.status) {
                        Some(200) => drop(answered.fetch_add(1, Ordering::SeqCst)),
                        other => failures.push(format!("{other:?}")),
                    }
                }
                failures
            })
        })
        .collect();
    for _ in 0..2 {
        let before = answered.load(Ordering::SeqCst);
        router.upgrade();
        eventually("newcomers are served", || answered.load(Ordering::SeqCst) > before + 20);
    }
    router.api().put("blend", &json!({ "percent": 0 }));
    router.terminate();
    eventually("it has ended", || !path.exists());
    over.store(true, Ordering::SeqCst);
    for client in clients {
        assert_eq!(client.join().expect("it ends"), Vec::<String>::new());
    }
}
