//! Years of work in little time: mixed load on a fleet of two routers, kept and short connections, TLS, uploads in both framings,
//! aborts by both sides, WebSockets, while releases come and go by commands and, from an engine, by plans. One router is
//! upgraded again and again, the other one never; certificates change, logs are rotated, and the store restarts. Nothing may fail
//! that nobody provoked, and nothing may be left behind or grow: memory, descriptors, threads, files, open requests.
//!
//! 20 seconds by default; `tests/run --long` takes an hour, or as many seconds as `ROLLING_ROUTER_SOAK_SECONDS` says.

mod application;
mod clients;
mod deployer;
mod figures;
mod operator;
mod releaser;
mod site;
mod sockets;
mod strangers;

use figures::Figures;
use operator::Operator;
use rustls::ClientConfig;
use site::Site;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, pause, within};
use support::{Router, count, eventually};

/// The releases that take turns by commands.
pub const RELEASES: [&str; 4] = ["v1", "v2", "v3", "v4"];

/// What everybody who takes part shares.
pub struct Soak {
    over: AtomicBool,
    /// What went well, or failed because somebody made it fail.
    done: AtomicUsize,
    /// How often the first router was told to give way to a new process.
    upgrades: AtomicUsize,
    /// How many releases of the engine became stable.
    deployed: AtomicUsize,
    /// What a client trusts now: the certificate that is served, and the one before while it changes.
    trust: Mutex<Arc<ClientConfig>>,
}

/// Where one of them takes part.
#[derive(Clone)]
pub struct Place {
    /// Where requests go.
    pub front: SocketAddr,
    /// The same in TLS.
    pub front_tls: SocketAddr,
    /// The host that is asked for.
    pub host: String,
    /// Whether the router there is upgraded.
    is_upgraded: bool,
    soak: Arc<Soak>,
}

impl Place {
    /// Whether it goes on.
    pub fn goes_on(&self) -> bool {
        !self.soak.over.load(Ordering::Relaxed)
    }

    /// Counts something that went as it should.
    pub fn count(&self) {
        self.soak.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many upgrades there were here.
    pub fn upgrades(&self) -> usize {
        if self.is_upgraded { self.soak.upgrades.load(Ordering::SeqCst) } else { 0 }
    }

    /// Counts a release of the engine that became stable.
    pub fn note_deployed(&self) {
        self.soak.deployed.fetch_add(1, Ordering::SeqCst);
    }

    /// What to trust.
    pub fn trust(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.soak.trust.lock().expect("nobody fails with it"))
    }
}

/// Numbers that look random and are the same in every run.
pub struct Draw(pub u64);

impl Draw {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A place among so many.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("it is below a usize")
    }
}

type Part = fn(&Place, Draw) -> Result<(), String>;

/// Who takes part: what they do, and how many of them.
const PARTS: [(&str, Part, u64); 9] = [
    ("kept connections", clients::keep, 8),
    ("short connections", clients::come_and_go, 2),
    ("uploads", clients::upload, 2),
    ("downloads", clients::download, 2),
    ("clients that leave", clients::leave, 2),
    ("endpoints that fail", clients::meet_failures, 2),
    ("sockets", sockets::talk, 6),
    ("strangers by TLS", strangers::shake_hands, 2),
    ("strangers of the deployed app", strangers::arrive, 2),
];

/// Clients under way.
struct Clients(Vec<JoinHandle<Result<(), String>>>);

impl Clients {
    fn start(places: &[Place; 2]) -> Self {
        let parts = PARTS.iter().flat_map(|(name, part, many)| (0..*many).map(move |n| (*name, *part, n)));
        let start = |(name, part, n): (&'static str, Part, u64)| {
            let place = places[if n % 2 == 0 { 0 } else { 1 }].clone();
            let draw = Draw(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ name.len() as u64);
            thread::spawn(move || part(&place, draw).map_err(|why| format!("{name} {n}: {why}")))
        };
        Self(parts.map(start).collect())
    }

    /// Whether one of them has ended, which none does by itself unless something failed.
    fn have_failed(&self) -> bool {
        self.0.iter().any(JoinHandle::is_finished)
    }

    /// What failed.
    fn end(self) -> Vec<String> {
        self.0.into_iter().filter_map(|part| part.join().expect("a part ends").err()).collect()
    }
}

/// How long it lasts.
fn length() -> Duration {
    let told = std::env::var("ROLLING_ROUTER_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(told.unwrap_or(count(20, 3_600) as u64))
}

#[test]
fn nothing_fails_grows_or_is_left_behind() {
    let length = length();
    let mut site = Site::start();
    let soak = Arc::new(Soak {
        over: AtomicBool::new(false),
        done: AtomicUsize::new(0),
        upgrades: AtomicUsize::new(0),
        deployed: AtomicUsize::new(0),
        trust: Mutex::new(Arc::clone(&site.trust)),
    });
    let places = site.places(&soak);
    // Workers open a few descriptors of their own, some of them after the router is ready.
    site.routers.iter().for_each(|router| (0..16).for_each(|_| drop(router.visitor().get("/page"))));
    let descriptors = site.routers[1].process().descriptors();
    let clients = Clients::start(&places);
    let (api, told) = (site.routers[0].api(), places[0].clone());
    let releaser = thread::spawn(move || releaser::release(&api, &told));
    let (api, told) = (site.routers[0].api().app(site::DEPLOYED), places[0].clone());
    let deployer = thread::spawn(move || deployer::deploy(&api, &told));

    let mut figures = Figures::new(length);
    let mut operator = Operator::new(length, &soak);
    let until = Deadline::after(length);
    let has_failed = || clients.have_failed() || releaser.is_finished() || deployer.is_finished();
    // Everything once, and one release by a plan.
    let is_enough = |operator: &Operator| {
        until.passed() && operator.has_done_everything() && soak.deployed.load(Ordering::SeqCst) > 1
    };
    while !has_failed() && !is_enough(&operator) {
        operator.act(&mut site);
        figures.look(&site);
        pause(Duration::from_millis(20));
    }
    soak.over.store(true, Ordering::SeqCst);
    let failures = clients.end();
    // Before anything else can end the test.
    println!("failures: {failures:#?}\n{figures}");
    let commands = releaser.join().expect("every command is answered as it should be");
    let deployed = deployer.join().expect("every deployment comes up");
    println!("{} exchanges, {commands} commands, {deployed} deployments", soak.done.load(Ordering::SeqCst));
    println!("{operator}");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(soak.done.load(Ordering::SeqCst) > 500 && commands > 5, "there was load");
    assert!(deployed > 1, "something was deployed by a plan");
    figures.assert_flat();
    site.assert_alone();
    site.routers.iter().for_each(|router| assert_nothing_left(router, descriptors));
}

fn assert_nothing_left(router: &Router, descriptors: usize) {
    let process = router.process();
    // One that was upgraded has the sockets to its predecessors in its place.
    let returned = within(PATIENCE, || process.descriptors() <= descriptors + 4);
    assert!(returned, "{descriptors} at first, {} left: {:#?}", process.descriptors(), process.connections());
    let value = |name: &str| router.api().metrics().sum(&format!("rolling_{name}"), &[]);
    for name in ["connections_open", "open_requests", "open_sockets", "endpoint_in_flight"] {
        eventually(&format!("rolling_{name} is 0 when all is over"), || value(name).abs() < f64::EPSILON);
    }
    assert!(value("panics_total").abs() < f64::EPSILON, "nothing panicked");
    let log = router.log();
    assert!(!log.contains("panicked"), "{log}");
}
