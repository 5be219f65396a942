//! Skew protection: a page of one release may ask for a fingerprinted asset that only another release has. It gets the
//! asset, as a stranger would, stays where it is, and nobody is shown a release that is still in the dark.

use serde_json::{Value, json};
use support::log::objects;
use support::{Endpoint, Reply, Response, Router, RouterBuilder, Visitor, eventually, router, scripted};

/// An asset that only `v1` has, and one that only `v2` has.
const OLD: &str = "/assets/app-BX3k9dQ2.js";
const NEW: &str = "/assets/app-DiwrgTda.js";

/// An endpoint of a release that has this asset and no other, and a page at every other path.
fn release(name: &'static str, asset: &'static str) -> Endpoint {
    scripted(move |received| {
        let headers = |kind| [("X-Release", name), ("Content-Type", kind), ("Cache-Control", "max-age=60")];
        match received.target() {
            target if target == asset => {
                let cookie = ("Set-Cookie", "session=stranger");
                let headers = [&headers("text/javascript")[..], &[cookie]].concat();
                Reply::response("200 OK", &headers, body_of(received.method().as_str(), name))
            }
            target if target.starts_with("/assets/") => {
                Reply::response("404 Not Found", &headers("text/plain"), format!("{name} has none"))
            }
            _ => Reply::response("200 OK", &headers("text/html"), "a page"),
        }
    })
}

fn body_of(method: &str, name: &str) -> String {
    if method == "HEAD" { String::new() } else { format!("the asset of {name}") }
}

/// Stable `v1` and candidate `v2` at this blend.
fn both(blend: u32) -> RouterBuilder {
    let stable = vec![release("v1", OLD)];
    router().stable_on("v1", stable).candidate_on("v2", vec![release("v2", NEW)]).blend(blend)
}

fn with_settings(builder: RouterBuilder, settings: &Value) -> Router {
    builder.key("rolling/hello/settings", &settings.to_string()).start()
}

/// A client whose page is of this release.
fn reader_of(router: &Router, release: &str) -> Visitor {
    let arrive = || {
        let mut visitor = router.visitor();
        (visitor.get("/").release == release).then_some(visitor)
    };
    let mut reader = (0..1_000).find_map(|_| arrive()).expect("some client lands there");
    reader.navigates = false;
    reader
}

fn fetch(visitor: &mut Visitor, target: &str) -> Response {
    visitor.try_get(target).unwrap_or_else(|why| panic!("GET {target}: {why}")).response
}

fn outcomes(router: &Router, outcome: &str) -> f64 {
    router.api().metrics().sum("rolling_asset_fall_through_total", &[("outcome", outcome)])
}

fn about(got: f64, wanted: f64) {
    assert!((got - wanted).abs() < 0.5, "{got}, not {wanted}");
}

fn seen(router: &Router, release: &str, target: &str) -> usize {
    router.endpoint(release).take().iter().filter(|received| received.target() == target).count()
}

#[test]
fn an_asset_that_only_the_sibling_has_is_served_and_nobody_moves() {
    let router = both(50).start();
    for (own, sibling, asset) in [("v1", "v2", NEW), ("v2", "v1", OLD)] {
        let mut reader = reader_of(&router, own);
        let pin = reader.pin.clone();
        router.endpoint(sibling).take();
        let response = fetch(&mut reader, asset);
        assert_eq!((response.status, response.text()), (200, format!("the asset of {sibling}")));
        assert_eq!(
            response.header_all("set-cookie"),
            Vec::<&str>::new(),
            "neither a pin nor a stranger's session"
        );
        assert_eq!(response.header("cache-control"), Some("max-age=60"), "it may be kept by whoever likes");
        let asked = router.endpoint(sibling).take();
        assert_eq!((asked.len(), asked[0].header("cookie")), (1, None), "{asked:?}");
        let after = fetch(&mut reader, "/");
        assert_eq!((after.header("x-release"), reader.pin.clone(), reader.connects), (Some(own), pin, 1));
    }
    about(outcomes(&router, "found"), 2.0);
    about(router.api().metrics().sum("rolling_release_moves_total", &[]), 0.0);
}

#[test]
fn a_sibling_is_asked_as_by_a_stranger_and_for_all_of_it() {
    let router = both(0).start();
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
    let host = &router.host;
    let mut wire = router.connect();
    wire.send(format!(
        "GET {OLD} HTTP/1.1\r\nHost: {host}\r\nCookie: a=b\r\nAuthorization: Basic eDp5\r\nRange: bytes=0-3\r\n\
         If-None-Match: \"1\"\r\nIf-Modified-Since: Sat, 21 Nov 2026 12:00:00 GMT\r\nAccept: text/javascript\r\n\
         User-Agent: me\r\n\r\n"
    ));
    assert_eq!(wire.response("GET").text(), "the asset of v1");
    let asked = router.endpoint("v1").take().pop().expect("the sibling is asked");
    assert!(asked.faults.is_empty(), "{:?}", asked.faults);
    for name in ["cookie", "authorization", "range", "if-none-match", "if-modified-since"] {
        assert_eq!(asked.header(name), None, "{name}");
    }
    for (name, value) in [("host", host.as_str()), ("accept", "text/javascript"), ("user-agent", "me")] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    let own = router.endpoint("v2").take().pop().expect("its own release is asked first");
    assert_eq!((own.header("cookie"), own.header("authorization")), (Some("a=b"), Some("Basic eDp5")));
    wire.assert_usable(host);
}

