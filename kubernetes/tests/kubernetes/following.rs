//! What pods do, and what becomes of the endpoints.

use serde_json::json;
use support::{eventually, traffic::Traffic};

use crate::{cluster::recorded, scene::Scene};

#[test]
fn the_first_list_gives_two_releases_their_endpoints_and_puts_neither_on_a_track() {
    let scene = Scene::of("two-releases");
    scene.becomes("v1", &[17, 18]);
    scene.becomes("v2", &[33]);
    let asked = scene.cluster.asked().remove(0);
    assert!(asked.starts_with("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?"), "{asked}");
    assert!(asked.contains("labelSelector=rolling-router%2Fapp"), "{asked}");
    let state = scene.api().state();
    assert!(state["stable"].is_null() && state["candidate"].is_null(), "{state}");
    let history = scene.api().get("history").expect(200).response.text();
    assert!(!history.contains("set-stable") && !history.contains("set-candidate"), "{history}");
}

#[test]
fn a_pod_that_is_not_ready_any_more_is_left_out_and_nobody_loses_a_request() {
    let scene = Scene::of("two-releases");
    let (stays, leaves) = (scene.pods.start(17, "v1"), scene.pods.start(18, "v1"));
    scene.becomes("v1", &[17, 18]);
    scene.api().put("stable", &json!({ "release": "v1" })).expect(200);
    let traffic = Traffic::start(&scene.router, 4);
    eventually("both serve", || stays.received() > 0 && traffic.answered() > 20);

    scene.tell("pod-unready");
    scene.becomes("v1", &[17]);
    let drain = format!("releases/v1/endpoints/{}/drain", leaves.address);
    eventually("nothing is open there", || {
        let left = scene.api().get(&drain);
        left.status() == 404 || left.json()["can_be_stopped"] == true
    });
    leaves.stop();
    let before = traffic.answered();
    eventually("everybody goes on", || traffic.answered() > before + 50);
    let failures: Vec<String> = traffic.stop().into_iter().flat_map(|life| life.failures).collect();
    assert!(failures.is_empty(), "{failures:?}");
    scene.program.tells("endpoints of the release `v1` of the app `hello`");
}

#[test]
fn another_pod_takes_requests_once_it_is_ready() {
    let scene = Scene::of("two-releases");
    let pods = [17, 18, 19].map(|last| scene.pods.start(last, "v1"));
    scene.becomes("v1", &[17, 18]);
    scene.api().put("stable", &json!({ "release": "v1" })).expect(200);
    scene.tell("scaled-up");
    scene.becomes("v1", &[17, 18, 19]);
    eventually("it serves", || {
        scene.router.visitor().get("/");
        pods[2].received() > 0
    });
    scene.becomes("v2", &[33]);
}

#[test]
fn a_release_whose_slices_have_all_gone_keeps_its_last_endpoints() {
    let scene = Scene::with("two-releases", support::router::token("ci"), &["--resync", "1"]);
    let _pods = [17, 18].map(|last| scene.pods.start(last, "v1"));
    scene.becomes("v1", &[17, 18]);
    scene.api().put("stable", &json!({ "release": "v1" })).expect(200);
    let nobody_ready = recorded("pod-unready").replace("\"ready\": true", "\"ready\": false");
    scene.cluster.tell(&scene.pods.place(&nobody_ready));
    scene.program.tells("no address of the release `v1` of the app `hello` takes requests");
    scene.tell("deleted");
    scene.program.tells(
        "all EndpointSlices of the release `v1` of the app `hello` have gone; its last endpoints stay registered",
    );
    // What is told later is written: so the deletion was dealt with.
    scene.tell("added");
    scene.becomes("v3", &[49]);
    assert_eq!(scene.registered("v1"), scene.pods.addresses(&[17, 18]));
    assert_eq!(scene.router.visitor().release(), "v1");
    // It comes back with other pods.
    scene.tell("scaled-up");
    scene.becomes("v1", &[17, 18, 19]);
}

#[test]
fn slices_of_one_release_are_merged_and_names_are_left_out() {
    let scene = Scene::of("two-slices");
    let wanted = || {
        let mut all = scene.pods.addresses(&[17, 18, 19]);
        all.push("[fd00:10:244:1::11]:3000".into());
        all
    };
    eventually("all are there", || scene.registered("v1") == wanted());
    scene.program.tells("the EndpointSlice `hello-v1-names` of the namespace `shop` is left out");
    scene.program.tells("of the type FQDN; IPv4 and IPv6 are followed");
}

#[test]
fn somebody_elses_change_is_put_right_by_the_next_reconciliation() {
    let scene = Scene::with("two-releases", support::router::token("ci"), &["--resync", "1"]);
    scene.becomes("v1", &[17, 18]);
    scene.api().put("releases/v1/endpoints", &json!({ "endpoints": ["127.0.0.1:9"] })).expect(200);
    scene.becomes("v1", &[17, 18]);
}
