//! HAProxy in front, with the check that its `option httpchk` makes: HTTP/1.0 without Host.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::router::{free_port, id};
use support::{Router, Wire, eventually, router};

/// A running HAProxy; it ends with the test.
struct HaProxy {
    child: Child,
    front: std::net::SocketAddr,
    dir: tempfile::TempDir,
}

impl HaProxy {
    /// In front of a router that trusts it. `check` is what it asks the router for, as `option httpchk` takes it.
    fn before(router: &Router, check: &str) -> Self {
        let (dir, front) = (tempfile::tempdir().expect("a temporary directory can be made"), free_port());
        let mut text = String::new();
        let socket = dir.path().join("stats");
        let _ = write!(
            text,
            "global\n stats socket {}\n\ndefaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\n\
             frontend f\n bind {front}\n option forwardfor\n http-request set-header X-Forwarded-Proto https\n default_backend b\n\n\
             backend b\n option httpchk {check}\n http-check expect status 200\n server s {} check inter 200ms\n",
            socket.display(),
            router.front
        );
        let file = dir.path().join("haproxy.cfg");
        fs::write(&file, text).expect("the file can be written");
        let mut command = Command::new("haproxy");
        command
            .arg("-db")
            .arg("-f")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self { child: command.spawn().expect("haproxy can be run"), front, dir }
    }

    /// What it says about the router: its state, and how its last check went.
    fn state(&self) -> Option<(String, String)> {
        let said = ask(&self.dir.path().join("stats"), "show stat\n")?;
        let mut lines = said.lines();
        let names: Vec<&str> = lines.next()?.trim_start_matches("# ").split(',').collect();
        let row: Vec<&str> = lines.find(|line| line.starts_with("b,s,"))?.split(',').collect();
        let field = |name: &str| {
            row[names.iter().position(|known| *known == name).expect("it has this field")].to_owned()
        };
        Some((field("status"), field("check_status")))
    }
}

fn ask(socket: &Path, command: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.write_all(command.as_bytes()).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    Some(said)
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its check was answered 400, so the site was down.
#[test]
fn a_router_behind_haproxy_is_up_and_clients_are_seen_through_it() {
    let router = router().stable("v1").flag("--trusted-networks=127.0.0.0/8").start();
    let proxy = HaProxy::before(&router, "");
    let mut state = None;
    eventually("its first check has ended", || {
        state = proxy.state();
        state.as_ref().is_some_and(|(_, check)| check.starts_with("L7") || check.starts_with("L4CON"))
    });
    assert_eq!(state, Some(("UP".to_owned(), "L7OK".to_owned())));
    router.endpoint("v1").take();
    let mut wire = Wire::open_from(proxy.front, [127, 0, 0, 1]);
    wire.send("GET /page HTTP/1.1\r\nHost: shop.example.test\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    assert_eq!(wire.response("GET").status, 200);
    let arrived = router.endpoint("v1").take();
    let page = arrived.iter().find(|received| received.target() == "/page").expect("it arrived");
    assert_eq!(page.header("x-forwarded-proto"), Some("https"));
    assert_eq!(page.header("x-forwarded-port"), Some("443"));
    assert!(
        page.header("forwarded").is_some_and(|value| value.contains("proto=https")),
        "{:?}",
        page.headers
    );
}

/// No app claims the Host that it sends, so only the health path can tell it that the router is ready, and when that ends.
#[test]
fn haproxy_asks_the_health_path_and_sees_the_end_coming() {
    let hosts = r#"{"hosts": ["shop.example.test"]}"#;
    let builder = router().deployed("v1").key("rolling/hello/settings", hosts);
    let builder =
        builder.key("rolling/hello/stable/id", &id("v1")).flag("--front-health-path=/router-health");
    let mut router = builder.flag("--grace-seconds=15").start();
    let proxy = HaProxy::before(&router, "/router-health");
    let is = |wanted: (&str, &str)| {
        proxy.state().is_some_and(|(status, check)| (status.as_str(), check.as_str()) == wanted)
    };
    eventually("it is up", || is(("UP", "L7OK")));
    router.terminate();
    eventually("it is down while it still serves", || is(("DOWN", "L7STS")));
    router.kill();
}

/// The exact bytes of that check, and where nobody serves as the default app.
#[test]
fn the_check_leads_to_the_default_app_and_else_is_misdirected() {
    let check = "OPTIONS / HTTP/1.0\r\n\r\n";
    let hello = router().stable("v1").start();
    let mut wire = hello.connect();
    wire.send(check);
    let response = wire.response("OPTIONS");
    assert_eq!((response.status, response.header("x-release")), (200, Some("v1")));
    wire.assert_closed();
    let hosts = r#"{"hosts": ["blog.example.test"]}"#;
    let builder = router().deployed("v1").key("rolling/blog/settings", hosts);
    let router = builder.key("rolling/blog/stable/id", &id("v1")).start();
    let mut wire = router.connect();
    wire.send("GET / HTTP/1.1\r\nHost: blog.example.test\r\n\r\n");
    assert_eq!(wire.response("GET").status, 200, "the app is served under its own name");
    wire.send(check);
    assert_eq!(wire.response("OPTIONS").status, 421);
}
