//! The page of hooks: made, tested, paused and removed by an admin, looked at by an operator; and notices of the browser.

use crate::browser::Browser;
use crate::{open_hooks, sign_in_as, sign_out};
use serde_json::{Value, json};
use support::router::token;
use support::{Endpoint, Reply, Router, eventually, router, scripted};

/// The hook of a router, as its API shows it.
fn shown(router: &Router) -> Value {
    router.api_as("admin").call("GET", "/api/v1/hooks/chat", None).json()
}

fn text_of(browser: &Browser, testid: &str) -> String {
    let script = format!("return document.querySelector('[data-testid={testid}]').value");
    browser.script(&script).as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_admin_adds_tests_changes_pauses_and_removes_a_hook() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let receiver = scripted(|_| Reply::ok("thanks"));
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "admin");
    open_hooks(&browser);
    browser
        .see("hooks-none", "A hook is an address to which the router sends a signed POST for every change");
    browser.click("hook-add");
    browser.fill("hook-name", "chat");
    browser.fill("hook-url", "ftp://chat.example/");
    browser.click("hook-submit");
    browser.see("hook-error", "http or https URL");
    browser.fill("hook-url", &format!("http://{}/in", receiver.address));
    browser.click("hook-event-promote");
    browser.click("hook-submit");
    eventually("the secret is shown", || text_of(&browser, "hook-made").starts_with("whsec_"));
    browser.click("hook-done");
    browser.see("hook-chat", "all apps; promote");
    browser.see("hook-chat", "nothing sent yet");

    browser.click("hook-test-chat");
    browser.see("hook-chat", "Delivered in");
    browser.see("hook-chat", "“thanks”");
    receiver.always(Reply::response("500 Internal Server Error", &[], ""));
    browser.click("hook-test-chat");
    browser.see("hook-chat", "Not delivered: the receiver answered 500");
    receiver.always(Reply::ok(""));
    receiver.take();

    browser.click("hook-pause-chat");
    browser.see("hook-chat", "paused");
    router.api().post("promote", &json!({})).expect(200);
    browser.see("hook-chat", "1 change waiting");
    assert_eq!(receiver.received(), 0);
    browser.picture("hooks-paused");
    browser.click("hook-pause-chat");
    eventually("it is told", || receiver.received() == 1);
    browser.see("hook-chat", "✓ delivered");

    browser.click("hook-edit-chat");
    assert_eq!(text_of(&browser, "hook-url"), format!("http://{}/in", receiver.address));
    browser.click("hook-event-abort");
    browser.fill("hook-header-name", "Authorization");
    browser.fill("hook-header-value", "Bearer hunter2");
    browser.click("hook-submit");
    eventually("it is saved", || shown(&router)["events"] == json!(["promote", "abort"]));
    browser.see("hook-chat", "with authorization");
    receiver.take();
    keep_header(&browser, &router, &receiver);
    browser.click("hook-remove-chat");
    browser.see("hook-remove-dialog", "Remove the hook chat?");
    browser.click("hook-remove-submit");
    browser.see("hooks-none", "No hooks yet");
    assert_eq!(shown(&router)["error"]["code"], "not_found");
}

/// What is not touched stays: the receiver gets the header, and the page does not know its value.
fn keep_header(browser: &Browser, router: &Router, receiver: &Endpoint) {
    browser.click("hook-edit-chat");
    assert_eq!(text_of(browser, "hook-header-name"), "authorization");
    assert_eq!(text_of(browser, "hook-header-value"), "");
    browser.click("hook-event-abort");
    browser.click("hook-submit");
    eventually("it is saved", || shown(router)["events"] == json!(["promote"]));
    browser.click("hook-test-chat");
    eventually("the test came", || receiver.received() == 1);
    assert_eq!(receiver.take()[0].header("authorization"), Some("Bearer hunter2"));
    browser.click("hook-edit-chat");
    browser.fill("hook-header-name", "");
    browser.click("hook-submit");
    eventually("it is gone", || shown(router)["header"].is_null());
}

#[test]
fn a_hook_that_fails_says_why_without_being_opened() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let receiver = scripted(|_| Reply::response("503 Service Unavailable", &[], ""));
    let body = json!({"url": format!("http://{}/in", receiver.address)});
    router.api_as("admin").call("PUT", "/api/v1/hooks/chat", Some(&body)).expect(201);
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "admin");
    open_hooks(&browser);
    browser.see("hook-chat", "nothing sent yet");
    router.api().post("promote", &json!({})).expect(200);
    browser.see("hook-chat", "✕ failed, will be tried again: the receiver answered 503 · 1 change waiting");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn who_may_not_change_hooks_is_told_why() {
    let router = router().stable("1.0.0").start();
    let body = json!({"url": "https://chat.example/in", "paused": true});
    router.api_as("admin").call("PUT", "/api/v1/hooks/chat", Some(&body)).expect(201);
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "operator");
    open_hooks(&browser);
    browser.see("hook-chat", "https://chat.example/in");
    for control in ["hook-add", "hook-test-chat", "hook-edit-chat", "hook-pause-chat", "hook-remove-chat"] {
        assert_eq!(browser.attribute(control, "aria-disabled").as_deref(), Some("true"), "{control}");
    }
    let why = "return document.getElementById('hooks-why').textContent";
    eventually("it says why", || {
        browser.script(why).as_str().is_some_and(|text| text.contains("your role is operator"))
    });
    browser.click("hook-pause-chat");
    browser.click("hook-add");
    assert!(browser.text("hook-dialog").is_none());
    assert_eq!(shown(&router)["paused"], true);
    sign_out(&browser);
    sign_in_as(&browser, &router, "viewer");
    open_hooks(&browser);
    browser.see("hooks-error", "your role is viewer");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The browser's own notices, kept for the test to look at.
