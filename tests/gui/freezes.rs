//! What holds CI back, on the page: the lock that a pipeline took, who waits for it, and freezes.

use crate::browser::Browser;
use crate::{confirm, go, open_app, sign_in};
use serde_json::json;
use support::{eventually, router};

/// One of these stands at every time of the day.
const ALWAYS: &str = "00:00 - 12:00 Europe/Berlin\n12:00 - 00:00 Europe/Berlin";

#[test]
fn a_pipelines_lock_says_whose_it_is_and_until_when_and_an_operator_takes_it_away() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let (ci, browser) = (router.api_as("ci"), Browser::start(1280, 1000));
    open_app(&browser, &router);
    let lock =
        |holder: &str, wait: u64| json!({"reason": "build", "seconds": 600, "holder": holder, "wait": wait});
    ci.put("lock", &lock("run 77", 0)).expect(200);
    browser.see("lock-state", "Locked by ci-main (run 77): “build”, until");
    browser.see("history", "Lock");
    let queued = {
        let (ci, body) = (ci.clone(), lock("run 78", 40));
        std::thread::spawn(move || ci.put("lock", &body).expect(200).json()["lock"]["holder"].clone())
    };
    browser.see("lock-state", "ci-main (run 78) waits for it");
    browser.picture("pipeline-lock");
    browser.click("unlock");
    browser.see(
        "confirm-effects",
        "The run run 77 of ci-main loses its lock. ci-main has waited for the lock and gets it.",
    );
    browser.click("confirm-submit");
    assert_eq!(queued.join().expect("it gets the lock"), "run 78");
    browser.see("lock-state", "Locked by ci-main (run 78)");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn freezes_of_an_app_are_set_in_its_settings_and_shown_while_they_stand() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/hello/settings");
    browser.fill("setting-freeze_windows", "Fri 16:00 - Mon 08:00 Europe/Nowhere");
    browser.click("settings-save");
    browser.see("setting-error-freeze_windows", "Europe/Nowhere");
    browser.fill("setting-freeze_windows", ALWAYS);
    browser.click("settings-save");
    let windows: Vec<&str> = ALWAYS.lines().collect();
    eventually("it is saved", || router.api().get("settings").json()["freeze_windows"] == json!(windows));
    go(&browser, "apps/hello");
    browser.see("freeze-state", "Frozen without an end");
    browser.see("freeze-state", "CI can only abort and roll back. Operators can still act.");
    crate::pictures::state(&browser, "frozen");
    router.api_as("ci").post("promote", &json!({"release": "1.0.1"})).expect(423);
    browser.click("promote");
    browser.see("confirm-warnings", "A freeze stands without an end");
    confirm(&browser, "it cannot wait");
    go(&browser, "");
    let flags = "return document.querySelector('.app-flags')?.textContent ?? ''";
    eventually("the overview says so", || {
        browser.script(flags).as_str().is_some_and(|flags| flags.contains("frozen"))
    });
}

#[test]
fn freezes_of_all_apps_are_set_on_the_page_of_the_router() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "router");
    browser.fill("freeze-windows", "always");
    browser.click("freeze-save");
    browser.see("freeze-error", "`always` is not");
    browser.fill("freeze-windows", ALWAYS);
    browser.fill("freeze-reason", "the fair");
    browser.click("freeze-save");
    let stored = || router.api().call("GET", "/api/v1/freeze-windows", None).json();
    eventually("they are saved", || stored()["windows"].as_array().map(Vec::len) == Some(2));
    browser.picture("freeze-windows");
    // Somebody else sets others: nothing of theirs is lost unseen.
    browser.fill("freeze-windows", "");
    let other = json!({"windows": ["22:00 - 06:00 UTC"]});
    router.api().call("PUT", "/api/v1/freeze-windows", Some(&other)).expect(200);
    browser.click("freeze-save");
    browser.see("freeze-error", "read them again");
    assert_eq!(stored()["windows"], other["windows"]);
    browser.click("freeze-save");
    eventually("they are ended", || stored()["windows"] == json!([]));
}
