//! The GUI in a real browser, with a real router and real endpoints behind it: what a release manager does during a
//! release, step by step; and what a browser does as an end user ([`browsers`]). Pictures of each step are left in
//! `target/tmp/gui/`.

mod accessibility;
mod approvals;
mod apps;
mod below;
mod browser;
mod browsers;
mod commands;
mod decisions;
mod deployments;
mod display;
mod endpoints;
mod explain;
mod files;
mod fleet;
mod freezes;
mod halts;
mod history;
mod hooks;
mod leaving;
mod live;
mod loading;
mod overview;
mod pages;
mod pictures;
mod plans;
mod releases;
mod scene;
mod secure;
mod session;
mod signing;
mod store;
mod turn;
mod walk;

use browser::{ARROW_LEFT, Browser, ENTER, ESCAPE};
use serde_json::json;
use signing::{sign_in, sign_in_as, sign_in_at, sign_out};
use std::time::Duration;
use support::router::token;
use support::visitor::distinct;
use support::{Deadline, Router, clock, echo, eventually, router};

/// How late a change made elsewhere may show. It takes some milliseconds; a busy machine is allowed more.
const LIVE: Duration = Duration::from_secs(20);

fn open_app(browser: &Browser, router: &Router) {
    sign_in(browser, router);
    browser.click("app-hello");
    browser.see("stable-release", "1.0.0");
}

/// Opens the page of hooks by the menu.
fn open_hooks(browser: &Browser) {
    browser.click("nav-settings");
    browser.click("nav-hooks");
}

/// Gives the reason and sends the confirmation that is open.
fn confirm(browser: &Browser, reason: &str) {
    browser.fill("confirm-reason", reason);
    browser.click("confirm-submit");
    eventually("the confirmation closes", || browser.text("confirm-dialog").is_none());
}

/// Fails unless what happened a moment ago elsewhere shows here by itself, soon.
#[track_caller]
fn follows(browser: &Browser, testid: &str, wanted: &str) {
    let since = Deadline::after(LIVE);
    browser.see(testid, wanted);
    assert!(!since.passed(), "{testid} showed {wanted:?} only after {:?}", since.elapsed());
}

#[test]
fn the_fleet_has_a_page() {
    let router = router().stable("1.0.0").flag("--node").flag("r1").start();
    let browser = Browser::start(1280, 900);
    sign_in(&browser, &router);
    browser.click("nav-fleet");
    browser.see("fleet-r1", "this router");
    browser.see("fleet-r1", env!("CARGO_PKG_VERSION"));
    browser.complaints();
}

