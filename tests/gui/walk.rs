//! A newcomer's walk: from an empty store to a promoted second release by what the page says alone, its clicks counted. docs/running.md
//! lists the same steps.

use crate::browser::Browser;
use serde_json::json;
use std::time::Duration;
use support::router::token;
use support::{Deadline, echo, eventually, router};

/// The clicks that docs/running.md counts.
const CLICKS: u64 = 11;
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
