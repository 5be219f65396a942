//! Keys are deleted in the store past every router, as by `redis-cli DEL`, an eviction or a script that went wrong. Nobody
//! ordered that: the table serves on, an alarm names the loss, and one command mends what does not mend itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::routers::{Fleet, RELEASES, seq};
use crate::server::{Kind, Server};
use support::clock::within;
use support::draws::Draws;
use support::router::{APP, id};
use support::traffic::Traffic;
use support::{Router, count, echo, eventually, long};

/// Within what time a loss is named.
const ALARM: Duration = Duration::from_secs(2);
/// What a sample allows, beside other suites on two cores.
const ALARM_OF_A_SAMPLE: Duration = Duration::from_secs(20);

fn problems(router: &Router) -> Vec<String> {
    let facts = router.api().call("GET", "/api/v1/router", None).expect(200).json();
    let problems = facts["problems"].as_array().cloned().unwrap_or_default();
    problems.iter().map(|problem| problem["key"].as_str().expect("a key").to_owned()).collect()
}

/// Whether a router's log names the loss of every key, behind what stood in it before. All of a long log would take longer to
/// read than a router has to name what it lost.
fn names(router: &Router, before: usize, keys: &[&String]) -> bool {
    let log = router.log();
    let lines: Vec<&str> =
        log[before..].lines().filter(|line| line.contains("nobody ordered that")).collect();
    keys.iter().all(|key| lines.iter().any(|line| line.contains(key.as_str())))
}

/// Whether a router's watch ended behind what stood in its log before, as a store that evicts ends it, and it misses none of these
/// keys: it has listed anew, and what another router has mended by then it never missed.
fn misses_none(router: &Router, before: usize, keys: &[&String]) -> bool {
    let missing = problems(router);
    router.log()[before..].contains("the store cannot be followed")
        && keys.iter().all(|key| !missing.contains(key))
}

fn record() -> String {
    format!("rolling/{APP}/rollout")
}

fn old_keys() -> Vec<String> {
    ["stable/id", "candidate/id", "blendpercent", "stickyness"]
        .map(|key| format!("rolling/{APP}/{key}"))
        .to_vec()
}

fn endpoint(release: &str) -> String {
    format!("{}/c0", id(release))
}

fn history(router: &Router) -> Vec<String> {
    let seq = seq(router);
    (1..=seq).map(|seq| format!("rolling/{APP}/events/{seq:012}")).collect()
}

/// A fleet with a candidate, so that pins of two releases can move.
fn with_candidate(kind: Kind) -> Fleet {
    let fleet = Fleet::start(kind, 3);
    fleet.command(0, "PUT", "candidate", &json!({ "id": id("v2"), "blend": 50 }), "60s").expect(200);
    fleet.command(0, "PUT", "settings", &json!({ "hosts": ["shop.example"] }), "60s").expect(200);
    fleet
}

/// What one draw takes away, and how it is called.
struct Loss {
    keys: Vec<String>,
    what: &'static str,
    /// By Redis itself, whose memory is full.
    is_evicted: bool,
}

fn loss(keys: Vec<String>, what: &'static str) -> Loss {
    Loss { keys, what, is_evicted: false }
}

/// So many kinds of losses are named.
const NAMED: usize = 9;

/// Which loss happens: each named one in turn, and in a long run any, or any keys at all, at random.
fn next(draws: &mut Draws, fleet: &Fleet, n: usize) -> Loss {
    match if long() { draws.below(NAMED + 3) } else { n } {
        named if named < NAMED => draw(fleet, named),
        _ => any_keys(draws, fleet),
    }
}

fn any_keys(draws: &mut Draws, fleet: &Fleet) -> Loss {
    let own = vec![record(), format!("rolling/{APP}/settings"), "rolling/default-app".to_owned()];
    let all = [own, old_keys(), RELEASES.map(endpoint).to_vec(), history(&fleet.routers[0])].concat();
    let mut keys: Vec<String> = all.iter().filter(|_| draws.below(3) == 0).cloned().collect();
    if keys.is_empty() {
        keys.push(record());
    }
    loss(keys, "any keys")
}

/// Single keys, groups, whole prefixes, and evictions, one after the other.
fn draw(fleet: &Fleet, n: usize) -> Loss {
    let settings = || format!("rolling/{APP}/settings");
    let below_app = || [history(&fleet.routers[0]), old_keys(), vec![record(), settings()]].concat();
    match n % NAMED {
        0 => loss(vec![record()], "the record"),
        1 => loss(vec![endpoint("v1")], "the only endpoint of stable"),
        2 => loss([old_keys(), vec![record()]].concat(), "the record with its old keys"),
        3 => loss(vec![settings()], "the settings"),
        4 => loss(RELEASES.map(endpoint).to_vec(), "all that is below apps/"),
        5 => loss([history(&fleet.routers[0]), vec![record()]].concat(), "the record with its history"),
        6 => {
            let keys = vec!["rolling/default-app".to_owned(), endpoint("v2")];
            loss(keys, "the default app, and a candidate's endpoint")
        }
        7 => loss(below_app(), "all that is below the app"),
        _ => Loss {
            is_evicted: true,
            ..loss(vec![endpoint("v1"), record(), settings()], "what was used last")
        },
    }
}