#[test]
fn head_falls_through_too_and_nothing_else_does() {
    let router = both(0).start();
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
    let ask = |method: &str, target: &str| {
        let mut wire = router.connect();
        let host = &router.host;
        wire.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        wire.response(method)
    };
    assert_eq!(ask("HEAD", OLD).status, 200);
    assert_eq!(router.endpoint("v1").take().pop().map(|asked| asked.method()), Some("HEAD".into()));
    for (method, target) in [("OPTIONS", OLD), ("DELETE", OLD), ("GET", "/assets/plain.js")] {
        let response = ask(method, target);
        assert_eq!((response.status, response.header("x-release")), (404, Some("v2")), "{method} {target}");
        assert_ne!(response.header("cache-control"), Some("no-store"), "{method} {target}");
    }
    assert_eq!(router.endpoint("v1").received(), 0);
}

#[test]
fn gone_and_a_page_for_an_answer_count_as_missing() {
    let router = both(0).start();
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
    let page = [("Content-Type", "Text/HTML; charset=utf-8"), ("X-Release", "v2")];
    let other = [("Content-Type", "text/plain"), ("X-Release", "v2")];
    for (status, headers, falls) in [
        ("410 Gone", &other, true),
        ("200 OK", &page, true),
        ("203 Non-Authoritative Information", &page, true),
        ("200 OK", &other, false),
        ("302 Found", &page, false),
        ("403 Forbidden", &page, false),
        ("500 Internal Server Error", &page, false),
    ] {
        router.endpoint("v2").always(Reply::response(status, headers, "its own"));
        let response = fetch(&mut router.visitor(), OLD);
        let (wanted, text) = if falls { ("v1", "the asset of v1") } else { ("v2", "its own") };
        assert_eq!(
            (response.header("x-release"), response.text().as_str()),
            (Some(wanted), text),
            "{status}"
        );
    }
    router.endpoint("v2").always(Reply::response("200 OK", &page, "its own"));
    let page_itself = fetch(&mut router.visitor(), "/static/page-BX3k9dQ2.html");
    assert_eq!(page_itself.text(), "its own", "a page may be a page");
}

#[test]
fn only_an_asset_is_taken_and_the_releases_own_answer_is_never_lost() {
    let router = both(0).start();
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
    let page = [("Content-Type", "text/html")];
    for (number, sibling) in [
        Reply::response("404 Not Found", &[], "no"),
        Reply::response("200 OK", &page, "a page for everything"),
        Reply::response("206 Partial Content", &[("Content-Range", "bytes 0-0/9")], "t"),
        Reply::response("302 Found", &[("Location", "/")], ""),
        Reply::response("304 Not Modified", &[], ""),
        Reply::response("500 Internal Server Error", &[], "no"),
        Reply::response("503 Service Unavailable", &[], "no"),
        Reply::Reset(Vec::new()),
        Reply::Close(b"!!!\r\n\r\n".to_vec()),
    ]
    .into_iter()
    .enumerate()
    {
        router.endpoint("v1").always(sibling.clone());
        let target = format!("/assets/app-3f2a9c1{number}.js");
        let mut visitor = router.visitor();
        let response = fetch(&mut visitor, &target);
        assert_eq!((response.status, response.text().as_str()), (404, "v2 has none"), "{sibling:?}");
        assert_eq!(response.header_all("cache-control"), ["no-store"], "{sibling:?}");
        assert_eq!((fetch(&mut visitor, "/").status, visitor.connects), (200, 1), "{sibling:?}");
    }
    router.endpoint("v1").stop();
    let response = fetch(&mut router.visitor(), "/assets/app-3f2a9c1b.mjs");
    assert_eq!((response.status, response.text().as_str()), (404, "v2 has none"));
    about(outcomes(&router, "missed"), 10.0);
}

#[test]
fn a_silent_sibling_keeps_nobody_waiting_for_long() {
    let router = both(0).start();
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
    router.endpoint("v1").always(Reply::Hang(Vec::new()));
    let response = fetch(&mut router.visitor(), OLD);
    assert_eq!((response.status, response.text().as_str()), (404, "v2 has none"));
}

