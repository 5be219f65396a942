//! Endpoints that restart one after the other, flap or reset, under load: no request that may be repeated fails.

use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::router::id;
use support::traffic::Traffic;
use support::{Endpoint, Router, count, echo, eventually, router, scripted};

const CLIENTS: usize = 8;
/// Checks of the default interval, whose failures alone take nobody out: what is tested is what requests say.
const SLOW_TO_FALL: &str = r#"{"health": {"fall": 100}}"#;

/// Two endpoints of stable, and what a check does.
fn two(settings: &str) -> Router {
    let endpoints = vec![echo("v1"), echo("v1")];
    router().stable_on("v1", endpoints).key("rolling/hello/settings", settings).workers(2).start()
}

/// What clients saw fail while this was done.
fn failures_while(router: &Router, done: impl FnOnce(&Traffic)) -> Vec<String> {
    let traffic = Traffic::start(router, CLIENTS);
    eventually("there is load", || traffic.answered() > 50);
    done(&traffic);
    let before = traffic.answered();
    eventually("the load goes on", || traffic.answered() > before + 50);
    traffic.stop().into_iter().flat_map(|life| life.failures).collect()
}

fn is_out(router: &Router, endpoint: &Endpoint) -> bool {
    let state = router.api().state();
    let endpoints = state["stable"]["endpoints"].as_array().expect("stable has endpoints");
    let address = endpoint.address.to_string();
    endpoints.iter().any(|listed| listed["address"] == address && listed["healthy"] == false)
}

/// The first endpoint was ejected for ten seconds. It was back after three, and when the second restarted within the rest of
/// the ten seconds, 1,647 of 1,648 requests were answered 502.
#[test]
fn a_suspicion_never_outweighs_a_refusal() {
    let router = two(SLOW_TO_FALL);
    let [first, second] = router.endpoints_of("v1")[..] else { panic!("two endpoints") };
    let mut again = Vec::new();
    let failures = failures_while(&router, |traffic| {
        first.stop();
        eventually("the first is ejected", || is_out(&router, first));
        again.push(Endpoint::echo_at(first.address, "v1"));
        // A request that the first one refused and that the second one breaks off has nowhere left to go.
        let back = traffic.answered();
        eventually("what the first one refused is answered", || traffic.answered() > back + 20 * CLIENTS);
        second.stop();
        let before = traffic.answered();
        eventually("requests go on", || traffic.answered() > before + 500);
        again.push(Endpoint::echo_at(second.address, "v1"));
        eventually("both are in", || !is_out(&router, first) && !is_out(&router, second));
    });
    assert_eq!(failures, Vec::<String>::new());
}

/// What a deployment does, one command after the other: in the end everything is as before.
fn command(router: &Router, step: usize) {
    let api = router.api();
    let answer = match step % 4 {
        0 => api.put("candidate", &json!({ "id": id("v2"), "blend": 30 })),
        1 => api.put("blend", &json!({ "percent": 60 })),
        2 => api.post("promote", &json!({})),
        _ => api.post("rollback", &json!({})),
    };
    answer.expect(200);
}

/// With commands beside it, as in a deployment.
#[test]
fn a_rolling_restart_loses_nothing() {
    let router = router()
        .stable_on("v1", vec![echo("v1"), echo("v1")])
        .release("v2", vec![echo("v2")])
        .workers(2)
        .start();
    let addresses = router.endpoints_of("v1").iter().map(|endpoint| endpoint.address).collect::<Vec<_>>();
    let mut running: Vec<Option<Endpoint>> = vec![None, None];
    let failures = failures_while(&router, |_| {
        router.endpoints_of("v1")[0].stop();
        for step in 0..count(4, 20) {
            let (down, up) = (step % 2, (step + 1) % 2);
            command(&router, step);
            pause(Duration::from_millis(700));
            running[down] = Some(Endpoint::echo_at(addresses[down], "v1"));
            // A request that found the first down, on a busy machine, finds the second still up.
            pause(Duration::from_millis(400));
            match running[up].take() {
                Some(endpoint) => endpoint.stop(),
                None => router.endpoints_of("v1")[up].stop(),
            }
        }
    });
    assert_eq!(failures, Vec::<String>::new());
}

