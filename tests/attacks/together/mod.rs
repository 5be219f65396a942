//! All attacks on the admin side at once, under good traffic at the front: end users notice nothing, an operator stops a
//! rollout at once, and a minute later the memory is back. With `ROLLING_ROUTER_LONG=1` it takes thirteen minutes, and the
//! figures are what is asserted; else a sample of it runs beside other suites, where only what is far off is.

mod attackers;
mod good_traffic;

use serde_json::Value;
use std::time::Duration;
use support::clock::{Deadline, pause, within};
use support::{Router, count, long, router};

use crate::metric_series::crowded;
use crate::operator::Times;
use attackers::{Attack, CROWDED, End, Until};
use good_traffic::{Figures, GoodTraffic, page};

/// How much slower the slowest of a hundred good requests may become: half as slow again.
const P99_RATIO: f64 = 1.5;
/// What a sample allows, on two cores that others use.
const P99_OF_A_SAMPLE: Duration = Duration::from_secs(2);
const MEMORY_RATIO: f64 = 1.1;
const MEMORY_OF_A_SAMPLE: usize = 32 << 20;

/// A router as one in use: a store in a file, many apps with many endpoints, two releases of `hello`.
fn start() -> Router {
    let mut builder = router()
        .stable_on("v1", vec![page("v1"), page("v1")])
        .candidate_on("v2", vec![page("v2")])
        .durable()
        .limit("metrics_series_max", 10_000);
    for (key, value) in crowded(count(40, 600), count(20, 80)) {
        builder = builder.key(&key, &value);
    }
    builder.start()
}

fn seconds(reduced: usize, full: usize) -> Duration {
    Duration::from_secs(count(reduced, full) as u64)
}

/// The users' figures of a while.
fn look(traffic: &GoodTraffic, length: Duration) -> Figures {
    drop(traffic.figures());
    pause(length);
    traffic.figures()
}

/// The operator's calls, once a second while everybody attacks; the most memory that the router had.
fn operate(router: &Router, length: Duration) -> (Times, usize) {
    let (mut times, mut most) = (Times::default(), 0);
    let over = Deadline::after(length);
    while !over.passed() {
        let next = Deadline::after(Duration::from_secs(1));
        times.round(router, CROWDED);
        most = most.max(router.process().memory_bytes());
        pause(next.left());
    }
    (times, most)
}

/// Takes away what the attackers left in the store, as an operator would.
fn clear(router: &Router) {
    let listed = router.api_as("viewer").raw("GET", "/api/kv/bulk/?keys", None, "").expect(200).json();
    for key in listed.as_array().into_iter().flatten().filter_map(Value::as_str) {
        router.api().kv_delete(key).expect(200);
    }
}

#[test]
fn all_attacks_at_once_change_nothing_for_end_users_and_operators() {
    let router = start();
    let traffic = GoodTraffic::start(&router, count(200, 1_000) as u32);
    look(&traffic, seconds(1, 10));
    let before = look(&traffic, seconds(2, 60));
    let memory_before = router.process().memory_bytes();

    let end = End::default();
    let attack = Attack::on(&router, &end, count(100, 1_600));
    let (times, most) = std::thread::scope(|scope| {
        let _until = Until(&end);
        attack.start(scope);
        drop(traffic.figures());
        operate(&router, seconds(6, 600))
    });
    let during = traffic.figures();
    for (name, done) in attack.done() {
        println!("{name}: {done} times");
        assert!(done > 0, "{name} was never done");
    }

    clear(&router);
    let memory_allowed = if long() {
        (memory_before as f64 * MEMORY_RATIO) as usize
    } else {
        memory_before + MEMORY_OF_A_SAMPLE
    };
    let is_back = within(Duration::from_secs(60), || router.process().memory_bytes() <= memory_allowed);
    let memory_after = router.process().memory_bytes();
    let after = look(&traffic, seconds(1, 30));

    for (phase, figures) in [("before", &before), ("during", &during), ("after", &after)] {
        println!(
            "good traffic {phase}: {} answered, {} failed; half within {:?}, 99 % within {:?}, 99.9 % within {:?}",
            figures.answered(),
            figures.failures.len(),
            figures.within(0.5),
            figures.p99(),
            figures.within(0.999)
        );
        assert!(figures.failures.is_empty(), "{phase}: {:?}", figures.failures);
        assert!(figures.answered() > 0, "{phase}: nobody was answered");
    }
    println!(
        "memory: {} KiB before, at most {} during, {} after",
        memory_before / 1024,
        most / 1024,
        memory_after / 1024
    );
    times.assert_all_within("all attacks at once", seconds(3, 1));
    assert!(is_back, "the memory is not back: {memory_before} bytes before, {memory_after} after");
    let ratio = during.p99().as_secs_f64() / before.p99().as_secs_f64();
    if long() {
        assert!(ratio <= P99_RATIO, "99 % of the good requests took {ratio:.2} times as long");
    } else {
        assert!(during.p99() < P99_OF_A_SAMPLE, "99 % of the good requests within {:?}", during.p99());
    }
}
