//! Two hundred end users with requests and WebSockets, while endpoints of the candidate are killed, hang and come back.
//! Nobody sees a failure of a request that may be repeated, and whoever moves does so once, to stable, for a reason.

use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, pause};
use support::log::objects;
use support::router::free_port;
use support::visitor::pin_of;
use support::websocket::{NONCE, TEXT, echo_frames, masked_frame, read_frame, upgrade, upgrade_answer};
use support::{Endpoint, Peer, Response, Router, Visitor, Wire, count, eventually, router};

const CLIENTS: usize = 200;
const THREADS: usize = 20;
/// Every fifth has a socket too.
const WITH_SOCKET: usize = 5;
/// Who has moved asks so often from stable, then leaves for good, and somebody new comes.
const STAYS: usize = 15;
/// Who was on stable from the start leaves too, so that there are always some on the candidate.
const REQUESTS: usize = 50;

#[test]
fn candidate_endpoints_that_die_hang_and_return_fail_nobody() {
    let log = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let settings = r#"{"shielding": {"first_byte_ms": 400}, "health": {"interval_ms": 300, "timeout_ms": 300, "fall": 2}}"#;
    let stable = Site::start("v1");
    let candidate: Vec<Site> = (0..3).map(|_| Site::start("v2")).collect();
    let mut builder = router().workers(2).blend(50).access_log(log.path());
    for (n, site) in candidate.iter().enumerate() {
        builder = builder.key(&format!("apps/hello-v2-80/containers/c{n}"), &site.address.to_string());
    }
    let router = builder
        .key("apps/hello-v1-80/containers/c0", &stable.address.to_string())
        .key("rolling/hello/stable/id", "apps/hello-v1-80/containers")
        .key("rolling/hello/candidate/id", "apps/hello-v2-80/containers")
        .key("rolling/hello/settings", settings)
        .start();
    let (over, asked, left) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let lives: Vec<Life> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| (&router, &over, &asked, &left, thread))
            .map(|(router, over, asked, left, thread)| {
                scope.spawn(move || live(router, thread, over, asked, left))
            })
            .collect();
        eventually("everybody has begun", || asked.load(Ordering::SeqCst) > 2 * CLIENTS);
        let length = Deadline::after(Duration::from_secs(count(8, 60) as u64));
        // Where others take the time of the machine, nothing may have happened yet.
        let patience = Deadline::after(PATIENCE);
        let is_enough = || length.passed() && (left.load(Ordering::SeqCst) > 0 || patience.passed());
        torment(candidate, is_enough);
        over.store(true, Ordering::SeqCst);
        threads.into_iter().flat_map(|thread| thread.join().expect("clients end")).collect()
    });
    println!("{} requests, {} clients", asked.into_inner(), lives.len());
    judge(&router, &lives, log.path());
}

fn judge(router: &Router, lives: &[Life], log: &std::path::Path) {
    let failures: Vec<&String> = lives.iter().flat_map(|life| &life.failures).collect();
    let moved: Vec<&String> = lives.iter().filter_map(|life| life.moved.as_ref()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(lives.len() > CLIENTS && !moved.is_empty(), "something happened");
    let reasons = reasons_in(log, &moved);
    for request in &moved {
        let reason = reasons.get(*request).map(String::as_str);
        assert!(matches!(reason, Some("shielded" | "fallback")), "{request} moved its client: {reason:?}");
    }
    let metrics = router.api().metrics();
    let counted = |reason| metrics.sum("rolling_release_moves_total", &[("to", "v1"), ("reason", reason)]);
    let explained = counted("shielded") + counted("fallback");
    assert!((explained - moved.len() as f64).abs() < 0.5, "{explained} moves counted, {} seen", moved.len());
    assert!((metrics.sum("rolling_release_moves_total", &[]) - explained).abs() < 0.5, "nobody else moved");
    assert!(metrics.sum("rolling_bounces_total", &[]) < 0.5);
}

/// Why these requests went where they went, as the access log says.
fn reasons_in(log: &std::path::Path, requests: &[&String]) -> HashMap<String, String> {
    let mut reasons = HashMap::new();
    eventually("the log has their lines", || {
        let lines = objects(log);
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        reasons = lines.iter().map(|line| (text(line, "request_id"), text(line, "reason"))).collect();
        requests.iter().all(|request| reasons.contains_key(*request))
    });
    reasons
}

/// Kills, hangs and revives endpoints, as chance will have it.
fn torment(candidate: Vec<Site>, is_enough: impl Fn() -> bool) {
    let (mut candidate, mut random) = (candidate, 7_u64);
    while !is_enough() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let site = &mut candidate[usize::try_from((random >> 33) % 3).expect("it is below 3")];
        match (random >> 60, &site.running) {
            (_, None) => site.revive(),
            (0..6, Some(_)) => site.stop(),
            (6..11, Some(_)) => site.hangs.store(true, Ordering::SeqCst),
            _ => site.hangs.store(false, Ordering::SeqCst),
        }
        pause(Duration::from_millis(80));
    }
    candidate.iter().for_each(|site| site.hangs.store(false, Ordering::SeqCst));
}

/// An endpoint for pages and sockets, on an address that nobody else's connections come from.
struct Site {
    release: &'static str,
    address: SocketAddr,
    hangs: Arc<AtomicBool>,
    running: Option<Endpoint>,
}