#[test]
fn what_nobody_has_is_not_asked_of_everybody_again() {
    let router = both(0).start();
    router.api().put("blend", &json!({ "percent": 100 })).expect(200);
    for round in 0..5 {
        for target in ["/assets/a-3f2a9c1b.js", "/assets/a-3f2a9c1b.js?again"] {
            let response = fetch(&mut router.visitor(), target);
            assert_eq!(
                (response.status, response.header("cache-control")),
                (404, Some("no-store")),
                "{round}"
            );
        }
    }
    assert_eq!(router.endpoint("v1").received(), 1);
    assert_eq!(router.endpoint("v2").received(), 10, "its own release is always asked");
    about(outcomes(&router, "remembered"), 9.0);
    // Another change of the app is another question: a release may have come that has it.
    router.api().put("blend", &json!({ "percent": 99 })).expect(200);
    let target = "/assets/a-3f2a9c1b.js";
    eventually("the siblings are asked again", || {
        fetch(&mut router.visitor(), target);
        router.endpoint("v1").received() > 1
    });
}

#[test]
fn a_candidate_in_the_dark_is_asked_by_nobody_until_it_has_served() {
    let router = both(0).start();
    let api = router.api();
    let response = fetch(&mut router.visitor(), NEW);
    assert_eq!((response.status, response.header("x-release")), (404, Some("v1")));
    assert_eq!(seen(&router, "v2", NEW), 0);
    api.put("blend", &json!({ "percent": 5 })).expect(200);
    api.put("blend", &json!({ "percent": 0 })).expect(200);
    let response = fetch(&mut router.visitor(), NEW);
    assert_eq!(response.text(), "the asset of v2", "pages of it may be about since its blend was above 0");
    // A new tenure is a new dark.
    api.post("abort", &json!({})).expect(200);
    api.put("candidate", &json!({ "release": "v2" })).expect(200);
    assert_eq!(fetch(&mut router.visitor(), NEW).status, 404);
}

#[test]
fn a_release_that_drains_asks_and_is_asked() {
    let router = both(0).start();
    let mut reader = reader_of(&router, "v1");
    router.api().post("promote", &json!({})).expect(200);
    assert_eq!(fetch(&mut reader, NEW).text(), "the asset of v2");
    assert_eq!(fetch(&mut router.visitor(), OLD).text(), "the asset of v1");
    router.api().delete("draining").expect(200);
    let response = fetch(&mut router.visitor(), OLD);
    assert_eq!((response.status, response.header("x-release")), (404, Some("v2")));
}

#[test]
fn with_one_release_or_switched_off_answers_are_left_alone() {
    let one = router().stable_on("v1", vec![release("v1", OLD)]).start();
    let off = with_settings(both(50), &json!({ "assets": { "fall_through": false } }));
    for router in [one, off] {
        let mut reader = reader_of(&router, "v1");
        let response = fetch(&mut reader, NEW);
        assert_eq!((response.status, response.header("cache-control")), (404, Some("max-age=60")));
        for outcome in ["found", "missed", "remembered", "denied"] {
            about(outcomes(&router, outcome), 0.0);
        }
    }
}

#[test]
fn paths_that_an_app_calls_assets_fall_through() {
    let router = with_settings(both(50), &json!({ "assets": { "detect": false, "paths": ["/assets/*"] } }));
    let mut reader = reader_of(&router, "v1");
    assert_eq!(fetch(&mut reader, NEW).text(), "the asset of v2");
}

#[test]
fn a_large_asset_arrives_whole_and_its_connection_serves_on() {
    let body: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_be_bytes()[3]).collect();
    let router = both(50).start();
    let (sent, mut reader) = (body.clone(), reader_of(&router, "v1"));
    router.endpoint("v2").script(move |_| Reply::response("200 OK", &[("Content-Type", "text/css")], &sent));
    for _ in 0..3 {
        assert!(fetch(&mut reader, NEW).body == body);
    }
    assert_eq!(reader.connects, 1);
    assert_eq!(router.endpoint("v1").take().iter().filter(|asked| asked.target() == NEW).count(), 3);
}

#[test]
fn the_log_says_which_sibling_answered() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let log = dir.path().join("access.log");
    let router = both(50).access_log(&log).start();
    let mut reader = reader_of(&router, "v1");
    fetch(&mut reader, NEW);
    fetch(&mut reader, "/assets/a-3f2a9c1b.js");
    let mut lines = Vec::new();
    eventually("the log has both lines", || {
        lines = objects(&log).into_iter().filter(|line| line["target"] != "/").collect();
        lines.len() == 2
    });
    let address = |release| router.endpoint(release).address.to_string();
    assert_eq!(lines[0]["sibling"], router::id("v2"), "{}", lines[0]);
    assert_eq!((&lines[0]["release"], &lines[0]["status"]), (&json!(router::id("v1")), &json!(200)));
    assert_eq!((&lines[0]["endpoint"], &lines[0]["reason"]), (&json!(address("v2")), &json!("pin")));
    assert_eq!((lines[1].get("sibling"), &lines[1]["status"]), (None, &json!(404)), "{}", lines[1]);
    assert_eq!(lines[1]["endpoint"], address("v1"));
    assert!(lines.iter().all(|line| line["request_id"].as_str().is_some_and(|id| id.len() == 16)));
}
