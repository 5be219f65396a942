//! What a health check sends, what it takes for healthy, how it ends, and what is said of the last one that failed. Endpoints
//! are real Python servers where their own habits matter.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use support::{
    Reply, Router, clock::pause, eventually, message::ReceivedMessage, router, router::id, scripted,
};
use tempfile::TempDir;

/// A server of Python's own library, killed with its handle. What it logs is in a file.
struct Python {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Python {
    /// Starts it; its first line ends with the word `port` and the port.
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new("python3");
        command.arg("-u").args(arguments).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("python3 starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut line).expect("it says its port");
        let port = line.split("port ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let port: u16 = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        Self { child, folder, address: ([127, 0, 0, 1], port).into() }
    }

    /// `python3 -m http.server`.
    fn file_server() -> Self {
        Self::start(&["-m", "http.server", "0", "--bind", "127.0.0.1"])
    }

    /// Answers only requests for `shop.example`, as a framework with allowed hosts does.
    fn with_allowed_hosts() -> Self {
        Self::start(&["-c", ALLOWED_HOSTS])
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ALLOWED_HOSTS: &str = "
from wsgiref.simple_server import make_server
def app(environ, start):
    known = environ['HTTP_HOST'] == 'shop.example'
    start('200 OK' if known else '400 Bad Request', [('Content-Type', 'text/plain')])
    return [b'fine' if known else b'DisallowedHost']
server = make_server('127.0.0.1', 0, app)
print('port', server.server_port)
server.serve_forever()
";

fn settings(health: &Value, hosts: &[&str]) -> String {
    json!({ "health": health, "hosts": hosts }).to_string()
}

/// A router whose stable release is at this address.
fn serving(address: SocketAddr, settings: &str) -> Router {
    let address_key = format!("{}/c0", id("v1"));
    let builder = router().stable_on("v1", vec![]).key(&address_key, &address.to_string());
    builder.key("rolling/hello/settings", settings).start()
}

fn endpoint(router: &Router) -> Value {
    router.api().state()["stable"]["endpoints"][0].clone()
}

/// Checks ended with a reset, which Python's server logs with a traceback, every time.
#[test]
fn checks_leave_the_log_of_a_python_server_free_of_errors() {
    let python = Python::file_server();
    let health = json!({ "interval_ms": 100, "timeout_ms": 100 });
    let router = serving(python.address, &settings(&health, &[]));
    eventually("it is checked by connecting", || endpoint(&router)["checked"] == true);
    pause(Duration::from_millis(800));
    let health = json!({ "path": "/", "interval_ms": 100, "timeout_ms": 100 });
    router.api().put("settings", &json!({ "health": health })).expect(200);
    eventually("it is asked", || python.log().matches("\"GET / HTTP/1.1\" 200").count() >= 5);
    let log = python.log();
    assert!(!log.contains("Traceback") && !log.contains("Exception") && !log.contains("Error"), "{log}");
    assert_eq!(endpoint(&router)["healthy"], true);
}

/// An endpoint that takes only hosts it knows was out for ever: a check named its address as the Host.
#[test]
fn a_check_asks_for_a_host_of_the_app_or_for_the_one_that_is_set() {
    let python = Python::with_allowed_hosts();
    let health = json!({ "path": "/", "interval_ms": 200, "timeout_ms": 200, "fall": 1 });
    let router = serving(python.address, &settings(&health, &["*.shop.example", "shop.example"]));
    eventually("it is checked", || endpoint(&router)["checked"] == true);
    assert_eq!(endpoint(&router)["healthy"], true, "the first exact host is sent");
    let with_host = |host: &str| {
        let mut health = health.clone();
        health["host"] = json!(host);
        router.api().put("settings", &json!({ "health": health, "hosts": ["other.example"] })).expect(200);
    };
    with_host("blog.example");
    eventually("another host is refused", || endpoint(&router)["healthy"] == false);
    assert_eq!(endpoint(&router)["detail"], "/ answered 400; allowed is 200-399");
    with_host("shop.example");
    eventually("the host that is set is sent", || endpoint(&router)["healthy"] == true);
}

#[test]
fn a_check_sends_the_headers_that_are_set() {
    let asked = |received: &ReceivedMessage| match String::from_utf8_lossy(&received.head)
        .to_ascii_lowercase()
        .contains("x-check: yes\r\n")
    {
        true => Reply::ok("fine"),
        false => Reply::response("403 Forbidden", &[], ""),
    };
    let peer = scripted(asked);
    let health = json!({ "path": "/healthz", "interval_ms": 200, "timeout_ms": 200, "fall": 1 });
    let router = serving(peer.address, &settings(&health, &[]));
    eventually("it is refused", || {
        endpoint(&router)["detail"] == "/healthz answered 403; allowed is 200-399"
    });
    let mut health = health;
    health["headers"] = json!(["X-Check: yes"]);
    router.api().put("settings", &json!({ "health": health })).expect(200);
    eventually("it is let in", || endpoint(&router)["healthy"] == true);
}

/// What a check of `/healthz` makes of each answer: null if it is healthy, or why it is not.
#[test]
fn an_answer_is_judged_by_status_and_body_and_the_reason_is_said() {
    let peer = scripted(|_| Reply::ok("release v1"));
    let health = json!({ "path": "/healthz", "interval_ms": 300, "timeout_ms": 300, "fall": 1,
        "body_contains": "release v1" });
    let router = serving(peer.address, &settings(&health, &[]));
    let raw = |text: &str| Reply::Close(text.replace('|', "\r\n").into_bytes());
    let other = "/healthz answered 200, and its body does not contain `release v1`";
    let chunked = "HTTP/1.1 200 OK|Transfer-Encoding: chunked||7|release|3| v1|0||";
    let informed = "HTTP/1.1 100 Continue||HTTP/1.1 103 Early Hints|Link: </a>||HTTP/1.1 200 OK|Content-Length: 10||release v1";
    for (reply, reason) in [
        (Reply::ok("release v2"), Some(other)),
        (raw(chunked), None),
        (
            Reply::response("502 Bad Gateway", &[], "release v1"),
            Some("/healthz answered 502; allowed is 200-399"),
        ),
        (raw(informed), None),
        (Reply::Close(Vec::new()), Some("closed the connection without an answer")),
        (Reply::ok("this is release v1."), None),
        (raw("SSH-2.0-server|"), Some("answered something that is not HTTP/1.1")),
        (Reply::ok("release v1"), None),
        (Reply::Hang(Vec::new()), Some("did not answer within 300 ms")),
        (Reply::ok("release v1"), None),
    ] {
        peer.always(reply);
        let wanted = reason.map_or(Value::Null, |reason| json!(reason));
        eventually(reason.unwrap_or("it is healthy"), || endpoint(&router)["detail"] == wanted);
        assert_eq!(endpoint(&router)["healthy"], reason.is_none());
    }
    peer.stop();
    eventually("it is refused", || endpoint(&router)["detail"] == "refused the connection");
}

/// A candidate that was set a moment ago counts as healthy for routing, and was promoted although nothing listened there.
#[test]
fn what_becomes_stable_passes_its_own_check_first_and_a_refusal_says_what_each_endpoint_answered() {
    let health =
        json!({ "path": "/healthz", "interval_ms": 60_000, "timeout_ms": 400, "body_contains": "of hello" });
    let dead = scripted(|_| Reply::ok("page of hello"));
    let other = scripted(|_| Reply::ok("page of another app"));
    let builder = router().stable_on("v1", vec![scripted(|_| Reply::ok("page of hello"))]);
    let builder = builder.release("v2", vec![dead]).release("v3", vec![other]);
    let router = builder.key("rolling/hello/settings", &settings(&health, &[])).start();
    let (api, dead, other) = (router.api(), router.endpoint("v2"), router.endpoint("v3"));
    dead.stop();
    let refused = |answer: support::Answer, endpoint: SocketAddr, said: &str| {
        let answer = answer.expect(409);
        let text = answer.response.text();
        assert_eq!(answer.code(), "target_unhealthy");
        assert!(text.contains(&endpoint.to_string()) && text.contains(said), "{text}");
    };
    api.put("candidate", &json!({ "id": id("v2") })).expect(200);
    refused(api.post("promote", &json!({})), dead.address, "refused the connection");
    refused(api.put("stable", &json!({ "id": id("v2") })), dead.address, "refused the connection");
    refused(api.put("stable", &json!({ "id": id("v3") })), other.address, "does not contain");
    let ci = json!({ "release": "v2", "force": true });
    refused(router.api_as("ci").post("promote", &ci), dead.address, "refused the connection");
    assert_eq!(api.state()["stable"]["release"], "v1");
    let started = dead.address;
    let starting = std::thread::spawn(move || {
        pause(Duration::from_millis(700));
        support::Endpoint::scripted_at(started, |_| Reply::ok("page of hello"))
    });
    api.post("promote", &json!({ "wait": 30 })).expect(200);
    let _started = starting.join().expect("it starts");
    router.endpoint("v1").always(Reply::response("502 Bad Gateway", &[], ""));
    refused(api.post("rollback", &json!({})), router.endpoint("v1").address, "/healthz answered 502");
    api.post("rollback", &json!({ "force": true })).expect(200);
}
