//! The page of the store: what one that fell behind holds instead of what is served, and the choice that moves nobody.

use std::fs;

use serde_json::json;
use support::{eventually, router};

use crate::{
    accessibility::{violations, with_axe},
    browser::Browser,
    go, sign_in_as, sign_out,
};

#[test]
fn what_a_store_that_fell_behind_holds_is_told_app_by_app_and_restoring_is_the_prominent_choice() {
    let mut router = router().durable().stable("1.0.0").candidate("1.0.1").start();
    router.terminate();
    router.exit_code();
    fs::copy(router.path("store.redb"), router.path("older.redb")).expect("it can be copied");
    router.start_again();
    router.api().post("promote", &json!({"release": "1.0.1"})).expect(200);
    router.terminate();
    router.exit_code();
    fs::copy(router.path("older.redb"), router.path("store.redb")).expect("it can be copied");
    router.start_again();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "operator");
    go(&browser, "store");
    browser.see("store-state", "Commands are refused until an admin accepts or restores the store");
    let shown = || browser.text("store-differences").is_some_and(|text| !text.is_empty());
    assert!(!shown(), "what only an admin may decide");
    sign_out(&browser);
    sign_in_as(&browser, &router, "admin");
    browser.click("nav-fleet");
    browser.click("nav-store");
    // On a phone its button stands below the words of the bar and does not squeeze them.
    browser.screen(360, 780, "light");
    let words = browser.script("return document.querySelector('[data-testid=banner-store] p').clientWidth");
    assert!(words.as_u64() >= Some(220), "the bar's words are {words} px wide");
    browser.own_screen();
    for part in ["hello", "1.0.1 on stable (change", "1.0.0 on stable, 1.0.1 as candidate at 0 % (change"] {
        browser.see("store-differences", part);
    }
    browser.see("store-differences", "new clients go to 1.0.0 instead of 1.0.1");
    browser.see("store-counts", "Restoring would write");
    let filled = "return ['restore', 'accept'].map((name) =>
        document.querySelector(`[data-testid=store-page-${name}]`).classList.contains('primary'))";
    assert_eq!(browser.script(filled), json!([true, false]));
    with_axe(&browser);
    assert_eq!(violations(&browser), Vec::<String>::new());
    crate::pictures::state(&browser, "store-differs");
    browser.click("store-page-accept");
    browser.see("store-accept-dialog", "Clients move where it names another release");
    assert_eq!(violations(&browser), Vec::<String>::new());
    browser.click("store-accept-cancel");
    browser.click("store-page-restore");
    browser.see("store-accept-dialog", "No client moves");
    browser.click("store-restore");
    browser.see("store-state", "This router serves what the store holds");
    eventually("nothing is left to decide", || !shown());
    assert_eq!(router.visitor().release(), "1.0.1", "nobody was moved");
    assert_eq!(router.api().state()["stable"]["release"], json!("1.0.1"));
}
