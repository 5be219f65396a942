//! Preview links: where they lead, how they end, and what they cannot be made to do.

use super::tester::{COOKIE, Tester, link, path_of, preview, revoke};
use serde_json::json;
use support::log::whole_lines;
use support::websocket::{Socket, echo_sockets};
use support::{Response, Router, eventually, router};

/// Stable `v1` for everybody, and a candidate `v2` that nobody is sent to.
fn dark() -> Router {
    router().stable("v1").candidate("v2").start()
}

/// Fails unless this is the page that says why a preview ended, and takes the cookie away.
#[track_caller]
fn assert_ended(response: &Response, status: u16, word: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert!(response.text().contains(word), "{}", response.text());
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let gone = format!("{COOKIE}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    assert_eq!(response.header_all("set-cookie"), [gone.as_str()]);
    assert_eq!(response.header("x-release"), None, "no release has seen it");
}

#[test]
fn a_link_shows_the_release_that_the_blend_hides() {
    let router = dark();
    let made = preview(&router, &json!({"track": "candidate", "seconds": 600, "note": "for QA"}));
    let mut tester = Tester::at(&router);
    let response = tester.get(&path_of(&made));
    assert_eq!((response.status, response.header("location")), (303, Some("/")));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let cookies = response.header_all("set-cookie");
    let [cookie] = cookies[..] else { panic!("{cookies:?}") };
    assert!(cookie.starts_with(&format!("{COOKIE}=")), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"), "{cookie}");
    let shown = tester.get("/deep?x=1");
    assert_eq!((shown.header("x-release"), shown.header("set-cookie")), (Some("v2"), None));
    assert_eq!(shown.header("x-rolling-release"), Some("apps/hello-v2-80/containers"));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let received = router.endpoint("v2").take();
    assert_eq!(received.len(), 1, "the link itself goes to nobody");
    assert_eq!(received[0].header("cookie"), Some("theme=dark"), "the router's cookie is its own");
    let mut everybody = Tester::at(&router);
    let usual = everybody.get("/");
    assert_eq!((usual.header("x-release"), usual.header("x-rolling-release")), (Some("v1"), None));
}

#[test]
fn a_link_beats_the_pin_and_the_blend_either_way() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let (to_stable, to_candidate) = (link(&router, "stable"), link(&router, "candidate"));
    let mut tester = Tester::at(&router);
    assert_eq!(tester.release(), "v2");
    let pin = tester.cookies["rolling_pin"].clone();
    let mut tester = tester.open(&to_stable);
    assert_eq!(tester.release(), "v1");
    let mut tester = tester.open(&to_candidate);
    assert_eq!(tester.release(), "v2");
    assert_eq!(tester.cookies["rolling_pin"], pin);
    let ended = tester.get("/_rolling/preview?end&to=/bye");
    assert_eq!((ended.status, ended.header("location")), (303, Some("/bye")));
    assert!(!tester.cookies.contains_key(COOKIE));
    assert_eq!(tester.release(), "v2", "back to the pin");
}

#[test]
fn a_link_goes_on_to_a_path_of_this_site_and_nowhere_else() {
    let router = dark();
    let link = link(&router, "candidate");
    let open = |to: &str| Tester::at(&router).get(&format!("{link}&to={to}"));
    for (to, location) in [("/shop", "/shop"), ("/a?b=c%26d=e", "/a?b=c&d=e"), ("%2Fa%20b", "/a%20b")] {
        let response = open(to);
        assert_eq!((response.status, response.header("location")), (303, Some(location)), "{to}");
    }
    for to in [
        "",
        "evil",
        "//evil.example",
        "/%2Fevil.example",
        "%2F%2Fevil.example",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "https:evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/%09/evil.example",
        "/%0A/evil.example",
        "/%0D%0ASet-Cookie:%20a=b",
        "%20//evil.example",
    ] {
        let response = open(to);
        assert_eq!((response.status, response.header("location")), (400, None), "{to}");
        assert_eq!(response.header("set-cookie"), None, "{to}");
    }
    let backslash = Tester::at(&router).get(&format!("{link}&to=/\\evil.example"));
    assert_eq!((backslash.status, backslash.header("location")), (400, None));
}

#[test]
fn a_forged_link_is_a_plain_page_and_so_is_a_forged_cookie() {
    let router = dark();
    let good = link(&router, "candidate");
    let mut flipped = good.clone().into_bytes();
    let last = flipped.len() - 30;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let cut = &good[..good.len() - 1];
    for forged in [flipped.as_str(), cut, "/_rolling/preview?token=", "/_rolling/preview?token=%0d%0aX: y"] {
        let forged = forged.replace(' ', "%20");
        assert_ended(&Tester::at(&router).get(&forged), 403, "not valid for this site");
    }
    let no_token = Tester::at(&router).get("/_rolling/preview");
    assert_eq!((no_token.status, no_token.header("set-cookie")), (404, None));
    let mut tester = Tester::at(&router).open(&good);
    let pin = "A".repeat(43);
    for value in ["x", "", pin.as_str(), "%00"] {
        tester.cookies.insert(COOKIE.into(), value.into());
        assert_ended(&tester.get("/"), 403, "not valid for this site");
        assert!(!tester.cookies.contains_key(COOKIE));
        assert_eq!(tester.release(), "v1", "with the cookie gone, as everybody");
    }
    assert_eq!(router.endpoint("v2").received(), 0);
}

#[test]
fn a_revoked_link_ends_at_once() {
    let router = dark();
    let (first, second) =
        (preview(&router, &json!({"track": "candidate"})), preview(&router, &json!({"track": "candidate"})));
    let mut tester = Tester::at(&router).open(&path_of(&first));
    let mut other = Tester::at(&router).open(&path_of(&second));
    assert_eq!((tester.release(), other.release()), ("v2".into(), "v2".into()));
    revoke(&router, &first);
    assert_ended(&tester.get("/"), 410, "revoked");
    assert_eq!(tester.release(), "v1");
    assert_ended(&Tester::at(&router).get(&path_of(&first)), 410, "revoked");
    assert_eq!(other.release(), "v2", "the other one stands");
}

#[test]
fn an_expired_link_says_so() {
    let router = dark();
    let made = preview(&router, &json!({"track": "candidate", "seconds": 1}));
    let mut tester = Tester::at(&router);
    // On a busy machine a second may be over before the link is opened.
    let opened = tester.get(&path_of(&made));
    let cookie = tester.cookies.get(COOKIE).cloned().unwrap_or_else(|| "none".into());
    eventually("the link expires", || Tester::at(&router).get(&path_of(&made)).status == 410);
    assert_ended(&Tester::at(&router).get(&path_of(&made)), 410, "expired");
    if opened.status == 303 {
        tester.cookies.insert(COOKIE.into(), cookie);
        assert_ended(&tester.get("/"), 410, "expired");
    }
    assert_eq!(tester.release(), "v1");
    assert_eq!(router.api().get("previews").expect(200).json()["previews"], json!([]));
}

#[test]
fn a_link_ends_with_the_stay_of_its_release() {
    let router = router().stable("v1").candidate("v2").deployed("v3").start();
    let link_to_candidate = link(&router, "candidate");
    let mut tester = Tester::at(&router).open(&link_to_candidate);
    assert_eq!(tester.release(), "v2");
    router.api().post("abort", &json!({})).expect(200);
    assert_ended(&tester.get("/"), 410, "no longer served");
    assert_ended(&Tester::at(&router).get(&link_to_candidate), 410, "no longer served");
    // The same release on trial once more is another stay, and needs another link.
    router.api().put("candidate", &json!({"release": "v2"})).expect(200);
    assert_ended(&Tester::at(&router).get(&link_to_candidate), 410, "");
    assert_eq!(Tester::at(&router).open(&link(&router, "candidate")).release(), "v2");
}

#[test]
fn a_link_outlives_a_promote_and_the_drain_that_follows() {
    let router = dark();
    let mut new = Tester::at(&router).open(&link(&router, "candidate"));
    let mut old = Tester::at(&router).open(&link(&router, "stable"));
    router.api().post("promote", &json!({})).expect(200);
    assert_eq!((new.release(), old.release()), ("v2".into(), "v1".into()));
    let listed = router.api().get("previews").expect(200).json();
    let tracks: Vec<&str> = listed["previews"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|preview| preview["track"].as_str())
        .collect();
    assert_eq!(tracks, ["stable", "draining"]);
}

#[test]
fn a_restart_keeps_the_links() {
    let mut router = router().stable("v1").candidate("v2").durable().start();
    let made = preview(&router, &json!({"track": "candidate"}));
    let mut tester = Tester::at(&router).open(&path_of(&made));
    router.start_again();
    assert_eq!(tester.release(), "v2");
    assert_eq!(Tester::at(&router).open(&path_of(&made)).release(), "v2");
    revoke(&router, &made);
    assert_ended(&tester.get("/"), 410, "revoked");
}

#[test]
fn the_token_is_in_the_link_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("access.log");
    let router = router().stable("v1").candidate("v2").access_log(&file).start();
    let link = link(&router, "candidate");
    let token = link.split('=').nth(1).expect("a link has a token").to_owned();
    let mut tester = Tester::at(&router).open(&link);
    assert_eq!(tester.release(), "v2");
    let log = || std::fs::read_to_string(&file).unwrap_or_default();
    eventually("both requests are logged", || whole_lines(&file).len() == 2);
    assert!(log().contains("\"target\":\"/_rolling/preview\""), "{}", log());
    let stored = router.api().kv_get("rolling/hello/previews");
    assert!(stored.contains("apps/hello-v2-80/containers"), "{stored}");
    let listed = router.api().get("previews").expect(200).response.text();
    for (where_to, text) in
        [("store", stored), ("list", listed), ("access log", log()), ("log", router.log())]
    {
        assert!(!text.contains(&token), "the token is in the {where_to}");
    }
    router.api().kv_put("rolling/hello/previews", "{\"previews\":[]}").expect(403);
}