impl Loss {
    fn happen(&self, fleet: &Fleet, kind: Kind) {
        match (self.is_evicted, kind) {
            (true, Kind::Redis) => fleet.server.evict(&self.keys),
            _ => self.keys.iter().for_each(|key| fleet.server.delete(key)),
        }
    }

    /// The keys whose loss is one: history is none, old keys are written back from the record, and nobody misses the endpoint
    /// of a release on no track.
    fn missed(&self) -> Vec<&String> {
        let counts = |key: &&String| {
            !key.contains("/events/") && !old_keys().contains(key) && **key != endpoint(RELEASES[2])
        };
        self.keys.iter().filter(counts).collect()
    }
}

/// Nothing is missing any more, at any router.
fn is_whole(fleet: &Fleet) -> bool {
    fleet.routers.iter().all(|router| problems(router).is_empty())
}

/// A loss is named by every router in time, and mended by itself or by one command.
fn lose(fleet: &Fleet, kind: Kind, n: usize, draws: &mut Draws) {
    let drawn = next(draws, fleet, n);
    let missed = drawn.missed();
    let earlier: Vec<usize> = fleet.routers.iter().map(|router| router.log().len()).collect();
    drawn.happen(fleet, kind);
    let of_all = || fleet.routers.iter().zip(&earlier);
    let named = |router: &Router, before: usize| names(router, before, &missed);
    let all = || {
        of_all().any(|(router, before)| named(router, *before))
            && of_all()
                .all(|(router, before)| named(router, *before) || misses_none(router, *before, &missed))
    };
    let seed = draws.seed;
    let soon = if long() { ALARM } else { ALARM_OF_A_SAMPLE };
    assert!(within(soon, all), "{n}: {} is not named (ROLLING_ROUTER_SEED={seed})", drawn.what);
    // A record whose history is there is back by itself; the rest takes one command, and no second one.
    if !within(Duration::from_millis(300), || is_whole(fleet)) {
        let api = fleet.routers[n % 3].api_as("admin");
        let restored = api.call("POST", "/api/v1/store/restore", Some(&json!({}))).status();
        assert!(
            restored == 200 || is_whole(fleet),
            "{n}: {}: {restored} (ROLLING_ROUTER_SEED={seed})",
            drawn.what
        );
    }
    eventually(&format!("{n}: the loss is mended (ROLLING_ROUTER_SEED={seed})"), || is_whole(fleet));
    // What nobody missed is put back, for the next draw.
    if drawn.keys.contains(&endpoint(RELEASES[2])) {
        fleet.server.put(&endpoint(RELEASES[2]), &fleet.endpoints[2].address.to_string());
    }
}

fn storm(kind: Kind) {
    let fleet = with_candidate(kind);
    if kind == Kind::Redis {
        // What is tested is no crash of the server, and a disk that others use would stop it for seconds.
        fleet.server.configure("appendfsync", "everysec");
    }
    let mut seq_before = seq(&fleet.routers[0]);
    let traffic: Vec<Traffic> = fleet.routers.iter().map(|router| Traffic::start(router, 1)).collect();
    eventually("there is load", || traffic.iter().all(|traffic| traffic.answered() > 10));
    let mut draws = Draws::start();
    for n in 0..count(NAMED, 200) {
        lose(&fleet, kind, n, &mut draws);
        let locked = fleet.command(n % 3, "PUT", "lock", &json!({ "reason": format!("loss {n}") }), "60s");
        let seq = locked.expect(200).json()["seq"].as_u64().expect("a seq");
        // An endpoint that is missed for a while is in the record, and its end too.
        let further = seq_before + 1..=seq_before + 8;
        assert!(further.contains(&seq), "{n}: the app goes on where it was: {seq_before}, {seq}");
        seq_before = seq;
    }
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert!(life.failures.is_empty(), "{:?} (ROLLING_ROUTER_SEED={})", life.failures, draws.seed);
        let releases: Vec<&str> = life.seen.iter().map(|seen| seen.release.as_str()).collect();
        assert!(releases.iter().all(|release| *release == releases[0]), "a pin moved: {releases:?}");
    }
}

#[test]
fn a_storm_of_losses_in_redis_fails_no_request_and_moves_no_pin() {
    storm(Kind::Redis);
}

#[test]
fn a_storm_of_losses_in_etcd_fails_no_request_and_moves_no_pin() {
    storm(Kind::Etcd);
}

#[test]
fn an_app_that_lost_record_and_history_takes_no_command_until_it_is_restored_or_removed() {
    let fleet = with_candidate(Kind::Redis);
    draw(&fleet, 5).happen(&fleet, Kind::Redis);
    eventually("it is named", || problems(&fleet.routers[1]).contains(&record()));
    let refused = fleet.routers[1].api().put("sticky", &json!({ "sticky": false })).expect(409);
    assert_eq!(refused.code(), "record_lost", "{}", refused.response.text());
    assert_eq!(fleet.routers[2].visitor().get("/").response.status, 200);
    fleet.routers[1].api().call("DELETE", &format!("/api/v1/apps/{APP}?force=true"), None).expect(200);
    eventually("all have ended it", || {
        fleet
            .routers
            .iter()
            .all(|router| router.api().call("GET", &format!("/api/v1/apps/{APP}"), None).status() == 404)
    });
    eventually("nothing is missed", || is_whole(&fleet));
}

