//! Apps: made on purpose, told apart, removed.

use serde_json::json;

use super::program::{Ran, ask};
use support::{Router, Visitor, echo, router};

fn hello() -> Router {
    router().without_app().stable("v1").deployed("v2").start()
}

fn maria(router: &Router, words: &[&str]) -> Ran {
    ask(router, "operator", words)
}

/// `stable set 1.0 --app helo` made an app that nobody wanted, and took the only one off line.
#[test]
fn a_slip_in_the_name_of_an_app_makes_none() {
    let router = hello();
    let endpoint = echo("v2").address.to_string();
    for track in ["stable", "candidate"] {
        let refused =
            maria(&router, &[track, "set", "v2", "--app", "helo", "--endpoint", &endpoint]).expect(4);
        assert!(refused.err.contains("no app helo; did you mean hello? --new makes it"), "{}", refused.err);
        let refused = maria(&router, &[track, "set", "v2", "--app", "helo", "--json"]).expect(4);
        assert_eq!(refused.json()["error"]["code"], "refused", "{}", refused.out);
    }
    for words in [&["promote"][..], &["abort"], &["rollback"], &["lock", "--reason=x"], &["blend", "1"]] {
        maria(&router, &[words, &["--app=helo"]].concat()).expect(4);
    }
    let known = router.api().call("GET", "/api/v1/apps", None).expect(200).json();
    assert_eq!(known["apps"].as_array().map(Vec::len), Some(1), "{known}");
    assert_eq!(router.visitor().release(), "v1");
}

#[test]
fn the_first_app_is_made_on_purpose_too_unless_the_router_was_started_for_it() {
    let endpoint = echo("v1");
    let set = ["stable", "set", "v1", "--app", "hello", "--endpoint", &endpoint.address.to_string()];
    let started_for_it = router().start();
    maria(&started_for_it, &set).expect(0);
    maria(&started_for_it, &["stable", "set", "v2", "--endpoint", &endpoint.address.to_string()]).expect(0);
    let router = router().without_app().start();
    let refused = maria(&router, &set).expect(4);
    assert!(refused.err.contains("no app hello; --new makes it"), "{}", refused.err);
    let made = maria(&router, &[&set[..], &["--new"]].concat()).expect(0);
    assert!(made.out.starts_with("v1 is stable; the app hello is new"), "{}", made.out);
    assert!(made.out.contains("all hosts"), "{}", made.out);
    let again = maria(&router, &["stable", "set", "v1", "--app", "hello", "--new"]).expect(0);
    assert!(again.out.starts_with("nothing to do"), "{}", again.out);
}

#[test]
fn an_app_that_no_host_leads_to_says_so() {
    let router = hello();
    let endpoint = echo("shop");
    let address = endpoint.address.to_string();
    let made =
        maria(&router, &["stable", "set", "v1", "--app", "shop", "--new", "--endpoint", &address]).expect(0);
    assert!(made.out.contains("no host leads to it"), "{}", made.out);
    assert!(maria(&router, &["status", "--app", "shop"]).expect(0).out.contains("no host leads to it"));
    let listed = maria(&router, &["apps"]).expect(0).out;
    assert!(listed.lines().any(|line| line.starts_with("hello") && line.contains("all hosts")), "{listed}");
    assert!(
        listed.lines().any(|line| line.starts_with("shop") && line.contains("no host leads")),
        "{listed}"
    );
    router.api().app("shop").put("settings", &json!({ "hosts": ["shop.example"] })).expect(200);
    assert!(!maria(&router, &["status", "--app", "shop"]).expect(0).out.contains("no host leads to it"));
    assert_eq!(Visitor::new(router.front, "shop.example").release(), "shop");
    assert_eq!(router.visitor().release(), "v1");
}

#[test]
fn apps_are_made_with_hosts_become_the_default_and_are_removed() {
    let router = hello();
    let made = maria(&router, &["app", "add", "shop", "--host", "shop.example,*.shop.example"]).expect(0);
    assert!(made.out.starts_with("shop is made; the app shop is new"), "{}", made.out);
    assert_eq!(router.api().app("shop").state()["hosts"], json!(["*.shop.example", "shop.example"]));
    maria(&router, &["app", "add", "shop"]).expect(0);
    maria(&router, &["app", "add", "shop", "--host", "other.example"]).expect(4);
    maria(&router, &["app", "add", "blog", "--host", "shop.example"]).expect(4);
    maria(&router, &["app", "add", "no/app"]).expect(4);
    ask(&router, "ci", &["app", "add", "blog", "--host", "blog.example"]).expect(5);
    assert!(maria(&router, &["app", "default"]).expect(0).out.starts_with("hello is the default app"));
    maria(&router, &["app", "default", "shop"]).expect(0);
    assert!(maria(&router, &["app", "default"]).expect(0).out.starts_with("shop is the default app"));
    maria(&router, &["app", "default", "blog"]).expect(4);
    maria(&router, &["app", "default", "--none"]).expect(0);
    assert_eq!(
        maria(&router, &["app", "default", "--json"]).expect(0).json(),
        json!({ "default_app": null })
    );
    assert!(maria(&router, &["app", "remove", "hello"]).expect(4).err.contains("still routes"));
    maria(&router, &["app", "remove", "hello", "--force", "--reason", "moved"]).expect(0);
    maria(&router, &["app", "remove", "shop"]).expect(0);
    router.api().app("shop").get("").expect(404);
}

#[test]
fn stable_is_cleared_only_by_force() {
    let router = hello();
    assert!(maria(&router, &["stable", "clear"]).expect(4).err.contains("503"));
    ask(&router, "ci", &["stable", "clear", "--force"]).expect(5);
    assert_eq!(router.visitor().release(), "v1");
    let cleared = maria(&router, &["stable", "clear", "--force", "--reason", "moved"]).expect(0);
    assert!(cleared.out.contains("new clients get 503"), "{}", cleared.out);
    assert_eq!(router.visitor().try_get("/").map(|visit| visit.response.status), Ok(503));
    maria(&router, &["candidate", "set", ""]).expect(4);
    maria(&router, &["stable", "set", "v2"]).expect(0);
    assert_eq!(router.visitor().release(), "v2");
}