#[test]
fn an_app_without_pins_has_previews_too() {
    let router = router().stable("v1").candidate("v2").not_sticky().start();
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    assert_eq!(tester.release(), "v2");
    tester.cookies.insert("rolling_pin".into(), "x".into());
    assert_eq!(tester.release(), "v2");
    for received in router.endpoint("v2").take() {
        assert_eq!(received.header("cookie"), Some("theme=dark"));
    }
}

#[test]
fn a_preview_keeps_to_one_endpoint_while_it_serves() {
    let endpoints = (0..4).map(|_| support::echo("v2")).collect();
    let router = router().stable("v1").candidate_on("v2", endpoints).start();
    let mut tester = Tester::at(&router).open(&link(&router, "candidate"));
    let mut ask = || tester.get("/").header("x-endpoint").unwrap_or_default().to_owned();
    let first = ask();
    for _ in 0..20 {
        assert_eq!(ask(), first);
    }
}

#[test]
fn sockets_are_previewed_too() {
    let router = router().stable("v1").candidate_on("v2", vec![echo_sockets("v2")]).start();
    let tester = Tester::at(&router).open(&link(&router, "candidate"));
    let cookie = format!("Cookie: {COOKIE}={}\r\n", tester.cookies[COOKIE]);
    let mut socket = Socket::open(&router, "/chat", &cookie);
    assert_eq!(socket.release, "v2");
    socket.assert_echo("hello");
}

