//! Every action of a release manager, by the page alone: what it asks, what it does, and what it says when it may not.

use crate::browser::{Browser, ENTER, TAB};
use crate::{confirm, go, open_app, sign_in, sign_in_as};
use serde_json::{Value, json};
use support::router::id;
use support::{Router, echo, eventually, router};

/// Two releases drain behind the stable one: 1.0.0 and 1.0.1.
fn two_draining() -> Router {
    let router = router().stable("1.0.0").deployed("1.0.1").deployed("1.0.2").start();
    for release in ["1.0.1", "1.0.2"] {
        router.api().put("stable", &json!({"id": id(release)})).expect(200);
    }
    router
}

fn tenure_of(router: &Router, release: &str) -> u64 {
    let draining = router.api().state()["draining"].as_array().expect("a list").clone();
    let found = draining.iter().find(|each| each["id"] == json!(id(release)));
    found.and_then(|each| each["tenure"].as_u64()).expect("it is draining")
}

#[test]
fn locking_sticky_and_unlocking_say_why_and_hold_ci_back() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("lock");
    browser.click("confirm-submit");
    browser.see("confirm-error", "Give a reason");
    browser.choose("lock-until", "14400");
    confirm(&browser, "freeze for the fair");
    browser.see("lock-state", "Locked by maria: “freeze for the fair”, until");
    let ci = router.api_as("ci");
    ci.post("promote", &json!({"release": "1.0.1"})).expect(423);
    browser.click("promote");
    browser.see("confirm-warnings", "The app is locked by maria: “freeze for the fair”");
    browser.click("confirm-cancel");
    browser.click("unlock");
    browser.see("confirm-warnings", "freeze for the fair");
    browser.click("confirm-submit");
    browser.see("lock-state", "Not locked");
    browser.click("sticky-switch");
    browser.see("confirm-effects", "Every request is drawn anew");
    confirm(&browser, "stateless by now");
    browser.see("sticky-switch", "Not sticky");
    assert_eq!(router.api().state()["sticky"], json!(false));
    ci.post("promote", &json!({"release": "1.0.1"})).expect(200);
}

#[test]
fn drains_are_finished_one_and_all() {
    let router = two_draining();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("app-hello");
    browser.see("stable-release", "1.0.2");
    let tenure = tenure_of(&router, "1.0.0");
    browser.click(&format!("finish-drain-{tenure}"));
    browser.see("confirm-dialog", "Finish draining 1.0.0 now?");
    browser.see("confirm-effects", "go to 1.0.2 at once");
    confirm(&browser, "nobody is left");
    eventually("one is left", || router.api().state()["draining"].as_array().map(Vec::len) == Some(1));
    router.api().put("stable", &json!({"id": id("1.0.0")})).expect(200);
    browser.see("draining", "1.0.2");
    browser.click("finish-drains");
    browser.see("confirm-dialog", "1.0.2");
    confirm(&browser, "endpoints go");
    browser.see("draining", "No release is draining");
    assert_eq!(router.api().state()["draining"], json!([]));
}

#[test]
fn any_release_of_the_history_can_be_gone_back_to() {
    let router = two_draining();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("app-hello");
    browser.see("stable-release", "1.0.2");
    browser.see("history", "Stable set");
    browser.click("rollback");
    browser.see("rollback-to", "1.0.0 (became stable");
    browser.choose("rollback-to", &id("1.0.0"));
    browser.see("confirm-dialog", "Roll back from 1.0.2 to 1.0.0?");
    browser.click("confirm-cancel");
    let rows = "return [...document.querySelectorAll('[data-testid^=\"rollback-to-\"]')].filter((each) => !each.hidden).map((each) => each.dataset.testid)";
    let offered = browser.script(rows);
    let first = offered[0].as_str().expect("a row offers to go back").to_owned();
    browser.click(&first);
    browser.see("confirm-dialog", "Roll back from 1.0.2 to 1.0.1?");
    confirm(&browser, "checkout fails");
    browser.see("stable-release", "1.0.1");
    assert_eq!(router.visitor().release(), "1.0.1");
}