#[test]
fn a_newcomer_is_led_from_the_token_to_the_first_served_request() {
    let endpoint = echo("1.0.0");
    let router = router().start();
    let browser = Browser::start(1280, 900);
    browser.open(&format!("http://{}/", router.admin));
    browser.fill("sign-in-token", "not-the-token");
    browser.click("sign-in-submit");
    browser.see("sign-in-error", "does not know this token");
    pictures::state(&browser, "sign-in");
    browser.complaints();
    browser.fill("sign-in-token", token("operator"));
    browser.keys("sign-in-token", ENTER);
    browser.fill("setup-app", "hello");
    browser.fill("setup-release", "1.0.0");
    browser.fill("setup-endpoint", &endpoint.address.to_string());
    browser.picture("setup");
    browser.click("setup-submit");
    browser.see("setup-health", "1.0.0 is on stable");
    pictures::state(&browser, "setup-done");
    assert_eq!(router.visitor().release(), "1.0.0");
    browser.click("setup-done");
    browser.see("stable-release", "1.0.0");
    browser.see("candidate-release", "none");
    assert_eq!(browser.attribute("promote", "aria-disabled").as_deref(), Some("true"));
    browser.see("release-banner", "Promote: there is no candidate");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_whole_release_by_hand_and_a_second_window_follows_live() {
    let router = router().stable("1.0.0").deployed("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let first = browser.window();
    let second = browser.open_window();
    open_app(&browser, &router);
    browser.switch_to(&first);

    browser.click("choose-candidate");
    browser.click("release-option-1.0.1");
    browser.see("confirm-effects", "No client moves");
    pictures::state(&browser, "choose");
    confirm(&browser, "build 1188");
    browser.see("candidate-release", "1.0.1");
    browser.switch_to(&second);
    follows(&browser, "candidate-release", "1.0.1");
    browser.switch_to(&first);

    browser.fill("blend-exact", &format!("12.5{ENTER}"));
    browser.click("rise-apply");
    browser.see("share-configured", "12.5 %");
    assert_eq!(router.api().state()["blend"], json!(12.5));
    browser.switch_to(&second);
    follows(&browser, "blend-value", "12.5 %");

    router.api().put("blend", &json!({"percent": 25})).expect(200);
    follows(&browser, "blend-value", "25 %");
    browser.switch_to(&first);
    browser.see("blend-value", "25 %");
    browser.picture("blend");

    browser.click("promote");
    browser.see("confirm-dialog", "Promote 1.0.1 to stable, in place of 1.0.0?");
    browser.see("confirm-effects", "keep it while it drains");
    browser.see("confirm-warnings", "Undecided");
    pictures::state(&browser, "promote");
    confirm(&browser, "smoke tests green");
    browser.see("stable-release", "1.0.1");
    browser.see("candidate-release", "none");
    browser.see("draining", "1.0.0");
    browser.see("history", "smoke tests green");
    assert_eq!(router.visitor().release(), "1.0.1");
    browser.switch_to(&second);
    follows(&browser, "stable-release", "1.0.1");
    browser.switch_to(&first);
    browser.picture("promoted");

    browser.click("rollback");
    browser.see("confirm-dialog", "Roll back from 1.0.1 to 1.0.0?");
    browser.picture("rollback");
    confirm(&browser, "checkout fails");
    browser.see("stable-release", "1.0.0");
    browser.see("lock-state", "Locked automatically");
    assert_eq!(router.visitor().release(), "1.0.0");
    browser.switch_to(&second);
    follows(&browser, "stable-release", "1.0.0");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn abort_is_one_click_and_a_confirmation_and_says_where_clients_go() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(50).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("abort");
    browser.see("confirm-dialog", "Abort 1.0.1 and stay with 1.0.0?");
    browser.see("confirm-effects", "go to 1.0.0 at once");
    browser.keys("confirm-reason", ESCAPE);
    eventually("Escape closes it", || browser.text("confirm-dialog").is_none());
    eventually("the focus goes back to where it was", || {
        browser.script("return document.activeElement.dataset.testid") == json!("abort")
    });
    assert_eq!(router.api().state()["blend"], json!(50), "a cancelled confirmation does nothing");
    browser.click("abort");
    confirm(&browser, "errors");
    browser.see("candidate-release", "none");
    assert_eq!(router.api().state()["candidate"], json!(null));
}

#[test]
fn a_confirmation_that_the_world_overtook_acts_only_after_another_look() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(10).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("promote");
    browser.see("confirm-dialog", "Promote 1.0.1");
    router.api().put("blend", &json!({"percent": 30})).expect(200);
    browser.see("confirm-outdated", "has changed since you opened this dialog");
    pictures::state(&browser, "moved");
    browser.keys("confirm-reason", ENTER);
    assert_eq!(browser.attribute("confirm-submit", "aria-disabled").as_deref(), Some("true"));
    assert_eq!(router.api().state()["stable"]["release"], json!("1.0.0"), "nothing was sent");
    browser.click("confirm-again");
    confirm(&browser, "seen it");
    browser.see("stable-release", "1.0.1");
}

#[test]
fn the_blend_moves_by_pointer_and_by_keys_and_only_when_let_go() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    let seq = router.api().state()["seq"].clone();

    browser.keys("blend-slider", &ARROW_LEFT.repeat(3));
    browser.see("blend-hint", "No pinned client moves");
    browser.see("blend-hint", "Of new clients 3 % go to 1.0.1, now 0 %. Press Enter");
    assert_eq!(router.api().state()["seq"], seq, "no arrow press is a release step");
    browser.keys("blend-slider", ENTER);
    browser.see("share-configured", "3 %");

    let width = browser
        .script("return document.querySelector('.blend-slider').clientWidth")
        .as_i64()
        .expect("a width");
    browser.drag("blend-slider", width * 97 / 100 - width / 2, 0, false);
    browser.see("blend-value", "3 % → 50 %");
    assert_eq!(router.api().state()["blend"], json!(3), "nothing is set while the pointer is down");
    browser.let_go();
    browser.click("rise-apply");
    browser.see("share-configured", "50 %");
    assert_eq!(router.api().state()["blend"], json!(50));

    browser.fill("blend-exact", "12.345");
    browser.see("blend-hint", "“12.345” has more than two decimals");
    browser.click("blend-preset-0");
    browser.see("share-configured", "0 %");
}

