//! Endpoints at sockets in the file system: they are routed, pinned, checked, drained and told like those at addresses, and only
//! where the router's settings allow them.

use serde_json::{Value, json};
use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::thread;
use support::command::ask;
use support::http2_endpoint::Http2Endpoint;
use support::log::objects;
use support::router::id;
use support::websocket::{Socket, echo_sockets};
use support::{Router, RouterBuilder, Visitor, echo, eventually, router};

/// A folder that endpoints may be in, and a place beside it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        fs::create_dir(dir.path().join("apps")).expect("a folder can be made");
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("apps").join(name)
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A router that takes endpoints in the folder.
    fn allows(&self, builder: RouterBuilder) -> RouterBuilder {
        builder.flag(&format!("--endpoint-sockets={}", self.beside("apps").display()))
    }
}

/// A socket that passes each connection on to an endpoint.
struct UnixFront {
    endpoint: String,
    path: PathBuf,
    stopped: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl UnixFront {
    fn start(path: PathBuf, to: SocketAddr) -> Self {
        let listener = UnixListener::bind(&path).expect("a socket can be made there");
        let front = Self {
            endpoint: format!("unix:{}", path.display()),
            path,
            stopped: Arc::default(),
            accepted: Arc::default(),
            open: Arc::default(),
        };
        let (stopped, accepted, open) =
            (Arc::clone(&front.stopped), Arc::clone(&front.accepted), Arc::clone(&front.open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                accepted.fetch_add(1, Ordering::SeqCst);
                open.lock().expect("nobody panicked").push(client.try_clone().expect("a descriptor is left"));
                if let Ok(server) = TcpStream::connect(to) {
                    relay(client, server);
                }
            }
        });
        front
    }

    fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Ends as a process that is killed does: its file stays.
    fn kill(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The listener waits for one more.
        drop(UnixStream::connect(&self.path));
        for stream in self.open.lock().expect("nobody panicked").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        eventually("nobody listens there", || UnixStream::connect(&self.path).is_err());
    }
}

impl Drop for UnixFront {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(UnixStream::connect(&self.path));
    }
}

