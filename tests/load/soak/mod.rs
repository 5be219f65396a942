//! Mixed load for a while: kept and short connections, uploads in both framings, aborts by both sides, WebSockets, while
//! releases come and go. Nothing may fail that nobody provoked, and nothing may be left behind: no memory, no
//! descriptor, no open request.
//!
//! 20 seconds by default; `tests/run --long` takes 20 minutes.

mod application;
mod clients;
mod releaser;
mod sockets;

use application::application;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::clock::{Deadline, PATIENCE, pause, within};
use support::{Router, count, eventually, router};

/// The releases that take turns.
pub const RELEASES: [&str; 4] = ["v1", "v2", "v3", "v4"];
/// What memory may be higher by at the end than in the middle: the history of commands grows until it has 1,000 events.
const GROWTH_MAX: usize = 6 << 20;

/// What everybody who takes part shares.
pub struct Soak {
    /// Where requests go.
    pub front: std::net::SocketAddr,
    /// The host that is asked for.
    pub host: String,
    over: AtomicBool,
    /// What went well, or failed because somebody made it fail.
    done: AtomicUsize,
}

impl Soak {
    /// Whether it goes on.
    pub fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Counts something that went as it should.
    pub fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
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

type Part = fn(&Soak, Draw) -> Result<(), String>;

/// Who takes part: what they do, and how many of them.
const PARTS: [(&str, Part, u64); 7] = [
    ("kept connections", clients::keep, 8),
    ("short connections", clients::come_and_go, 3),
    ("uploads", clients::upload, 3),
    ("downloads", clients::download, 2),
    ("clients that leave", clients::leave, 2),
    ("endpoints that fail", clients::meet_failures, 1),
    ("sockets", sockets::talk, 6),
];

#[test]
fn nothing_fails_and_nothing_is_left_behind() {
    let length = Duration::from_secs(count(20, 1_200) as u64);
    let start = router().workers(2).limit("upstream_idle_ms", 2_000);
    let start = start.stable_on("v1", vec![application("v1"), application("v1")]);
    let router = RELEASES[1..]
        .iter()
        .fold(start, |start, release| {
            start.release(release, vec![application(release), application(release)])
        })
        .start();
    let soak = Arc::new(Soak {
        front: router.front,
        host: router.host.clone(),
        over: AtomicBool::new(false),
        done: AtomicUsize::new(0),
    });
    // Workers open a few descriptors of their own, some of them after the router is ready.
    (0..16).for_each(|_| drop(router.visitor().get("/page")));
    let descriptors = router.process().descriptors();
    let parts: Vec<_> =
        PARTS.iter().flat_map(|(name, part, many)| (0..*many).map(move |n| (*name, *part, n))).collect();
    let running: Vec<_> = parts
        .into_iter()
        .map(|(name, part, n)| {
            let soak = Arc::clone(&soak);
            let draw = Draw(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ name.len() as u64);
            thread::spawn(move || part(&soak, draw).map_err(|why| format!("{name} {n}: {why}")))
        })
        .collect();
    let (api, told) = (router.api(), Arc::clone(&soak));
    let releaser = thread::spawn(move || releaser::release(&api, &told));

    let memory = watch(&router, length, || running.iter().any(thread::JoinHandle::is_finished));
    soak.over.store(true, Ordering::SeqCst);
    let commands = releaser.join().expect("every command is answered as it should be");
    let failures: Vec<String> =
        running.into_iter().filter_map(|part| part.join().expect("a part ends").err()).collect();
    println!("{} exchanges, {commands} commands", soak.done.load(Ordering::SeqCst));
    println!("memory in KiB: {:?}", memory.iter().map(|bytes| bytes / 1024).collect::<Vec<_>>());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(soak.done.load(Ordering::SeqCst) > 500 && commands > 20, "there was load");
    let (middle, end) =
        (average(&memory[memory.len() / 2..memory.len() * 3 / 4]), average(&memory[memory.len() * 3 / 4..]));
    assert!(end < middle + GROWTH_MAX, "memory grows: {middle} bytes in the middle, {end} at the end");
    assert_nothing_left(&router, descriptors);
}

/// Lets time pass, which is what a soak is; the router's memory, forty times. Ends early if somebody has found a failure.
fn watch(router: &Router, length: Duration, failed: impl Fn() -> bool) -> Vec<usize> {
    let (until, mut memory) = (Deadline::after(length), Vec::new());
    while !until.passed() && !failed() || memory.len() < 4 {
        pause(length / 40);
        memory.push(router.process().memory_bytes());
    }
    memory
}

fn average(bytes: &[usize]) -> usize {
    bytes.iter().sum::<usize>() / bytes.len()
}

fn assert_nothing_left(router: &Router, descriptors: usize) {
    let process = router.process();
    let returned = within(PATIENCE, || process.descriptors() <= descriptors + 2);
    assert!(returned, "{descriptors} at first, {} left: {:#?}", process.descriptors(), process.connections());
    let value = |name: &str| router.api().metrics().sum(&format!("rolling_{name}"), &[]);
    for name in ["connections_open", "open_requests", "open_sockets", "endpoint_in_flight"] {
        eventually(&format!("rolling_{name} is 0 when all is over"), || value(name).abs() < f64::EPSILON);
    }
    assert!(value("panics_total").abs() < f64::EPSILON, "nothing panicked");
    let log = router.log();
    assert!(!log.contains("panicked"), "{log}");
}
