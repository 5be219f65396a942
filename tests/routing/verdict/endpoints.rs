//! One bad endpoint of several: the verdict says which endpoint the failing sessions met.

use serde_json::json;
use support::{Reply, command::ask, router, scripted};

use super::crowd::{Crowd, failing, newest, verdict};

#[test]
fn the_one_bad_endpoint_of_three_is_named() {
    let good = || scripted(|_| Reply::response("200 OK", &[("X-Release", "v2")], "so"));
    let bad = failing("500 Internal Server Error");
    let address = bad.address.to_string();
    let builder = router().stable("v1").candidate_on("v2", vec![good(), bad, good()]).blend(50);
    let router = builder.start();
    let mut crowd = Crowd::of(&router);
    let met = || verdict(&router)["endpoints"][0]["failing"].as_u64().unwrap_or(0);
    crowd.come_until(600, &["/"], &router, || met() >= 8);
    let said = verdict(&router);
    assert_eq!(said["endpoints"].as_array().unwrap().len(), 1, "{said}");
    assert_eq!(said["endpoints"][0]["endpoint"], address, "{said}");
    let all = said["candidate_sessions"]["failing"].as_u64().unwrap();
    let words = format!(" failing sessions met {address}, one of 3 endpoints: a bad endpoint?");
    assert!(said["sentence"].as_str().unwrap().contains(&words), "{said}");
    let shown = ask(&router, "viewer", &["verdict"]);
    assert!(shown.out.contains(&format!("met {address}")), "{}", shown.out);
    router
        .api()
        .call("DELETE", "/api/v1/apps/hello/candidate", Some(&json!({ "reason": "seen" })))
        .expect(200);
    let receipt = newest(&router)["receipt"].clone();
    assert_eq!(receipt["endpoints"][0]["endpoint"], address, "{receipt}");
    assert!(receipt["endpoints"][0]["failing"].as_u64().unwrap() >= all.min(8), "{receipt}");
}

/// Stable answered for it, and the endpoint that failed is named all the same.
#[test]
fn an_endpoint_whose_failures_stable_made_good_is_named_too() {
    let bad = failing("503 Service Unavailable");
    let address = bad.address.to_string();
    let router = router().stable("v1").candidate_on("v2", vec![bad]).blend(50).start();
    let mut crowd = Crowd::of(&router);
    let met = || verdict(&router)["endpoints"][0].clone();
    crowd.come_until(200, &["/"], &router, || met()["failing"].as_u64().unwrap_or(0) >= 3);
    assert_eq!(met()["endpoint"], address);
    let said = verdict(&router);
    assert!(!said["sentence"].as_str().unwrap().contains("bad endpoint"), "it is the only one: {said}");
}
