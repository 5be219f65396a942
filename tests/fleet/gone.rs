//! Members that crashed and never came back: for how long they count, and how their names go on.

use serde_json::{Value, json};

use crate::routers::{Fleet, alarms, fleet};
use crate::server::Kind;
use support::command::ask;
use support::router::{APP, id};
use support::{Router, eventually};

/// How many members of a name a router lists.
fn listed(fleet: &Value, name: &str) -> usize {
    fleet["members"].as_array().into_iter().flatten().filter(|member| member["name"] == name).count()
}

/// What the command line of a router says, and its exit code.
fn command_line(router: &Router, words: &[&str]) -> (String, i32) {
    let ran = ask(router, "admin", words);
    (ran.out + &ran.err, ran.code)
}

fn gone(fleet: &Value) -> usize {
    fleet["members"].as_array().into_iter().flatten().filter(|member| member["gone"] == true).count()
}

/// Containers crash and come back as others: after a while nobody waits for the old ones, and pipelines are told so.
#[test]
fn who_waits_for_the_fleet_is_not_held_up_by_three_crashed_containers() {
    let mut routers = Fleet::with_flags(Kind::Redis, 4, &["--member-gone-seconds", "1"]);
    for crashed in 1..4 {
        routers.routers[crashed].kill();
    }
    eventually("they are presumed gone", || gone(&fleet(&routers.routers[0])) == 3);
    let (said, code) =
        command_line(&routers.routers[0], &["candidate", "set", &id("v2"), "--app", APP, "--wait", "fleet"]);
    assert_eq!(code, 0, "{said}");
    let (_, left_out) = said.split_once("applied 1 of 1, left out ").expect("who was left out");
    assert!(
        ["r2", "r3", "r4"].iter().all(|name| left_out.contains(&format!("{name} not heard from for "))),
        "{said}"
    );
    let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": false }), "5s").expect(200).json();
    let left_out = answer["applied"]["left_out"].as_array().expect("who was left out").clone();
    let names: Vec<&Value> = left_out.iter().map(|member| &member["name"]).collect();
    assert_eq!(names.len(), 3, "{answer}");
    for name in ["r2", "r3", "r4"] {
        assert!(names.contains(&&json!(name)), "{names:?}");
        assert_eq!(alarms(&routers.routers[0], name), ["silent"], "it is told all the same");
    }
    // What may come back with its old pin keys must not meet pins that it takes for forged.
    let rotation = routers.routers[0].api_as("admin").call(
        "POST",
        "/api/v1/fleet/rotate-keys?timeout=1s",
        Some(&json!({})),
    );
    assert_eq!(rotation.expect(202).json()["result"], "waiting");

    routers.routers[3].start_again();
    eventually("one came back by itself", || gone(&fleet(&routers.routers[0])) == 2);
    let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": true }), "60s").expect(200).json();
    let text = answer["applied"]["text"].as_str().expect("a text");
    let (_, left_out) = text.split_once("applied 2 of 2, left out ").unwrap_or_else(|| panic!("{text}"));
    assert!(
        ["r2", "r3"].iter().all(|name| left_out.contains(&format!("{name} not heard from for "))),
        "{text}"
    );
    assert!(!left_out.contains("r4"), "{text}");

    routers.routers[0].api_as("ci").call("POST", "/api/v1/fleet/remove-gone", None).expect(403);
    let (said, code) = command_line(&routers.routers[0], &["fleet", "remove", "--gone"]);
    assert_eq!((said.matches("is no longer a member").count(), code), (2, 0), "{said}");
    let (said, code) = command_line(&routers.routers[0], &["fleet", "remove", "--gone"]);
    assert!(said.contains("no router of the fleet is presumed gone") && code == 0, "{said}");
    let rotation = routers.routers[0].api_as("admin").call(
        "POST",
        "/api/v1/fleet/rotate-keys?timeout=60s",
        Some(&json!({})),
    );
    assert_eq!(rotation.expect(200).json()["result"], "done");
}

#[test]
fn a_name_is_taken_over_once_its_owner_is_presumed_gone_and_two_that_live_are_an_alarm() {
    let mut routers = Fleet::with_flags(Kind::Etcd, 2, &["--member-gone-seconds", "5"]);
    routers.routers[1].kill();
    routers.join_as(Some("r2"));
    assert_eq!(listed(&fleet(&routers.routers[0]), "r2"), 2, "the first may come back yet");
    eventually("both of one name are told", || {
        alarms(&routers.routers[0], "r2").contains(&"same_name".to_owned())
    });
    eventually("the second took over", || listed(&fleet(&routers.routers[0]), "r2") == 1);
    assert_eq!(fleet(&routers.routers[0])["alarms"], json!([]));
    let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": false }), "60s").expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 2 of 2");

    routers.routers[1].start_again();
    eventually("the first returned", || listed(&fleet(&routers.routers[0]), "r2") == 2);
    eventually("that is an alarm", || {
        alarms(&routers.routers[0], "r2").iter().filter(|kind| *kind == "same_name").count() == 2
    });
    let answer = routers.command(0, "PUT", "sticky", &json!({ "sticky": true }), "60s").expect(200).json();
    assert_eq!(answer["applied"]["text"], "applied 3 of 3");
}
