//! Endpoints that lead where no endpoint may: every spelling, at every door.

use serde_json::json;
use support::router::id;
use support::{Router, router};

/// Addresses that are nobody's endpoint, as somebody who looks for a gap writes them.
fn excluded() -> Vec<String> {
    let mut texts = Vec::new();
    for (dotted, hex) in [
        ("169.254.169.254", "a9fe:a9fe"),
        ("168.63.129.16", "a83f:8110"),
        ("192.0.0.192", "c000:00c0"),
        ("100.100.100.200", "6464:64c8"),
        ("0.0.0.0", "0000:0000"),
    ] {
        texts.extend([format!("{dotted}:80"), format!("[::ffff:{dotted}]:80"), format!("[::{dotted}]:80")]);
        texts.extend([format!("[64:ff9b::{hex}]:80"), format!("[64:ff9b:1::{hex}]:80")]);
        texts.extend([format!("[2002:{hex}::1]:80"), format!("[2001:0:{hex}::1]:80")]);
        texts.extend([format!("[::ffff:0:{hex}]:80"), format!("[fd00::5efe:{hex}]:80")]);
    }
    // Teredo hides the client's address by turning its bits over; NAT64 may put it elsewhere.
    texts.extend(
        ["[2001:0:4136:e378:8000:63bf:5601:5601]:80", "[64:ff9b:1:a9fe:a9:fe00::]:80"].map(str::to_owned),
    );
    texts.extend(["[fd00:ec2::254]:80", "[fd20:ce::254]:80", "[fe80::a9fe:a9fe]:80"].map(str::to_owned));
    texts
}

fn addresses(router: &Router, release: &str) -> String {
    router.api().call("GET", &format!("/api/v1/kv/{}?recurse=true", id(release)), None).json().to_string()
}

#[test]
fn no_spelling_of_an_excluded_address_is_registered() {
    let router = router().stable("v1").start();
    let before = addresses(&router, "v1");
    for address in excluded() {
        for role in ["ci", "admin"] {
            let api = router.api_as(role);
            let body = json!({ "id": id("v9"), "endpoints": [address] });
            let refused = api.put("candidate", &body).expect(422).json();
            assert!(
                refused["error"]["field"].as_str().is_some_and(|field| field.starts_with("endpoints")),
                "{refused}"
            );
            api.kv_put(&format!("{}/c9", id("v1")), &address).expect(422);
        }
    }
    assert_eq!(addresses(&router, "v1"), before);
    assert_eq!(router.visitor().release(), "v1");
}

/// A pipeline took production off line by `force`: with addresses where nobody listens, or with none.
#[test]
fn a_pipeline_forces_no_endpoint_that_does_not_serve_onto_users() {
    let router = router().stable("v1").candidate("v2").start();
    let ci = router.api_as("ci");
    // Beside the one that an old script registered, which stays, they are more than half.
    let dead = [router::free_port(), router::free_port()].map(|address| address.to_string());
    let before = addresses(&router, "v1");
    for force in [false, true] {
        let replaced = json!({ "endpoints": dead, "force": force });
        for release in ["v1", "v2"] {
            let refused = ci.put(&format!("releases/{release}/endpoints"), &replaced).expect(409);
            assert_eq!(refused.code(), "target_unhealthy", "{release} {force}");
        }
        let code = if force { "target_unhealthy" } else { "other_endpoints" };
        for (track, release) in [("stable", "v1"), ("candidate", "v2")] {
            let body = json!({ "id": id(release), "endpoints": dead, "force": force });
            assert_eq!(ci.put(track, &body).expect(409).code(), code, "{track} {force}");
        }
        let last = format!("/api/v1/apps/hello/releases/v1/endpoints/{}", router.endpoint("v1").address);
        let refused = ci.call("DELETE", &last, Some(&json!({ "force": force }))).expect(409);
        assert_eq!(refused.code(), "last_endpoint");
    }
    assert_eq!(addresses(&router, "v1"), before);
    assert_eq!(router.visitor().release(), "v1");
    let replaced = json!({ "endpoints": dead, "force": true });
    router.api().put("releases/v2/endpoints", &replaced).expect(200);
}

#[test]
fn one_that_stands_in_the_store_already_is_shown_and_gets_nothing() {
    let mut builder = router().stable("v1");
    for (n, address) in excluded().iter().enumerate() {
        builder = builder.key(&format!("{}/x{n}", id("v1")), address);
    }
    let router = builder.start();
    let state = router.api().state();
    assert_eq!(state["stable"]["endpoints"].as_array().map(Vec::len), Some(1), "{state}");
    for _ in 0..20 {
        assert_eq!(router.visitor().release(), "v1");
    }
}
