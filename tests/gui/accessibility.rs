//! WCAG 2.2 AA, as far as a machine can judge it: axe-core runs in every page and over every dialog, light and dark,
//! wide and narrow. `tests/gui/install-axe` fetches it once.

use crate::browser::{Browser, ESCAPE};
use crate::{PAGES, SCREENS, go, open_app, open_hooks, sign_in_as};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use support::{Reply, Router, eventually, router, scripted};

/// The checker's source.
fn axe() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gui/install-axe");
    let run = Command::new(script).arg(&folder).output().expect("the script can be run");
    assert!(run.status.success(), "axe-core is not to be had:\n{}", String::from_utf8_lossy(&run.stderr));
    let file = String::from_utf8_lossy(&run.stdout).trim().to_owned();
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What the checker objects to, one line for each element.
pub fn violations(browser: &Browser) -> Vec<String> {
    // `incomplete` is what it could not judge (text over a gradient), not what it found.
    let found = browser.script_later(
        "axe.run(document, {resultTypes: ['violations']}).then(({violations, passes}) => done({passes: passes.length,
           lines: violations.flatMap(({id, help, nodes}) => nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 160)}: ${node.any.concat(node.all).map((check) => check.message).join('; ')}`))}),
           (error) => done({passes: 0, lines: [String(error)]}))",
    );
    assert!(found["passes"].as_u64() > Some(10), "the checker checked nothing: {found}");
    found["lines"].as_array().into_iter().flatten().map(Value::to_string).collect()
}

/// Loads the checker into the page that is open; it stays until the page is loaded anew.
pub fn with_axe(browser: &Browser) {
    browser.script(&axe());
}

/// A browser at the app's page, with the checker in it.
fn checked(router: &Router) -> Browser {
    let browser = Browser::start(1280, 1000);
    open_app(&browser, router);
    with_axe(&browser);
    browser
}

fn example() -> Router {
    let router = router().stable("0.9.9").candidate("1.0.0").deployed("1.0.1").deployed("1.0.2").start();
    router.api().post("promote", &json!({"release": "1.0.0"})).expect(200);
    router.api().put("candidate", &json!({"release": "1.0.1", "blend": 10})).expect(200);
    router
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let router = example();
    let browser = checked(&router);
    browser.script(
        "const pale = document.createElement('p'); pale.textContent = 'hard to read'; pale.style.color = '#eee';
         document.querySelector('main').append(pale, document.createElement('button'))",
    );
    let found = violations(&browser).join("\n");
    assert!(found.contains("color-contrast") && found.contains("button-name"), "{found}");
}

#[test]
fn no_page_breaks_a_rule_of_accessibility() {
    let router = example();
    let browser = checked(&router);
    let mut found = Vec::new();
    for (screen, width, scheme) in SCREENS {
        browser.screen(width, 1000, scheme);
        for (name, hash) in PAGES {
            go(&browser, hash);
            found.extend(violations(&browser).into_iter().map(|line| format!("{screen} {name}: {line}")));
        }
    }
    browser.screen(1280, 1000, "light");
    browser.media(&[("forced-colors", "active")]);
    for (name, hash) in PAGES {
        go(&browser, hash);
        found.extend(violations(&browser).into_iter().map(|line| format!("forced colours, {name}: {line}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_dialog_breaks_a_rule_of_accessibility() {
    let router = example();
    let browser = checked(&router);
    let mut found = Vec::new();
    for (screen, width, scheme) in SCREENS.into_iter().chain([("forced-colours", 1280, "light")]) {
        browser.screen(width, 1000, scheme);
        if screen == "forced-colours" {
            browser.media(&[("forced-colors", "active")]);
        }
        for opener in [
            "promote",
            "abort",
            "rollback",
            "choose-stable",
            "choose-candidate",
            "sticky-switch",
            "lock",
            "pause",
            "stop-app",
        ] {
            browser.click(opener);
            browser.keys("confirm-reason", "a reason");
            found.extend(violations(&browser).into_iter().map(|line| format!("{screen} {opener}: {line}")));
            browser.keys("confirm-reason", ESCAPE);
            eventually("Escape closes it", || browser.text("confirm-dialog").is_none());
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What a screen reader is given: the verdict by itself, charts as tables, the health of endpoints in words.
#[test]
fn what_is_seen_is_said_too() {
    let router = example();
    router.endpoint("1.0.1").stop();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    assert_eq!(browser.attribute("verdict", "role").as_deref(), Some("status"));
    browser.see("verdict", "No endpoint of 1.0.1 is serving");
    browser.see("candidate-card", "0 of 1 endpoint serving");
    let table = |chart: &str| {
        browser.script(&format!(
            "return document.querySelector('[data-testid={chart}-table]').innerText.replaceAll('\\u00a0', ' ')"
        ))
    };
    for (chart, title) in [("chart-rate", "Requests"), ("chart-errors", "Errors"), ("chart-p95", "p95")] {
        eventually("the chart is a table as well", || {
            let text = table(chart).as_str().unwrap_or_default().to_owned();
            [title, "Stable", "Candidate", "now"].iter().all(|word| text.contains(word))
        });
    }
    eventually("it has figures", || table("chart-rate").as_str().is_some_and(|text| text.contains("req/s")));
}

/// A browser at the page of hooks, with the checker in it, as an admin.
fn checked_hooks(router: &Router) -> Browser {
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, router, "admin");
    open_hooks(&browser);
    browser.see("hooks-none", "No hooks yet");
    with_axe(&browser);
    browser
}

/// Every dialog of the page of hooks, from adding one to removing it; `check` looks at each, by its name.
fn through_the_life_of_a_hook(browser: &Browser, url: &str, mut check: impl FnMut(&str)) {
    browser.click("hook-add");
    browser.fill("hook-name", "chat");
    browser.fill("hook-url", "ftp://chat.example/");
    browser.click("hook-event-promote");
    browser.click("hook-submit");
    browser.see("hook-error", "http or https URL");
    check("adding");
    browser.fill("hook-url", url);
    browser.click("hook-submit");
    browser.see("hook-dialog", "It is shown only once");
    check("its secret");
    browser.click("hook-done");
    browser.click("hook-test-chat");
    browser.see("hook-chat", "Not delivered");
    check("in the list");
    browser.click("hook-edit-chat");
    browser.see("hook-dialog", "Make a new secret");
    check("changing");
    browser.keys("hook-url", ESCAPE);
    eventually("Escape closes it", || browser.text("hook-dialog").is_none());
    browser.click("hook-remove-chat");
    browser.see("hook-remove-dialog", "Remove the hook chat?");
    check("removing");
    browser.click("hook-remove-submit");
    browser.see("hooks-none", "No hooks yet");
}

#[test]
fn no_dialog_of_the_hooks_breaks_a_rule_of_accessibility() {
    let router = example();
    let receiver = scripted(|_| Reply::response("500 Internal Server Error", &[], ""));
    let browser = checked_hooks(&router);
    let mut found = Vec::new();
    for (screen, width, scheme) in SCREENS {
        browser.screen(width, 1000, scheme);
        through_the_life_of_a_hook(&browser, &format!("http://{}/in", receiver.address), |what| {
            browser.picture(&format!("hook-{}-{screen}", what.replace(' ', "-")));
            found.extend(violations(&browser).into_iter().map(|line| format!("{screen}, {what}: {line}")));
        });
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn signing_in_and_a_lost_connection_break_no_rule_either() {
    let mut router = example();
    let browser = Browser::start(1280, 1000);
    browser.open(&format!("http://{}/", router.admin));
    browser.fill("sign-in-token", "not-the-token");
    browser.click("sign-in-submit");
    browser.see("sign-in-error", "does not know this token");
    with_axe(&browser);
    assert_eq!(violations(&browser), Vec::<String>::new());
    open_app(&browser, &router);
    with_axe(&browser);
    router.kill();
    browser.see("banner-connection", "Connection lost");
    for scheme in ["light", "dark"] {
        browser.screen(1280, 1000, scheme);
        assert_eq!(violations(&browser), Vec::<String>::new(), "{scheme}");
    }
    assert_eq!(browser.script("return 'stale' in document.documentElement.dataset"), json!(true));
}