#[test]
fn a_release_typed_by_hand_becomes_the_candidate_and_one_chosen_becomes_stable() {
    let typed = echo("2.0.0");
    let router = router().stable("1.0.0").deployed("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("choose-candidate");
    browser.click("confirm-submit");
    browser.see("confirm-error", "Choose a release");
    browser.script("document.querySelector('[data-testid=\"release-by-hand\"]').open = true");
    browser.fill("release-name", "2.0.0");
    browser.fill("release-endpoints", "10.0.0.9");
    browser.click("confirm-submit");
    browser.see("confirm-error", "10.0.0.9");
    browser.fill("release-endpoints", &typed.address.to_string());
    confirm(&browser, "by hand");
    browser.see("candidate-release", "2.0.0");
    browser.see("candidate-card", &typed.address.to_string());
    browser.click("choose-stable");
    browser.click("release-option-1.0.1");
    browser.see("confirm-warnings", "This skips the candidate");
    confirm(&browser, "straight");
    browser.see("stable-release", "1.0.1");
    browser.see("draining", "1.0.0");
    browser.see("candidate-release", "2.0.0");
}

#[test]
fn a_dialog_says_why_the_gate_refuses_before_and_after_it_is_sent() {
    let settings = json!({"health": {"interval_ms": 1000, "timeout_ms": 1000}}).to_string();
    let builder = router().stable("1.0.0").candidate("1.0.1").deployed("1.0.2");
    let router = builder.key("rolling/hello/settings", &settings).start();
    router.api().post("promote", &json!({})).expect(200);
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("app-hello");
    browser.see("way-back", "A rollback goes to 1.0.0.");
    let refusal = |release: &str| {
        router.endpoint(release).stop();
        format!("{} refused the connection", router.endpoint(release).address)
    };
    let dead = refusal("1.0.0");
    browser.see("way-back", "A rollback cannot go to 1.0.0: 0 of 1 endpoints of `1.0.0` pass");
    browser.see("way-back", &dead);
    browser.click("rollback");
    browser.see("confirm-warnings", "The router would refuse it now: 0 of 1 endpoints");
    browser.see("confirm-warnings", &dead);
    browser.click("confirm-cancel");
    let dead = refusal("1.0.2");
    browser.click("choose-stable");
    browser.click("release-option-1.0.2");
    browser.click("confirm-submit");
    browser.see("confirm-error", &dead);
    browser.click("confirm-force");
    confirm(&browser, "it comes up later");
    browser.see("stable-release", "1.0.2");
}

#[test]
fn a_viewer_sees_everything_and_is_told_why_nothing_can_be_done() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(10).start();
    let seq = router.api().state()["seq"].clone();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &router, "viewer");
    browser.see("who", "viewer: guest");
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
    browser.see("stable-card", "Choose stable, Roll back: your role is viewer");
    browser.see("candidate-card", "Choose candidate: your role is viewer");
    browser.see("release-banner", "Abort, Promote: your role is viewer");
    browser.see("blend-hint", "your role is viewer");
    crate::pictures::state(&browser, "viewer");
    let controls =
        ["choose-stable", "rollback", "choose-candidate", "abort", "promote", "sticky-switch", "lock"];
    for control in controls.iter().chain(&["blend-set", "blend-preset-50"]) {
        assert_eq!(browser.attribute(control, "aria-disabled").as_deref(), Some("true"), "{control}");
        browser.click(control);
    }
    assert_eq!(browser.text("confirm-dialog"), None);
    for (page, control) in [("keyvalues", "kv-add"), ("apps/hello/settings", "settings-save")] {
        go(&browser, page);
        eventually("the control is off", || {
            browser.attribute(control, "aria-disabled").as_deref() == Some("true")
        });
    }
    assert_eq!(router.api().state()["seq"], seq);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn raw_keyvalues_are_written_with_a_warning_and_what_is_wrong_is_shown_until_it_is_mended() {
    let broken = format!("{}/c9", id("1.0.0"));
    let router = router().stable("1.0.0").key(&broken, "not-an-address").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see("problems", &broken);
    browser.see("problems", "not-an-address");
    browser.see("problems", "allowed:");
    go(&browser, "keyvalues");
    browser.fill("kv-prefix", "rolling/hello");
    browser.keys("kv-prefix", ENTER);
    browser.see("kv-rolling/hello/rollout", "only commands write this");
    browser.click("kv-add");
    browser.fill("kv-edit-key", "rolling/hello/blendpercent");
    browser.fill("kv-edit-value", "101");
    browser.click("kv-submit");
    browser.see("kv-error", "100");
    browser.fill("kv-edit-value", "0");
    browser.click("kv-submit");
    browser.see("kv-rolling/hello/blendpercent", "0");
    go(&browser, &format!("keyvalues/{}", broken.replace("/c9", "")));
    browser.see(&format!("kv-{broken}"), "not-an-address");
    browser.script(&format!("document.querySelector('[aria-label=\"Delete {broken}\"]').click()"));
    browser.click("kv-submit");
    eventually("it is gone", || browser.text(&format!("kv-{broken}")).is_none());
    go(&browser, "apps/hello");
    browser.see("stable-release", "1.0.0");
    eventually("the problem is gone", || browser.text("problems").is_none_or(|text| text.is_empty()));
}

