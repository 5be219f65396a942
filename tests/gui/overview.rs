//! The overview: what needs a look comes first, filters count, keys lead, and hundreds of apps are a few screens.

use crate::browser::{Browser, ENTER};
use crate::sign_in;
use serde_json::json;
use support::{RouterBuilder, echo, eventually, router};

/// So many apps with one endpoint each, `shop-000` and on.
fn with_apps(mut builder: RouterBuilder, apps: usize, address: &str) -> RouterBuilder {
    for n in 0..apps {
        let release = format!("apps/shop{n}-2.{n}.0-80/containers");
        builder = builder.key(&format!("{release}/c0"), address);
        builder = builder.key(&format!("rolling/shop-{n:03}/stable/id"), &release);
    }
    builder
}

#[test]
fn what_needs_a_look_comes_first_and_filters_count() {
    let endpoint = echo("1.0.0");
    let router = with_apps(router(), 5, &endpoint.address.to_string()).start();
    router.api().app("shop-003").post("stop", &json!({"message": "moving house"})).expect(200);
    router.api().app("shop-004").put("lock", &json!({"reason": "freeze"})).expect(200);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    let first = || browser.script("return document.querySelector('.app-name')?.textContent");
    eventually("the stopped app is the first", || first() == json!("shop-003"));
    browser.see("filter-failing", "Failing 1");
    browser.see("filter-locked", "Locked 1");
    browser.see("filter-rolling", "Rolling 0");
    let rows = || browser.script("return document.querySelectorAll('.app-row').length");
    browser.click("filter-locked");
    eventually("the locked app is left", || rows() == json!(1) && first() == json!("shop-004"));
    browser.click("filter-locked");
    eventually("all are back", || rows().as_u64() >= Some(5));
}

#[test]
fn three_hundred_apps_are_ten_screens_and_keys_lead_through_them() {
    const APPS: usize = 300;
    let endpoint = echo("1.0.0");
    let router = with_apps(router(), APPS, &endpoint.address.to_string()).start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    eventually("all apps are there", || {
        browser.script("return document.querySelectorAll('.app-row').length") == json!(APPS)
    });
    // A screen of 1440 lines, with rows that a finger can hit.
    browser.screen(2560, 1440, "light");
    let screens = browser.script("return document.documentElement.scrollHeight / innerHeight");
    assert!(screens.as_f64().is_some_and(|screens| screens <= 10.0), "{screens} screens");
    let height = browser.script("return document.querySelector('.app-row').getBoundingClientRect().height");
    assert!(height.as_f64().is_some_and(|height| height >= 44.0), "a row is {height} px high");
    // On a laptop's screen they stand side by side, the worst of them first all the same.
    browser.screen(1440, 900, "light");
    let screens = browser.script("return document.documentElement.scrollHeight / innerHeight");
    assert!(screens.as_f64().is_some_and(|screens| screens <= 10.0), "{screens} screens of 900 lines");
    let heights = browser.script(
        "return [...new Set([...document.querySelectorAll('.app-row')].slice(0, 40).map((row) => Math.round(row.getBoundingClientRect().height)))]",
    );
    assert!(
        heights.as_array().is_some_and(|all| all.iter().all(|height| height.as_u64() >= Some(44))),
        "{heights}"
    );
    let tops = "return [...document.querySelectorAll('.app-row')].slice(0, 3).map((row) => row.getBoundingClientRect().top)";
    let tops = browser.script(tops);
    assert!(tops[0] == tops[1] && tops[1] != tops[2], "{tops}");
    // Rows far below are not laid out before they come near.
    let lazy = "return getComputedStyle(document.querySelector('.app-row')).contentVisibility";
    assert_eq!(browser.script(lazy), json!("auto"));
    crate::pictures::state(&browser, "apps-many");

    let focused = || browser.script("return document.activeElement.dataset.testid ?? ''");
    let names = browser.script(
        "return [...document.querySelectorAll('.app-name')].slice(0, 2).map((each) => each.dataset.testid)",
    );
    browser.press("j");
    assert_eq!(focused(), names[0]);
    browser.press("j");
    assert_eq!(focused(), names[1]);
    browser.press("k");
    assert_eq!(focused(), names[0]);
    browser.press("/");
    assert_eq!(focused(), json!("apps-search"));
    browser.press("shop-217");
    eventually("one is left", || {
        browser.script("return document.querySelectorAll('.app-row').length") == json!(1)
    });
    browser.keys("app-shop-217", ENTER);
    browser.see("stable-release", "2.217.0");
}
