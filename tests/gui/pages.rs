//! The pages around a release: settings, history, releases, tokens, API, and an overview of hundreds of apps.

use crate::browser::{Browser, ENTER};
use crate::{confirm, go, open_app, sign_in, sign_in_as, sign_out};
use serde_json::{Value, json};
use support::router::{id, token};
use support::{Reply, Router, echo, eventually, router, scripted};

/// Opens a page of the app of the suite.
fn open_page(browser: &Browser, router: &Router, page: &str) {
    open_app(browser, router);
    go(browser, &format!("apps/hello/{page}"));
}

fn described() -> Value {
    serde_json::from_str(include_str!("../../docs/openapi.json")).expect("the description is JSON")
}

/// How many single settings a schema describes.
fn count_settings(schema: &Value) -> usize {
    let properties = schema["properties"].as_object().expect("properties");
    properties
        .values()
        .map(|each| if each["properties"].is_object() { count_settings(each) } else { 1 })
        .sum()
}

#[test]
fn every_setting_has_a_control_and_only_what_changed_is_saved() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    open_page(&browser, &router, "settings");
    browser.see("settings-save", "Save settings");
    let controls =
        "return document.querySelectorAll('fieldset input, fieldset select, fieldset textarea').length";
    let wanted = json!(count_settings(&described()["components"]["schemas"]["Settings"]));
    eventually("every setting has its control", || browser.script(controls) == wanted);
    assert_eq!(browser.attribute("settings-save", "aria-disabled").as_deref(), Some("true"));

    browser.fill("setting-drainseconds", "60");
    browser.fill("setting-health.fall", "5");
    browser.choose("setting-transition", "navigate");
    browser.see("settings-changes", "Drain: 300 s (the default) → 60 s");
    browser.see("settings-changes", "Health checks, Fall: 3 (the default) → 5");
    // Somebody else sets another one meanwhile: it stays, and nothing is saved before the reader has seen it.
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&json!({"pinseconds": 7200}))).expect(200);
    browser.click("settings-save");
    browser.see("settings-error", "The app has changed since you loaded this page");
    assert_eq!(router.api().get("settings").json(), json!({"pinseconds": 7200}));
    browser.see("settings-changes", "Drain: 300 s (the default) → 60 s");
    browser.click("settings-save");
    eventually("it is saved", || router.api().get("settings").json()["drainseconds"] == json!(60));
    let settings = router.api().get("settings").json();
    assert_eq!(
        settings,
        json!({"drainseconds": 60, "health": {"fall": 5}, "pinseconds": 7200, "transition": "navigate"})
    );
    eventually("the page shows what is stored", || {
        browser.script("return document.querySelector('[data-testid=\"setting-pinseconds\"]').value")
            == json!("7200")
    });
    eventually("nothing is left to be saved", || {
        browser.script("return document.querySelector('[data-testid=\"settings-changes\"]').textContent")
            == json!("")
    });
    browser.fill("setting-drainseconds", " ");
    browser.see("settings-changes", "Drain: 60 s → 300 s (the default)");
    browser.click("settings-save");
    eventually("empty is the default", || router.api().get("settings").json().get("drainseconds").is_none());
    let complaints = browser.complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("412"), "{complaints:?}");
}

#[test]
fn a_setting_that_is_refused_says_so_at_its_control() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    open_page(&browser, &router, "settings");
    browser.fill("setting-abortseconds", "soon");
    browser.see("setting-error-abortseconds", "“soon” is not a whole number");
    assert_eq!(browser.attribute("settings-save", "aria-disabled").as_deref(), Some("true"));
    browser.fill("setting-abortseconds", "3601");
    browser.click("settings-save");
    browser.see("setting-error-abortseconds", "3601 is not a whole number of seconds from 0 to 3600");
    assert_eq!(browser.attribute("setting-abortseconds", "aria-invalid").as_deref(), Some("true"));
    eventually("the refused one has the focus", || {
        browser.script("return document.activeElement.dataset.testid") == json!("setting-abortseconds")
    });
    assert_eq!(router.api().get("settings").json(), json!({}));
    browser.fill("setting-abortseconds", "20");
    browser.choose("setting-cookie.samesite", "None");
    browser.click("settings-save");
    browser.see("setting-error-cookie.samesite", "needs");
    browser.choose("setting-cookie.secure", "true");
    browser.click("settings-save");
    let wanted = json!({"abortseconds": 20, "cookie": {"samesite": "None", "secure": true}});
    eventually("it is saved", || router.api().get("settings").json() == wanted);
}

