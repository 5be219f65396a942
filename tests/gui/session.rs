//! A session that ends while somebody works: nothing is half done, and signing in again leads back to where one was.

use crate::accessibility::{violations, with_axe};
use crate::browser::Browser;
use crate::{confirm, go, open_app, sign_in, sign_in_as};
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
    browser.see("sign-in-error", "its token is no longer accepted");
    eventually("nothing is left open", || browser.text("confirm-dialog").is_none());
    assert_eq!(browser.script("return Object.keys(sessionStorage)"), json!([]), "no token is kept");
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

#[test]
fn a_browser_stays_signed_in_until_somebody_signs_it_out() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.open(&format!("http://{}/?again#/tokens", router.admin));
    browser.see("tokens-me", "maria, role operator");
    browser.see("session-current", "this browser");
    let sessions = router.api_as("admin").call("GET", "/api/v1/sessions", None).expect(200).json();
    let id = sessions["sessions"][0]["id"].as_str().expect("an id").to_owned();
    router.api_as("admin").call("DELETE", &format!("/api/v1/sessions/{id}"), None).expect(200);
    browser.see("sign-in-error", "Your session has ended");
}

#[test]
fn an_admin_makes_a_token_sees_it_once_and_takes_it_back() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "admin");
    browser.click("nav-settings");
    browser.click("nav-tokens");
    browser.click("token-add");
    browser.fill("token-name", "ci hello");
    browser.click("token-submit");
    browser.see("token-error", "is no name of a token");
    browser.fill("token-name", "ci-hello");
    browser.click("token-app-hello");
    with_axe(&browser);
    assert_eq!(violations(&browser), Vec::<String>::new());
    crate::pictures::state(&browser, "token-dialog");
    browser.click("token-submit");
    let made = || browser.script("return document.querySelector('[data-testid=token-made]')?.value ?? ''");
    eventually("the token is shown", || made().as_str().is_some_and(|made| made.len() == 40));
    let token = made().as_str().expect("a text").to_owned();
    router.api().with_token(&token).call("GET", "/api/v1/apps/hello", None).expect(200);
    router.api().with_token(&token).call("GET", "/api/v1/apps/other", None).expect(403);
    crate::pictures::state(&browser, "token-made");
    browser.click("token-done");
    browser.see("token-ci-hello", "Limited to: the apps hello");
    browser.see("token-ci-hello", "in the store, by root");
    let page = browser.script("return document.documentElement.outerHTML").to_string();
    assert!(!page.contains(&token), "it is shown once");
    browser.click("token-revoke-ci-hello");
    browser.see("revoke-dialog", "Take back the token ci-hello?");
    assert_eq!(violations(&browser), Vec::<String>::new());
    browser.click("revoke-submit");
    eventually("it is gone", || browser.text("token-ci-hello").is_none());
    router.api().with_token(&token).call("GET", "/api/v1/apps/hello", None).expect(401);
}

#[test]
fn certificates_and_approvals_that_wait_are_shown() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({"approvals": 1}))).expect(200);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "tokens");
    browser.see("approvals-waiting", "1.0.1 has 0 of 1 approvals");
    browser.picture("access");
    go(&browser, "certificates");
    browser.see("certificates-none", "No certificates");
    browser.see("certificates-ca", "No CA is asked");
}
