//! Shadow: requests of stable's users are repeated at the candidate, and what it answers differently is found and named, told from
//! what stable answers differently itself. No user notices.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::clock::{Deadline, pause};
use support::command::ask;
use support::http2_endpoint::Http2Endpoint;
use support::router::id;
use support::{Endpoint, Reply, Router, eventually, router, scripted};

use crate::verdict::crowd::Crowd;

/// Answers JSON after so many ms, with an id that no other answer has.
fn shop(
    release: &'static str,
    ms: u64,
    headers: &'static [(&'static str, &'static str)],
    price: Value,
) -> Endpoint {
    let served = AtomicU64::new(0);
    scripted(move |_| {
        pause(Duration::from_millis(ms));
        let id = format!("{release}-{}", served.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "id": id, "price": price, "name": "a chair" }).to_string();
        let all: Vec<_> = [("X-Release", release), ("Content-Type", "application/json")]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        Reply::response("200 OK", &all, body)
    })
}

/// Nobody is drawn to the candidate.
fn shadowed(stable: Endpoint, candidate: Endpoint, shadow: &Value) -> Router {
    let settings = json!({ "shadow": shadow }).to_string();
    let builder = router().stable_on("v1", vec![stable]).candidate_on("v2", vec![candidate]).blend(0);
    builder.key("rolling/hello/settings", &settings).start()
}

fn shadow(router: &Router) -> Value {
    router.api().get("shadow").expect(200).json()
}

/// The finding about a field, as `KIND CLASS`.
fn found(said: &Value, path: &str, field: &str) -> Option<String> {
    let mut findings = said["findings"].as_array()?.iter();
    let finding = findings.find(|finding| finding["path"] == path && finding["field"] == field)?;
    Some(format!("{} {}", finding["kind"].as_str()?, finding["class"].as_str()?))
}