#[test]
fn a_lost_router_shows_at_once_and_the_page_comes_back_by_itself() {
    let mut router = router().stable("1.0.0").durable().start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    router.kill();
    let since = Deadline::after(LIVE);
    eventually("the loss shows", || {
        browser.attribute("connection-state", "data-state").as_deref() == Some("lost")
    });
    assert!(!since.passed(), "the loss showed only after {:?}", since.elapsed());
    browser.see("banner-connection", "Connection lost");
    assert_eq!(browser.script("return 'stale' in document.documentElement.dataset"), json!(true));
    pictures::state(&browser, "lost");
    router.start_again();
    eventually("the page is live again", || {
        browser.attribute("connection-state", "data-state").as_deref() == Some("live")
    });
    router.api().put("lock", &json!({"reason": "freeze"})).expect(200);
    browser.see("lock-state", "freeze");
}

#[test]
fn figures_of_real_traffic_show_live() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see("stable-clients", "0");
    let mut visitors = distinct(3, |_| router.visitor());
    for visitor in &mut visitors {
        // The first request set the pin; with the second it comes back, and the client counts.
        visitor.release();
    }
    browser.see("stable-clients", "3");
    browser.see("verdict", "Undecided");
    eventually("the chart has a line", || {
        browser.script("return document.querySelector('.chart .line-stable').hasAttribute('d')")
            == json!(true)
    });
    router.endpoint("1.0.1").stop();
    browser.see("candidate-card", "0 of 1 endpoint serving");
    browser.see("verdict", "No endpoint of 1.0.1 is serving");
    browser.click("promote");
    browser.see("confirm-warnings", "No endpoint of 1.0.1 is serving");
    browser.click("confirm-submit");
    browser.see("confirm-error", "1.0.1");
    browser.click("confirm-force");
    confirm(&browser, "they come up later");
    browser.see("stable-release", "1.0.1");
    browser.see("draining", "3 pinned clients");
}