/// Takes an endpoint away for so long, with every connection to it.
fn without(address: SocketAddr, running: &Mutex<HashMap<SocketAddr, Endpoint>>, length: Duration) {
    let taken = running.lock().expect("nobody fails with it").remove(&address);
    taken.expect("it runs").stop();
    pause(length);
    let again = Endpoint::echo_at(address, "v1");
    running.lock().expect("nobody fails with it").insert(address, again);
}

/// A deployment restarts two endpoints in turn, something kills the two others for a second each time, and commands go on.
#[test]
fn a_rolling_restart_with_kills_beside_it_loses_nothing() {
    let mut running = HashMap::new();
    let mut builder = router().release("v2", vec![echo("v2")]).workers(2);
    builder = builder.key("rolling/hello/stable/id", &id("v1"));
    for number in 0..4 {
        let endpoint = echo("v1");
        builder = builder.key(&format!("{}/c{number}", id("v1")), &endpoint.address.to_string());
        running.insert(endpoint.address, endpoint);
    }
    let router = builder.start();
    let addresses: Vec<SocketAddr> = running.keys().copied().collect();
    let running = Mutex::new(running);
    let (restart, apart) = (Duration::from_secs(count(2, 4) as u64), Duration::from_millis(500));
    let over = Deadline::after(Duration::from_secs(count(8, 120) as u64));
    let failures = failures_while(&router, |_| {
        std::thread::scope(|scope| {
            let take_away = |addresses: [SocketAddr; 2], length: Duration, rest: Duration| {
                let running = &running;
                let over = &over;
                scope.spawn(move || {
                    for address in addresses.into_iter().cycle() {
                        if over.passed() {
                            return;
                        }
                        without(address, running, length);
                        pause(rest);
                    }
                });
            };
            take_away([addresses[0], addresses[1]], restart, apart);
            take_away([addresses[2], addresses[3]], Duration::from_secs(1), 2 * apart);
            for step in 0.. {
                // In the end everything is as before.
                if over.passed() && step % 4 == 0 {
                    break;
                }
                command(&router, step);
                pause(apart);
            }
        });
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn an_endpoint_that_flaps_fails_nobody() {
    let router = two("{}");
    let flapping = router.endpoints_of("v1")[1];
    let over = AtomicBool::new(false);
    let failures = std::thread::scope(|scope| {
        let address = flapping.address;
        let over = &over;
        let flaps = scope.spawn(move || {
            flapping.stop();
            while !over.load(Ordering::SeqCst) {
                pause(Duration::from_millis(500));
                let up = Endpoint::echo_at(address, "v1");
                pause(Duration::from_millis(500));
                up.stop();
            }
        });
        let failures = failures_while(&router, |_| pause(Duration::from_secs(count(4, 30) as u64)));
        over.store(true, Ordering::SeqCst);
        flaps.join().expect("it ends");
        failures
    });
    assert_eq!(failures, Vec::<String>::new());
}

/// Half of all requests were resets, more than the repeats that a release in trouble is allowed.
#[test]
fn an_endpoint_that_resets_fails_nobody() {
    let resets = scripted(|_| support::Reply::Reset(Vec::new()));
    let router = router().stable_on("v1", vec![echo("v1"), resets]).start();
    let until = Deadline::after(Duration::from_secs(2));
    let mut asked = 0;
    while asked < 300 || !until.passed() {
        router.visitor().get("/");
        asked += 1;
    }
    let denied = router.api().metrics().sum("rolling_upstream_retries_denied_total", &[]);
    assert!(denied < 0.5, "{denied} of {asked}");
}