#[test]
fn settings_of_an_app_that_moved_are_looked_at_again_and_nothing_typed_is_lost() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_page(&browser, &router, "settings");
    browser.fill("setting-hosts", "shop.example.test\nwww.example.test");
    router.api().put("blend", &json!({"percent": 10})).expect(200);
    browser.click("settings-save");
    browser.see("settings-error", "The app has changed since you loaded this page");
    assert_eq!(router.api().get("settings").json(), json!({}), "nothing was saved");
    browser.see("settings-changes", "shop.example.test, www.example.test");
    browser.click("settings-save");
    let wanted = json!({"hosts": ["shop.example.test", "www.example.test"]});
    eventually("it is saved", || router.api().get("settings").json() == wanted);
    // The same as text, for those who have it from elsewhere.
    browser.script("document.querySelector('[data-testid=\"settings-as-json\"]').open = true");
    browser.fill("settings-json", "{\"hosts\": [\"shop.example.test\"], \"unheard\": 1}");
    browser.click("settings-save");
    browser.see("settings-error", "unheard");
    browser.fill("settings-json", "{\"cache\": \"trust\"");
    browser.see("settings-error", "The settings must be JSON");
    browser.fill("settings-json", "{\"cache\": \"trust\"}");
    browser.click("settings-save");
    eventually("it is saved", || router.api().get("settings").json() == json!({"cache": "trust"}));
}

#[test]
fn the_history_is_filtered_linked_to_and_shows_both_sides_of_a_change() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    for percent in 1..=52 {
        router
            .api()
            .put("blend", &json!({"percent": percent, "reason": format!("step-{percent}.")}))
            .expect(200);
    }
    router.api().put("lock", &json!({"reason": "freeze"})).expect(200);
    let browser = Browser::start(1280, 1000);
    open_page(&browser, &router, "history");
    browser.see("history-count", "50 changes loaded");
    browser.click("history-more");
    browser.see("history-count", "54 changes loaded");
    browser.choose("history-what", "lock");
    browser.see("history-count", "1 of 54 changes loaded");
    browser.see("history", "freeze");
    browser.script("document.querySelector('.history-details').open = true");
    browser.see("history", "Lock\nnot locked → “freeze” by maria");
    browser.choose("history-what", "");
    browser.fill("history-filter", "maria step-37.");
    browser.see("history-count", "1 of 54 changes loaded");
    assert_eq!(
        browser.script("return location.hash"),
        json!("#/apps/hello/history?find=maria%20step-37."),
        "what was found can be linked to"
    );
    browser.script("location.reload()");
    eventually("the link shows the same", || {
        browser.script("return document.querySelector('[data-testid=\"history-filter\"]')?.value")
            == json!("maria step-37.")
    });
    browser.see("history", "“step-37.”");
}

#[test]
fn releases_are_found_with_their_endpoints_and_made_the_candidate() {
    let router = router().stable("1.0.0").deployed("1.0.1").deployed("1.0.2").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("open-releases");
    browser.see("release-1.0.0", "on stable");
    browser.see("release-1.0.0", "1 endpoint, all serving");
    browser.see("release-1.0.2", &router.endpoint("1.0.2").address.to_string());
    browser.see("release-1.0.2", "not checked while no client is routed to the release");
    browser.fill("releases-find", &router.endpoint("1.0.1").address.to_string());
    eventually("the others are gone", || browser.text("release-1.0.2").is_none());
    browser.click("make-candidate-1.0.1");
    browser.see("confirm-dialog", "Choose the candidate: 1.0.1");
    confirm(&browser, "build 1189");
    browser.see("release-1.0.1", "the candidate");
    assert_eq!(router.api().state()["candidate"]["id"], json!(id("1.0.1")));
    router.endpoint("1.0.1").stop();
    browser.see("release-1.0.1", "0 of 1 endpoint serving");
}