/// What the page that is open says.
fn page_text(browser: &Browser) -> String {
    browser.script("return document.body.innerText").as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_preview_link_is_made_opened_and_revoked() {
    let router = router().stable("1.0.0").candidate("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.click("open-previews");
    browser.see("preview-track", "Candidate: 1.0.1");
    browser.fill("preview-note", "for QA");
    browser.click("preview-submit");
    browser.see("preview-list", "“for QA”");
    browser.picture("previews-made");
    let value = browser.script("return document.querySelector('[data-testid=preview-link]').value");
    let link = value.as_str().expect("the link is text").to_owned();
    let site = format!("http://{}", router.front);
    assert!(link.starts_with(&format!("{site}/_rolling/preview?token=")), "{link}");
    let id = router.api().get("previews").expect(200).json()["previews"][0]["id"].clone();
    let page = browser.window();

    browser.open_window();
    browser.open(&link);
    let shown = router.endpoint("1.0.1").take();
    let asked = |received: &support::ReceivedMessage| received.target() == "/";
    assert!(shown.iter().any(asked), "the candidate was shown: {shown:?}");
    // The same link under a host of the admin port, which the browser finds on this machine.
    let port = router.admin.port();
    browser.open(&format!("http://candidate.localhost:{port}{}", &link[site.len()..]));
    let shown = router.endpoint("1.0.1").take();
    assert!(shown.iter().any(|received| received.header("host") == Some("localhost")), "{shown:?}");

    let tester = browser.window();
    browser.switch_to(&page);
    browser.click(&format!("revoke-{}", id.as_str().expect("an id is text")));
    browser.see("notices", "revoked");
    assert_eq!(router.api().get("previews").expect(200).json()["previews"], json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.switch_to(&tester);
    browser.open(&site);
    assert!(page_text(&browser).contains("revoked"), "{}", page_text(&browser));
    browser.open(&site);
    assert!(router.endpoint("1.0.0").received() > 0, "then as everybody");
}

/// Every page, by the name of its picture and its address.
const PAGES: [(&str, &str); 19] = [
    ("app", "apps/hello"),
    ("apps", ""),
    ("deployments", "apps/hello/deployments"),
    ("history", "apps/hello/history"),
    ("keyvalues", "keyvalues/apps"),
    ("plans", "apps/hello/plans"),
    ("previews", "apps/hello/previews"),
    ("releases", "apps/hello/releases"),
    ("settings", "apps/hello/settings"),
    ("shadow", "apps/hello/shadow"),
    ("fleet", "fleet"),
    ("store", "store"),
    ("hooks", "hooks"),
    ("router", "router"),
    ("setup", "setup"),
    ("access", "tokens"),
    ("certificates", "certificates"),
    ("audit", "audit"),
    ("api", "api"),
];

/// The screens that every page is looked at on: name, width in CSS pixels, colour scheme.
const SCREENS: [(&str, u32, &str); 4] = [
    ("wide-light", 1440, "light"),
    ("wide-dark", 1440, "dark"),
    ("narrow", 360, "light"),
    ("narrow-dark", 360, "dark"),
];

/// Goes to a page by its address, and waits until it stands there.
fn go(browser: &Browser, hash: &str) {
    browser.script(&format!(
        "if (location.hash === '#/{hash}') return;
         document.querySelector('main h1')?.setAttribute('data-left', '');
         location.hash = '#/{hash}';"
    ));
    eventually("the page has its heading", || {
        browser.script("return document.querySelectorAll('main h1:not([data-left])').length === 1")
            == json!(true)
    });
}

/// Counts the calls that are under way; a stream counts until it begins.
const COUNT_CALLS: &str = "
    const real = window.fetch;
    window.under_way = 0;
    window.fetch = (...call) => { window.under_way += 1; return real(...call).finally(() => { window.under_way -= 1; }); };";

#[test]
fn every_page_fits_every_screen_and_asks_nobody_else() {
    let scene = scene::Scene::start();
    let browser = Browser::start(1280, 1000);
    sign_in_as(&browser, &scene.router, "admin");
    browser.click("app-hello");
    browser.script(COUNT_CALLS);
    // With clients, so that the pictures show figures; for those that are kept, with a while of them.
    eventually("the charts have lines", || {
        browser.script(
            "return (document.querySelector('.chart .line-stable').getAttribute('d') ?? '').length > 60",
        ) == json!(true)
    });
    if pictures::folder().is_some() {
        let filled = "return document.querySelector('.chart-note').hidden";
        assert!(clock::within(Duration::from_secs(300), || browser.script(filled) == json!(true)));
    }
    for (screen, width, scheme) in SCREENS {
        browser.screen(width, 1000, scheme);
        for (name, hash) in PAGES {
            go(&browser, hash);
            // A page asks once it has been drawn.
            let under_way =
                "requestAnimationFrame(() => requestAnimationFrame(() => done(window.under_way)))";
            eventually("nothing is under way", || browser.script_later(under_way) == json!(0));
            eventually("all is loaded", || {
                browser.script("return document.querySelector('main').innerText.includes('Loading …')")
                    == json!(false)
            });
            let links = browser.script("return document.querySelector('.top-nav').clientWidth");
            assert!(
                links.as_u64() >= Some(180),
                "the links of {name} have {links} px on the {screen} screen"
            );
            let over = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.script(over), json!(0), "{name} is wider than the {screen} screen");
            pictures::keep(&browser, name, (screen, width, scheme));
            browser.screen(width, 1000, scheme);
        }
    }
    assert_eq!(scene.crowd.stop(), Vec::<String>::new());
    let asked = browser.script(
        "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host)
           .filter((host) => host !== location.host)",
    );
    assert_eq!(asked, json!([]), "requests to others");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