fn relay(client: UnixStream, server: TcpStream) {
    let (mut from, mut to) = (
        client.try_clone().expect("a descriptor is left"),
        server.try_clone().expect("a descriptor is left"),
    );
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn shows(router: &Router, release: &str) -> bool {
    router.visitor().get("/").release == release
}

fn key(release: &str, container: &str) -> String {
    format!("{}/{container}", id(release))
}

/// A client that lands at the endpoint with this address.
fn client_of(router: &Router, endpoint: SocketAddr) -> Visitor {
    let arrive = || {
        let mut visitor = router.visitor();
        (visitor.get("/").endpoint == endpoint.to_string()).then_some(visitor)
    };
    (0..1_000).find_map(|_| arrive()).expect("some client lands there")
}

/// What is said of a release's endpoint.
fn detail(router: &Router, track: &str) -> String {
    let state = router.api().state();
    state[track]["endpoints"][0]["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn releases_are_set_promoted_and_told_by_socket() {
    let folder = Folder::new();
    let log = folder.beside("access.log");
    let router = folder.allows(router()).access_log(&log).start();
    let (v1, v2) = (echo("v1"), echo("v2"));
    let first = UnixFront::start(folder.path("v1.sock"), v1.address);
    let second = UnixFront::start(folder.path("v2.sock"), v2.address);
    let set = ask(&router, "operator", &["stable", "set", "v1", "--endpoint", &first.endpoint]);
    assert_eq!(set.code, 0, "{set:?}");
    let mut client = router.visitor();
    assert_eq!(client.get("/").release, "v1");
    assert_eq!(client.get("/").release, "v1");
    let api = router.api();
    // The key has %2F, which is written so in a URL.
    let stored = key("v1", &first.endpoint.replace('/', "%252F"));
    assert_eq!(api.kv_get(&stored), first.endpoint, "one key for each endpoint");
    api.put("candidate", &json!({ "release": "v2", "endpoints": [&second.endpoint], "blend": 0 }))
        .expect(200);
    assert_eq!(api.state()["candidate"]["endpoints"][0]["address"], json!(second.endpoint));
    eventually("it is checked", || api.state()["candidate"]["endpoints"][0]["checked"] == true);
    api.post("promote", &json!({})).expect(200);
    assert!(shows(&router, "v2"));
    let explained = ask(&router, "viewer", &["explain"]);
    assert!(explained.out.contains(&second.endpoint), "{explained:?}");
    eventually("the log says so", || {
        let lines = objects(&log);
        lines.iter().any(|line| line["endpoint"] == json!(first.endpoint))
            && lines.iter().any(|line| line["endpoint"] == json!(second.endpoint))
    });
    let listed = ask(&router, "viewer", &["endpoint", "list", "v2"]);
    assert!(listed.out.contains(&second.endpoint), "{listed:?}");
}

#[test]
fn endpoints_at_sockets_are_added_drained_and_removed() {
    let folder = Folder::new();
    let router = folder.allows(router()).start();
    let (one, two) = (echo("v1"), echo("v1"));
    let first = UnixFront::start(folder.path("one.sock"), one.address);
    let second = UnixFront::start(folder.path("two.sock"), two.address);
    ask(&router, "operator", &["stable", "set", "v1", "--endpoint", &first.endpoint]);
    let run = |words: &[&str]| {
        let ran = ask(&router, "operator", words);
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    run(&["endpoint", "add", "v1", &second.endpoint]);
    eventually("both are routed", || {
        router.api().state()["stable"]["endpoints"].as_array().map(Vec::len) == Some(2)
    });
    let mut client = client_of(&router, one.address);
    run(&["drain", "endpoint", "v1", &first.endpoint]);
    assert_eq!(client.get("/").endpoint, two.address.to_string());
    let path = |endpoint: &str| format!("releases/v1/endpoints/{}/drain", endpoint.replace('/', "%2F"));
    let left = router.api().get(&path(&first.endpoint)).expect(200).json();
    assert_eq!(left["address"], json!(first.endpoint));
    run(&["drain", "lift", "v1", &first.endpoint]);
    run(&["endpoint", "remove", "v1", &second.endpoint]);
    assert_eq!(client.get("/").endpoint, one.address.to_string());
    router.api().get(&path("unix:relative")).expect(400);
}

#[test]
fn a_pin_leads_to_its_socket_over_a_restart() {
    let folder = Folder::new();
    let mut router = folder.allows(router()).durable().start();
    let endpoints = [echo("v1"), echo("v1"), echo("v1")];
    let fronts: Vec<UnixFront> = endpoints
        .iter()
        .enumerate()
        .map(|(at, endpoint)| UnixFront::start(folder.path(&format!("{at}.sock")), endpoint.address))
        .collect();
    let all: Vec<&str> = fronts.iter().map(|front| front.endpoint.as_str()).collect();
    router.api().put("stable", &json!({ "release": "v1", "endpoints": all })).expect(200);
    let mut clients = [0, 1, 2].map(|at| client_of(&router, endpoints[at].address));
    router.kill();
    router.start_again();
    for (at, client) in clients.iter_mut().enumerate() {
        client.hang_up();
        let visit = client.get("/");
        assert_eq!((visit.endpoint, visit.pinned), (endpoints[at].address.to_string(), false));
    }
}

#[test]
fn a_socket_that_nobody_listens_on_fails_like_a_port() {
    let folder = Folder::new();
    let router = folder.allows(router()).start();
    let (one, two, three) = (echo("v1"), echo("v1"), echo("v2"));
    let first = UnixFront::start(folder.path("one.sock"), one.address);
    let second = UnixFront::start(folder.path("two.sock"), two.address);
    let candidate = UnixFront::start(folder.path("candidate.sock"), three.address);
    let (api, all) = (router.api(), [&first.endpoint, &second.endpoint]);
    api.put("stable", &json!({ "release": "v1", "endpoints": all })).expect(200);
    let mut client = client_of(&router, one.address);
    first.kill();
    let visit = client.get("/");
    assert_eq!(
        (visit.response.status, visit.endpoint),
        (200, two.address.to_string()),
        "another one answers"
    );
    eventually("the check says so", || {
        let state = api.state();
        let endpoints = state["stable"]["endpoints"].as_array().cloned().unwrap_or_default();
        endpoints.iter().any(|endpoint| {
            endpoint["address"] == json!(first.endpoint)
                && endpoint["healthy"] == false
                && endpoint["detail"].as_str().is_some_and(|text| text.contains("refused"))
        })
    });
    let body = json!({ "release": "v2", "endpoints": [&candidate.endpoint], "blend": 100 });
    api.put("candidate", &body).expect(200);
    assert!(shows(&router, "v2"));
    candidate.kill();
    assert!(shows(&router, "v1"), "shielded");
    second.kill();
    let status = || router.visitor().try_get("/").map(|visit| visit.response.status);
    eventually("nothing is left", || status() == Ok(502));
    fs::remove_file(&first.path).unwrap();
    let again = UnixFront::start(folder.path("one.sock"), one.address);
    eventually("what comes back serves", || status() == Ok(200));
    assert!(again.connections() > 0);
}

#[test]
fn only_folders_that_are_named_have_endpoints() {
    let folder = Folder::new();
    let own = folder.path("front.sock");
    let router = folder.allows(router()).also_on(&format!("unix:{}", own.display())).start();
    let engine = echo("engine");
    let forbidden = UnixFront::start(folder.beside("engine.sock"), engine.address);
    let api = router.api();
    let refused = |api: &support::Api, endpoint: &str| -> (Value, String) {
        let answer = api.put("stable", &json!({ "release": "v1", "endpoints": [endpoint] })).expect(422);
        let error = answer.json()["error"].clone();
        (error["field"].clone(), error["message"].as_str().unwrap().to_owned())
    };
    let (field, message) = refused(&api, &forbidden.endpoint);
    assert_eq!(field, json!("endpoints[0]"));
    let allowed = folder.beside("apps").display().to_string();
    assert!(message.contains(&forbidden.endpoint) && message.contains("`endpoint_sockets`"), "{message}");
    assert!(message.contains(&allowed), "{message}");
    let up = format!("unix:{}", folder.path("../engine.sock").display());
    assert!(refused(&api, &up).1.contains("without `.`, `..`"));
    for wrong in
        [format!("unix:{allowed}/"), format!("unix:{allowed}/{}", "x".repeat(108)), "unix:/a\nb".into()]
    {
        assert!(refused(&api, &wrong).1.contains("at most 107 bytes"), "{wrong}");
    }
    let (_, message) = refused(&api, &format!("unix:{}", own.display()));
    assert!(message.contains("the router itself"), "{message}");
    let raw = api.kv_put(&key("v1", "c1"), &forbidden.endpoint);
    assert!(
        raw.status() >= 400 && raw.response.text().contains("`endpoint_sockets`"),
        "{}",
        raw.response.text()
    );
    let add = json!({ "address": forbidden.endpoint });
    api.put("releases/v1/endpoints/c1", &add).expect(422);
    let closed = support::router().start();
    let (_, message) = refused(&closed.api(), &forbidden.endpoint);
    assert!(message.contains("it names none"), "{message}");
    assert_eq!(forbidden.connections(), 0);
}

#[test]
fn no_link_leads_out_of_a_folder() {
    let folder = Folder::new();
    let own = folder.beside("front.sock");
    let router = folder.allows(router()).also_on(&format!("unix:{}", own.display())).start();
    let engine = echo("engine");
    let forbidden = UnixFront::start(folder.beside("engine.sock"), engine.address);
    let web = echo("v1");
    let inside = UnixFront::start(folder.path("web.sock"), web.address);
    let link = |to: &Path, name: &str| {
        symlink(to, folder.path(name)).unwrap();
        format!("unix:{}", folder.path(name).display())
    };
    let within = link(Path::new("web.sock"), "within.sock");
    let out = link(Path::new("../engine.sock"), "out.sock");
    let itself = link(&own, "itself.sock");
    let api = router.api();
    api.put("stable", &json!({ "release": "v1", "endpoints": [within] })).expect(200);
    assert!(shows(&router, "v1"), "a link within the folder is followed");
    assert!(inside.connections() > 0);
    for endpoint in [&out, &itself] {
        api.put("candidate", &json!({ "release": "v2", "endpoints": [endpoint], "blend": 0 })).expect(200);
        eventually("the check says why", || detail(&router, "candidate").contains("`endpoint_sockets`"));
        let tested = api.post("releases/v2/test", &json!({})).expect(200).json();
        assert_eq!(tested["passes"], false, "{tested}");
        api.post("promote", &json!({})).expect(409);
        api.post("abort", &json!({})).expect(200);
    }
    assert_eq!(forbidden.connections(), 0, "nobody was there");
}

#[test]
fn websockets_http2_and_health_paths_go_by_sockets() {
    let folder = Folder::new();
    let router = folder.allows(router()).start();
    let sockets = echo_sockets("v1");
    let plain = UnixFront::start(folder.path("sockets.sock"), sockets.address);
    let api = router.api();
    api.put("stable", &json!({ "release": "v1", "endpoints": [&plain.endpoint] })).expect(200);
    let mut socket = Socket::open(&router, "/chat", "");
    socket.assert_echo("by a path");
    let endpoint = Http2Endpoint::start("v2", 100);
    let multiplexed = UnixFront::start(folder.path("h2.sock"), endpoint.address);
    api.put("settings", &json!({ "upstream": "h2c", "health": { "path": "/healthz" } })).expect(200);
    api.put("stable", &json!({ "release": "v2", "endpoints": [&multiplexed.endpoint], "force": true }))
        .expect(200);
    let visit = router.visitor().get("/page");
    assert_eq!((visit.response.status, visit.release.as_str()), (200, "v2"));
    eventually("it is checked", || endpoint.requests("/healthz") > 0);
    api.put("settings", &json!({ "upstream": "https", "hosts": [] })).expect(200);
    eventually("a path proves no name", || detail(&router, "stable").contains("`upstream_tls.server_name`"));
}
