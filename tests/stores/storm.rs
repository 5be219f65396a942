//! A storm over the embedded store, which three routers share: keys vanish past every router, and the file is cut, scrambled or
//! gone. Users notice nothing, an alarm names each loss, and one command mends it.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::serving::beside;
use support::clock::within;
use support::draws::Draws;
use support::router::{APP, id};
use support::traffic::Traffic;
use support::{Router, count, eventually, long, router};

/// Within what time a loss is named; a sample runs beside other suites on two cores.
fn soon() -> Duration {
    Duration::from_secs(if long() { 2 } else { 20 })
}

/// Three routers, the store of the first, and a candidate, so that pins of two releases can move.
fn fleet() -> [Router; 3] {
    let first = router().durable().stable("v1").candidate("v2").blend(50).start();
    first.api().put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    let others = [beside(&first), beside(&first)];
    let [second, third] = others;
    [first, second, third]
}

fn facts(router: &Router) -> Value {
    router.api().call("GET", "/api/v1/router", None).expect(200).json()
}

fn is_whole(router: &Router) -> bool {
    let facts = facts(router);
    facts["store"]["state"] == "current" && facts["problems"].as_array().is_some_and(Vec::is_empty)
}

fn restore(router: &Router) -> u16 {
    router.api_as("admin").call("POST", "/api/v1/store/restore", Some(&json!({}))).status()
}

fn stop(traffic: Vec<Traffic>, seed: u64) {
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert!(life.failures.is_empty(), "{:?} (ROLLING_ROUTER_SEED={seed})", life.failures);
        let releases: Vec<&str> = life.seen.iter().map(|seen| seen.release.as_str()).collect();
        assert!(releases.iter().all(|release| *release == releases[0]), "a pin moved: {releases:?}");
    }
}

/// All that the app's users depend on, as the store lists it.
fn keys(router: &Router) -> Vec<String> {
    let asked = json!({ "prefixes": ["apps/", "rolling/"] });
    let listed = router.api_as("admin").call("POST", "/api/v1/store/list", Some(&asked)).expect(200).json();
    let entries = listed["entries"].as_array().cloned().unwrap_or_default();
    let keys = entries.iter().filter_map(|entry| entry["key"].as_str().map(str::to_owned));
    keys.filter(|key| !key.starts_with("rolling/router/")).collect()
}

/// The keys of one draw: one, some, or all below a prefix.
fn draw(draws: &mut Draws, all: &[String]) -> Vec<String> {
    match draws.below(3) {
        0 => vec![all[draws.below(all.len())].clone()],
        1 => all.iter().filter(|_| draws.below(3) == 0).cloned().collect(),
        _ => {
            let prefixes = ["apps/".to_owned(), format!("rolling/{APP}/"), format!("rolling/{APP}/events/")];
            let prefix = &prefixes[draws.below(prefixes.len())];
            all.iter().filter(|key| key.starts_with(prefix)).cloned().collect()
        }
    }
}

/// Whether the loss of a key is one: history is none, old keys are written back, nobody misses a release on no track.
fn is_missed(key: &str) -> bool {
    let of_track = ["v1", "v2"].iter().any(|release| key.starts_with(&format!("{}/", id(release))));
    let own =
        [format!("rolling/{APP}/rollout"), format!("rolling/{APP}/settings"), "rolling/default-app".into()];
    of_track || own.iter().any(|own| own == key)
}

/// Whether a router's log names the loss of every key, behind what stood in it before. All of a long log would take longer to
/// read than a router has to name what it lost.
fn names(router: &Router, before: usize, keys: &[&String]) -> bool {
    let log = router.log();
    let lines: Vec<&str> =
        log[before..].lines().filter(|line| line.contains("nobody ordered that")).collect();
    keys.iter().all(|key| lines.iter().any(|line| line.contains(key.as_str())))
}