#[test]
fn what_the_candidate_changes_is_named_within_200_requests_and_noise_as_noise() {
    let stable = shop("v1", 60, &[("X-Policy", "strict")], json!(12));
    let candidate = shop("v2", 150, &[], json!("12.00"));
    let router = shadowed(stable, candidate, &json!({ "percent": 100, "ignore": ["header x-release"] }));
    let mut crowd = Crowd::of(&router);
    let pages: Vec<String> = (0..8).map(|n| format!("/items/{n}?lang=de")).collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    for _ in 0..25 {
        let mut client = crowd.next();
        pages.iter().for_each(|page| assert_eq!(client.get(page).release, "v1"));
    }
    for (field, wanted) in [
        ("body $.price", "type difference"),
        ("header x-policy", "missing difference"),
        ("time", "slower difference"),
        ("body $.id", "changed noise"),
    ] {
        eventually(&format!("{field} is {wanted}: {}", shadow(&router)), || {
            found(&shadow(&router), "/items/*", field).as_deref() == Some(wanted)
        });
    }
    let said = shadow(&router);
    assert_eq!(found(&said, "/items/*", "body $.name"), None, "{said}");
    assert_eq!(found(&said, "/items/*", "header x-release"), None, "it is ignored: {said}");
    assert!(said["compared"].as_u64().is_some_and(|count| (20..=200).contains(&count)), "{said}");
    assert_eq!(said["findings"].as_array().unwrap().len(), 4, "{said}");
    let first = &said["findings"][0];
    assert!(first["sessions_percent"].as_f64().is_some_and(|share| share > 90.0), "{said}");
    assert!(!said.to_string().contains("lang=de"), "no query is kept: {said}");
    let shown = ask(&router, "viewer", &["shadow"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.starts_with("The candidate differs from stable in 3 fields of "), "{}", shown.out);
    assert!(shown.out.contains("/items/* body $.price type") && !shown.out.contains("$.id"), "{}", shown.out);
    assert!(
        ask(&router, "viewer", &["shadow", "--all"]).out.contains("noise       /items/* body $.id changed")
    );
    drop(router.api().call("DELETE", "/api/v1/apps/hello/candidate", Some(&json!({}))).expect(200));
    assert_eq!(shadow(&router)["sentence"], "There is no candidate.");
}

/// Endpoints that speak HTTP/2 are asked by it.
#[test]
fn endpoints_of_http2_are_compared_too() {
    let [stable, candidate] = ["v1", "v2"].map(|release| Http2Endpoint::start(release, 100));
    let settings = json!({ "upstream": "h2c", "shadow": { "percent": 100, "ignore": ["header x-release"] } });
    let router = router()
        .key(&format!("{}/1", id("v1")), &stable.address.to_string())
        .key(&format!("{}/1", id("v2")), &candidate.address.to_string())
        .key("rolling/hello/stable/id", &id("v1"))
        .key("rolling/hello/candidate/id", &id("v2"))
        .key("rolling/hello/settings", &settings.to_string())
        .start();
    let mut client = router.visitor();
    for at in 0..20 {
        client.get(&format!("/item?at={at}"));
    }
    eventually("they are compared", || shadow(&router)["compared"].as_u64() >= Some(10));
    assert!(candidate.requests("/item") >= 10);
    let said = shadow(&router);
    let findings = said["findings"].as_array().unwrap();
    assert!(said["unanswered"] == 0 && findings.iter().all(|found| found["field"] != "answer"), "{said}");
}

/// What the copies carry, and which requests have none.
#[test]
fn only_safe_requests_are_repeated_and_without_credentials_unless_the_app_says_so() {
    let plain =
        |release: &'static str| scripted(move |_| Reply::response("200 OK", &[("X-Release", release)], "so"));
    let settings = json!({ "percent": 100, "paths": ["/api/*"], "ignore": ["header x-release"] });
    let router = shadowed(plain("v1"), plain("v2"), &settings);
    let mut client = router.visitor();
    client.headers =
        "Authorization: Bearer secret\r\nIf-None-Match: \"a\"\r\nAccept-Encoding: gzip\r\n".into();
    for page in ["/", "/other", "/api/sign-in?code=1", "/api/logout"] {
        client.get(page);
    }
    let post = format!("POST /api/orders HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nab", router.host);
    let mut wire = router.connect();
    wire.send(post);
    assert_eq!(wire.response("POST").status, 200);
    client.get("/api/cart?page=2");
    eventually("it is compared", || shadow(&router)["compared"] == 1);
    let repeated = router.endpoint("v2").take();
    assert_eq!(repeated.iter().map(|copy| copy.target()).collect::<Vec<_>>(), ["/api/cart?page=2"]);
    let copy = &repeated[0];
    for name in ["cookie", "authorization", "if-none-match"] {
        assert_eq!(copy.header(name), None, "{name}");
    }
    assert_eq!(
        (copy.header("rolling-shadow"), copy.header("accept-encoding")),
        (Some("1"), Some("identity"))
    );
    assert_eq!(copy.header("host"), Some(router.host.as_str()));
    // On a busy machine one of two equal answers may take longer, which a single comparison does not make a difference.
    let findings = shadow(&router)["findings"].as_array().cloned().unwrap_or_default();
    assert!(findings.iter().all(|finding| finding["class"] != "difference"), "{findings:?}");
    let with = json!({ "shadow": { "credentials": true, "ignore": [] } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&with)).expect(200);
    client.get("/api/cart");
    eventually("it is repeated", || router.endpoint("v2").received() > 0);
    let copy = router.endpoint("v2").take().remove(0);
    assert_eq!(copy.header("authorization"), Some("Bearer secret"));
    assert_eq!(copy.header("cookie"), Some("theme=dark; session=abc"), "the router's own never goes on");
    eventually("it differs, and no value is shown", || {
        shadow(&router)["findings"][0]["example"]["stable"] == "(not shown)"
    });
    let without = json!({ "shadow": { "percent": 0 } });
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&without)).expect(200);
    let before = router.endpoint("v1").received();
    client.get("/api/cart");
    client.get("/api/cart");
    assert_eq!((router.endpoint("v1").received(), router.endpoint("v2").received()), (before + 2, 0));
}

#[test]
fn a_candidate_that_hangs_costs_nobody_anything() {
    let quick = scripted(|_| Reply::response("200 OK", &[("X-Release", "v1")], "so"));
    let hanging = scripted(|_| {
        pause(Duration::from_secs(60));
        Reply::ok("late")
    });
    let router = shadowed(quick, hanging, &json!({ "percent": 100 }));
    let mut client = router.visitor();
    let mut longest = Duration::ZERO;
    for n in 0..200 {
        let since = Deadline::after(Duration::ZERO);
        assert_eq!(client.get(&format!("/{n}")).release, "v1");
        longest = longest.max(since.elapsed());
    }
    assert!(longest < Duration::from_secs(5), "{longest:?}: less than the copies wait");
    eventually("some are left out", || shadow(&router)["skipped"].as_u64() > Some(0));
    assert!(router.endpoint("v2").open_connections() <= 10, "{}", router.endpoint("v2").open_connections());
    eventually("it is said that it does not answer", || {
        found(&shadow(&router), "/*", "answer").is_some_and(|said| said.starts_with("missing"))
    });
    assert_eq!(
        router.api().state()["candidate"]["release"],
        "v2",
        "nobody's request failed, so nothing is charged"
    );
}
