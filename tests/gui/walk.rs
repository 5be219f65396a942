//! A newcomer's walk: from an empty store to a promoted second release by what the page says alone, its clicks counted. docs/running.md
//! lists the same steps.

use crate::{browser::Browser, open_app};
use serde_json::json;
use std::time::Duration;
use support::router::token;
use support::{Deadline, echo, eventually, router};

/// The clicks that docs/running.md counts.
const CLICKS: u64 = 11;
/// Those of a release that an app's plan brings to everybody, its endpoints tested first.
const CLICKS_BY_PLAN: u64 = 4;
/// More clients than the verdict of the test below needs.
const CLIENTS_MAX: usize = 2_000;
/// What a person may need without documentation; the steps alone take seconds.
const WALK: Duration = Duration::from_secs(180);

#[test]
fn a_newcomer_promotes_a_second_release_in_a_few_clicks() {
    let (first, second) = (echo("1.0.0"), echo("1.0.1"));
    let router = router().start();
    let browser = Browser::start(1280, 1000);
    browser.open(&format!("http://{}/", router.admin));
    browser.script("window.clicks = 0; addEventListener('click', ({detail}) => { if (detail > 0) window.clicks += 1; }, true)");
    let since = Deadline::after(WALK);
    browser.fill("sign-in-token", token("operator"));
    browser.click("sign-in-submit");
    browser.fill("setup-app", "hello");
    browser.fill("setup-release", "1.0.0");
    browser.fill("setup-endpoint", &first.address.to_string());
    browser.click("setup-submit");
    browser.click("setup-done");
    browser.see("release-banner", "Nothing is being released");
    browser.click("start-release");
    browser.script("document.querySelector('[data-testid=\"release-by-hand\"] summary').click()");
    browser.script("window.clicks += 1");
    browser.fill("release-name", "1.0.1");
    browser.fill("release-endpoints", &second.address.to_string());
    browser.click("confirm-submit");
    browser.see("candidate-release", "1.0.1");
    browser.see("verdict", "1.0.1 at 0 %");
    browser.click("step-5");
    browser.see("share-configured", "5 %");
    browser.click("step-25");
    browser.click("rise-apply");
    browser.see("share-configured", "25 %");
    browser.picture("walk");
    browser.click("promote");
    browser.see("confirm-dialog", "Promote 1.0.1 to stable, in place of 1.0.0?");
    browser.click("confirm-submit");
    browser.see("stable-release", "1.0.1");
    assert!(!since.passed(), "the walk took {:?}", since.elapsed());
    let clicks = browser.script("return window.clicks");
    println!("a newcomer's walk: {clicks} clicks, {:?}", since.elapsed());
    assert_eq!(clicks, json!(CLICKS));
    eventually("new visitors get it", || router.visitor().release() == "1.0.1");
}

#[test]
fn a_release_that_its_plan_brings_to_everybody_takes_four_clicks() {
    let settings = json!({ "plans": ["gradual: 30% hold=1s; promote"], "verdict": { "at_least": 30 } });
    let router = router()
        .stable("1.0.0")
        .deployed("1.0.1")
        .key("rolling/hello/settings", &settings.to_string())
        .start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.script("window.clicks = 0; addEventListener('click', ({detail}) => { if (detail > 0) window.clicks += 1; }, true)");
    browser.click("start-release");
    browser.click("release-option-1.0.1");
    browser.click("start-test");
    browser.see("start-tested", "passes");
    browser.see("confirm-effects", "Plan gradual raises the share of new visitors that go to 1.0.1");
    crate::pictures::state(&browser, "start");
    browser.click("confirm-submit");
    browser.see("plan", "Plan gradual, step 1 of 1");
    let is_stable = || router.api().state()["stable"]["release"] == "1.0.1";
    for _ in 0..CLIENTS_MAX {
        if is_stable() {
            break;
        }
        router.visitor().get("/");
    }
    browser.see("stable-release", "1.0.1");
    assert_eq!(browser.script("return window.clicks"), json!(CLICKS_BY_PLAN));
}

#[test]
fn what_does_not_answer_is_said_before_a_release_starts_and_a_preview_link_follows() {
    let router = router().stable("1.0.0").deployed("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("start-release");
    browser.script("document.querySelector('[data-testid=\"release-by-hand\"]').open = true");
    browser.fill("release-name", "1.0.2");
    browser.fill("release-endpoints", "127.0.0.1:1");
    browser.click("start-test");
    browser.see("start-tested", "✕ 127.0.0.1:1");
    browser.see("start-tested", "It could not become stable like this.");
    browser.click("release-option-1.0.1");
    assert_eq!(browser.text("start-tested").as_deref(), Some(""), "that was another release");
    browser.choose("start-with", "1");
    browser.click("confirm-submit");
    browser.see("preview-submit", "Make a link");
    assert_eq!(router.api().state()["candidate"]["release"], "1.0.1");
}
