//! What is registered and nobody needs any more, and what is registered twice.

use serde_json::{Value, json};

use super::program::ask;
use support::router::id;
use support::{Router, echo, eventually, router};

/// The releases that the app knows, by name.
fn known(router: &Router) -> Vec<String> {
    let known = router.api().get("releases").expect(200).json();
    let names = known["releases"].as_array().into_iter().flatten();
    names.filter_map(|release| release["release"].as_str().map(str::to_owned)).collect()
}

fn register(router: &Router, release: &str, address: &str) {
    router.api().put(&format!("releases/{release}/endpoints/{address}"), &json!({})).expect(200);
}

#[test]
fn the_newest_releases_stay_and_what_an_app_names_does_in_any_case() {
    let router = router().stable("v1").candidate("v2").start();
    let ci = |words: &[&str]| ask(&router, "ci", words).expect(0).out;
    router.api().post("promote", &json!({ "release": "v2" })).expect(200);
    for (number, release) in ["w1", "w2", "w3", "w4"].iter().enumerate() {
        register(&router, release, &format!("10.0.0.{}:80", number + 1));
    }
    // A replica that comes back makes its release the newest.
    register(&router, "w1", "10.0.0.9:80");
    let dry = ci(&["release", "prune", "--keep", "2", "--dry-run"]);
    assert!(dry.contains("2 releases would be removed") && dry.contains(&id("w2")), "{dry}");
    assert_eq!(known(&router), ["v1", "v2", "w1", "w2", "w3", "w4"]);
    let pruned = router.api_as("ci").post("prune?wait=fleet", &json!({ "keep": 2 })).expect(200).json();
    assert_eq!(pruned["removed"], json!([id("w3"), id("w2")]));
    assert_eq!((&pruned["kept"], &pruned["left"]), (&json!([id("w1"), id("w4")]), &json!(0)));
    assert_eq!(pruned["applied"]["members"], 1);
    assert_eq!(known(&router), ["v1", "v2", "w1", "w4"]);
    assert!(ci(&["release", "prune", "--keep", "2"]).starts_with("nothing to do"));
    ci(&["release", "prune", "--keep", "0"]);
    assert_eq!(known(&router), ["v1", "v2"], "stable, and the one that a rollback goes to");
    assert_eq!(router.visitor().release(), "v2");
}

#[test]
fn replicas_that_start_together_all_add_themselves() {
    let router = router().stable("v1").start();
    std::thread::scope(|scope| {
        for number in 1..=6 {
            let router = &router;
            scope.spawn(move || {
                let (address, name) = (format!("10.0.0.{number}:80"), format!("web-{number}"));
                let words = ["endpoint", "add", "w1", &address, "--container", &name];
                ask(router, "ci", &words).expect(0);
            });
        }
    });
    let listed = router.api().get("releases/w1/endpoints").expect(200).json();
    assert_eq!((listed["endpoints"].as_array().map(Vec::len), &listed["count"]), (Some(6), &json!(6)));
    let ci = |words: &[&str], code| ask(&router, "ci", words).expect(code);
    assert!(
        ci(&["endpoint", "add", "w1", "10.0.0.1:80", "--container", "web-1"], 0)
            .out
            .starts_with("nothing to do")
    );
    ci(&["endpoint", "remove", "w1", "web-1", "--if-match", "5"], 4);
    ci(&["release", "remove", "w1", "--if-match", "5"], 4);
    ci(&["release", "remove", "w1"], 0);
}

#[test]
fn who_may_prune_and_what_of_other_apps_stays() {
    let router = router().stable("v1").deployed("v2").start();
    let api = router.api();
    let other = echo("o1");
    let set = |release: &str, address: &str| json!({ "release": release, "endpoints": [address] });
    api.app("other").put("stable", &set("o1", &other.address.to_string())).expect(200);
    api.app("other").put("releases/o2/endpoints/10.0.0.2:80", &json!({})).expect(200);
    assert_eq!(router.api_as("viewer").post("prune", &json!({ "keep": 0 })).expect(403).code(), "forbidden");
    assert_eq!(api.if_match(99).post("prune", &json!({ "keep": 0 })).expect(412).code(), "stale");
    for refused in [json!({}), json!({ "keep": -1 }), json!({ "keep": 0, "kep": 1 })] {
        let status = api.post("prune", &refused).status();
        assert!(matches!(status, 400 | 422), "{refused}: {status}");
    }
    api.app("nobody").post("prune", &json!({ "keep": 0 })).expect(404);
    api.post("prune", &json!({ "keep": 0 })).expect(200);
    assert_eq!(known(&router), ["v1"]);
    let others = api.app("other").get("releases").expect(200).json();
    assert_eq!(others["releases"].as_array().map(Vec::len), Some(2), "{others}");
}

fn problems(state: &Value) -> Vec<(String, String)> {
    let text = |problem: &Value, field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let problems = state["problems"].as_array().into_iter().flatten();
    problems.map(|problem| (text(problem, "key"), text(problem, "value"))).collect()
}

#[test]
fn an_address_that_two_routed_releases_have_is_shown_until_one_of_them_loses_it() {
    let router = router().stable("v1").candidate("v2").start();
    let api = router.api();
    assert_eq!(problems(&api.state()), []);
    let shared = router.endpoint("v1").address.to_string();
    register(&router, "v2", &shared);
    let both = [(id("v1"), shared.clone()), (id("v2"), shared.clone())];
    eventually("both releases are shown", || problems(&api.state()) == both);
    let status = ask(&router, "viewer", &["status"]).expect(0).out;
    assert!(status.contains(&shared) && status.contains("an address of one release only"), "{status}");
    ask(&router, "viewer", &["status", "--check"]).expect(1);
    api.delete(&format!("releases/v2/endpoints/{shared}")).expect(200);
    eventually("nothing is shown any more", || problems(&api.state()).is_empty());
}

#[test]
fn an_address_of_two_apps_is_shown_at_both() {
    let router = router().stable("v1").start();
    let api = router.api();
    let shared = router.endpoint("v1").address.to_string();
    let other = api.app("other");
    other.put("stable", &json!({ "release": "o1", "endpoints": [shared] })).expect(200);
    eventually("it is shown at one", || problems(&api.state()) == [(id("v1"), shared.clone())]);
    let theirs = problems(&other.state());
    assert_eq!((theirs.len(), &theirs[0].1), (1, &shared), "{theirs:?}");
    let said = other.state()["problems"][0]["allowed"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(said.contains("app `hello`") && said.contains(&id("v1")), "{said}");
    api.call("DELETE", "/api/v1/apps/other?force=true", None).expect(200);
    eventually("one app alone has it", || problems(&api.state()).is_empty());
}

#[test]
fn a_port_that_one_release_takes_over_from_the_way_back_is_no_problem() {
    let router = router().stable("v1").start();
    let api = router.api();
    let address = router.endpoint("v1").address.to_string();
    let again = json!({ "release": "v2", "endpoints": [address] });
    api.put("candidate", &again).expect(200);
    eventually("both are routed", || problems(&api.state()).len() == 2);
    api.post("promote", &json!({ "release": "v2" })).expect(200);
    api.post("drain/finish", &json!({})).expect(200);
    eventually("only a rollback goes to the old one", || problems(&api.state()).is_empty());
    assert_eq!(api.state()["previous"]["release"], "v1");
}
