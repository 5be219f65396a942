//! Members: who comes, leaves, dies, stops, and what is said of them.

use serde_json::json;

use crate::routers::{Fleet, alarms, fleet, member, seq};
use crate::server::Kind;
use support::router::{id, token};
use support::{Api, eventually, router};

/// How long a command waits for a member that is away, so that the others have answered surely.
const SOON: &str = "3s";
/// How long it waits for members that are there: the longest that is taken.
const LONG: &str = "60s";

#[test]
fn a_killed_member_is_named_until_it_comes_back_or_is_removed() {
    let mut routers = Fleet::start(Kind::Redis, 3);
    routers.command(0, "PUT", "candidate", &json!({ "id": id("v2"), "blend": 50 }), LONG).expect(200);
    routers.routers[2].kill();
    let answer = routers.command(0, "POST", "promote", &json!({}), SOON).expect(202).json();
    assert_eq!((&answer["result"], &answer["stable"]["release"]), (&json!("done"), &json!("v2")));
    let applied = &answer["applied"];
    assert_eq!((&applied["members"], &applied["applied"]), (&json!(3), &json!(2)), "{applied}");
    let missing = &applied["missing"][0];
    assert_eq!((&missing["name"], &missing["may_serve"]), (&json!("r3"), &json!(["v1", "v2"])), "{applied}");
    assert_eq!(routers.routers[1].api().state()["stable"]["release"], "v2", "the commit stands");

    eventually("its silence is noticed", || alarms(&routers.routers[0], "r3") == ["silent"]);
    let answer = routers.command(1, "PUT", "sticky", &json!({ "sticky": false }), SOON).expect(202).json();
    let text = answer["applied"]["text"].as_str().expect("a text");
    assert!(text.starts_with("applied 2 of 3, r3 not heard from for "), "{text}");
    assert!(text.ends_with(" s, may still serve v1 and v2"), "{text}");
    let metrics = routers.routers[0].api().metrics();
    assert!((metrics.sum("rolling_fleet_alarms", &[("kind", "silent")]) - 1.0).abs() < f64::EPSILON);
    assert!(metrics.sum("rolling_fleet_member_silent_seconds", &[("member", "r3")]) > 1.0);

    routers.routers[2].start_again();
    eventually("it is one of three again", || {
        let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": false }), LONG);
        answer.status() == 200 && answer.json()["applied"]["text"] == "applied 3 of 3"
    });

    routers.routers[2].kill();
    let api = routers.routers[0].api();
    eventually("it is not heard from", || member(&routers.routers[0], "r3")["heard"] == false);
    routers.routers[0].api_as("ci").call("DELETE", "/api/v1/fleet/r3", None).expect(403);
    api.call("DELETE", "/api/v1/fleet/r9", None).expect(404);
    assert_eq!(api.call("DELETE", "/api/v1/fleet/r2", None).expect(409).code(), "still_heard");
    api.call("DELETE", "/api/v1/fleet/r3", None).expect(200);
    let answer = routers.command(1, "PUT", "sticky", &json!({ "sticky": true }), LONG).expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 2 of 2");
}

#[test]
fn a_graceful_exit_leaves_and_one_that_was_removed_by_mistake_comes_back() {
    let mut routers = Fleet::start(Kind::Etcd, 3);
    routers.routers[2].terminate();
    assert_eq!(routers.routers[2].exit_code(), Some(0));
    let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": false }), LONG).expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 2 of 2");
    // Answered has the first router; another one hears of members in its own time.
    eventually("the other one knows", || {
        fleet(&routers.routers[1])["members"].as_array().map(Vec::len) == Some(2)
    });

    routers.routers[0].api().call("DELETE", "/api/v1/fleet/r2?force=true", None).expect(200);
    eventually("it entered itself again", || member(&routers.routers[0], "r2")["heard"] == true);
    let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": true }), LONG).expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 2 of 2");
}

#[test]
fn a_stopped_member_may_still_serve_the_old_release_and_catches_up() {
    let routers = Fleet::start(Kind::Etcd, 3);
    routers.routers[1].signal("STOP");
    let body = json!({ "id": id("v2") });
    let answer = routers.command(0, "PUT", "stable", &body, SOON).expect(202).json();
    let applied = &answer["applied"];
    assert_eq!((&applied["applied"], &applied["missing"][0]["name"]), (&json!(2), &json!("r2")), "{applied}");
    assert_eq!(applied["missing"][0]["may_serve"], json!(["v1"]), "{applied}");
    eventually("its lease runs out", || alarms(&routers.routers[0], "r2").contains(&"silent".to_owned()));
    routers.routers[1].signal("CONT");
    let reached = seq(&routers.routers[0]);
    eventually("it catches up", || seq(&routers.routers[1]) == reached);
    eventually("it is heard from", || alarms(&routers.routers[0], "r2").is_empty());
    eventually("it raises no alarm about the others", || {
        alarms(&routers.routers[1], "r1").is_empty() && alarms(&routers.routers[1], "r3").is_empty()
    });
    let answer = routers.command(2, "PUT", "sticky", &json!({ "sticky": false }), LONG).expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 3 of 3");
}

#[test]
fn the_fleet_is_shown_with_what_each_member_serves() {
    let routers = Fleet::start(Kind::Redis, 2);
    routers.command(0, "PUT", "candidate", &json!({ "id": id("v2") }), LONG).expect(200);
    let now = seq(&routers.routers[0]);
    for router in &routers.routers {
        eventually("both are shown at one seq", || {
            let shown = fleet(router);
            let members = shown["members"].as_array().expect("members");
            let whole = members.iter().all(|member| {
                member["apps"]["hello"]["seq"] == now && member["version"] == env!("CARGO_PKG_VERSION")
            });
            whole && members.len() == 2 && shown["alarms"] == json!([])
        });
        let own = fleet(router)["node"].clone();
        let owned: Vec<_> = fleet(router)["members"].as_array().into_iter().flatten().cloned().collect();
        assert!(owned.iter().all(|member| (member["node"] == own) == (member["own"] == true)), "{owned:?}");
        let revisions: Vec<_> =
            owned.iter().map(|member| member["apps"]["hello"]["revision"].clone()).collect();
        assert_eq!(revisions[0], revisions[1]);
    }
    let anonymous = routers.routers[0].api().anonymous();
    anonymous.call("GET", "/api/v1/fleet", None).expect(401);
    let mut events = routers.routers[0].api().stream("/api/v1/stream", "");
    let event = events.next("fleet");
    assert_eq!(event.data["members"].as_array().map(Vec::len), Some(2), "{}", event.data);
}

#[test]
fn a_router_by_itself_is_a_fleet_of_one_under_its_node_id() {
    let router = router().stable("v1").start();
    let shown = fleet(&router);
    assert_eq!(shown["members"].as_array().map(Vec::len), Some(1));
    assert_eq!((&shown["members"][0]["name"], &shown["members"][0]["own"]), (&shown["node"], &json!(true)));
    assert_eq!(shown["alarms"], json!([]));
    let admin = Api::new(router.admin, token("admin"), "hello");
    assert_eq!(admin.metrics().sum("rolling_fleet_members", &[]).to_string(), "1");
}
