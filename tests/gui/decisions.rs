//! What the page must not mislead to: two verdicts, a bad release offered first, a slip of the hand, a router that is frozen, half a set-up.

use crate::browser::{Browser, ENTER};
use crate::{go, open_app, sign_in};
use serde_json::json;
use std::time::Duration;
use support::router::id;
use support::{Deadline, Reply, Router, Visitor, echo, eventually, router, scripted};

/// A candidate that fails every request, beside a stable release, with clients until the router calls it worse.
fn worse() -> Router {
    let failing =
        scripted(|_| Reply::response("500 Internal Server Error", &[("X-Release", "1.0.1")], "sorry"));
    let settings = json!({"verdict": {"on_worse": "tell"}}).to_string();
    let builder = router().stable("1.0.0").candidate_on("1.0.1", vec![failing]).blend(50);
    let router = builder.key("rolling/hello/settings", &settings).start();
    let mut came = 0_u16;
    eventually("the candidate is called worse", || {
        for _ in 0..10 {
            came += 1;
            let [high, low] = came.to_be_bytes();
            let mut client = Visitor::from(router.front, &router.host, [127, 100 + high, low, 1]);
            ["/", "/next"].iter().for_each(|page| drop(client.try_get(page)));
        }
        router.api().get("verdict").json()["verdict"] == json!("worse")
    });
    router
}

#[test]
fn there_is_one_verdict_and_the_prominent_action_follows_it() {
    let router = worse();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    eventually("the overview says so", || {
        browser.script("return document.querySelector('.pill').textContent") == json!("worse")
    });
    browser.click("filter-failing");
    browser.click("app-hello");
    browser.see("verdict", "Worse");
    let sentence = router.api().state()["verdict"]["sentence"].as_str().expect("a sentence").to_owned();
    let start: String = sentence.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    browser.see("verdict", &start);
    assert_eq!(browser.attribute("release-banner", "data-tone").as_deref(), Some("bad"));
    let filled = "return ['abort', 'promote'].map((name) => {
        const { classList } = document.querySelector(`[data-testid=${name}]`);
        return classList.contains('is-filled') || classList.contains('go');
    })";
    assert_eq!(browser.script(filled), json!([true, false]));
    crate::pictures::state(&browser, "worse");
    browser.screen(360, 780, "light");
    let in_sight = "return ['verdict', 'abort', 'promote'].every((name) => {
        const { top, bottom } = document.querySelector(`[data-testid=${name}]`).getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
    })";
    browser.script("scrollTo(0, 0)");
    assert_eq!(
        browser.script(in_sight),
        json!(true),
        "verdict and actions are on the first screen of a phone"
    );
    browser.own_screen();
    browser.click("promote");
    browser.see("confirm-warnings", &start);
    crate::pictures::state(&browser, "worse-promote");
    browser.fill("confirm-reason", "we need it");
    browser.click("confirm-submit");
    browser.see("confirm-error", "Type 1.0.1");
    assert_eq!(router.api().state()["stable"]["release"], json!("1.0.0"), "nothing was sent");
    browser.fill("confirm-name", "1.0.1");
    browser.click("confirm-submit");
    eventually("the router is asked, whose gate may refuse", || {
        browser.text("confirm-dialog").is_none()
            || browser.text("confirm-error").is_some_and(|text| !text.contains("Type"))
    });
}

#[test]
fn a_release_that_was_rolled_back_wears_a_tag_and_is_not_offered_first() {
    let router = router().stable("0.9.9").deployed("1.0.0").deployed("1.0.1").start();
    for release in ["1.0.0", "1.0.1"] {
        router.api().put("stable", &json!({"id": id(release)})).expect(200);
    }
    router.api().post("rollback", &json!({"reason": "checkout broken"})).expect(200);
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("rollback");
    browser.see("confirm-dialog", "Roll back from 1.0.0 to 0.9.9?");
    browser.see("rollback-to", "1.0.1 (⚠ rolled back");
    browser.choose("rollback-to", &id("1.0.1"));
    browser.see("confirm-warnings", "1.0.1 was rolled back");
    browser.see("confirm-warnings", "by maria: “checkout broken”");
    crate::pictures::state(&browser, "rollback-bad");
    browser.click("confirm-cancel");
    browser.click("choose-candidate");
    browser.see("release-options", "rolled back");
    browser.click("confirm-cancel");
    go(&browser, "apps/hello/releases");
    browser.see("release-1.0.1", "rolled back");
    assert!(!browser.text("release-0.9.9").unwrap_or_default().contains("rolled back"));
    // It comes back, does well, and nothing is said of it any more.
    router.api().put("candidate", &json!({"id": id("1.0.1")})).expect(200);
    eventually("the tag is gone", || {
        browser.text("release-1.0.1").is_some_and(|text| !text.contains("rolled back"))
    });
}

