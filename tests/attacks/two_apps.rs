//! Apps that share a router, version names and now and then a host: no request of one is ever answered by an endpoint of
//! another, whatever commands and raw writes come in whatever order. A sequence is the same for a seed.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{Answer, Api, Endpoint, Router, Visitor, count, echo, router};

/// Names that begin with each other, so that ids may be split in several ways.
const APPS: [&str; 3] = ["shop", "shop-v1", "hello"];
/// The same in every app.
const VERSIONS: [&str; 3] = ["v1", "v2", "v1-v2"];
const HOSTS: [&str; 4] = ["a.example", "b.example", "c.example", "nobody.example"];

/// Numbers that look random and are the same for a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) % end as u64).expect("it is below a usize")
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A router, an endpoint for each version of each app, and an end user for each host.
struct World {
    router: Router,
    endpoints: BTreeMap<(&'static str, &'static str), Endpoint>,
    visitors: BTreeMap<&'static str, Visitor>,
}

fn id(app: &str, version: &str) -> String {
    format!("apps/{app}-{version}-80/containers")
}

impl World {
    fn start() -> Self {
        let router = router().without_app().start();
        let pairs = APPS.iter().flat_map(|app| VERSIONS.iter().map(move |version| (*app, *version)));
        let endpoints =
            pairs.map(|(app, version)| ((app, version), echo(&format!("{app}/{version}")))).collect();
        let visitors = HOSTS.iter().map(|host| (*host, Visitor::new(router.front, host))).collect();
        Self { router, endpoints, visitors }
    }

    fn address(&self, app: &str, version: &str) -> String {
        self.endpoints[&(app, version)].address.to_string()
    }

    /// Does one thing to one app. What the router makes of it is its own affair.
    fn step(&self, draw: &mut Draw) -> (String, Answer) {
        let (app, other, version) = (draw.of(&APPS), draw.of(&APPS), draw.of(&VERSIONS));
        let (api, track) = (self.router.api().app(app), draw.of(&["stable", "candidate"]));
        let named = json!({ "release": version, "endpoints": [self.address(app, version)] });
        let raw = |key: &str, value: &str| api.kv_put(&format!("rolling/{app}/{key}"), value);
        let (what, answer) = match draw.below(16) {
            0..4 => ("by name, with endpoints", api.put(track, &named)),
            4 => ("by name", api.put(track, &json!({ "release": version }))),
            5..7 => ("by id", api.put(track, &json!({ "id": id(other, version) }))),
            7..9 => ("by a raw id", raw(&format!("{track}/id"), &id(other, version))),
            9 => ("by a raw null", raw(&format!("{track}/id"), "rolling/null")),
            10 => ("by blend", api.put("blend", &json!({ "percent": 50 * draw.below(3) }))),
            11 => ("by promote", api.post("promote", &json!({ "force": true }))),
            12 => ("by rollback", api.post("rollback", &json!({ "force": true }))),
            13 => {
                let hosts: Vec<&str> = (0..draw.below(3)).map(|_| draw.of(&HOSTS[..3])).collect();
                ("by its hosts", api.put("settings", &json!({ "hosts": hosts })))
            }
            14 => ("by the default", api.put("default", &json!({}))),
            // None is removed: what an app that is gone had registered is nobody's.
            _ => ("by a raw blend", raw("blendpercent", "100")),
        };
        (format!("{app} {what} ({track} {other} {version})"), answer)
    }

    /// Everybody gets their app, and no release is routed by two of them.
    fn check(&mut self, step: &str) {
        let known = self.router.api().call("GET", "/api/v1/apps", None).expect(200).json();
        check_releases(&known, step);
        // Who was at one host brings its cookie to the next one.
        let pins: Vec<Option<String>> = self.visitors.values().map(|visitor| visitor.pin.clone()).collect();
        for (number, (host, visitor)) in self.visitors.iter_mut().enumerate() {
            let mut stranger = Visitor::new(self.router.front, host);
            stranger.pin.clone_from(&pins[(number + 1) % HOSTS.len()]);
            for visitor in [visitor, &mut stranger] {
                let visit = visitor.try_get("/").unwrap_or_else(|why| panic!("{step}: {host}: {why}"));
                match (app_of(&known, host), visit.response.status) {
                    (Some(app), 200) => assert!(
                        visit.release.starts_with(&format!("{app}/")),
                        "{step}: {host} leads to {app}, and {} answered",
                        visit.release
                    ),
                    (Some(_), 503) | (None, 421) => {}
                    // Before there is any app.
                    (None, 503) if known["apps"] == json!([]) => {}
                    (app, status) => panic!("{step}: {host} leads to {app:?} and was answered {status}"),
                }
            }
        }
    }
}

