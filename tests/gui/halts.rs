//! Pausing, stopping and resuming an app by the page alone.

use crate::browser::Browser;
use crate::{confirm, open_app};
use serde_json::json;
use support::{eventually, router};

#[test]
fn an_app_is_paused_stopped_and_resumed_by_the_page() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("pause");
    browser.choose("pause-length", "60");
    browser.see("confirm-effects", "Requests wait until the app is resumed");
    confirm(&browser, "migration 42");
    browser.see("halted", "paused for 1 min by maria");
    assert_eq!(router.api().state()["halt"]["seconds"], json!(60));
    browser.click("resume");
    browser.see("confirm-warnings", "paused for 1 min by maria");
    confirm(&browser, "done");
    eventually("it is resumed", || router.api().state()["halt"].is_null());
    browser.click("stop-app");
    browser.fill("stop-message", "Back at <10>");
    confirm(&browser, "an incident");
    browser.see("halted", "stopped by maria: “Back at <10>”");
    browser.click("resume");
    confirm(&browser, "over");
    eventually("it is resumed again", || router.api().state()["halt"].is_null());
    browser.see("pause", "Pause");
}
