//! The history of an app: what each change changed, two moments beside each other, and what is not the app's alone.

use crate::browser::Browser;
use crate::{go, sign_in_as};
use serde_json::json;
use support::{Router, echo, eventually, router};

fn open_history(router: &Router, role: &str) -> Browser {
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, router, role);
    go(&browser, "apps/hello/history");
    browser.see("history-count", "loaded");
    browser
}

fn open_changes(browser: &Browser, seq: u64) {
    browser.see(&format!("history-row-{seq}"), "What changed");
    browser.script(&format!(
        "document.querySelector('[data-testid=\"history-row-{seq}\"] .history-details').open = true"
    ));
}

fn seq(router: &Router) -> u64 {
    router.api().state()["seq"].as_u64().expect("a seq")
}

#[test]
fn what_a_change_changed_is_shown_and_two_moments_are_compared() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let before = seq(&router);
    let settings = json!({"health": {"fall": 5}, "hosts": ["shop.example"]});
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    let changed = seq(&router);
    router.api().put("blend", &json!({"percent": 25})).expect(200);
    let browser = open_history(&router, "operator");
    open_changes(&browser, changed);
    browser.see("history", "Setting health.fall\nthe default → 5");
    browser.see("history", "Setting hosts\nthe default → shop.example");

    browser.script("document.querySelector('[data-testid=history-compare]').open = true");
    browser.see("compare-difference", "Traffic to candidate\n0 % → 25 %");
    browser.see("compare-difference", "Setting health.fall\nthe default → 5");
    // From after the settings on only the blend differs.
    browser.click(&format!("compare-{changed}"));
    eventually("the settings are the same", || {
        let shown = browser.text("compare-difference").unwrap_or_default();
        shown.contains("Traffic to candidate") && !shown.contains("health.fall")
    });
    browser.choose("compare-to", &changed.to_string());
    browser.see("compare-difference", "Nothing differs between them.");
    browser.choose("compare-from", &before.to_string());
    browser.see("compare-difference", "shop.example");
    crate::pictures::state(&browser, "compare");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// It was shown only once the reader came again, since the seq stays.
#[test]
fn endpoints_that_change_while_the_page_is_open_show_by_themselves() {
    let (one, two) = (echo("1.0.1"), echo("1.0.1"));
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = open_history(&router, "operator");
    for endpoint in [&one, &two] {
        let address = endpoint.address.to_string();
        let path = format!("releases/1.0.1/endpoints/{address}");
        assert!(router.api().put(&path, &json!({})).status() < 300, "{address} is registered");
        browser.see("history", &format!("{address} of 1.0.1"));
    }
}

#[test]
fn an_admin_finds_hooks_and_tokens_among_the_changes() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let admin = router.api_as("admin");
    let told = |apps: &[&str]| json!({"url": "http://127.0.0.1:9/in", "apps": apps});
    admin.call("PUT", "/api/v1/hooks/chat", Some(&told(&["hello"]))).expect(201);
    admin.call("PUT", "/api/v1/hooks/others", Some(&told(&["shop"]))).expect(201);
    let token = json!({"name": "ci-hello", "role": "ci", "apps": ["hello"]});
    admin.call("POST", "/api/v1/tokens", Some(&token)).expect(201);
    let browser = open_history(&router, "admin");
    browser.see("history", "Hook chat written");
    browser.see("history", "Token ci-hello made");
    browser.see("history", "Adopted");
    assert!(!browser.text("history").unwrap_or_default().contains("others"), "a hook of another app");
    browser.choose("history-what", "hooks");
    browser.see("history-count", "1 of ");
    browser.script("document.querySelector('.history-details').open = true");
    browser.see("history", "http://127.0.0.1:9/in");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
