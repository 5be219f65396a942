//! Which app has which path of a host that several apps claim.

use serde_json::{Value, json};

use super::*;
use crate::rollout::keyspace::Problem;

/// A keyspace with apps `a`, `b` and `c`, each with settings that were written at these revisions.
fn apps(settings: &[(&str, u64, Value)]) -> Keyspace {
    let mut keyspace = keyspace();
    for name in ["a", "b", "c"] {
        let record = record(json!({ "stable": null, "candidate": null }));
        keyspace.put(&format!("rolling/{name}/rollout"), &record, 1);
    }
    for (name, revision, settings) in settings {
        write(&mut keyspace, name, *revision, settings);
    }
    keyspace
}

fn write(keyspace: &mut Keyspace, app: &str, revision: u64, settings: &Value) {
    keyspace.put(&format!("rolling/{app}/settings"), settings.to_string().as_bytes(), revision);
}

fn leads(keyspace: &mut Keyspace, target: &str) -> String {
    let table = keyspace.build(99);
    let found = table.app_for(Authority::split("x.example"), target.as_bytes()).unwrap();
    found.map_or("none".to_owned(), |found| found.app.name.to_string())
}

fn problem(keyspace: &mut Keyspace) -> Option<(String, String)> {
    keyspace.build(99);
    let problems: Vec<Problem> = keyspace.problems();
    assert!(problems.len() < 2, "{problems:?}");
    problems.into_iter().next().map(|problem| (problem.key, problem.allowed))
}

fn whole() -> Value {
    json!({ "hosts": ["x.example"] })
}

fn sharing_with(app: &str) -> Value {
    json!({ "hosts": ["x.example"], "share_host": [app] })
}

fn below(prefix: &str) -> Value {
    json!({ "hosts": ["x.example"], "paths": [prefix] })
}

#[test]
fn a_path_on_anothers_host_needs_that_it_is_shared() {
    // Neither the order of the writes nor one revision for both, as of a seed, makes a difference.
    for (first, second) in [(10, 11), (11, 10), (10, 10)] {
        let mut alone = apps(&[("a", first, whole()), ("b", second, below("/api"))]);
        assert_eq!(leads(&mut alone, "/api/1"), "a", "{first} {second}");
        let (key, allowed) = problem(&mut alone).unwrap();
        assert_eq!(key, "rolling/b/settings");
        assert!(allowed.contains("the app a ") && allowed.contains("`x.example/api`"), "{allowed}");
        let refused = alone.check("rolling/b/settings", below("/x").to_string().as_bytes());
        assert!(refused.unwrap_err().allowed.contains("share_host"));
        let mut shared = apps(&[("a", first, sharing_with("b")), ("b", second, below("/api"))]);
        assert_eq!((leads(&mut shared, "/api/1"), leads(&mut shared, "/x")), ("b".into(), "a".into()));
        assert_eq!(problem(&mut shared), None, "{first} {second}");
        assert!(shared.check("rolling/b/settings", below("/x").to_string().as_bytes()).is_ok());
    }
}

/// The apps of a seed become routed one after the other, and the first of them took the host of an app that came later.
#[test]
fn a_host_is_not_the_one_of_whoever_is_routed_first() {
    let mut keyspace = keyspace();
    write(&mut keyspace, "a", 10, &whole());
    write(&mut keyspace, "b", 10, &below("/api"));
    for name in ["b", "a"] {
        keyspace.build(10);
        let record = record(json!({ "stable": null, "candidate": null }));
        keyspace.put(&format!("rolling/{name}/rollout"), &record, 11);
    }
    assert_eq!((leads(&mut keyspace, "/x"), leads(&mut keyspace, "/api")), ("a".into(), "a".into()));
    let (key, allowed) = problem(&mut keyspace).unwrap();
    assert!(key == "rolling/b/settings" && allowed.contains("the app a "), "{key} {allowed}");
}

