//! The page of releases: a release's endpoints are edited and tested, what became of it is told, and it is removed.

use crate::browser::Browser;
use crate::{go, sign_in, sign_in_as, sign_out};
use serde_json::{Value, json};
use support::{Router, echo, eventually, router};

fn registered(router: &Router) -> Vec<Value> {
    let list = router.api().get("releases/2.0.0/endpoints").expect(200).json();
    list["endpoints"].as_array().cloned().unwrap_or_default()
}

#[test]
fn endpoints_of_a_release_are_tested_and_edited_and_the_release_is_removed() {
    let (one, two) = (echo("2.0.0"), echo("2.0.0"));
    let router = router().stable("1.0.0").start();
    let first = json!({"endpoints": [one.address.to_string()]});
    assert!(router.api().put("releases/2.0.0/endpoints", &first).status() < 300);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/hello/releases");
    browser.click("edit-2.0.0");
    browser.see("endpoints-dialog", "Endpoints of 2.0.0");
    browser.fill("endpoints-list", "127.0.0.1:1");
    browser.click("endpoints-test");
    browser.see("endpoints-tested", "✕ 127.0.0.1:1");
    browser.fill("endpoints-list", &format!("{}\n{}", one.address, two.address));
    browser.click("endpoints-test");
    browser.see("endpoints-tested", &format!("✓ {} passes", two.address));
    crate::pictures::state(&browser, "endpoints");
    browser.fill("endpoints-list", "no endpoint at all");
    browser.click("endpoints-submit");
    browser.see("endpoints-error", "endpoint");
    assert_eq!(registered(&router).len(), 1, "nothing was changed");
    browser.fill("endpoints-list", &format!("{}\n{}", one.address, two.address));
    browser.fill("endpoints-reason", "a second one");
    browser.click("endpoints-submit");
    eventually("both are registered", || registered(&router).len() == 2);
    browser.see("release-2.0.0", &two.address.to_string());

    assert_eq!(browser.attribute("remove-1.0.0", "hidden").as_deref(), Some("true"), "it is on stable");
    browser.click("remove-2.0.0");
    browser.see("release-remove-dialog", "Remove 2.0.0 from the store?");
    browser.click("release-remove-submit");
    eventually("it is gone", || browser.text("release-2.0.0").is_none());
    assert_eq!(registered(&router), Vec::<Value>::new());
    sign_out(&browser);
    sign_in_as(&browser, &router, "viewer");
    go(&browser, "apps/hello/releases");
    browser.see("release-1.0.0", "on stable");
    assert_eq!(browser.attribute("edit-1.0.0", "hidden").as_deref(), Some("true"), "a viewer edits nothing");
}

#[test]
fn facts_of_a_release_stand_on_its_card_in_its_row_and_in_the_history() {
    let router = router().stable("1.0.0").deployed("1.0.1").start();
    let facts =
        json!({"commit": "3f2a9c1", "build": "https://ci.example/1188", "notes": "javascript:alert(1)"});
    let settings = json!({"fact_links": ["commit=https://git.example/shop/commit/{}"]});
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    router.api().put("candidate", &json!({"release": "1.0.1", "facts": facts})).expect(200);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/hello");
    browser.see("candidate-card", "commit 3f2a9c1");
    let links = "return [...document.querySelectorAll('.facts a')].map((each) => each.href)";
    let wanted = json!(["https://ci.example/1188", "https://git.example/shop/commit/3f2a9c1"]);
    assert_eq!(browser.script(links), wanted, "nothing else is a link");
    router.api().post("abort", &json!({})).expect(200);
    go(&browser, "apps/hello/releases");
    browser.see("release-1.0.1", "build https://ci.example/1188");
    go(&browser, "apps/hello/history");
    browser.see("history-count", "loaded");
    browser.script("for (const each of document.querySelectorAll('.history-details')) each.open = true");
    browser.see("history", "Fact commit\n3f2a9c1");
}

#[test]
fn the_stays_of_a_release_say_how_they_ended() {
    let router = router().stable("0.9.9").deployed("1.0.0").start();
    router.api().put("candidate", &json!({"release": "1.0.0"})).expect(200);
    router.api().post("abort", &json!({"reason": "slow"})).expect(200);
    router.api().put("stable", &json!({"release": "1.0.0"})).expect(200);
    router.api().post("rollback", &json!({"reason": "checkout broken"})).expect(200);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/hello/releases");
    browser.see("stays-1.0.0", "2 stays on tracks");
    browser.script("document.querySelector('[data-testid=\"stays-1.0.0\"]').open = true");
    browser.see("stays-1.0.0", "rolled back after");
    browser.see("stays-1.0.0", "by maria “checkout broken”");
    browser.see("stays-1.0.0", "aborted after");
}
