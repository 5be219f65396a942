//! An app itself: which hosts lead to it, the default app, its end.

use crate::browser::Browser;
use crate::{confirm, go, sign_in};
use serde_json::json;
use support::{echo, eventually, router};

#[test]
fn an_app_is_made_the_default_taken_off_line_and_removed() {
    let (one, other) = (echo("1.0.0"), echo("shop"));
    let router = router().without_app().start();
    for (app, endpoint) in [("hello", &one), ("shop", &other)] {
        let body = json!({ "release": "1.0.0", "endpoints": [endpoint.address.to_string()] });
        router.api().app(app).put("stable", &body).expect(200);
    }
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/shop");
    browser.see("no-host", "No host leads to this app");
    go(&browser, "apps/shop/settings");
    browser.click("app-default");
    browser.click("app-default-submit");
    eventually("shop is the default", || router.visitor().release() == "shop");
    go(&browser, "apps/shop");
    browser.see("stable-release", "1.0.0");
    eventually("the warning is gone", || browser.text("no-host").is_none_or(|text| text.is_empty()));
    go(&browser, "apps/hello");
    browser.see("no-host", "No host leads to this app");
    go(&browser, "apps/shop/settings");
    browser.click("app-clear");
    browser.see("app-clear-dialog", "new clients get 503");
    browser.click("app-clear-submit");
    eventually("shop is off line", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 503)
    });
    browser.click("app-remove");
    browser.click("app-remove-submit");
    browser.see("app-hello", "hello");
    router.api().app("shop").get("").expect(404);
    // The only app is the default.
    eventually("hello is the default", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.release == "1.0.0")
    });
}

/// Both were called 1.0.
#[test]
fn releases_with_one_short_name_are_told_apart() {
    let (old, new) = (echo("old"), echo("new"));
    let router = router().start();
    for (track, port, endpoint) in [("stable", 3000, &old), ("candidate", 8080, &new)] {
        let body = json!({ "release": "1.0", "port": port, "endpoints": [endpoint.address.to_string()] });
        router.api().put(track, &body).expect(200);
    }
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("app-hello");
    browser.see("stable-release", "hello-1.0-3000");
    browser.see("candidate-release", "hello-1.0-8080");
    browser.click("promote");
    confirm(&browser, "it does well");
    browser.see("stable-release", "hello-1.0-8080");
    browser.see("draining", "hello-1.0-3000");
}
