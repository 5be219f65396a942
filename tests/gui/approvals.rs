//! Approvals on the page: what waits for them, who gave some, and how one is given and taken back.

use crate::accessibility::{violations, with_axe};
use crate::browser::{Browser, ENTER, ESCAPE};
use crate::{SCREENS, confirm, go, open_app};
use serde_json::json;
use support::{Router, eventually, router};

/// A candidate that alice has set, in an app that needs this many approvals.
fn guarded(needed: u64) -> Router {
    let alice = "test-alice-0123456789abcdef0123456789abcdef";
    let router = router().stable("1.0.0").deployed("1.0.1").token(&format!("{alice} alice operator")).start();
    let candidate = json!({"release": "1.0.1", "blend": 10});
    router.api().with_token(alice).put("candidate", &candidate).expect(200);
    let settings = json!({"approvals": needed});
    router.api().call("PATCH", "/api/v1/apps/hello/settings", Some(&settings)).expect(200);
    router
}

#[test]
fn what_waits_for_approval_says_so_and_an_operator_approves_and_promotes() {
    let router = guarded(1);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see(
        "approvals",
        "0 of 1 approvals. 1 more before it becomes stable, from operators other than alice.",
    );
    // The router's own words, before it is tried and after.
    browser.click("promote");
    browser.see("confirm-warnings", "The router would refuse it now: ");
    browser.see("confirm-warnings", "has 0 of 1 approvals that this app needs");
    browser.click("confirm-submit");
    browser.see("confirm-error", "Operators other than alice give them by `approve`");
    browser.keys("confirm-reason", ESCAPE);
    go(&browser, "");
    let flags = "return document.querySelector('.app-flags')?.textContent ?? ''";
    eventually("the overview says so", || {
        browser.script(flags).as_str().is_some_and(|flags| flags.contains("waits for 1\u{a0}approval"))
    });
    go(&browser, "apps/hello");
    browser.click("approve");
    browser.see("confirm-dialog", "Approve 1.0.1 to become stable, in place of 1.0.0?");
    browser.see("confirm-effects", "Yours is approval 1 of 1. It may become stable then. No client moves.");
    crate::pictures::state(&browser, "approve");
    confirm(&browser, "the smoke tests are green");
    browser.see("approvals", "1 of 1 approvals: maria");
    browser.see("history", "Approved");
    assert_eq!(browser.attribute("approve", "aria-disabled").as_deref(), Some("true"));
    let events = router.api().get("history").expect(200).json();
    let event = &events["events"][0];
    assert_eq!(
        (&event["command"], &event["reason"]),
        (&json!("approve"), &json!("the smoke tests are green"))
    );
    // Taken back, it does not count; given again, it does.
    browser.click("withdraw-approval");
    browser.see("confirm-effects", "1.0.1 then waits for 1 approval before it becomes stable.");
    confirm(&browser, "one more look");
    browser.see("approvals", "0 of 1 approvals");
    browser.click("approve");
    confirm(&browser, "looked");
    browser.see("approvals", "1 of 1 approvals");
    browser.click("promote");
    confirm(&browser, "out with it");
    browser.see("stable-release", "1.0.1");
}

#[test]
fn whoever_may_not_approve_reads_why() {
    let router = guarded(2);
    router.api().put("candidate", &json!({"release": "1.0.1", "blend": 20})).expect(200);
    router.api().post("abort", &json!({})).expect(200);
    // The same token as the reader's.
    router.api().put("candidate", &json!({"release": "1.0.1", "blend": 10})).expect(200);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see(
        "approvals",
        "0 of 2 approvals. 2 more before it becomes stable, from operators other than maria.",
    );
    browser.see("candidate-card", "Approve: you made 1.0.1 the candidate, so others approve it.");
    browser.click("approve");
    assert_eq!(browser.text("confirm-dialog"), None, "it does nothing");
}

#[test]
fn approving_breaks_no_rule_of_accessibility_and_works_by_keys() {
    let router = guarded(1);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    with_axe(&browser);
    let mut found = Vec::new();
    for (screen, width, scheme) in SCREENS {
        browser.screen(width, 1000, scheme);
        browser.see("approvals", "0 of 1 approvals");
        found.extend(violations(&browser).into_iter().map(|line| format!("{screen} page: {line}")));
        browser.keys("approve", ENTER);
        browser.keys("confirm-reason", "a reason");
        found.extend(violations(&browser).into_iter().map(|line| format!("{screen} dialog: {line}")));
        browser.keys("confirm-reason", ESCAPE);
        eventually("Escape closes it", || browser.text("confirm-dialog").is_none());
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.keys("approve", ENTER);
    browser.keys("confirm-reason", "by keys");
    browser.keys("confirm-reason", ENTER);
    browser.see("approvals", "1 of 1 approvals: maria");
}

#[test]
fn the_list_of_releases_says_who_approved_one_on_no_track() {
    let router = guarded(2);
    router.api().post("abort", &json!({})).expect(200);
    router.api().post("approvals", &json!({"release": "1.0.1", "reason": "tested at home"})).expect(200);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    go(&browser, "apps/hello/releases");
    browser.see("approvals-1.0.1", "1 of 2 approvals: maria");
}
