//! Headers for pages: a page learns which release it is of, and when its client moves, so that it can reload at a calm moment.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;
use support::router::id;
use support::{Reply, router, scripted};

#[test]
fn a_page_learns_its_release_and_when_its_client_moves() {
    let old = scripted(|_| {
        Reply::response(
            "200 OK",
            &[("X-Release", "v1"), ("Rolling-Release", "its own"), ("Rolling-Moves-At", "now")],
            "so",
        )
    });
    let settings =
        json!({ "release_headers": true, "drainseconds": 100, "drainmaxseconds": 900 }).to_string();
    let builder = router().stable_on("v1", vec![old]).candidate("v2").blend(0);
    let router = builder.key("rolling/hello/settings", &settings).start();
    let mut client = router.visitor();
    let page = client.get("/").response;
    assert_eq!(page.header_all("rolling-release"), [id("v1")], "the endpoint does not speak for the router");
    assert_eq!(page.header("rolling-moves-at"), None, "nobody moves");
    router.api().post("promote", &json!({})).expect(200);
    let page = client.get("/next");
    assert_eq!(page.release, "v1");
    let since = router.api().state()["draining"][0]["since"].as_u64().expect("it drains");
    let wanted = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(since + 100_000));
    assert_eq!(page.response.header("rolling-moves-at"), Some(wanted.as_str()));
    assert_eq!(page.response.header("rolling-release"), Some(id("v1").as_str()));
    let asset = client.get("/assets/app-BX3k9dQ2.js").response;
    assert_eq!(asset.header("rolling-moves-at"), Some("now"), "caches keep assets for all clients");
    let new = router.visitor().get("/").response;
    assert_eq!(
        (new.header("rolling-release"), new.header("rolling-moves-at")),
        (Some(id("v2").as_str()), None)
    );
    router
        .api()
        .call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({ "release_headers": false })))
        .expect(200);
    assert_eq!(
        client.get("/").response.header("rolling-release"),
        Some("its own"),
        "off, nothing is touched"
    );
}
