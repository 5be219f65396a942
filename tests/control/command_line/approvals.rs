//! `approve`: who approved a release, what is missing, and when it is done.

use serde_json::json;
use support::command::ask;
use support::router;

#[test]
fn an_operator_approves_and_the_candidate_becomes_stable() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    let set = json!({ "approvals": 1 });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&set)).expect(200);
    let refused = ask(&router, "operator", &["promote"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("0 of 1 approvals") && refused.err.contains("`approve`"), "{}", refused.err);
    let looked = ask(&router, "operator", &["promote", "--dry-run"]);
    assert!(looked.code == 4 && looked.err.contains("0 of 1 approvals"), "{looked:?}");
    assert!(ask(&router, "viewer", &["status"]).out.contains("approvals  0 of 1"));
    assert_eq!(ask(&router, "ci", &["approve"]).code, 5);
    let approved = ask(&router, "operator", &["approve", "--reason", "tried out"]);
    assert_eq!(approved.code, 0, "{approved:?}");
    assert!(approved.out.contains("v2 is approved by you"), "{}", approved.out);
    assert!(approved.out.contains("approvals  1 of 1: maria"), "{}", approved.out);
    assert!(ask(&router, "operator", &["approve"]).out.contains("nothing to do"));
    let withdrawn = ask(&router, "operator", &["approve", "--release", "v2", "--withdraw"]);
    assert!(withdrawn.out.contains("approvals  0 of 1"), "{withdrawn:?}");
    assert_eq!(ask(&router, "operator", &["approve"]).code, 0);
    assert_eq!(ask(&router, "ci", &["promote", "--release", "v2"]).code, 0, "ci promotes what was approved");
    let history = ask(&router, "viewer", &["history"]).out;
    assert!(history.contains("approve") && history.contains("tried out"), "{history}");
}

#[test]
fn a_lower_number_is_approved_by_others() {
    let router = router().stable("v1").start();
    let set = |number: u64| {
        let body = json!({ "approvals": number });
        router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&body))
    };
    set(1).expect(200);
    set(0).expect(409);
    assert_eq!(ask(&router, "operator", &["approve", "--lower-to", "0"]).code, 0);
    set(0).expect(409);
    let other = ask(&router, "admin", &["approve", "--lower-to", "0"]);
    assert!(other.out.contains("`approvals` at 0 is approved by you"), "{other:?}");
    set(0).expect(200);
    assert_eq!(ask(&router, "operator", &["approve", "--lower-to", "3"]).code, 2);
    assert_eq!(ask(&router, "operator", &["approve", "--lower-to", "0", "--release", "v1"]).code, 2);
}
