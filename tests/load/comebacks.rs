//! Every way in which a router comes to run anew, under load: what clients and commands notice of it.
//!
//! Each prints its row of the table in docs/running.md.

use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, eventually, pause};
use support::command::run;
use support::router::{APP, id, token};
use support::visitor::{PIN, pin_of};
use support::websocket::Socket;
use support::{Router, Visitor, Wire, WireFault, count, router};

use crate::upgrades::{DOWNLOAD_BYTES, site};

/// Clients that keep their connections, and clients that come anew for each request.
const CLIENTS: [usize; 2] = [6, 4];
/// Downloads that are under way in each round, 600 ms each.
const DOWNLOADS: usize = 2;

/// How a router comes to run anew.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// A new process takes over (SIGUSR2).
    Signal,
    /// The same by `rolling-router upgrade`.
    Verb,
    /// It ends and is started on the same sockets, which its service manager holds.
    Held,
    /// It ends and is started.
    Stopped,
    /// It is killed and started.
    Killed,
}

impl Way {
    /// Whether one process hands over to the next.
    fn hands_over(self) -> bool {
        matches!(self, Self::Signal | Self::Verb)
    }
}

/// What clients saw.
#[derive(Debug, Default)]
struct Seen {
    answered: usize,
    /// Nobody listened.
    refused: usize,
    /// The connection was kept, and its end crossed with the request, which a client therefore repeats.
    crossed: usize,
    /// No answer, or none to the end.
    cut: usize,
    /// The same while the router was there: from before the request until after its end.
    lost: usize,
    /// Any other answer than that of the client's own release.
    wrong: Vec<String>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.refused += other.refused;
        self.crossed += other.crossed;
        self.cut += other.cut;
        self.lost += other.lost;
        self.wrong.extend(other.wrong);
    }
}

/// Clients under way.
struct Crowd {
    over: Arc<AtomicBool>,
    /// The router is being ended and started.
    away: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
    since: Deadline,
}

impl Crowd {
    fn start(router: &Router) -> Self {
        let (over, away) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let keeps = [vec![true; CLIENTS[0]], vec![false; CLIENTS[1]]].concat();
        let start = |keeps: bool| {
            let (front, host) = (router.front, router.host.clone());
            let (over, away) = (Arc::clone(&over), Arc::clone(&away));
            thread::spawn(move || live(front, &host, keeps, &over, &away))
        };
        let clients = keeps.into_iter().map(start).collect();
        Self { over, away, clients, since: Deadline::after(Duration::ZERO) }
    }

    /// Ends it; what they saw, and how many were answered in a second.
    fn stop(self) -> (Seen, f64) {
        self.over.store(true, Ordering::SeqCst);
        let mut seen = Seen::default();
        self.clients.into_iter().for_each(|client| seen.add(client.join().expect("a client ends")));
        let rate = seen.answered as f64 / self.since.elapsed().as_secs_f64();
        (seen, rate)
    }
}

fn live(front: SocketAddr, host: &str, keeps: bool, over: &AtomicBool, away: &AtomicBool) -> Seen {
    let (mut seen, mut wire, mut pin, mut own) = (Seen::default(), None, String::new(), String::new());
    while !over.load(Ordering::SeqCst) {
        let (is_kept, was_away) = (wire.is_some(), away.load(Ordering::SeqCst));
        let excused = || was_away || away.load(Ordering::SeqCst);
        let Some(mut kept) = wire.take().or_else(|| Wire::try_open(front)) else {
            seen.refused += 1;
            seen.lost += usize::from(!excused());
            pause(Duration::from_millis(2));
            continue;
        };
        kept.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: {PIN}={pin}\r\n\r\n"));
        let response = match kept.try_response("GET") {
            Ok(response) => response,
            Err(WireFault::Ended) if is_kept => {
                seen.crossed += 1;
                continue;
            }
            Err(WireFault::Malformed(why)) => {
                seen.wrong.push(why);
                continue;
            }
            Err(_) => {
                seen.cut += 1;
                seen.lost += usize::from(!excused());
                continue;
            }
        };
        let release = response.header("x-release").unwrap_or_default().to_owned();
        pin = pin_of(&response).unwrap_or(pin);
        if own.is_empty() {
            own.clone_from(&release);
        }
        if response.status == 200 && release == own {
            seen.answered += 1;
        } else {
            seen.wrong.push(format!("{} of {release} for a client of {own}", response.status));
        }
        wire = (keeps && !response.says_close()).then_some(kept);
    }
    seen
}

