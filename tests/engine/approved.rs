//! Approvals and recycles: they hold for what was approved, in whichever container it runs.

use serde_json::{Value, json};
use support::{Router, servers::engine::shared};

use super::deploy_scene::{containers, deploying, run};

fn given(router: &Router) -> usize {
    let all = router.api().get("approvals").json();
    let of = |release: &Value| release["given"].as_array().map_or(0, Vec::len);
    all["releases"].as_array().unwrap().iter().map(of).sum()
}

/// Each recycle ended them, since each new container has another address; and each one in place, whatever it pulled.
#[test]
fn a_recycle_keeps_approvals_unless_what_runs_is_another_image() {
    let test = shared();
    test.image("deploy-approved:1", &["RELEASE=w1"]);
    let router = deploying(test, "deploy-approved");
    let ran = |role: &str, words: &[&str]| {
        let ran = run(&router, role, words);
        assert_eq!(ran.code, Some(0), "{words:?}: {}{}", ran.out, ran.err);
    };
    let deploy = ["deploy", "--image", "deploy-approved:1", "--replicas", "2", "--release"];
    ran("ci", &[&deploy[..], &["approved1", "--new"]].concat());
    router.api().post("promote", &json!({})).expect(200);
    let settings = json!({ "approvals": 1, "drainseconds": 1 });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    ran("ci", &[&deploy[..], &["approved2"]].concat());
    ran("operator", &["approve"]);
    assert_eq!(given(&router), 1);
    for further in [&[][..], &["--in-place"]] {
        ran("operator", &[&["recycle", "approved2", "--drain", "1s"], further].concat());
        assert_eq!(given(&router), 1, "{further:?}: the same image");
    }
    test.image("deploy-approved:1", &["RELEASE=w2"]);
    ran("operator", &["recycle", "approved2", "--drain", "1s", "--in-place"]);
    assert_eq!(given(&router), 0, "nobody has approved this one");
    let refused = router.api().post("promote", &json!({})).expect(409);
    assert_eq!(refused.code(), "approvals_missing");
    for id in ["hello-approved1", "hello-approved2"] {
        containers(test, id).iter().for_each(|name| test.remove(name));
    }
}