#[test]
fn who_came_first_with_a_path_shares_the_rest() {
    let mut keyspace = apps(&[("b", 10, below("/api"))]);
    assert_eq!((leads(&mut keyspace, "/api"), leads(&mut keyspace, "/x")), ("b".into(), "none".into()));
    write(&mut keyspace, "a", 11, &whole());
    assert_eq!(leads(&mut keyspace, "/x"), "none", "the host is b's");
    assert!(problem(&mut keyspace).unwrap().1.contains("share_host` of b names it"));
    let mut own = below("/api");
    own["share_host"] = json!(["a"]);
    write(&mut keyspace, "b", 12, &own);
    assert_eq!((leads(&mut keyspace, "/api"), leads(&mut keyspace, "/x")), ("b".into(), "a".into()));
    // A router that starts anew comes to the same, though b's settings are the younger ones.
    let mut anew = apps(&[("a", 11, whole()), ("b", 12, own)]);
    assert_eq!((leads(&mut anew, "/api"), leads(&mut anew, "/x")), ("b".into(), "a".into()));
    assert_eq!(problem(&mut anew), None);
}

#[test]
fn a_prefix_belongs_to_the_first_that_claims_it() {
    let sharing = json!({ "hosts": ["x.example"], "share_host": ["b", "c"] });
    let mut keyspace = apps(&[("a", 9, sharing), ("c", 10, below("/api"))]);
    assert_eq!(leads(&mut keyspace, "/api"), "c");
    write(&mut keyspace, "b", 11, &below("/api"));
    write(&mut keyspace, "c", 12, &below("/api/"));
    assert_eq!(leads(&mut keyspace, "/api"), "c", "it keeps what it claims again in another spelling");
    assert!(problem(&mut keyspace).unwrap().1.contains("claimed by the app c already"));
    write(&mut keyspace, "c", 13, &json!({}));
    assert_eq!(leads(&mut keyspace, "/api"), "b");
    // Without hosts it is the same on the hosts that nobody claims.
    let mut others =
        apps(&[("a", 10, json!({ "paths": ["/api"] })), ("b", 11, json!({ "paths": ["/api", "/b"] }))]);
    assert_eq!((leads(&mut others, "/api"), leads(&mut others, "/b")), ("a".into(), "b".into()));
    assert!(problem(&mut others).unwrap().1.contains("`*/api`"));
}

#[test]
fn a_host_that_is_no_longer_shared_stays_shared_until_it_is_given_up_and_says_so() {
    let mut keyspace = apps(&[("a", 10, sharing_with("b")), ("b", 11, below("/api"))]);
    assert_eq!(leads(&mut keyspace, "/api"), "b");
    write(&mut keyspace, "a", 12, &whole());
    assert_eq!(leads(&mut keyspace, "/api"), "b", "nobody is taken off line by a setting of somebody else");
    assert!(problem(&mut keyspace).unwrap().1.contains("no longer"));
    let mut changed = below("/api");
    changed["drainseconds"] = json!(1);
    write(&mut keyspace, "b", 13, &changed);
    assert_eq!(leads(&mut keyspace, "/api"), "b");
    write(&mut keyspace, "b", 14, &below("/other"));
    assert_eq!((leads(&mut keyspace, "/other"), leads(&mut keyspace, "/api")), ("a".into(), "a".into()));
}

#[test]
fn apps_that_may_meet_in_one_cookie_path_have_cookies_of_their_own() {
    let mut keyspace = apps(&[
        ("a", 10, json!({ "hosts": ["x.example"], "share_host": ["b", "c"] })),
        ("b", 11, json!({ "hosts": ["x.example"], "paths": ["/b"] })),
        ("c", 12, json!({ "hosts": ["x.example"], "paths": ["/c", "/d"] })),
    ]);
    let table = keyspace.build(99);
    let cookie = |name: &str| {
        let set = &table.apps[name].pin_cookies.by(false).set;
        format!("{}{}", set.before, set.after.split("; ").find(|part| part.starts_with("Path=")).unwrap())
    };
    assert_eq!(cookie("a"), "rolling_pin=Path=/");
    assert_eq!(cookie("b"), "rolling_pin=Path=/b");
    assert_eq!(cookie("c"), "rolling_pin.c=Path=/");
}
