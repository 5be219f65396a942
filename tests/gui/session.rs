//! A session that ends while somebody works: nothing is half done, and signing in again leads back to where one was.

use crate::browser::Browser;
use crate::{confirm, open_app};
use serde_json::{Value, json};
use std::fs;
use support::router::token;
use support::{Router, eventually, router};

/// Takes a role's token out of the token file, which the router reads when it starts.
fn without(router: &mut Router, role: &str) {
    let file = router.path("tokens");
    let lines = fs::read_to_string(&file).expect("the token file can be read");
    let kept = lines.lines().filter(|line| !line.starts_with(token(role)));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    fs::write(&file, kept).expect("the token file can be written");
    router.start_again();
}

fn seq(router: &Router) -> Value {
    router.api_as("admin").state()["seq"].clone()
}

#[test]
fn a_token_that_is_removed_leads_to_signing_in_and_back_to_the_same_page() {
    let mut router = router().durable().stable("1.0.0").deployed("1.0.1").start();
    let before = seq(&router);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("open-releases");
    browser.click("make-candidate-1.0.1");
    browser.fill("confirm-reason", "half done");
    without(&mut router, "operator");
    browser.see("sign-in-error", "no longer accepts this token");
    eventually("nothing is left open", || browser.text("confirm-dialog").is_none());
    assert_eq!(browser.script("return Object.keys(sessionStorage)"), json!([]), "the token is forgotten");
    browser.fill("sign-in-token", token("operator"));
    browser.click("sign-in-submit");
    browser.see("sign-in-error", "does not know this token");
    assert_eq!(seq(&router), before, "nothing was done");

    browser.fill("sign-in-token", token("admin"));
    browser.click("sign-in-submit");
    browser.see("who", "admin: root");
    browser.see("release-1.0.1", "on no track");
    assert_eq!(browser.script("return location.hash"), json!("#/apps/hello/releases"));
    browser.click("make-candidate-1.0.1");
    confirm(&browser, "whole");
    browser.see("release-1.0.1", "the candidate");
}
