//! A plan on the page: it is started, says what it waits for, is held and ended.

use serde_json::json;
use support::{eventually, router};

use crate::{
    accessibility::{violations, with_axe},
    browser::Browser,
    confirm, open_app,
};

#[test]
fn a_plan_is_started_held_and_ended_by_the_page_alone() {
    let plans = json!({ "plans": ["gradual: 5% hold=1d approval; 50%; promote"] }).to_string();
    let router =
        router().stable("1.0.0").candidate("1.0.1").blend(0).key("rolling/hello/settings", &plans).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("plan-start-gradual");
    confirm(&browser, "build 1188");
    browser.see("plan", "Plan gradual, step 1 of 2, started by maria");
    browser.see("plan", "the end of its hold, in 24 h");
    crate::pictures::state(&browser, "plan");
    let plan = || router.api().state()["plan"].clone();
    assert_eq!(plan()["step"], json!(1));
    browser.click("plan-pause");
    confirm(&browser, "lunch");
    browser.see("plan", "Held: maria paused it");
    browser.click("plan-resume");
    confirm(&browser, "back");
    browser.see("plan", "Waits for");
    browser.click("plan-approve");
    confirm(&browser, "seen");
    eventually("it is approved", || plan()["approved_by"] == json!("maria"));
    browser.click("plan-skip");
    confirm(&browser, "no time");
    browser.see("plan", "step 2 of 2");
    with_axe(&browser);
    assert_eq!(violations(&browser), Vec::<String>::new());
    browser.click("plan-stop");
    confirm(&browser, "by hand from here");
    eventually("it is ended", || plan().is_null());
    browser.see("plan-start-gradual", "Start plan gradual");
}