#[test]
fn a_large_rise_is_asked_about_where_it_is_made_and_a_retreat_never_is() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("blend-preset-100");
    browser.see("rise-strip", "Send all new clients to 1.0.1?");
    assert_eq!(router.api().state()["blend"], json!(0), "nothing is sent by the click");
    crate::pictures::state(&browser, "rise");
    browser.click("rise-cancel");
    eventually("it is closed", || browser.text("rise-strip").is_none_or(|text| text.is_empty()));
    browser.click("step-25");
    browser.see("rise-strip", "Raise 0 % to 25 % for 1.0.1?");
    browser.keys("rise-reason", &format!("smoke tests are green{ENTER}"));
    browser.see("share-configured", "25 %");
    browser.see("history", "smoke tests are green");
    browser.click("blend-preset-0");
    browser.see("share-configured", "0 %");
    browser.fill("blend-exact", &format!("5{ENTER}"));
    browser.see("share-configured", "5 %");
}

#[test]
fn a_router_that_is_frozen_shows_within_seconds() {
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let state = || browser.attribute("connection-state", "data-state");
    assert!(
        !support::clock::within(Duration::from_secs(8), || state().as_deref() != Some("live")),
        "a router that has nothing to say gives signs of life"
    );
    router.signal("STOP");
    let since = Deadline::after(Duration::from_secs(12));
    eventually("it shows", || state().as_deref() == Some("late"));
    let took = since.elapsed();
    assert_eq!(browser.script("return 'stale' in document.documentElement.dataset"), json!(true));
    router.signal("CONT");
    assert!(!since.passed(), "it showed only after {took:?}");
    eventually("it is live again", || state().as_deref() == Some("live"));
}

#[test]
fn setting_an_app_up_is_all_or_nothing_and_says_what_becomes_of_hosts() {
    let endpoint = echo("7.0.0");
    let router = router().stable("1.0.0").start();
    let browser = Browser::start(1280, 1000);
    sign_in(&browser, &router);
    go(&browser, "setup");
    browser.fill("setup-app", "shop");
    browser.see("setup-hosts-effect", "hello serves all other hosts");
    browser.fill("setup-hosts", "no such host!");
    browser.fill("setup-release", "7.0.0");
    browser.fill("setup-endpoint", &endpoint.address.to_string());
    browser.click("setup-submit");
    browser.see("setup-error", "host");
    router.api().app("shop").get("").expect(404);
    browser.fill("setup-hosts", "shop.example");
    browser.fill("setup-endpoint", "not-an-address");
    browser.click("setup-submit");
    browser.see("setup-error", "not-an-address");
    eventually("nothing is left of it", || router.api().app("shop").get("").status() == 404);
    browser.fill("setup-endpoint", &endpoint.address.to_string());
    browser.click("setup-submit");
    browser.see("setup-health", "Release 7.0.0 is on stable");
    assert_eq!(router.visitor().release(), "1.0.0", "the first app serves as before");
    assert_eq!(router.api().app("shop").get("settings").json()["hosts"], json!(["shop.example"]));
}

#[test]
fn a_tab_that_was_just_opened_shows_what_came_before_it() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let mut client = router.visitor();
    let served = || {
        let past = router.api().get("past?seconds=900").expect(200).json();
        past["releases"].as_array().is_some_and(|releases| !releases.is_empty())
    };
    // The router counts by the minute.
    assert!(support::clock::within(Duration::from_secs(90), || {
        client.release();
        served()
    }));
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    eventually("the chart begins before the page was opened", || {
        browser.script("return document.querySelector('.chart-note').hidden") == json!(true)
    });
    browser.click("range-3600");
    browser.see("chart-rate", "1 h ago");
    eventually("the hour has a line", || {
        browser.script("return document.querySelector('.chart .line-stable').hasAttribute('d')")
            == json!(true)
    });
    eventually("answers are shown by how long they took", || {
        browser.script(
            "return document.querySelector('[data-testid=chart-latency] .line-stable').hasAttribute('d')",
        ) == json!(true)
    });
    browser.see("latency-table", "100");
    browser.see("statuses", "100 % (");
    eventually("behind the errors is what so few answers can say", || {
        browser.script(
            "return document.querySelector('[data-testid=chart-errors] .band-stable').hasAttribute('d')",
        ) == json!(true)
    });
    let past = router.api().get("past?seconds=86400").expect(200).json();
    let latency = past["releases"][0]["latency"].as_array().expect("buckets");
    let answers: u64 = latency.iter().filter_map(|bucket| bucket["answers"].as_u64()).sum();
    let requests: u64 = past["releases"][0]["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["requests"].as_u64())
        .sum();
    assert_eq!(answers, requests, "{past}");
    assert_eq!(past["step_seconds"], json!(300));
    router.api().get("past?seconds=59").expect(422);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_history_opens_the_receipt_of_an_abort() {
    let router = worse();
    router.api().call("DELETE", "/api/v1/apps/hello/candidate", Some(&json!({}))).expect(200);
    let seq = router.api().state()["seq"].as_u64().expect("a seq");
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let receipt = format!("receipt-{seq}");
    browser.see(&receipt, "Receipt");
    browser.script(&format!("document.querySelector('[data-testid={receipt}]').open = true; return null"));
    browser.see(&receipt, "came to the candidate");
    browser.see(&receipt, "GET /: 500 from");
    go(&browser, "apps/hello/history");
    browser.see(&receipt, "Receipt");
}
