//! Plans of a fleet: every router looks at them, and each step is taken once, whoever dies, joins or loses the store meanwhile.

use serde_json::{Value, json};

use crate::{routers::Fleet, server::Kind};
use support::router::{APP, id};
use support::{Router, eventually};

/// A fleet with a candidate at blend 0, where nobody has to be judged, and these plans.
fn planned(members: usize, plans: &[&str]) -> Fleet {
    let fleet = Fleet::start(Kind::Redis, members);
    let path = format!("/api/v1/apps/{APP}/settings?wait=fleet&timeout=60s");
    fleet.routers[0].api().call("PATCH", &path, Some(&json!({ "plans": plans }))).expect(200);
    let candidate = json!({ "id": id("v2"), "blend": 0 });
    fleet.command(0, "PUT", "candidate", &candidate, "60s").expect(200);
    fleet
}

fn plan(router: &Router) -> Value {
    router.api().get("plan").expect(200).json()["plan"].clone()
}

/// What the plan's commands did, oldest first: `COMMAND FROM -> TO`.
fn steps(router: &Router) -> Vec<String> {
    let history = router.api().get("history?limit=100").expect(200).json();
    let events = history["events"].as_array().expect("events").iter().rev();
    let of_plan = events.filter(|event| !event["changed"]["plan"].is_null());
    of_plan
        .map(|event| {
            format!("{} {}", event["command"].as_str().unwrap_or_default(), event["changed"]["plan"][1])
        })
        .collect()
}

#[test]
fn each_step_is_taken_once_although_routers_die_and_join() {
    let mut fleet = planned(3, &["dark: 0% hold=1s; 0% hold=3s; 0% hold=1s; 0% hold=1s; hold"]);
    fleet.command(0, "POST", "plan", &json!({ "plan": "dark" }), "60s").expect(200);
    eventually("the first step is over", || plan(&fleet.routers[1])["step"] == 2);
    fleet.routers[0].kill();
    let gone = fleet.routers.remove(0);
    fleet.join_as(Some("r9"));
    for router in &fleet.routers {
        eventually("the plan is over", || plan(router).is_null());
    }
    let taken = [
        "start-plan \"dark 1/4\"",
        "advance-plan \"dark 2/4\"",
        "advance-plan \"dark 3/4\"",
        "advance-plan \"dark 4/4\"",
        "advance-plan null",
    ];
    assert_eq!(steps(&fleet.routers[0]), taken);
    drop(gone);
}

/// Two people start a plan at two routers at once: one runs, and the other is told so.
#[test]
fn of_two_plans_that_are_started_at_once_one_runs() {
    let fleet = planned(2, &["one: 0% hold=1d; hold", "two: 0% hold=1d; hold"]);
    let start = |at: usize, name: &str| {
        let api = fleet.routers[at].api();
        api.call("POST", &format!("/api/v1/apps/{APP}/plan"), Some(&json!({ "plan": name }))).status()
    };
    let statuses = std::thread::scope(|scope| {
        let both = [scope.spawn(|| start(0, "one")), scope.spawn(|| start(1, "two"))];
        both.map(|thread| thread.join().expect("it ends"))
    });
    let mut sorted = statuses;
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 409], "{statuses:?}");
    let name = if statuses[0] == 200 { "one" } else { "two" };
    for router in &fleet.routers {
        eventually("everybody sees the one that runs", || plan(router)["name"] == name);
    }
    assert_eq!(steps(&fleet.routers[0]), [format!("start-plan \"{name} 1/1\"")]);
}

#[test]
fn a_store_that_is_out_holds_a_plan_and_its_time_begins_anew() {
    let fleet = planned(2, &["dark: 0% hold=20s; 0% hold=1d; hold"]);
    fleet.command(0, "POST", "plan", &json!({ "plan": "dark" }), "60s").expect(200);
    let held = |router: &Router| plan(router)["held_by"].to_string();
    let left = |router: &Router| plan(router)["left_seconds"].as_u64();
    for router in &fleet.routers {
        eventually("it is held", || left(router).is_some_and(|left| left <= 17));
    }
    fleet.network.cut(true);
    for router in &fleet.routers {
        eventually("it is said", || held(router).contains("the store takes no change"));
        assert_eq!(left(router), Some(20), "{}", plan(router));
    }
    fleet.network.cut(false);
    for router in &fleet.routers {
        eventually("it is held again", || held(router) == "[]");
        assert_eq!(plan(router)["step"], 1, "its time began anew: {}", plan(router));
    }
    eventually("it goes on in the end", || plan(&fleet.routers[0])["step"] == 2);
    assert_eq!(steps(&fleet.routers[1]).len(), 2);
}