#[test]
fn an_app_with_nothing_on_stable_says_so_until_a_release_is_chosen() {
    let router = router().deployed("1.0.0").key("rolling/hello/stable/id", "rolling/null").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "apps/hello");
    browser.see("stable-release", "none");
    browser.see("stable-card", "No release is on stable: requests get 503 until you choose one");
    browser.see("stable-card", "Roll back: there is no stable release yet");
    browser.see("candidate-card", "Choose candidate: there is no stable release yet");
    browser.see("blend-hint", "there is no candidate");
    let visit = router.visitor().try_get("/").expect("an answer");
    assert_eq!(visit.response.status, 503);
    browser.click("choose-stable");
    browser.click("release-option-1.0.0");
    confirm(&browser, "the first");
    browser.see("stable-release", "1.0.0");
    assert_eq!(router.visitor().release(), "1.0.0");
}

#[test]
fn a_second_app_is_set_up_from_what_the_store_holds() {
    let endpoint = echo("7.0.0");
    let free = "apps/docker-7.0.0-80/containers";
    let router = router()
        .stable("1.0.0")
        .deployed("7.0.1")
        .key(&format!("{free}/c0"), &endpoint.address.to_string())
        .start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    browser.click("add-app");
    browser.fill("setup-app", "no good");
    browser.click("setup-submit");
    browser.see("setup-error", "“no good” is not allowed: use up to 63 letters");
    browser.fill("setup-app", "shop");
    browser.fill("setup-hosts", "shop.example");
    browser.choose("setup-found", free);
    let offered = "return document.querySelector('[data-testid=setup-found]').innerText.includes('hello')";
    assert_eq!(browser.script(offered), json!(false), "the releases of the other app are not offered");
    browser.click("setup-submit");
    browser.see("setup-health", "Release 7.0.0 is on stable");
    browser.click("setup-done");
    browser.see("stable-release", "7.0.0");
    assert_eq!(router.api().app("shop").get("settings").json()["hosts"], json!(["shop.example"]));
    go(&browser, "apps/nowhere");
    eventually("an unknown app says so", || {
        browser
            .script("return document.querySelector('main').innerText.includes('There is no app “nowhere”.')")
            == json!(true)
    });
}

#[test]
fn the_keyboard_alone_does_it_and_the_focus_is_never_lost() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let focused =
        || browser.script("return document.activeElement.dataset.testid ?? document.activeElement.tagName");
    eventually("a page begins at its heading", || focused() == json!("H1"));
    browser.script("document.querySelector('[data-testid=\"promote\"]').focus()");
    browser.keys("promote", ENTER);
    browser.see("confirm-dialog", "Promote 1.0.1");
    eventually("the reason has the focus", || focused() == json!("confirm-reason"));
    // The dialog is modal: nothing behind it can be reached.
    for _ in 0..12 {
        browser.press(TAB);
        let inside = "return document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))";
        assert_eq!(browser.script(inside), json!(true));
    }
    browser.keys("confirm-reason", &format!("by keyboard{ENTER}"));
    browser.see("stable-release", "1.0.1");
    eventually("the focus is back at the button", || focused() == json!("promote"));
    let ring = "const style = getComputedStyle(document.activeElement); return [style.outlineStyle, parseFloat(style.outlineWidth) >= 2]";
    browser.press(TAB);
    assert_eq!(browser.script(ring), json!(["solid", true]), "what has the focus has a ring");
}

#[test]
fn theme_and_motion_are_the_readers_choice() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let theme = || browser.script("return document.documentElement.dataset.theme");
    assert_eq!(theme(), json!("system"));
    browser.click("theme");
    browser.click("theme");
    assert_eq!(theme(), json!("dark"));
    browser.script("location.reload()");
    eventually("the choice stays", || theme() == json!("dark"));
    browser.see("stable-release", "1.0.0");
    let moving = "return [...document.querySelectorAll('*')].filter((each) => {
        const style = getComputedStyle(each);
        return parseFloat(style.transitionDuration) > 0 || parseFloat(style.animationDuration) > 0;
    }).length";
    let moved = browser.script(moving).as_u64().expect("a count");
    assert!(moved > 0, "something moves for those who like it");
    browser.media(&[("prefers-reduced-motion", "reduce")]);
    assert_eq!(browser.script(moving), json!(0), "nothing moves for those who do not");
    let stored: Value = browser.script("return Object.keys(localStorage)");
    assert_eq!(stored, json!(["rolling-router.theme"]), "no token is kept");
    assert_eq!(browser.script("return document.cookie"), json!(""), "no script sees the session");
    browser.click("sign-out");
    browser.see("sign-in-submit", "Sign in");
    assert_eq!(browser.script("return Object.keys(sessionStorage)"), json!([]));
}