#[test]
fn the_cookie_is_named_and_secured_as_the_pin() {
    let settings = json!({"cookie": {"name": "shop", "secure": true, "domain": "example.test"}});
    let router =
        router().stable("v1").candidate("v2").key("rolling/hello/settings", &settings.to_string()).start();
    let response = Tester::at(&router).get(&link(&router, "candidate"));
    let cookie = response.header("set-cookie").expect("a link sets its cookie");
    assert!(cookie.starts_with("shop_preview="), "{cookie}");
    let attributes = "; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.test; Max-Age=86400";
    assert!(cookie.ends_with(attributes), "{cookie}");
}

/// A proxy ended TLS, and the cookie was sent by plain http too.
#[test]
fn the_cookie_is_secure_where_the_request_came_by_https() {
    let router = router().stable("v1").candidate("v2").flag("--trusted-networks=127.0.0.0/8").start();
    let link = link(&router, "candidate");
    for (scheme, secure) in [("https", true), ("http", false)] {
        let mut wire = router.connect();
        let head = format!("GET {link} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: {scheme}\r\n\r\n");
        wire.send(head);
        let response = wire.response("GET");
        let cookie = response.header("set-cookie").expect("a link sets its cookie");
        assert_eq!(cookie.contains("; Secure"), secure, "{scheme}: {cookie}");
    }
}
