//! Several routers: how far a change is applied, who is missing, and what can be done about it.

use crate::browser::Browser;
use crate::{confirm, open_app, sign_in_as, sign_out};
use serde_json::{Value, json};
use std::time::Duration;
use support::clock::within;
use support::router::token;
use support::{Router, eventually, router};

/// Two routers of one store, the first of which holds it.
fn two() -> [Router; 2] {
    let first = router().durable().stable("1.0.0").candidate("1.0.1").flag("--node").flag("r1").start();
    let store = format!("http://:{}@{}", token("admin"), first.admin);
    let second = router().store(&store).flag("--node").flag("r2").start();
    let members = || {
        let fleet: Value = first.api().call("GET", "/api/v1/fleet", None).json();
        fleet["members"].as_array().map_or(0, Vec::len)
    };
    eventually("each knows the other", || members() == 2);
    [first, second]
}

/// Keeps what is said in passing, however seldom a busy machine looks.
const LISTEN: &str = "
    window.said = '';
    new MutationObserver(() => {
        for (const { textContent } of document.querySelectorAll('[data-testid=progress], [data-testid=notice]')) {
            if (!window.said.includes(textContent)) window.said += `${textContent}\\n`;
        }
    }).observe(document.body, {subtree: true, childList: true, characterData: true});";

fn heard(browser: &Browser, wanted: &str) {
    eventually(&format!("{wanted:?} is said"), || {
        browser.script("return window.said").as_str().is_some_and(|said| said.contains(wanted))
    });
}

#[test]
fn progress_says_on_how_many_routers_a_change_is_applied_and_who_is_missing() {
    let [first, mut second] = two();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &first, "admin");
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
    browser.script(LISTEN);
    browser.click("blend-preset-50");
    browser.click("rise-apply");
    heard(&browser, "applied on 2 of 2 routers");
    assert_eq!(second.api().state()["blend"], json!(50));

    second.kill();
    browser.see("banner-fleet", "r2");
    browser.click("promote");
    browser.see("confirm-warnings", "may still serve what was before");
    crate::pictures::state(&browser, "silent");
    browser.fill("confirm-reason", "does well");
    browser.click("confirm-submit");
    heard(&browser, "Waiting until every router has applied it");
    eventually("the confirmation closes", || browser.text("confirm-dialog").is_none());
    browser.see("stable-release", "1.0.1");
    let partial = "return document.querySelectorAll('[data-testid=notice][data-tone=partial]').length";
    assert_eq!(browser.script(partial), json!(1));
    // It stays for longer than other notices, until the change is applied everywhere or nobody waits for the other router.
    assert!(!within(Duration::from_secs(7), || browser.script(partial) != json!(1)), "it was taken back");

    browser.click("nav-fleet");
    browser.see("fleet-r2", "not heard from");
    browser.see("fleet-alarms", "r2");
    browser.click("fleet-remove-r2");
    browser.see("fleet-dialog", "Remove r2 from the fleet?");
    browser.click("fleet-submit");
    eventually("it is no member", || browser.text("fleet-r2").is_none());
    heard(&browser, "applied on every router");
    browser.see("nav-fleet", "Fleet");
}

#[test]
fn pin_keys_are_rotated_by_an_admin_alone() {
    let [first, _second] = two();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &first);
    browser.click("nav-fleet");
    browser.see("fleet-r2", "heard from");
    assert!(browser.text("fleet-rotate").is_none_or(|text| text.is_empty()), "an operator is not offered it");
    sign_out(&browser);
    sign_in_as(&browser, &first, "admin");
    browser.click("nav-fleet");
    browser.script(LISTEN);
    browser.click("fleet-rotate");
    browser.see("fleet-dialog", "no client moves");
    browser.click("fleet-submit");
    heard(&browser, "Pin keys:");
}

#[test]
fn a_change_made_at_another_router_shows_by_itself() {
    let [first, second] = two();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &second);
    first.api().put("blend", &json!({"percent": 12.5})).expect(200);
    browser.see("blend-value", "12.5 %");
    browser.click("abort");
    confirm(&browser, "errors");
    eventually("the other has it", || first.api().state()["candidate"].is_null());
}

#[test]
fn an_abort_is_offered_on_this_router_alone_while_its_store_is_down() {
    let [mut first, second] = two();
    second.api().put("blend", &json!({"percent": 50})).expect(200);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &second);
    first.kill();
    browser.click("abort");
    browser.fill("confirm-reason", "errors in checkout");
    browser.click("confirm-submit");
    browser.see("confirm-error", "abort --local");
    browser.picture("local-abort-offered");
    browser.click("confirm-local");
    browser.click("confirm-submit");
    eventually("the confirmation closes", || browser.text("confirm-dialog").is_none());
    browser.see("local-abort", "1.0.1 is dropped on this router alone, by maria: “errors in checkout”");
    crate::pictures::state(&browser, "local-abort");
    browser.click("nav-apps");
    eventually("the overview says so", || {
        let shown = browser.script("return document.querySelector('.app-flags')?.textContent");
        shown.as_str().is_some_and(|text| text.contains("aborted on this router alone"))
    });
    browser.click("app-hello");
    first.start_again();
    eventually("the store has the abort", || {
        [&first, &second].iter().all(|router| router.api().state()["updated"]["command"] == "abort")
    });
    eventually("nothing is said of it any more", || {
        browser.text("local-abort").is_none_or(|text| text.is_empty())
    });
}