#[test]
fn a_storm_of_losses_in_the_embedded_store_fails_no_request_and_moves_no_pin() {
    let routers = fleet();
    let mut draws = Draws::start();
    let seed = draws.seed;
    let traffic: Vec<Traffic> = routers.iter().map(|router| Traffic::start(router, 1)).collect();
    eventually("there is load", || traffic.iter().all(|traffic| traffic.answered() > 10));
    let mut last = routers[0].api().state()["seq"].as_u64().expect("a seq");
    for n in 0..count(8, 200) {
        let drawn = draw(&mut draws, &keys(&routers[0]));
        let missed: Vec<&String> = drawn.iter().filter(|key| is_missed(key)).collect();
        let earlier = routers.each_ref().map(|router| router.log().len());
        for batch in drawn.chunks(100) {
            let writes: Vec<Value> = batch.iter().map(|key| json!({ "delete": key })).collect();
            let commit = json!({ "checks": [], "writes": writes });
            routers[0].api_as("admin").call("POST", "/api/v1/store/commit", Some(&commit)).expect(200);
        }
        let all = || routers.iter().zip(earlier).all(|(router, before)| names(router, before, &missed));
        assert!(within(soon(), all), "{n}: {drawn:?} is not named (ROLLING_ROUTER_SEED={seed})");
        if !within(Duration::from_millis(300), || routers.iter().all(is_whole)) {
            let restored = restore(&routers[n % 3]);
            assert!(restored == 200 || routers.iter().all(is_whole), "{n}: {drawn:?}: {restored} ({seed})");
        }
        eventually(&format!("{n}: {drawn:?} is mended (ROLLING_ROUTER_SEED={seed})"), || {
            routers.iter().all(is_whole)
        });
        let lock = json!({ "reason": format!("loss {n}") });
        let seq = routers[n % 3].api().put("lock", &lock).expect(200).json()["seq"].as_u64();
        let seq = seq.expect("a seq");
        assert!(seq > last && seq <= last + 8, "{n}: the app goes on where it was: {last}, {seq}");
        last = seq;
    }
    stop(traffic, seed);
}

/// What happens to the file: how it is called, and what is left of its bytes; none: it is gone.
fn damage(draws: &mut Draws, bytes: &[u8]) -> (&'static str, Option<Vec<u8>>) {
    let at = draws.below(bytes.len());
    match draws.below(4) {
        0 => ("cut", Some(bytes[..at].to_vec())),
        1 => {
            let mut bytes = bytes.to_vec();
            bytes[at..].iter_mut().for_each(|byte| *byte ^= 0x5a);
            ("scrambled", Some(bytes))
        }
        2 => ("garbage", Some(b"this is no store".to_vec())),
        _ => ("gone", None),
    }
}

#[test]
fn a_storm_of_damages_to_the_embedded_file_loses_no_user_and_no_change() {
    let [mut first, second, third] = fleet();
    let mut draws = Draws::start();
    let seed = draws.seed;
    let mut pinned = first.visitor();
    let (release, seq) = (pinned.release(), first.api().state()["seq"].clone());
    let file = first.path("store.redb");
    for n in 0..count(4, 60) {
        first.terminate();
        assert_eq!(first.exit_code(), Some(0));
        let traffic = vec![Traffic::start(&second, 1), Traffic::start(&third, 1)];
        let (what, left) = damage(&mut draws, &fs::read(&file).expect("it can be read"));
        match left {
            Some(bytes) => fs::write(&file, bytes).expect("it can be written"),
            None => fs::remove_file(&file).expect("it can be removed"),
        }
        first.start_again();
        pinned.hang_up();
        assert_eq!(pinned.release(), release, "{n}: {what} (ROLLING_ROUTER_SEED={seed})");
        let state = || facts(&first)["store"]["state"].as_str().unwrap_or_default().to_owned();
        let is_found = || ["down", "diverged", "current"].contains(&state().as_str());
        assert!(within(soon(), is_found), "{n}: {what}: {} (ROLLING_ROUTER_SEED={seed})", state());
        assert!(!first.log().contains("panicked"), "{n}: {what} (ROLLING_ROUTER_SEED={seed})");
        if state() != "current" {
            if fs::exists(&file).expect("it can be looked for") && state() == "down" {
                fs::rename(&file, first.path("damaged")).expect("it can be moved");
            }
            eventually(&format!("{n}: {what}: it can be restored ({seed})"), || restore(&first) == 200);
        }
        assert_eq!(
            first.api().state()["seq"],
            seq,
            "{n}: {what}: no change is lost (ROLLING_ROUTER_SEED={seed})"
        );
        for other in [&second, &third] {
            eventually(&format!("{n}: {what}: the others find it ({seed})"), || {
                let detail = facts(other)["store"]["state"].clone();
                if detail == "diverged" {
                    other.api_as("admin").call("POST", "/api/v1/store/accept", None);
                }
                detail == "current"
            });
        }
        stop(traffic, seed);
        eventually("commands are taken again", || {
            [&first, &second, &third]
                .iter()
                .all(|router| router.api().put("sticky", &json!({ "sticky": true })).status() == 200)
        });
    }
}