/// The app that a host leads to, as the API says.
fn app_of(known: &Value, host: &str) -> Option<String> {
    let leads = |host: &str| {
        let apps = known["apps"].as_array().into_iter().flatten();
        let mut found = apps
            .filter(|app| app["leading_hosts"].as_array().is_some_and(|hosts| hosts.contains(&json!(host))));
        found.next().and_then(|app| app["app"].as_str().map(str::to_owned))
    };
    leads(host).or_else(|| leads("*"))
}

fn check_releases(known: &Value, step: &str) {
    let mut routed: BTreeMap<String, String> = BTreeMap::new();
    for app in known["apps"].as_array().into_iter().flatten() {
        let name = app["app"].to_string();
        let draining = app["draining"].as_array().into_iter().flatten();
        for release in [&app["stable"], &app["candidate"]].into_iter().chain(draining) {
            let Some(id) = release["id"].as_str() else { continue };
            let before = routed.insert(id.to_owned(), name.clone());
            assert!(before.is_none_or(|before| before == name), "{step}: two apps route {id}");
        }
    }
}

#[test]
fn no_request_of_one_app_is_answered_by_an_endpoint_of_another() {
    let mut world = World::start();
    let mut draw = Draw(1);
    let (mut done, mut refused) = (0, 0);
    for number in 0..count(120, 20_000) {
        let (step, answer) = world.step(&mut draw);
        match answer.status() {
            200 | 202 => done += 1,
            404 | 409 | 422 => refused += 1,
            status => panic!("step {number}: {step}: {status}: {}", answer.response.text()),
        }
        world.check(&format!("step {number}: {step}"));
    }
    assert!(done > 25 && refused > 10, "{done} were done and {refused} refused");
}

/// `stable set 1.0 --app hello` and `stable set 1.0 --app shop` shared one release: half of the users of one got the other's
/// pages.
#[test]
fn two_apps_of_one_version_name_have_a_release_each() {
    let router = router().without_app().start();
    let endpoints = ["hello", "shop"].map(echo);
    for (app, endpoint) in ["hello", "shop"].iter().zip(&endpoints) {
        let body = json!({ "release": "1.0", "endpoints": [endpoint.address.to_string()] });
        let state = router.api().app(app).put("stable", &body).expect(200).json();
        assert_eq!(state["stable"]["id"], id(app, "1.0"));
        assert_eq!((&state["stable"]["release"], &state["created"]), (&json!("1.0"), &json!(true)));
    }
    router.api().app("shop").put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    for _ in 0..12 {
        assert_eq!(Visitor::new(router.front, "www.example").release(), "hello");
        assert_eq!(Visitor::new(router.front, "shop.example").release(), "shop");
    }
}

fn refused(answer: &Answer) {
    assert_eq!(
        (answer.status(), answer.code().as_str()),
        (409, "other_apps_release"),
        "{}",
        answer.response.text()
    );
}

/// A pipeline could put another app's release on a track of its own app, and half of that app's clients got it.
#[test]
fn another_apps_release_is_taken_by_no_door() {
    let router = router().stable("v1").candidate("v2").deployed("v3").start();
    let mine = echo("mine");
    let ci = router.api_as("ci").app("evil");
    // What it routes, what is its own by its id, and what its history alone names.
    router.api().post("promote", &json!({})).expect(200);
    router.api().post("rollback", &json!({ "to": "v1" })).expect(200);
    for version in ["v1", "v2", "v3"] {
        let theirs = id("hello", version);
        for track in ["stable", "candidate"] {
            refused(&ci.put(track, &json!({ "id": theirs })));
            refused(&ci.put(track, &json!({ "id": theirs, "endpoints": [mine.address.to_string()] })));
            refused(&ci.kv_put(&format!("rolling/evil/{track}/id"), &theirs));
            refused(&ci.kv_put(&format!("rolling/evil/{track}/id"), &format!("{theirs}\n")));
        }
        // By its short name it is nobody's, and a new one needs endpoints.
        ci.put("stable", &json!({ "release": version })).expect(422);
    }
    ci.get("").expect(404);
    for _ in 0..12 {
        assert_eq!(router.visitor().release(), "v1");
    }
}

