//! lg: clients, endpoints and accountant in one single-threaded process, with the proxy under test between them.
//!
//! It reads the proxy's CPU time at the exact edges of the measured window and prints one line of JSON. The README
//! beside it says why it is built like this.

mod client;
mod endpoint;
mod engine;
mod histogram;
mod message;
mod meter;
mod options;
mod sys;

use engine::Engine;
use meter::Reading;
use options::{Mode, Options};

fn main() {
    sys::lift_file_limit();
    let engine = Engine::new(Options::parse());
    match engine.options.mode {
        Mode::Load => load(engine),
        Mode::Idle => idle(engine),
        Mode::Endpoints => serve(engine),
    }
}

/// Serves as endpoints only, for `--duration` seconds.
fn serve(mut engine: Engine) {
    while (engine.now() as f64) < engine.options.duration * 1e9 {
        engine.turn(20);
    }
}

/// Opens all connections, 32 at a time, then measures one window.
fn load(mut engine: Engine) {
    let give_up = ((engine.options.duration + engine.options.warm + 60.0) * 1e9) as u64;
    for number in 0..engine.options.connections {
        engine.open(number);
        if number % 32 == 31 {
            engine.turn(0);
        }
    }
    let opened = engine.now();
    let warm = opened + (engine.options.warm * 1e9) as u64;
    run_until(&mut engine, opened, warm);
    let before = Edge::read(&engine);
    engine.measuring = true;
    let end = (before.at + (engine.options.duration * 1e9) as u64).min(give_up);
    run_until(&mut engine, opened, end);
    report(&engine, &before, &Edge::read(&engine));
}

fn run_until(engine: &mut Engine, opened: u64, end: u64) {
    let open_loop = engine.options.rate > 0.0;
    let wait = if engine.options.spin || open_loop { 0 } else { 20 };
    while engine.now() < end {
        if open_loop {
            engine.keep_rate(opened);
        }
        engine.turn(wait);
    }
}

/// Everything that is read at one edge of the window.
struct Edge {
    at: u64,
    proxy: Reading,
    own_us: f64,
    upstream_connections: u64,
}

impl Edge {
    fn read(engine: &Engine) -> Self {
        Self {
            proxy: meter::read(&engine.options.pids),
            own_us: sys::own_cpu_us(),
            upstream_connections: engine.tally.upstream_connections,
            at: engine.now(),
        }
    }
}

fn report(engine: &Engine, before: &Edge, after: &Edge) {
    let tally = &engine.tally;
    let count = tally.measured.max(1) as f64;
    let seconds = (after.at - before.at) as f64 / 1e9;
    let tick_us = 1e6 / sys::ticks_per_second();
    let cpu_us = (after.proxy.cpu_ns - before.proxy.cpu_ns) as f64 / 1e3;
    let us = |ticks: u64| ticks as f64 * tick_us / count;
    let fields = [
        ("rps", tally.measured as f64 / seconds),
        ("cpu_us", cpu_us / count),
        ("user_us", us(after.proxy.user_ticks - before.proxy.user_ticks)),
        ("sys_us", us(after.proxy.system_ticks - before.proxy.system_ticks)),
        ("busy", cpu_us / 1e6 / seconds),
        ("ok", tally.measured as f64),
        ("bad", tally.failed as f64),
        ("mispin", tally.mispinned as f64),
        ("new_upstream_connections", (after.upstream_connections - before.upstream_connections) as f64),
        ("switches_per_request", (after.proxy.switches - before.proxy.switches) as f64 / count),
        ("p50_us", tally.latencies.quantile_us(0.5)),
        ("p90_us", tally.latencies.quantile_us(0.9)),
        ("p99_us", tally.latencies.quantile_us(0.99)),
        ("p999_us", tally.latencies.quantile_us(0.999)),
        ("lg_us", (after.own_us - before.own_us) / count),
        ("steal", (after.proxy.stolen_ticks - before.proxy.stolen_ticks) as f64 * tick_us / 1e6 / seconds),
        ("secs", seconds),
        ("total", tally.total as f64),
        ("body_bytes", tally.body_bytes as f64 / count),
    ];
    print(&fields, &tally.why);
}

/// One request on each connection, at most 64 at a time so that the proxy's own pool upstream stays small; then the
/// memory that all of them cost while they are idle.
fn idle(mut engine: Engine) {
    let connections = engine.options.connections as u64;
    let before = meter::resident_kb(&engine.options.pids);
    let give_up = ((engine.options.duration + 60.0) * 1e9) as u64;
    let mut opened = 0;
    while engine.tally.total + engine.tally.failed < connections && engine.now() < give_up {
        let answered = engine.tally.total + engine.tally.failed;
        while opened < connections && opened - answered < 64 {
            engine.open(opened as usize);
            opened += 1;
        }
        engine.turn(if opened < connections { 0 } else { 20 });
    }
    let settled = engine.now() + (engine.options.warm * 1e9) as u64;
    while engine.now() < settled {
        engine.turn(20);
    }
    let after = meter::resident_kb(&engine.options.pids);
    let bytes = after.saturating_sub(before) as f64 * 1024.0 / connections as f64;
    let tally = &engine.tally;
    let fields = [
        ("conns", connections as f64),
        ("ok", tally.total as f64),
        ("bad", tally.failed as f64),
        ("rss_before_kb", before as f64),
        ("rss_after_kb", after as f64),
        ("upstream_connections", tally.upstream_connections as f64),
        ("bytes_per_conn", bytes),
    ];
    print(&fields, &tally.why);
}

fn print(fields: &[(&str, f64)], why: &str) {
    let body: String = fields.iter().map(|(name, value)| format!("\"{name}\":{value:.4},")).collect();
    println!("{{{body}\"why\":\"{why}\"}}");
}