/// Two releases by a plan that takes hours, and one that drains; a client of each.
fn start(way: Way) -> (Router, [Visitor; 2]) {
    let settings = json!({ "plans": ["slow: 50% hold=2h; promote"] }).to_string();
    let start = router()
        .stable_on("v0", vec![site("v0")])
        .release("v1", vec![site("v1")])
        .release("v2", vec![site("v2")])
        .key(&format!("rolling/{APP}/settings"), &settings);
    let start = start.durable().workers(2);
    let router = if way == Way::Held { start.held().start() } else { start.start() };
    let mut clients = [router.visitor(), router.visitor()];
    clients.iter_mut().for_each(|client| client.navigates = false);
    assert_eq!(clients[0].release(), "v0");
    router.api().put("candidate", &json!({ "id": id("v1"), "blend": 0 })).expect(200);
    router.api().post("promote", &json!({})).expect(200);
    assert_eq!(clients[1].release(), "v1");
    router.api().put("candidate", &json!({ "id": id("v2"), "plan": "slow" })).expect(200);
    clients.iter_mut().for_each(Visitor::hang_up);
    (router, clients)
}

/// Writes a key again and again until it is over, whenever somebody listens; how long one of the writes took at most.
fn commands(router: &Router, round: usize, over: &Arc<AtomicBool>) -> JoinHandle<Duration> {
    let (admin, over, text) = (router.admin, Arc::clone(over), round.to_string());
    let head = format!(
        "PUT /api/kv/notes/round HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{text}",
        token("admin"),
        text.len()
    );
    thread::spawn(move || {
        let mut longest = Duration::ZERO;
        while !over.load(Ordering::SeqCst) {
            let since = Deadline::after(Duration::ZERO);
            eventually("somebody takes the command", || {
                let Some(mut wire) = Wire::try_open(admin) else { return false };
                wire.send(&head);
                wire.try_response("PUT").is_ok_and(|response| response.status == 200)
            });
            longest = longest.max(since.elapsed());
        }
        longest
    })
}

fn restart(router: &mut Router, way: Way) {
    match way {
        Way::Signal => router.upgrade(),
        Way::Verb => {
            let [state, tokens] = ["state", "tokens"].map(|name| router.path(name).display().to_string());
            let ran = run(&["upgrade", "--state", &state, "--token-file", &tokens], &[]);
            assert_eq!(ran.code, 0, "{ran:?}");
            router.follow_upgrade();
        }
        Way::Held | Way::Stopped => {
            router.terminate();
            assert_eq!(router.exit_code(), Some(0), "{}", router.log());
            router.start_again();
        }
        Way::Killed => {
            router.kill();
            router.start_again();
        }
    }
}

