//! Secrets in the store: encrypted, rotated by a whole fleet, and never replaced when they cannot be read.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::routers::{Fleet, alarms, fleet};
use crate::server::{Kind, Server};
use support::traffic::Traffic;
use support::{Router, eventually, write_private};

const FLAG: &str = "--secrets-key-file";
const FILE: &str = "keys";
const ONE: &str = "one:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
const TWO: &str = "two:MTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
/// Another key of the same id.
const OTHER_ONE: &str = "one:MjEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";

const HOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What stands in secrets that the tests write.
const WRITTEN: [&str; 6] = [
    HOOK_SECRET,
    "header-value-4711",
    "sender-secret-0815-abcdefgh",
    "account-key-4711",
    "certificate-key-4711",
    "environment-value-4711",
];

/// Writes a secret of each kind that routers keep in the store.
fn write_secrets(router: &Router) {
    let admin = router.api_as("admin");
    let hook = json!({
        "url": "http://hooks.example/in", "secret": HOOK_SECRET, "paused": true,
        "header": {"name": "x-key", "value": "header-value-4711"}
    });
    admin.call("PUT", "/api/v1/hooks/chat", Some(&hook)).expect(201);
    let hook_in = json!({
        "sender": "github", "app": "hello", "release": "{/ref|last}", "endpoints": ["{/endpoint}"], "blend": 5,
        "secret": "sender-secret-0815-abcdefgh"
    });
    admin.call("PUT", "/api/v1/hooks-in/github", Some(&hook_in)).expect(201);
    let deployment = json!({
        "app": "hello", "id": "hello-9", "replicas": 1, "desired": "stopped", "created_by": "root", "created_at": 1,
        "spec": {"image": "x", "environment": {"DB": "environment-value-4711"}}
    });
    for (key, value) in [
        ("rolling/router/acme/account", json!({"directory": "x", "credentials": "account-key-4711"})),
        ("rolling/router/acme/certificates/a.test", json!({"key": "certificate-key-4711"})),
        ("rolling/hello/deployments/hello-9", deployment),
    ] {
        let value = BASE64_STANDARD.encode(value.to_string());
        let writes = json!({"checks": [], "writes": [{"put": key, "value": value}]});
        admin.call("POST", "/api/v1/store/commit", Some(&writes)).expect(200);
    }
}

/// What the routers see at a key.
fn seen(router: &Router, key: &str) -> String {
    let admin = router.api_as("admin");
    let answer = admin.call("POST", "/api/v1/store/get", Some(&json!({ "key": key }))).expect(200).json();
    let value = BASE64_STANDARD.decode(answer["entry"]["value"].as_str().expect("a value")).expect("base64");
    String::from_utf8(value).expect("text")
}

/// The secrets that the routers drew themselves.
fn drawn(router: &Router) -> Vec<String> {
    let pins: Value = serde_json::from_str(&seen(router, "rolling/router/pinkeys")).expect("JSON");
    let pin = pins["current"]["secret"].as_str().expect("a secret").to_owned();
    vec![pin, seen(router, "rolling/router/tokenkey")]
}

fn secrets(router: &Router) -> Value {
    fleet(router)["secrets"].clone()
}