/// A record that was lost together with the newest events was written back from an older one: every router took the store for
/// another one, and refused all commands.
#[test]
fn a_record_is_not_written_back_from_an_older_event() {
    let fleet = with_candidate(Kind::Redis);
    let seq_before = seq(&fleet.routers[0]);
    let newest = format!("rolling/{APP}/events/{seq_before:012}");
    for key in [newest, record()] {
        fleet.server.delete(&key);
    }
    eventually("it is named", || fleet.routers.iter().all(|router| problems(router).contains(&record())));
    let refused = fleet.routers[1].api().put("sticky", &json!({ "sticky": false })).expect(409);
    assert_eq!(refused.code(), "record_lost", "{}", refused.response.text());
    fleet.routers[2].api_as("admin").call("POST", "/api/v1/store/restore", Some(&json!({}))).expect(200);
    eventually("the loss is mended", || is_whole(&fleet));
    assert!(fleet.routers.iter().all(|router| seq(router) == seq_before));
    fleet.command(0, "PUT", "sticky", &json!({ "sticky": false }), "60s").expect(200);
}

#[test]
fn a_new_life_of_an_app_goes_on_above_the_old_one() {
    let fleet = with_candidate(Kind::Redis);
    let before = fleet.routers[0].api().state();
    fleet.routers[0].api().call("DELETE", &format!("/api/v1/apps/{APP}?force=true"), None).expect(200);
    let made = fleet.routers[0].api().put("stable", &json!({ "id": id("v1") })).expect(200).json();
    assert_eq!(made["seq"].as_u64(), before["seq"].as_u64().map(|seq| seq + 1), "{made}");
}

#[test]
fn the_last_endpoint_goes_when_that_is_ordered_or_another_one_comes() {
    let fleet = Fleet::start(Kind::Redis, 2);
    let (held, other) = (endpoint("v1"), echo("v1"));
    fleet.server.delete(&held);
    eventually("it is held", || fleet.routers.iter().all(|router| problems(router).contains(&held)));
    assert_eq!(fleet.routers[1].visitor().release(), "v1");
    let listed = |router: &Router| -> Vec<Value> {
        router.api().state()["stable"]["endpoints"].as_array().cloned().unwrap_or_default()
    };
    fleet.server.put(&format!("{}/c9", id("v1")), &other.address.to_string());
    eventually("the other one took its place", || {
        fleet.routers.iter().all(|router| {
            let listed = listed(router);
            listed.len() == 1 && listed[0]["address"] == other.address.to_string()
        })
    });
    eventually("nothing is missed", || is_whole(&fleet));
    fleet.routers[0].api().kv_delete(&format!("{}/c9", id("v1"))).expect(200);
    eventually("by name it goes at once", || fleet.routers.iter().all(|router| listed(router).is_empty()));
    assert!(is_whole(&fleet));
}

#[test]
fn a_loss_that_is_accepted_is_an_order_for_every_router() {
    let fleet = Fleet::start(Kind::Etcd, 2);
    fleet.server.delete(&endpoint("v1"));
    eventually("it is held", || fleet.routers.iter().all(|router| !problems(router).is_empty()));
    fleet.routers[0].api_as("admin").call("POST", "/api/v1/store/accept", None).expect(200);
    eventually("it is gone everywhere", || {
        fleet
            .routers
            .iter()
            .all(|router| router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 503))
    });
    assert!(is_whole(&fleet));
}

#[test]
fn what_was_lost_while_a_router_was_away_is_held_by_it_too() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    fleet.routers[1].terminate();
    assert_eq!(fleet.routers[1].exit_code(), Some(0));
    fleet.server.delete(&endpoint("v1"));
    fleet.routers[1].start_again();
    assert_eq!(fleet.routers[1].visitor().release(), "v1");
    assert!(problems(&fleet.routers[1]).contains(&endpoint("v1")));
    fleet.routers[1].api_as("admin").call("POST", "/api/v1/store/restore", Some(&json!({}))).expect(200);
    eventually("it is registered again", || is_whole(&fleet));
    assert_eq!(fleet.routers[0].visitor().release(), "v1");
}

#[test]
fn a_redis_that_may_delete_keys_is_warned_of_at_the_start() {
    let server = Server::start(Kind::Redis);
    server.configure("maxmemory", "1gb");
    server.configure("maxmemory-policy", "allkeys-lru");
    let network = Proxy::start(server.address);
    let url = server.url(network.address);
    let fleet = Fleet::on(server, network, url, 1);
    let warning = |log: &str| log.lines().any(|line| line.contains("WARN") && line.contains("`noeviction`"));
    eventually("it is said", || warning(&fleet.routers[0].log()));
    let usual = Fleet::start(Kind::Redis, 1);
    assert!(!warning(&usual.routers[0].log()));
}
