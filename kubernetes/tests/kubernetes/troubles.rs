//! Either side is gone, refuses, or forgets: the program says so once, and goes on.

use serde_json::json;
use support::{eventually, router::token};

use crate::{cluster::recorded, scene::Scene};

#[test]
fn after_410_everything_is_listed_again() {
    let scene = Scene::of("two-releases");
    scene.becomes("v1", &[17, 18]);
    scene.list("after-gone");
    scene.tell("gone");
    scene.becomes("v1", &[17, 19]);
    assert_eq!(scene.cluster.lists_asked(), 2);
    scene.program.tells("does not know any more where the watch was (410): everything is listed again");
    scene.program.tells("Kubernetes is followed again");
}

#[test]
fn a_watch_that_ends_or_is_cut_goes_on_from_where_it_was() {
    let scene = Scene::of("two-releases");
    scene.becomes("v1", &[17, 18]);
    let watched_from = |version: &str| {
        let end = format!("resourceVersion={version}");
        scene.cluster.asked().iter().any(|asked| asked.contains("watch=true") && asked.contains(&end))
    };
    eventually("it is watched from the list", || watched_from("48211"));
    scene.tell("bookmark");
    scene.cluster.end();
    eventually("it is watched from the bookmark", || watched_from("48255"));
    scene.tell("scaled-up");
    scene.becomes("v1", &[17, 18, 19]);
    scene.cluster.cut();
    eventually("it is watched from the last event", || watched_from("48263"));
    scene.tell("pod-unready");
    scene.becomes("v1", &[17]);
    assert_eq!(scene.cluster.lists_asked(), 1, "{:?}", scene.cluster.asked());
}

#[test]
fn a_router_that_was_away_is_given_what_changed_meanwhile() {
    let mut scene = Scene::of("two-releases");
    scene.becomes("v1", &[17, 18]);
    scene.router.kill();
    scene.tell("scaled-up");
    scene.program.tells("cannot be written, and it is tried again: no answer from rolling-router at http://");
    scene.router.start_again();
    scene.becomes("v1", &[17, 18, 19]);
    scene.program.tells("takes endpoints again");
    assert_eq!(scene.program.times("no answer from"), 1, "{}", scene.program.log());
}

#[test]
fn a_token_that_is_refused_is_said_once_and_another_one_counts() {
    let scene = Scene::with("two-releases", token("viewer"), &[]);
    let refused = "the endpoints of the release `v1` of the app `hello` were refused";
    scene.program.tells(": 403 ");
    scene.program.tells(refused);
    // What is refused for the same reason is not said again: the other release shows that the change was dealt with.
    scene.tell("scaled-up");
    scene.tell("added");
    scene.program.tells("the endpoints of the release `v3` of the app `hello` were refused");
    assert_eq!(scene.program.times(refused), 1, "{}", scene.program.log());

    scene.program.give_token("never-heard-of-0123456789abcdef");
    scene.tell("pod-unready");
    scene.program.tells(": 401 ");
    assert!(scene.registered("v1").is_empty());
    scene.program.give_token(token("ci"));
    scene.tell("scaled-up");
    scene.becomes("v1", &[17, 18, 19]);
}

#[test]
fn an_app_that_is_not_there_is_said_and_not_made() {
    let scene = Scene::with("two-releases", token("ci"), &["--resync", "1"]);
    scene.becomes("v1", &[17, 18]);
    let other = recorded("added").replace("\"hello\"", "\"other\"");
    scene.cluster.tell(&scene.pods.place(&other));
    scene.program.tells("the endpoints of the release `v3` of the app `other` were refused");
    scene.program.tells(": 404 ");
    let other = scene.api().app("other");
    other.get("").expect(404);
    other.put("", &json!({}));
    eventually("it is written", || other.get("releases/v3/endpoints").response.text().contains(":3000"));
}

#[test]
fn what_kubernetes_refuses_is_said_with_what_to_do_and_asked_again() {
    let scene = Scene::of("empty");
    scene.program.tells("there is no such thing as EndpointSlices of the namespace `shop` with the labels");
    let refusals = [
        (403, "forbidden", "a Role has to allow get, list and watch on endpointslices of discovery.k8s.io"),
        (401, "unauthorized", "the token of the service account, or of the kubeconfig, is not accepted"),
        (
            400,
            "bad-selector",
            "unable to parse requirement: found '=', expected: identifier; --selector is `",
        ),
    ];
    for (at, (status, answer, hint)) in refusals.into_iter().enumerate() {
        scene.cluster.refuses(status, recorded(answer));
        if at == 0 {
            scene.tell("gone");
        }
        scene.program.tells(&format!("EndpointSlices cannot be listed: {status} "));
        scene.program.tells(hint);
    }
    scene.list("two-releases");
    scene.becomes("v1", &[17, 18]);
    scene.program.tells("Kubernetes is followed again");
    assert_eq!(scene.program.times("cannot be listed: 403"), 1, "{}", scene.program.log());
}

#[test]
fn a_slice_without_the_port_or_the_labels_is_named() {
    let named = Scene::with("two-ports", token("ci"), &["--port-name", "web", "--selector", ""]);
    named.program.tells("the EndpointSlice `hello-v1-7k2xq` of the namespace `shop` is left out");
    named.program.tells("no TCP port named `web`, but `http` (3000), `metrics` (9100)");
    named
        .program
        .tells("the EndpointSlice `kubernetes` of the namespace `shop` is left out: it has no label");
    assert!(named.registered("v1").is_empty());

    let unnamed = Scene::of("two-ports");
    unnamed.program.tells("say which one counts by --port-name");

    let right = Scene::with("two-ports", token("ci"), &["--port-name", "http"]);
    right.becomes("v1", &[17, 18]);
}