/// Whether all secrets stand in the form of this key at each router.
fn all_are(fleet: &Fleet, id: &str) -> bool {
    fleet.routers.iter().all(|router| {
        let state = secrets(router);
        let key = state["key"].as_str().unwrap_or_default().split('.').next() == Some(id);
        key && state["next"].is_null() && state["written"] == state["all"] && state["unreadable"] == 0
    })
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What stands in the store at the keys of secrets.
fn stored_secrets(server: &Server) -> Vec<(String, String)> {
    let is_secret = |key: &&String| {
        let own = [
            "pinkeys",
            "tokenkey",
            "acme/account",
            "acme/certificates/a.test",
            "hooks/chat",
            "hooks-in/github",
        ];
        own.iter().any(|own| **key == format!("rolling/router/{own}")) || key.contains("/deployments/")
    };
    let keys = server.keys();
    let found: Vec<(String, String)> =
        keys.iter().filter(is_secret).map(|key| (key.clone(), server.value(key))).collect();
    assert_eq!(found.len(), 7, "{found:?}");
    found
}

/// The pins of so many new clients.
fn distinct_pins(router: &Router, count: usize) -> Vec<String> {
    (0..count).map(|_| router.visitor().pin_of("/").expect("a pin came with the first page")).collect()
}

fn set_keys(router: &Router, text: &str) {
    write_private(&router.path(FILE), text);
}

#[test]
fn no_byte_of_a_secret_ever_reaches_the_store() {
    let fleet = Fleet::with_file(Kind::Redis, 2, FLAG, (FILE, ONE));
    write_secrets(&fleet.routers[0]);
    fleet.routers[0].api_as("admin").call("POST", "/api/v1/fleet/rotate-keys", Some(&json!({}))).expect(200);
    let drawn = drawn(&fleet.routers[1]);
    eventually("all of them are encrypted", || all_are(&fleet, "one"));
    for (key, value) in stored_secrets(&fleet.server) {
        assert!(value.starts_with("sealed:1:one:"), "{key}: {value}");
    }
    // All that Redis ever wrote, its log of changes too.
    let disk = fleet.server.disk();
    assert!(has(&disk, "rolling/router/hooks/chat"), "this is where it would be");
    for secret in WRITTEN.iter().copied().chain(drawn.iter().map(String::as_str)) {
        assert!(!has(&disk, secret), "{secret} is in the store");
    }
    for router in &fleet.routers {
        assert!(seen(router, "rolling/router/hooks/chat").contains(HOOK_SECRET), "routers read it");
        assert!(alarms(router, "r1").is_empty() && alarms(router, "r2").is_empty());
    }
}

#[test]
fn a_fleet_goes_over_to_another_key_under_load_and_back_to_none() {
    let mut fleet = Fleet::with_file(Kind::Redis, 3, FLAG, (FILE, ONE));
    write_secrets(&fleet.routers[0]);
    fleet.step(0, 0).expect(200);
    let pins: Vec<(String, Vec<String>)> = distinct_pins(&fleet.routers[0], 40)
        .into_iter()
        .map(|pin| (pin.clone(), fleet.releases_of(&pin)))
        .collect();
    assert!(
        ["v1", "v2"].iter().all(|release| pins.iter().any(|(_, at)| at[0] == *release)),
        "both have clients"
    );
    let traffic: Vec<Traffic> = fleet.routers.iter().map(|router| Traffic::start(router, 2)).collect();

    for router in &fleet.routers[..2] {
        set_keys(router, &format!("{TWO}{ONE}"));
    }
    eventually("it is said who is missing", || {
        fleet.routers[..2].iter().all(|router| secrets(router)["waits_for"] == json!(["r3"]))
    });
    let waiting = secrets(&fleet.routers[0]);
    assert!(waiting["key"].as_str().is_some_and(|key| key.starts_with("one.")), "{waiting}");
    assert!(waiting["next"].as_str().is_some_and(|key| key.starts_with("two.")), "{waiting}");
    assert!(stored_secrets(&fleet.server).iter().all(|(_, value)| value.starts_with("sealed:1:one:")));

    set_keys(&fleet.routers[2], &format!("{TWO}{ONE}"));
    eventually("all is written with the new key", || all_are(&fleet, "two"));
    assert!(stored_secrets(&fleet.server).iter().all(|(_, value)| value.starts_with("sealed:1:two:")));
    for router in &fleet.routers {
        set_keys(router, TWO);
    }
    eventually("the old key is gone", || {
        fleet.routers.iter().all(|router| has_read_two_alone(&router.log()))
    });
    for router in &mut fleet.routers {
        router.upgrade();
    }
    eventually("all of them read everything", || all_are(&fleet, "two"));

    for router in &fleet.routers {
        set_keys(router, &format!("plain\n{TWO}"));
    }
    eventually("all is written plainly again", || all_are(&fleet, "plain"));
    assert!(stored_secrets(&fleet.server).iter().all(|(_, value)| !value.starts_with("sealed:")));

    for (pin, before) in &pins {
        assert_eq!(fleet.releases_of(pin), *before, "a pin moved");
    }
    for router in &fleet.routers {
        assert_eq!(alarms(router, "r1"), Vec::<String>::new());
        assert!(pins.iter().all(|(pin, _)| keeps(router, pin)), "the pins are known");
    }
    for life in traffic.into_iter().flat_map(Traffic::stop) {
        assert_eq!(life.failures, Vec::<String>::new());
        assert!(life.seen.iter().all(|answer| answer.release == life.seen[0].release), "a client moved");
    }
}

/// Whether a router says that it has read a file with the second key and no other.
fn has_read_two_alone(log: &str) -> bool {
    log.lines().any(|line| line.contains("was read again") && line.contains("two.") && !line.contains("one."))
}

/// Whether a router knows a pin: it sets no other.
fn keeps(router: &Router, pin: &str) -> bool {
    let mut visitor = router.visitor();
    visitor.pin = Some(pin.to_owned());
    visitor.get("/");
    visitor.pin.as_deref() == Some(pin)
}

#[test]
fn a_fleet_that_stored_them_plainly_encrypts_them_once_every_member_can() {
    let mut fleet = Fleet::start(Kind::Redis, 2);
    write_secrets(&fleet.routers[0]);
    assert!(secrets(&fleet.routers[0]).is_null(), "nothing is said of what nobody uses");
    assert!(fleet.routers[0].log().contains("stand in the store unencrypted"));
    let pin = distinct_pins(&fleet.routers[0], 1).remove(0);
    let members = 2;
    for at in 0..members {
        set_keys(&fleet.routers[at], ONE);
        fleet.routers[at].add_flag(&format!("{FLAG}={FILE}"));
        fleet.routers[at].start_again();
        eventually("everybody knows everybody", || fleet.is_whole(members));
        if at == 0 {
            eventually("the other one is missing", || {
                secrets(&fleet.routers[0])["waits_for"] == json!(["r2"])
            });
            assert!(stored_secrets(&fleet.server).iter().all(|(_, value)| !value.starts_with("sealed:")));
        }
    }
    eventually("all of them are encrypted", || all_are(&fleet, "one"));
    assert!(stored_secrets(&fleet.server).iter().all(|(_, value)| value.starts_with("sealed:1:one:")));
    assert!(fleet.routers.iter().all(|router| keeps(router, &pin)));
}

#[test]
fn a_router_with_a_wrong_key_serves_what_it_knew_and_replaces_nothing() {
    let mut fleet = Fleet::with_file(Kind::Redis, 2, FLAG, (FILE, ONE));
    write_secrets(&fleet.routers[0]);
    let pin = distinct_pins(&fleet.routers[0], 1).remove(0);
    eventually("all of them are encrypted", || all_are(&fleet, "one"));
    let before = stored_secrets(&fleet.server);
    for wrong in [OTHER_ONE, TWO] {
        set_keys(&fleet.routers[1], wrong);
        fleet.routers[1].start_again();
        eventually("it says so", || alarms(&fleet.routers[1], "r2").contains(&"secrets".to_owned()));
        assert_eq!(alarms(&fleet.routers[0], "r1"), Vec::<String>::new(), "the other one has no fault");
        assert!(keeps(&fleet.routers[1], &pin), "it serves by the pin keys that it knew");
        let admin = fleet.routers[1].api_as("admin");
        let hook = json!({"url": "http://hooks.example/other", "paused": true});
        let refused = admin.call("PUT", "/api/v1/hooks/chat", Some(&hook)).expect(503).json();
        assert!(
            refused["error"]["message"].as_str().is_some_and(|why| why.contains("cannot be read")),
            "{refused}"
        );
        assert_eq!(
            admin.call("PUT", "/api/v1/hooks/fresh", Some(&hook)).status(),
            503,
            "nor is one written plainly"
        );
        fleet.routers[1].api().put("lock", &json!({"reason": "other things go on"})).expect(200);
        assert_eq!(stored_secrets(&fleet.server), before);
    }
    // A member that never served has nothing to serve by, and draws no keys of its own.
    std::fs::remove_dir_all(fleet.routers[1].path("state")).expect("it can be removed");
    fleet.routers[1].start_again_unready();
    eventually("it says why", || fleet.routers[1].log().contains("rolling/router/pinkeys"));
    assert!(!fleet.routers[1].is_ready());
    assert_eq!(stored_secrets(&fleet.server), before);
    set_keys(&fleet.routers[1], ONE);
    eventually("it serves as soon as it has the key", || fleet.routers[1].is_ready());
    assert!(keeps(&fleet.routers[1], &pin));
    eventually("and nothing is wrong", || all_are(&fleet, "one"));
    assert_eq!(stored_secrets(&fleet.server), before);
}

#[test]
fn values_that_were_swapped_in_the_store_are_an_alarm_and_nobodys_secret() {
    let fleet = Fleet::with_file(Kind::Redis, 2, FLAG, (FILE, ONE));
    write_secrets(&fleet.routers[0]);
    let pin = distinct_pins(&fleet.routers[0], 1).remove(0);
    eventually("all of them are encrypted", || all_are(&fleet, "one"));
    let (pins, hook) = ("rolling/router/pinkeys", "rolling/router/hooks/chat");
    let (of_pins, of_hook) = (fleet.server.value(pins), fleet.server.value(hook));
    fleet.server.put(pins, &of_hook);
    fleet.server.put(hook, &of_pins);
    for (router, name) in fleet.routers.iter().zip(["r1", "r2"]) {
        eventually("it says so", || alarms(router, name).contains(&"secrets".to_owned()));
        assert!(keeps(router, &pin), "the pins of before are known");
        let shown = router.api().call("GET", "/api/v1/hooks/chat", None).expect(200).json();
        assert_eq!(shown["url"], "http://hooks.example/in", "the hook of before is used on");
    }
    assert_eq!((fleet.server.value(pins), fleet.server.value(hook)), (of_hook.clone(), of_pins.clone()));
    fleet.server.put(pins, &of_pins);
    fleet.server.put(hook, &of_hook);
    eventually("all is well again", || all_are(&fleet, "one"));
    assert_eq!(alarms(&fleet.routers[0], "r1"), Vec::<String>::new());
}

#[test]
fn a_key_that_is_taken_out_too_early_is_used_on_and_told() {
    let fleet = Fleet::with_file(Kind::Redis, 1, FLAG, (FILE, ONE));
    write_secrets(&fleet.routers[0]);
    eventually("all of them are encrypted", || all_are(&fleet, "one"));
    for (text, said) in [("", "is not used"), ("one:c2hvcnQ=\n", "32 bytes"), ("# gone\n", "no key")] {
        set_keys(&fleet.routers[0], text);
        eventually("it says so", || {
            let told = fleet_alarm(&fleet.routers[0]);
            told.contains(said) || (text.is_empty() && told.contains("no key"))
        });
        assert!(!fleet_alarm(&fleet.routers[0]).contains("c2hvcnQ"));
    }
    set_keys(&fleet.routers[0], ONE);
    eventually("all is well again", || fleet_alarm(&fleet.routers[0]).is_empty());
    assert!(all_are(&fleet, "one"));
    assert!(seen(&fleet.routers[0], "rolling/router/hooks/chat").contains(HOOK_SECRET));
}

fn fleet_alarm(router: &Router) -> String {
    let fleet = fleet(router);
    let mut all = fleet["alarms"].as_array().into_iter().flatten().filter(|alarm| alarm["kind"] == "secrets");
    all.next().and_then(|alarm| alarm["message"].as_str()).unwrap_or_default().to_owned()
}