/// An id that no app's name begins belongs to whoever took it first, also after that app went on.
#[test]
fn an_old_id_stays_with_the_app_that_took_it() {
    let router = router().without_app().start();
    let api = router.api();
    let endpoints = ["old", "new", "newest"].map(echo);
    let old = |version: &str| format!("apps/docker-{version}-80/containers");
    for (version, endpoint) in ["old", "new", "newest"].iter().zip(&endpoints) {
        api.kv_put(&format!("{}/c1", old(version)), &endpoint.address.to_string()).expect(200);
        api.kv_put("rolling/hello/stable/id", &old(version)).expect(200);
    }
    api.delete("draining").expect(200);
    let shop = api.app("shop");
    for version in ["old", "new", "newest"] {
        refused(&shop.put("stable", &json!({ "id": old(version) })));
        shop.put("stable", &json!({ "release": version })).expect(422);
    }
    let body = json!({ "release": "old", "endpoints": [echo("shop").address.to_string()] });
    assert_eq!(shop.put("stable", &body).expect(200).json()["stable"]["id"], id("shop", "old"));
    // It is still hello's own way back.
    api.post("rollback", &json!({ "to": old("old") })).expect(200);
    assert_eq!(router.visitor().release(), "old");
}

/// Two apps that share a release, from before or past the API: shown to both, and its endpoints are changed on purpose only.
#[test]
fn a_shared_release_is_shown_and_its_endpoints_are_changed_by_force_only() {
    let shared = "apps/app-1.0-80/containers";
    let endpoint = echo("1.0");
    let router = router()
        .without_app()
        .key(&format!("{shared}/c1"), &endpoint.address.to_string())
        .key("rolling/hello/stable/id", shared)
        .key("rolling/shop/stable/id", shared)
        .start();
    let further = echo("further").address.to_string();
    for app in ["hello", "shop"] {
        let api = router.api().app(app);
        let problems = api.state()["problems"].clone();
        assert_eq!((&problems[0]["key"], &problems[0]["value"]), (&json!(shared), &json!("hello, shop")));
        let body = json!({ "id": shared, "endpoints": [further] });
        assert_eq!(api.put("stable", &body).expect(409).code(), "shared_release");
    }
    let ci = router.api_as("ci");
    assert_eq!(ci.kv_put(&format!("{shared}/c2"), &further).expect(409).code(), "shared_release");
    assert_eq!(ci.kv_delete(&format!("{shared}/c1")).expect(409).code(), "shared_release");
    assert!(router.api().metrics().sum("rolling_keyvalue_problems", &[]) >= 1.0);
    let forced = ("text/plain", further.as_bytes());
    ci.raw("PUT", &format!("/api/kv/{shared}/c2?force=true"), Some(forced), "").expect(200);
}

/// Empty names, as of an unset variable, made releases called `app--80`.
#[test]
fn an_empty_name_is_refused_wherever_a_release_is_named() {
    let router = router().stable("v1").candidate("v2").start();
    let api: Api = router.api();
    let endpoints = json!(["127.0.0.1:9"]);
    for (method, path, body) in [
        ("PUT", "candidate", json!({ "release": "" })),
        ("PUT", "candidate", json!({ "release": "", "endpoints": endpoints })),
        ("PUT", "stable", json!({ "release": "", "endpoints": endpoints })),
        ("PUT", "stable", json!({ "id": "" })),
        ("PUT", "blend", json!({ "percent": 1, "release": "" })),
        ("POST", "promote", json!({ "release": "" })),
        ("POST", "abort", json!({ "release": "" })),
        ("POST", "rollback", json!({ "to": "" })),
        ("POST", "drain/finish", json!({ "release": "" })),
    ] {
        let path = format!("/api/v1/apps/hello/{path}");
        let refused = api.call(method, &path, Some(&body)).expect(422).json();
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("empty") && message.contains("`+`"), "{path} {body}: {message}");
    }
    let endpoint = echo("semver");
    let semver =
        json!({ "release": "1.0.0-rc.1+build.7", "endpoints": [endpoint.address.to_string()], "blend": 100 });
    let state = api.put("candidate", &semver).expect(200).json();
    assert_eq!(state["candidate"]["release"], "1.0.0-rc.1+build.7");
    assert_eq!(router.visitor().release(), "semver");
    api.post("promote", &json!({ "release": "1.0.0-rc.1+build.7" })).expect(200);
}
