//! One endpoint at a time: drained before it is stopped, from its release's card, and lifted from the list of releases.

use crate::browser::Browser;
use crate::{confirm, open_app, sign_in_as};
use serde_json::{Value, json};
use support::{Router, echo, router};

fn stable_of_two() -> Router {
    router().stable_on("1.0.0", vec![echo("1.0.0"), echo("1.0.0")]).start()
}

fn address(router: &Router, at: usize) -> String {
    router.endpoints[at].1.address.to_string()
}

/// The drain of an endpoint of stable, as the state has it.
fn drain_of(router: &Router, address: &str) -> Value {
    let endpoints = router.api().state()["stable"]["endpoints"].as_array().expect("a list").clone();
    let found = endpoints.into_iter().find(|endpoint| endpoint["address"] == *address);
    found.expect("it is an endpoint of stable")["draining"].clone()
}

#[test]
fn an_endpoint_is_drained_from_its_card_and_lifted_from_the_list_of_releases() {
    let router = stable_of_two();
    let (leaving, last) = (address(&router, 0), address(&router, 1));
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click(&format!("drain-{leaving}"));
    browser.see("confirm-dialog", &format!("Drain {leaving} of 1.0.0?"));
    browser.see("confirm-effects", "go on at 1 other endpoint of 1.0.0; no client changes its release");
    browser.choose("drain-within", "600");
    confirm(&browser, "kernel update");
    browser.see("stable-card", "1 of 2 endpoints serving, 1 draining");
    browser.see(&format!("endpoint-{leaving}"), "draining: can be stopped");
    browser.see("history", &format!("Drain endpoint {leaving} of 1.0.0"));
    let drain = drain_of(&router, &leaving);
    let length = drain["until"].as_u64().zip(drain["since"].as_u64()).map(|(until, since)| until - since);
    assert_eq!(length, Some(600_000), "{drain}");
    router.endpoints[0].1.take();
    for _ in 0..20 {
        router.visitor().release();
    }
    assert_eq!(router.endpoints[0].1.received(), 0, "it gets nobody");

    browser.click(&format!("drain-{last}"));
    browser.see("confirm-warnings", "No other endpoint of 1.0.0 is serving");
    browser.click("confirm-submit");
    browser.see("confirm-error", "would have no endpoint left");
    browser.see("confirm-force", "");
    browser.click("confirm-cancel");
    assert_eq!(drain_of(&router, &last), json!(null), "what was refused is not done");

    browser.click("open-releases");
    browser.see(&format!("endpoint-{leaving}"), "can be stopped");
    browser.click(&format!("lift-{leaving}"));
    browser.see("confirm-dialog", &format!("Let {leaving} of 1.0.0 take requests again?"));
    confirm(&browser, "updated");
    browser.see("release-1.0.0", "2 endpoints, all serving");
    assert_eq!(drain_of(&router, &leaving), json!(null));
}

#[test]
fn a_confirmation_says_when_the_endpoint_is_no_more() {
    let router = stable_of_two();
    let leaving = address(&router, 0);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click(&format!("drain-{leaving}"));
    router.api().kv_delete("apps/hello-1.0.0-80/containers/c0").expect(200);
    browser.see("confirm-error", "is no longer an endpoint of 1.0.0");
    assert_eq!(browser.attribute("confirm-submit", "aria-disabled").as_deref(), Some("true"));
}

#[test]
fn who_may_only_look_is_not_offered_to_drain() {
    let router = stable_of_two();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "viewer");
    browser.click("app-hello");
    browser.see("stable-card", "2 endpoints, all serving");
    let offered = "return [...document.querySelectorAll('[data-testid^=\"drain-\"]')].filter((each) => !each.hidden).length";
    assert_eq!(browser.script(offered), json!(0));
}