/// A download under way; how many bytes of it came.
fn download(router: &Router) -> JoinHandle<usize> {
    let (mut wire, host) = (router.connect(), router.host.clone());
    thread::spawn(move || {
        wire.send(format!("GET /less-slow HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        wire.try_response("GET").map_or(0, |response| response.body.len())
    })
}

fn assert_kept(router: &Router, clients: &mut [Visitor; 2], round: usize) {
    let state = router.api().state();
    assert_eq!(state["draining"][0]["release"], "v0", "round {round}: {state}");
    assert_eq!(state["stable"]["release"], "v1", "round {round}: {state}");
    let plan = || router.api().get("plan").expect(200).json()["plan"].clone();
    eventually("nothing holds the plan", || plan()["held_by"] == json!([]));
    let plan = plan();
    let found = (&plan["name"], &plan["step"], &plan["paused"]);
    assert_eq!(found, (&json!("slow"), &json!(1), &json!(null)), "round {round}: {plan}");
    assert_eq!(router.api_as("admin").kv_get("notes/round"), round.to_string());
    for (client, release) in clients.iter_mut().zip(["v0", "v1"]) {
        assert_eq!(client.release(), release, "round {round}: a pin moved");
        client.hang_up();
    }
}

#[allow(clippy::print_stdout, reason = "the figures are for the page on running it")]
fn under_load(way: Way) {
    let rounds = count(2, 200);
    let (mut router, mut clients) = start(way);
    let crowd = Crowd::start(&router);
    let (mut longest, mut cut_downloads) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let downloads: Vec<_> = (0..DOWNLOADS).map(|_| download(&router)).collect();
        let mut socket = Some(Socket::open(&router, "/", ""));
        socket.iter_mut().for_each(|socket| socket.assert_echo("before"));
        pause(Duration::from_millis(200));
        let is_back = Arc::new(AtomicBool::new(false));
        let asked = commands(&router, round, &is_back);
        crowd.away.store(!way.hands_over(), Ordering::SeqCst);
        // Who is told to go hangs up at once.
        let ending = (!way.hands_over()).then(|| {
            let mut socket = socket.take().expect("it is open");
            thread::spawn(move || socket.close_code())
        });
        restart(&mut router, way);
        crowd.away.store(false, Ordering::SeqCst);
        is_back.store(true, Ordering::SeqCst);
        longest = longest.max(asked.join().expect("they are answered"));
        assert_kept(&router, &mut clients, round);
        socket.iter_mut().for_each(|socket| socket.assert_echo("after"));
        let code = ending.and_then(|ending| ending.join().expect("it ends"));
        let said = if matches!(way, Way::Held | Way::Stopped) { Some(1_001) } else { None };
        assert_eq!(code, said, "round {round}: what a socket was told");
        let whole = |download: JoinHandle<usize>| download.join().expect("it ends") == DOWNLOAD_BYTES;
        cut_downloads += downloads.into_iter().map(whole).filter(|whole| !whole).count();
    }
    let (seen, rate) = crowd.stop();
    println!(
        "{way:?}: {rounds} times at {rate:.0} requests/s: {} cut, {} crossed, {} refused, {cut_downloads} of {} downloads cut, \
         {} wrong answers, a command waited at most {longest:?}",
        seen.cut,
        seen.crossed,
        seen.refused,
        rounds * DOWNLOADS,
        seen.wrong.len()
    );
    assert_eq!(seen.wrong, Vec::<String>::new(), "{way:?}");
    assert_eq!(seen.lost, 0, "{way:?}: while the router is there nothing is lost");
    if way != Way::Killed {
        assert_eq!((seen.cut, cut_downloads), (0, 0), "{way:?}: what was open was answered");
    }
    if !matches!(way, Way::Killed | Way::Stopped) {
        assert_eq!(seen.refused, 0, "{way:?}: nobody was refused");
    }
    // A process that ends closes what is idle, and a request may cross with that; one that is relieved leaves it alone.
    if matches!(way, Way::Signal | Way::Verb) {
        assert_eq!(seen.crossed, 0, "{way:?}: no connection ended under a request");
    }
}

#[test]
fn a_signal_has_a_new_process_take_over() {
    under_load(Way::Signal);
}

#[test]
fn the_verb_has_a_new_process_take_over() {
    under_load(Way::Verb);
}

#[test]
fn on_sockets_of_a_service_manager_a_restart_refuses_nobody() {
    under_load(Way::Held);
}

#[test]
fn a_router_that_is_stopped_answers_what_it_has() {
    under_load(Way::Stopped);
}

#[test]
fn a_router_that_is_killed_loses_what_is_open_alone() {
    under_load(Way::Killed);
}
