//! A plan on the page: it is started, says what it waits for, is held and ended.

use serde_json::json;
use support::{eventually, router};

use crate::{
    accessibility::{violations, with_axe},
    browser::Browser,
    confirm, go, open_app,
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

#[test]
fn the_plans_of_an_app_have_a_page_that_says_what_each_step_takes() {
    let plans = ["gradual: 5% hold=1d approval; 50% sessions=500; promote", "careful: 1%; hold"];
    let plans = json!({ "plans": plans }).to_string();
    let router = router().stable("1.0.0").deployed("1.0.1").key("rolling/hello/settings", &plans).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("open-plans");
    browser.see("plans-now", "there is none now");
    for part in [
        "gradual",
        "5 %: held for 1 d, an operator approves",
        "50 %: 500 new visitors got the candidate",
        "Then the candidate is promoted.",
    ] {
        browser.see("plans", part);
    }
    browser.see("plans", "Then the blend stays.");
    router.api().put("candidate", &json!({"release": "1.0.1"})).expect(200);
    browser.see("plans-now", "The blend is moved by hand");
    browser.click("plan-start-gradual");
    confirm(&browser, "build 1188");
    browser.see("plan", "Plan gradual, step 1 of 2, started by maria");
    crate::pictures::state(&browser, "plans-running");
    // The rail and the buttons below it do not touch, on a phone either.
    browser.screen(360, 780, "light");
    let gap = browser.script(
        "const box = (selector) => document.querySelector(selector).getBoundingClientRect();
         return box('[data-testid=plan-approve]').top - box('.plan .rail').bottom",
    );
    assert!(gap.as_f64().is_some_and(|gap| gap >= 8.0), "{gap} px between rail and buttons");
    browser.own_screen();
    // A plan that is changed elsewhere shows by itself.
    let changed = json!({"plans": ["slow: 2% hold=2h; promote"]});
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&changed)).expect(200);
    browser.see("plans", "2 %: held for 2 h");
    go(&browser, "apps/hello/plans");
    browser.click("plans-edit");
    browser.see("settings-as-json", "The same settings");
}