const RECORDER: &str = "window.told = [];
    window.Notification = class { constructor(title, { body }) { window.told.push(`${title} | ${body}`); } };
    window.Notification.permission = 'default';
    window.Notification.requestPermission = async () => (window.Notification.permission = 'granted');";

/// What a browser does when its tab is left, or looked at again.
fn hide(browser: &Browser, hidden: bool) {
    browser.script(&format!(
        "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});
         document.dispatchEvent(new Event('visibilitychange'));"
    ));
}

#[test]
fn a_hidden_page_tells_of_releases_once_the_reader_asked_for_it() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    browser.open(&format!("http://localhost:{}/", router.admin.port()));
    browser.script(RECORDER);
    browser.fill("sign-in-token", token("viewer"));
    browser.click("sign-in-submit");
    open_hooks(&browser);
    browser.click("notify-switch");
    eventually("it is on", || browser.attribute("notify-switch", "aria-checked").as_deref() == Some("true"));
    router.api().put("blend", &json!({"percent": 5})).expect(200);
    eventually("the page knows", || {
        browser.attribute("connection-state", "data-state").as_deref() == Some("live")
    });
    assert_eq!(browser.script("return window.told"), json!([]), "nobody is told of what they look at");
    hide(&browser, true);
    let seq = router.api().post("promote", &json!({"reason": "green"})).expect(200).seq();
    let wanted = format!("hello: Promote | maria: “green”, change {seq}");
    eventually("it tells", || {
        let told = browser.script("return window.told");
        told.as_array().is_some_and(|told| told.contains(&json!(wanted)))
    });
    assert_eq!(browser.script("return localStorage.getItem('rolling-router.notify')"), json!("on"));
    hide(&browser, false);
    browser.click("notify-switch");
    assert_eq!(browser.script("return localStorage.getItem('rolling-router.notify')"), Value::Null);
}

/// A hook in that deploys became one that only sets the candidate, as soon as somebody changed its filter on the page.
#[test]
fn a_hook_in_that_deploys_still_does_after_it_was_changed() {
    let router = router().stable("1.0.0").start();
    let hook = json!({
        "sender": "token", "app": "hello", "do": "deploy", "image": "shop:{/tag}", "release": "{/tag}", "replicas": 2,
        "health_path": "/health", "environment": { "COMMIT": "{/commit}" }
    });
    router.api_as("admin").call("PUT", "/api/v1/hooks-in/ship", Some(&hook)).expect(201);
    let browser = Browser::start(1280, 1400);
    sign_in_as(&browser, &router, "admin");
    open_hooks(&browser);
    browser.see("hook-in-ship", "deploys shop:{/tag} as the candidate of hello: {/tag}");
    browser.click("hook-in-edit-ship");
    browser.fill("hook-in-tags", "v*");
    browser.click("hook-in-submit");
    browser.see("hook-in-ship", "tag v*");
    let now = router.api_as("admin").call("GET", "/api/v1/hooks-in/ship", None).expect(200).json();
    for field in ["do", "image", "release", "replicas", "health_path", "environment"] {
        assert_eq!(now[field], hook[field], "{field}: {now}");
    }
}

#[test]
fn an_admin_adds_tests_and_removes_a_hook_in_and_sees_what_came() {
    let router = router().stable("1.0.0").start();
    let next = support::echo("1.0.1");
    let browser = Browser::start(1280, 1400);
    sign_in_as(&browser, &router, "admin");
    open_hooks(&browser);
    browser.see("hooks-in-none", "No hooks in yet");
    browser.click("hook-in-add");
    browser.fill("hook-in-name", "ship");
    browser.script("document.querySelector('[data-testid=hook-in-sender]').value = 'token'");
    browser.fill("hook-in-release", "{/release");
    browser.click("hook-in-submit");
    browser.see("hook-in-error", "not closed");
    browser.fill("hook-in-release", "{/release}");
    browser.fill("hook-in-endpoints", &next.address.to_string());
    browser.fill("hook-in-matches", "/kind=release");
    browser.click("hook-in-submit");
    eventually("the secret is shown", || text_of(&browser, "hook-in-made").len() == 64);
    let secret = text_of(&browser, "hook-in-made");
    browser.click("hook-in-done");
    browser.see("hook-in-ship", "candidate of hello: {/release}");
    browser.see("hook-in-ship", "nothing came yet");

    browser.click("hook-in-test-ship");
    browser.fill("hook-in-payload", r#"{"kind": "release", "release": "1.0.1"}"#);
    browser.click("hook-in-test-submit");
    browser.see("hook-in-result", "`1.0.1` would become the candidate of `hello`");
    browser.fill("hook-in-payload", r#"{"kind": "release"}"#);
    browser.click("hook-in-test-submit");
    browser.see("hook-in-test-error", "nothing at `/release`");
    browser.click("hook-in-test-close");
    assert_eq!(router.api().state()["candidate"], json!(null), "a test does nothing");

    let body = ("application/json", &br#"{"kind": "release", "release": "1.0.1"}"#[..]);
    let headers = format!("Authorization: Bearer {secret}\r\n");
    router.api().anonymous().raw("POST", "/hooks/in/ship", Some(body), &headers).expect(200);
    browser.see("hook-in-ship", "✓ done: `1.0.1` is the candidate of `hello`");
    crate::pictures::state(&browser, "hooks-in");
    browser.click("hook-in-remove-ship");
    browser.click("hook-in-remove-submit");
    browser.see("hooks-in-none", "No hooks in yet");
}