impl Site {
    fn start(release: &'static str) -> Self {
        let process = std::process::id().to_be_bytes();
        let mut site = Self {
            release,
            address: SocketAddr::from(([127, process[2] | 0x40, process[3], 2], 0)),
            hangs: Arc::new(AtomicBool::new(false)),
            running: None,
        };
        eventually("an address is free", || {
            site.address.set_port(free_port().port());
            site.running = site.endpoint();
            site.running.is_some()
        });
        site
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let (release, hangs) = (self.release, Arc::clone(&self.hangs));
        Endpoint::serving_at(self.address, move |peer| serve(peer, release, &hangs))
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }

    fn revive(&mut self) {
        self.hangs.store(false, Ordering::SeqCst);
        eventually("its address is free again", || {
            self.running = self.endpoint();
            self.running.is_some()
        });
    }
}

fn serve(peer: &mut Peer, release: &str, hangs: &AtomicBool) {
    while let Some(request) = peer.request() {
        if hangs.load(Ordering::SeqCst) {
            peer.drain();
            return;
        }
        if request.header("sec-websocket-key") == Some(NONCE) {
            peer.send(upgrade_answer(release));
            return echo_frames(peer);
        }
        let page = format!("HTTP/1.1 200 OK\r\nX-Release: {release}\r\nContent-Length: 6\r\n\r\na page");
        if !peer.send(page) {
            return;
        }
    }
}

/// What one client saw.
#[derive(Default)]
struct Life {
    failures: Vec<String>,
    /// The request that moved it.
    moved: Option<String>,
}

/// A client, its socket if it has one, and what it saw so far.
struct Client {
    name: String,
    visitor: Visitor,
    socket: Option<(Wire, Vec<u8>, String)>,
    release: String,
    requests: usize,
    since_move: usize,
    life: Life,
}

/// Some clients take turns on this thread. Counts their requests, and those that left after a move.
fn live(
    router: &Router,
    thread: usize,
    over: &AtomicBool,
    asked: &AtomicUsize,
    left: &AtomicUsize,
) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut clients: Vec<Client> =
        (0..CLIENTS / THREADS).map(|n| Client::new(router, format!("t{thread}c{n}"))).collect();
    while !over.load(Ordering::SeqCst) {
        for (n, client) in clients.iter_mut().enumerate() {
            client.ask();
            if n % WITH_SOCKET == 0 {
                client.talk(router);
            }
            asked.fetch_add(1, Ordering::SeqCst);
            if client.since_move > STAYS || client.requests > REQUESTS {
                let next = Client::new(router, format!("t{thread}c{n}g{}", lives.len()));
                let life = std::mem::replace(client, next).life;
                left.fetch_add(usize::from(life.moved.is_some()), Ordering::SeqCst);
                lives.push(life);
            }
        }
        pause(Duration::from_millis(20));
    }
    lives.extend(clients.into_iter().map(|client| client.life));
    lives
}

impl Client {
    fn new(router: &Router, name: String) -> Self {
        Self {
            name,
            visitor: router.visitor(),
            socket: None,
            release: String::new(),
            requests: 0,
            since_move: 0,
            life: Life::default(),
        }
    }

    fn next_request(&mut self) -> String {
        self.requests += 1;
        format!("{}r{}", self.name, self.requests)
    }

    fn ask(&mut self) {
        let request = self.next_request();
        self.visitor.headers = format!("X-Request-Id: {request}\r\n");
        match self.visitor.try_get("/") {
            Ok(visit) if visit.response.status == 200 => self.saw(request, visit.release),
            Ok(visit) => self.fail(format!("{request}: {} {}", visit.response.status, visit.response.text())),
            Err(why) => self.fail(format!("{request}: {why}")),
        }
    }

    /// Says something on its socket, or opens one. A socket lives no longer than its endpoint; stable's never dies.
    fn talk(&mut self, router: &Router) {
        let Some((wire, ahead, release)) = &mut self.socket else { return self.open(router) };
        wire.send(masked_frame(TEXT, b"hello"));
        match read_frame(wire.stream(), ahead) {
            Some((TEXT, text)) if text == b"hello" => {}
            None if release == "v2" => self.socket = None,
            other => {
                let why = format!("{}: a socket at {release} said {other:?}", self.name);
                self.fail(why);
                self.socket = None;
            }
        }
    }

    fn open(&mut self, router: &Router) {
        let request = self.next_request();
        let mut wire = Wire::open(router.front);
        let head = upgrade("/chat", &router.host);
        let pin = self.visitor.pin.as_ref().map(|pin| format!("Cookie: rolling_pin={pin}\r\n"));
        let head = &head[..head.len() - 2];
        wire.send(format!("{head}X-Request-Id: {request}\r\n{}\r\n", pin.unwrap_or_default()));
        let answer: Result<Response, _> = wire.try_response("GET");
        match answer {
            Ok(answer) if answer.status == 101 => {
                self.visitor.pin = pin_of(&answer).or(self.visitor.pin.take());
                let release = answer.header("x-release").unwrap_or_default().to_owned();
                let ahead = wire.take_ahead();
                self.saw(request, release.clone());
                self.socket = Some((wire, ahead, release));
            }
            Ok(answer) => {
                self.fail(format!("{request}: an upgrade became {} {}", answer.status, answer.text()))
            }
            Err(why) => self.fail(format!("{request}: an upgrade: {why:?}")),
        }
    }

    fn saw(&mut self, request: String, release: String) {
        if self.release == release || self.release.is_empty() {
            self.since_move += usize::from(self.life.moved.is_some());
        } else if self.release == "v2" && release == "v1" {
            self.life.moved = Some(request);
        } else {
            self.fail(format!("{request} went from {} to {release:?}", self.release));
        }
        self.release = release;
    }

    fn fail(&mut self, why: String) {
        self.life.failures.push(why);
    }
}
