//! Signing in and out, as a reader does.

use crate::browser::Browser;
use support::router::token;
use support::{Router, eventually};

/// Signs in on the page of a router.
pub fn sign_in(browser: &Browser, router: &Router) {
    sign_in_as(browser, router, "operator");
}

pub fn sign_in_as(browser: &Browser, router: &Router, role: &str) {
    sign_in_at(browser, &format!("http://{}/", router.admin), role);
}

/// Signs in where the page is, unless the browser is signed in already, and waits until it is live.
pub fn sign_in_at(browser: &Browser, page: &str, role: &str) {
    browser.open(page);
    eventually("the page knows whether the browser is signed in", || {
        browser.text("sign-in-submit").is_some() || browser.text("who").is_some_and(|who| !who.is_empty())
    });
    if let Some(who) = browser.text("who") {
        assert!(who.starts_with(role), "signed in as {who}, not as {role}");
    } else {
        browser.fill("sign-in-token", token(role));
        browser.click("sign-in-submit");
    }
    eventually("the page is live", || {
        browser.attribute("connection-state", "data-state").as_deref() == Some("live")
    });
}

/// Signs out, and waits until the router knows.
pub fn sign_out(browser: &Browser) {
    browser.click("sign-out");
    browser.see("sign-in-submit", "Sign in");
}
