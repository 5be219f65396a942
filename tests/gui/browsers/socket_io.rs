//! A real socket.io client in a page of another site, with real socket.io servers as endpoints, all with their defaults. It
//! begins with long polling, whose session one endpoint alone knows, and then upgrades to a WebSocket.

use super::{Stage, browser, run};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use support::router;
use support::router::{APP, id};

/// The folder with socket.io.
static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("socketio");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gui/install-socketio");
    let run = Command::new(script).arg(&folder).output().expect("the script can be run");
    assert!(run.status.success(), "socket.io is not to be had:\n{}", String::from_utf8_lossy(&run.stderr));
    folder
});

/// A socket.io server of a release; it ends when dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(release: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gui/socketio/server.js");
        let mut process = Command::new("node")
            .arg(script)
            .arg(&*INSTALLED)
            .arg(release)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be run");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output is piped");
        BufReader::new(out).read_line(&mut line).expect("it says its port");
        Self { process, port: line.trim().parse().expect("a port is a number") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Connects, waits for the upgrade, and asks five times for the release: errors, transport, releases.
fn session(url: &str, options: &str) -> String {
    format!(
        "await new Promise((done, failed) => {{
            const script = document.createElement('script');
            [script.src, script.onload, script.onerror] = ['{url}socket.io/socket.io.js', done, failed];
            document.head.append(script);
        }});
        const errors = [];
        const soon = (wait) => Promise.race([wait, new Promise((done) => setTimeout(done, 10000, 'late'))]);
        const socket = io('{url}', {{forceNew: true, ...{options}}});
        socket.on('connect_error', (error) => errors.push(String(error)));
        await soon(new Promise((done) => socket.on('connect', done)));
        if (socket.io.engine.transport.name !== 'websocket')
            await soon(new Promise((done) => socket.io.engine.on('upgrade', done)));
        const transport = socket.io.engine.transport.name;
        const releases = [];
        for (let n = 0; n < 5; n++) releases.push(await soon(new Promise((done) => socket.emit('release', done))));
        socket.close();
        return {{errors, transport, releases}};"
    )
}

/// A router whose two releases have two of these servers each.
fn stage(servers: &[(&str, Server)]) -> Stage {
    let mut builder = router().blend(50);
    for (number, (release, server)) in servers.iter().enumerate() {
        builder = builder.key(&format!("{}/c{number}", id(release)), &format!("127.0.0.1:{}", server.port));
    }
    let track = |track: &str| format!("rolling/{APP}/{track}/id");
    Stage::of(builder.key(&track("stable"), &id("v1")).key(&track("candidate"), &id("v2")))
}

/// Its polls were drawn one by one, so it got 400s until chance helped. With its defaults it keeps no cookie, and has to be at
/// its WebSocket before a bunch is over.
#[test]
fn a_socket_io_client_of_another_site_connects_at_once_and_stays() {
    let servers = ["v1", "v1", "v2", "v2"].map(|release| (release, Server::start(release)));
    let browser = browser();
    for scheme in ["https", "http"] {
        for options in ["{withCredentials: true}", "{}"] {
            // A router of its own for each, which knows nobody yet.
            let stage = stage(&servers);
            browser.open(&stage.elsewhere("/"));
            let seen = run(&browser, &session(&stage.shop(scheme, "shop"), options));
            assert_eq!(seen["errors"], json!([]), "{scheme} {options}");
            assert_eq!(seen["transport"], json!("websocket"), "{scheme} {options}");
            let releases = seen["releases"].as_array().cloned().unwrap_or_default();
            let first = releases.first().cloned().unwrap_or(Value::Null);
            assert!(first == json!("v1") || first == json!("v2"), "{releases:?}");
            assert_eq!(releases, vec![first; 5], "{scheme} {options}");
        }
    }
}