#[test]
fn tokens_are_listed_by_name_for_an_admin_and_shown_to_nobody() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("nav-settings");
    browser.click("nav-tokens");
    browser.see("tokens-me", "maria, role operator");
    browser.see("tokens-error", "needs the role admin");
    sign_out(&browser);
    sign_in_as(&browser, &router, "admin");
    browser.click("nav-settings");
    browser.click("nav-tokens");
    for (name, role) in [("root", "admin"), ("maria", "operator"), ("ci-main", "ci"), ("guest", "viewer")] {
        browser.see(&format!("token-{name}"), role);
    }
    let page = browser.script("return document.documentElement.outerHTML").to_string();
    for role in ["admin", "operator", "ci", "viewer"] {
        assert!(!page.contains(token(role)), "the token of {role} is on the page");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_admin_sees_who_changed_what_or_tried_to() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    router.api().put("lock", &json!({ "reason": "<b>freeze</b>" })).expect(200);
    router.api_as("ci").put("blend", &json!({ "percent": 50, "release": "1.0.1" })).expect(423);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("nav-settings");
    browser.click("nav-tokens");
    browser.click("open-audit");
    browser.see("audit-error", "needs the role admin");
    sign_out(&browser);
    sign_in_as(&browser, &router, "admin");
    browser.click("nav-settings");
    browser.click("nav-tokens");
    browser.click("open-audit");
    browser.see("audit-2", "PUT /api/v1/apps/hello/blend: refused (423)");
    browser.see("audit-2", "ci-main, by API, from 127.0.0.1");
    browser.see("audit-1", "maria, by API");
    browser.see("audit-1", "rolling/hello/rollout");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_api_page_shows_every_call_of_the_description() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("nav-help");
    let paths = described()["paths"].as_object().expect("paths").clone();
    let methods = ["get", "put", "post", "patch", "delete"];
    let calls: usize =
        paths.values().map(|path| methods.iter().filter(|method| path.get(**method).is_some()).count()).sum();
    browser.see("api-count", &format!("{calls} calls"));
    browser.fill("api-find", "percent blend");
    browser.see("call-setBlend", "/api/v1/apps/{app}/blend");
    eventually("others are gone", || browser.text("call-whoami").is_none_or(|text| text.is_empty()));
    browser.script("document.querySelector('[data-testid=\"call-setBlend\"]').open = true");
    browser.see("call-setBlend", "number, 0 to 100, required");
    browser.see("call-setBlend", &format!("http://{}/api/v1/apps/{{app}}/blend", router.admin));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn one_of_three_hundred_apps_is_found_as_one_types() {
    const APPS: usize = 300;
    let endpoint = echo("1.0.0");
    let mut builder = router();
    for n in 0..APPS {
        let release = format!("apps/shop{n}-2.{n}.0-80/containers");
        builder = builder.key(&format!("{release}/c0"), &endpoint.address.to_string());
        builder = builder.key(&format!("rolling/shop-{n:03}/stable/id"), &release);
    }
    let router = builder.start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    let rows = "return document.querySelectorAll('.app-row').length";
    eventually("all apps are there", || browser.script(rows) == json!(APPS));
    browser.fill("apps-search", "shop-21");
    eventually("ten are left", || browser.script(rows) == json!(10));
    browser.fill("apps-search", "2.217.0");
    eventually("one is left", || browser.script(rows) == json!(1));
    router.api().app("shop-217").put("lock", &json!({"reason": "freeze"})).expect(200);
    browser.fill("apps-search", "locked");
    browser.see("app-shop-217", "shop-217");
    browser.keys("app-shop-217", ENTER);
    browser.see("stable-release", "2.217.0");
}

#[test]
fn what_the_candidate_answers_differently_is_listed_with_an_example() {
    let shop = |release: &'static str, price: u32| {
        let body = json!({ "price": price }).to_string();
        let headers = [("X-Release", release), ("Content-Type", "application/json")];
        scripted(move |_| Reply::response("200 OK", &headers, &body))
    };
    let settings = json!({"shadow": {"percent": 100, "ignore": ["header x-release"]}}).to_string();
    let builder =
        router().stable_on("1.0.0", vec![shop("1.0.0", 12)]).candidate_on("1.0.1", vec![shop("1.0.1", 13)]);
    let router = builder.blend(0).key("rolling/hello/settings", &settings).start();
    let mut visitor = router.visitor();
    let class = || router.api().get("shadow").json()["findings"][0]["class"].clone();
    eventually("it is found", || {
        // Where all is busy some copies are left out.
        (0..40).for_each(|n| drop(visitor.get(&format!("/items/{n}"))));
        class() == "difference"
    });
    let browser = Browser::start(1280, 1000);
    open_page(&browser, &router, "shadow");
    browser.see("shadow-sentence", "The candidate differs from stable in 1 field");
    browser.see("shadow-difference", "/items/* · body $.price · changed");
    browser.see("shadow-difference", "12 at stable, 13 at the candidate");
    let without = json!({"shadow": {"percent": 0}});
    router.api().call("DELETE", "/api/v1/apps/hello/candidate", Some(&json!({}))).expect(200);
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&without)).expect(200);
    browser.click("shadow-reload");
    browser.see("shadow-sentence", "There is no candidate.");
}
