//! Leaving: a dialog by the browser's Back, a page with something unsaved, an address that leads nowhere; and names and lists that are long.

use crate::browser::Browser;
use crate::{go, open_app, sign_in};
use serde_json::json;
use support::router::{id, token};
use support::{Endpoint, echo, eventually, router};

#[test]
fn back_closes_a_dialog_and_stays_on_the_page() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    for _ in 0..2 {
        browser.click("promote");
        browser.see("confirm-dialog", "Promote 1.0.1");
        browser.script("history.back()");
        eventually("it is closed", || browser.text("confirm-dialog").is_none());
        assert_eq!(browser.script("return location.hash"), json!("#/apps/hello"));
    }
    assert_eq!(router.api().state()["stable"]["release"], json!("1.0.0"));
}

#[test]
fn a_page_with_something_unsaved_asks_before_it_is_left() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/hello/settings");
    browser.fill("setting-drainseconds", "60");
    browser.see("settings-changes", "60 s");
    browser.click("nav-fleet");
    browser.see("leave-dialog", "Leave without saving?");
    browser.click("leave-cancel");
    eventually("it is closed", || browser.text("leave-dialog").is_none());
    assert_eq!(browser.script("return location.hash"), json!("#/apps/hello/settings"));
    browser.see("settings-changes", "60 s");
    browser.click("nav-fleet");
    browser.click("leave-submit");
    browser.see("fleet-members", "this router");
    assert_eq!(router.api().get("settings").json(), json!({}), "nothing was saved");
}

#[test]
fn an_address_that_leads_nowhere_says_so() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "nowhere/at/all");
    browser.see("unknown-page", "There is no page at this address");
}

#[test]
fn a_link_opens_where_it_points_once_somebody_has_signed_in() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    browser.open(&format!("http://{}/#/apps/hello/history?find=adopted", router.admin));
    browser.fill("sign-in-token", token("operator"));
    browser.click("sign-in-submit");
    browser.see("history-count", "loaded");
    assert_eq!(browser.script("return location.hash"), json!("#/apps/hello/history?find=adopted"));
}

#[test]
fn long_names_fit_and_many_endpoints_are_folded() {
    let name = format!("2026.11.29-{}", "feature-with-a-long-name-".repeat(3));
    let name = &name[..62];
    let many: Vec<Endpoint> = (0..25).map(|_| echo(name)).collect();
    let router = router().stable("1.0.0").release(name, many).start();
    router.api().put("candidate", &json!({"id": id(name)})).expect(200);
    router.endpoints_of(name)[7].stop();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see("candidate-card", "24 of 25 endpoints serving");
    browser.see("candidate-card", "24 endpoints without anything to say");
    let shown = "return [...document.querySelectorAll('[data-testid=candidate-card] .endpoint')].filter((each) => each.checkVisibility()).length";
    assert_eq!(browser.script(shown), json!(1), "the one that fails is in sight");
    // A screen of 1280 pixels at a zoom of 200 % has as many as one of 640.
    for width in [1280, 640, 360] {
        browser.screen(width, 900, "light");
        for page in ["", "apps/hello", "apps/hello/releases", "apps/hello/history"] {
            go(&browser, page);
            let over = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.script(over), json!(0), "{page:?} is wider than {width} pixels");
        }
    }
}
