//! What the page says before and after: why a request goes where it goes, who would move, who did.

use crate::browser::{Browser, ENTER};
use crate::open_app;
use serde_json::json;
use support::{Router, Visitor, router};

fn regulars(router: &Router, count: usize) -> Vec<Visitor> {
    let mut visitors: Vec<_> = (0..count).map(|_| router.visitor()).collect();
    for visitor in &mut visitors {
        visitor.release();
        visitor.release();
    }
    visitors
}

#[test]
fn a_pasted_cookie_is_explained() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(100).start();
    let browser = Browser::start(1280, 1000);
    let visitor = regulars(&router, 1).remove(0);
    open_app(&browser, &router);
    browser.click("explain-open");
    browser.fill("explain-cookie", &format!("theme=dark; rolling_pin={}", visitor.pin.unwrap_or_default()));
    browser.click("explain-submit");
    browser.see("explain-where", "1.0.1 (candidate)");
    browser.see("explain-where", "reason pin");
    browser.see("explain-why", "Its pin is valid: tenure 2, 1.0.1 (candidate)");
    crate::pictures::state(&browser, "explain");
    browser.fill("explain-cookie", "");
    browser.fill("explain-blend", &format!("0{ENTER}"));
    browser.see("explain-where", "1.0.0 (stable)");
    browser.see("explain-why", "is not below 0 (blend 0 %): stable");
    browser.fill("explain-blend", &format!("120{ENTER}"));
    browser.see("explain-error", "“120” is above 100");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Asks the form of the page about a page load: fields by their test ids, the others empty.
fn ask(browser: &Browser, fields: &[(&str, &str)]) {
    for field in ["explain-preview", "explain-header", "explain-address"] {
        let given = fields.iter().find(|(name, _)| *name == field);
        browser.fill(field, given.map_or("", |(_, text)| text));
    }
    browser.click("explain-submit");
}

#[test]
fn a_testers_link_and_header_and_what_a_client_is_known_by_are_explained() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let api = router.api();
    api.put("settings", &json!({"override": {"header": "X-Release", "networks": ["10.0.0.0/8"]}}))
        .expect(200);
    let made = api.post("previews", &json!({"track": "candidate"})).expect(201).json();
    let link = format!("https://shop.example{}", made["path"].as_str().expect("a link"));
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("explain-open");

    ask(&browser, &[("explain-preview", &link)]);
    browser.see("explain-where", "1.0.1 (candidate)");
    browser.see("explain-where", "reason override");
    browser.see("explain-why", "Its preview is valid, so it decides");
    ask(&browser, &[("explain-header", "X-Release: candidate"), ("explain-address", "10.1.2.3")]);
    browser.see("explain-why", "comes from a trusted network, so it decides");
    browser.see("explain-where", "1.0.1 (candidate)");
    browser.picture("explain-header");
    ask(&browser, &[("explain-header", "X-Release: candidate"), ("explain-address", "192.0.2.7")]);
    browser.see("explain-why", "192.0.2.7 is in none of these networks");
    browser.see("explain-where", "1.0.0 (stable)");
    ask(&browser, &[("explain-header", "x-release: 9.9.9"), ("explain-address", "10.1.2.3")]);
    browser.see("explain-where", "404: the request goes to no release");

    api.put("settings", &json!({"pin": "address"})).expect(200);
    ask(&browser, &[("explain-address", "192.0.2.7")]);
    browser.see("explain-why", "the address 192.0.2.7 gives bucket");
    api.put("settings", &json!({"pin": "header:X-Device-Id"})).expect(200);
    ask(&browser, &[("explain-header", "X-Device-Id: till 7")]);
    browser.see(
        "explain-why",
        "known by `header:x-device-id`, so no pin is read: the value of this request gives bucket",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());

    ask(&browser, &[("explain-preview", "nonsense")]);
    browser.see("explain-error", "this is not a preview link; allowed is a link");
    ask(&browser, &[("explain-address", "10.0.0.1:80")]);
    browser.see("explain-error", "is not an address without a port, such as 10.0.0.7");
    assert_eq!(browser.text("explain-where").as_deref(), Some(""), "nothing else is said");
}

#[test]
fn who_would_move_is_said_at_the_slider_and_in_confirmations() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(100).start();
    router.api().put("settings", &json!({ "transition": "navigate" })).expect(200);
    let browser = Browser::start(1280, 1000);
    let mut visitors = regulars(&router, 4);
    open_app(&browser, &router);
    browser.see("share-confirmed", "100 %");
    let width = browser
        .script("return document.querySelector('.blend-slider').clientWidth")
        .as_i64()
        .expect("a width");
    browser.drag("blend-slider", 1 - width / 2, width / 2, false);
    browser.see("blend-hint", "clients go from 1.0.1 to 1.0.0 at their next page");
    browser.picture("slider");
    assert_eq!(router.api().state()["blend"], json!(100), "the pointer is still down");
    browser.keys("blend-slider", crate::ESCAPE);
    browser.let_go();

    browser.click("abort");
    browser.see("confirm-dry-run", "clients go from 1.0.1 to 1.0.0 at once");
    browser.picture("abort");
    crate::confirm(&browser, "errors");
    browser.see("candidate-release", "none");
    visitors.iter_mut().for_each(|visitor| assert_eq!(visitor.release(), "1.0.0"));
    browser.see("moves", "0 bounces; 4 moves: 4 abort");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// What the confirmation of a command says happens, once the router has said who would move.
fn dry_run(browser: &Browser, command: &str) -> String {
    browser.click(command);
    browser.see("confirm-dry-run", "All new clients go to");
    let said = |testid| browser.text(testid).expect("the confirmation is open");
    let all = format!("{}\n{}", said("confirm-effects"), said("confirm-dry-run"));
    browser.picture(&format!("{command}-dry-run"));
    all
}

#[test]
fn a_confirmation_says_who_moves_once() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    let _on_stable = regulars(&router, 2);
    router.api().put("blend", &json!({"percent": 100})).expect(200);
    let _on_candidate = regulars(&router, 2);
    open_app(&browser, &router);
    browser.see("share-confirmed", "50 %");
    let once = |said: &str, all: &[&str]| {
        for words in all.iter().chain(&["All new clients go to", "stay"]) {
            assert_eq!(said.matches(words).count(), 1, "{words:?}: {said}");
        }
    };
    let promote = dry_run(&browser, "promote");
    once(&promote, &["1.0.1 becomes stable", "About 2 clients go from 1.0.0 to 1.0.1 over time"]);
    assert!(!promote.contains("pinned"), "the rule has given way to the figures: {promote}");
    browser.click("confirm-cancel");
    let abort = dry_run(&browser, "abort");
    once(&abort, &["1.0.1 is dropped", "About 2 clients go from 1.0.1 to 1.0.0", "at once"]);
    browser.click("confirm-cancel");
    browser.click("promote");
    crate::confirm(&browser, "green");
    browser.see("stable-release", "1.0.1");
    let rollback = dry_run(&browser, "rollback");
    once(&rollback, &["1.0.0 becomes stable", "About 2 clients go from 1.0.1 to 1.0.0", "at once"]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
