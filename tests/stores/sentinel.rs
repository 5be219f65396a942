//! Routers whose store is a Redis that Sentinels watch.

use std::process::Command;

use serde_json::json;
use support::{eventually, router, servers::sentinel::WatchedRedis};

/// Users notice nothing, and commands are taken again without anybody's doing.
#[test]
fn routers_go_on_when_the_primary_is_lost_and_another_takes_over() {
    let mut redis = WatchedRedis::start();
    let start = |node: &str| {
        router().store(&redis.url()).stable("v1").deployed("v2").flag("--node").flag(node).start()
    };
    let routers = [start("r1"), start("r2")];
    let two = || {
        routers.iter().all(|router| {
            let fleet = router.api().call("GET", "/api/v1/fleet", None).expect(200).json();
            fleet["members"].as_array().is_some_and(|members| members.len() == 2)
        })
    };
    eventually("they know each other", two);
    let mut visitor = routers[0].visitor();
    assert_eq!(visitor.release(), "v1");
    redis.servers[0].kill();
    eventually("the other one is the primary", || {
        assert_eq!(visitor.release(), "v1");
        redis.primary() == Some(redis.servers[1].ports[0])
    });
    let mut told = None;
    eventually("a command is taken", || {
        assert_eq!(visitor.release(), "v1");
        let answer = routers[0].api().put("sticky?wait=fleet&timeout=20s", &json!({ "sticky": false }));
        told = Some(answer.json());
        answer.status() == 200
    });
    let applied = told.expect("an answer")["applied"].clone();
    assert_eq!((&applied["members"], &applied["applied"]), (&json!(2), &json!(2)), "{applied}");
    for router in &routers {
        let facts = router.api().call("GET", "/api/v1/router", None).expect(200).json();
        assert_eq!(facts["store"]["state"], "current", "{facts}");
    }
}

/// `check` says what `serve` says.
#[test]
fn several_hosts_of_a_redis_are_refused_by_check_and_serve_alike() {
    let state = tempfile::tempdir().expect("a temporary directory can be made");
    for (store, why) in [
        ("redis://h,i", "a Redis address has one host"),
        ("rediss://:pw@h:1,i:2/0", "a Redis address has one host"),
        ("redis+sentinel://h,i", "the name of the primary is missing"),
        ("redis+sentinel://h,i/name/first", "`/first` is not the number of a database"),
    ] {
        for verb in ["check", "serve"] {
            let mut command = Command::new(support::binary());
            command.args([verb, "--store", store, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
            let ran = command.arg("--state").arg(state.path()).output().expect("the binary can be run");
            let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
            assert_eq!(ran.status.code(), Some(2), "{verb} {store}: {said}");
            assert!(said.contains(why) && !said.contains("pw@"), "{verb} {store}: {said}");
        }
    }
}
