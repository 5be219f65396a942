//! What the page looks like to readers with other screens, colours and hands.

use crate::browser::{ARROW_LEFT, Browser, ENTER, SPACE, TAB};
use crate::{PAGES, go, open_app};
use serde_json::{Value, json};
use support::{eventually, router};

fn focused(browser: &Browser) -> Value {
    browser.script("return document.activeElement.dataset.testid ?? null")
}

/// Presses Tab until the focus is at this element; what every reader without a pointer does.
#[track_caller]
fn tab_to(browser: &Browser, testid: &str) {
    const STOPS_MAX: usize = 80;
    let mut passed = Vec::new();
    while focused(browser) != json!(testid) {
        assert!(passed.len() < STOPS_MAX, "{testid} is not reached by Tab: {passed:?}");
        browser.press(TAB);
        passed.push(focused(browser));
    }
}

#[test]
fn a_whole_release_without_a_pointer() {
    let router = router().stable("1.0.0").deployed("1.0.1").start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    tab_to(&browser, "choose-candidate");
    browser.press(ENTER);
    eventually("a release has the focus", || {
        focused(&browser).as_str().is_some_and(|at| at.starts_with("release-option-"))
    });
    tab_to(&browser, "release-option-1.0.1");
    browser.press(SPACE);
    tab_to(&browser, "confirm-reason");
    browser.press("build 1188");
    tab_to(&browser, "confirm-submit");
    browser.press(ENTER);
    browser.see("candidate-release", "1.0.1");
    eventually("the focus is back", || focused(&browser) == json!("choose-candidate"));

    tab_to(&browser, "blend-slider");
    browser.press(&ARROW_LEFT.repeat(2));
    browser.see("blend-hint", "Of new clients 2 % go to 1.0.1");
    browser.press(ENTER);
    browser.see("share-configured", "2 %");
    tab_to(&browser, "blend-exact");
    browser.press(&format!("50{ENTER}"));
    eventually("the reason has the focus", || focused(&browser) == json!("rise-reason"));
    browser.press(ENTER);
    browser.see("share-configured", "50 %");

    // Around the page: past its end Tab begins again.
    tab_to(&browser, "promote");
    browser.press(ENTER);
    browser.see("confirm-dialog", "Promote 1.0.1");
    browser.press(&format!("does well{ENTER}"));
    browser.see("stable-release", "1.0.1");
    eventually("the focus is back", || focused(&browser) == json!("promote"));
    assert_eq!(router.visitor().release(), "1.0.1");
    tab_to(&browser, "rollback");
    browser.press(ENTER);
    tab_to(&browser, "confirm-reason");
    browser.press(&format!("checkout fails{ENTER}"));
    browser.see("stable-release", "1.0.0");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Whether what names a release, its verdict and its buttons is in sight, wherever the page was scrolled to; and what is drawn at the
/// middle of each button.
const BANNER: &str = "
    scrollTo(0, document.documentElement.scrollHeight);
    const within = (box) => box.top >= 0 && box.bottom <= innerHeight;
    const banner = document.querySelector('.release-banner').getBoundingClientRect();
    const buttons = ['abort', 'promote'].map((name) => document.querySelector(`[data-testid=${name}]`));
    return {
        scrolled: scrollY > innerHeight / 2,
        banner: within(banner),
        buttons: buttons.every((each) => within(each.getBoundingClientRect())),
        uncovered: buttons.every((each) => {
            const box = each.getBoundingClientRect();
            return document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2) === each;
        }),
        atTheBottom: buttons.every((each) => innerHeight - each.getBoundingClientRect().bottom < 100),
    }";

#[test]
fn the_banner_stays_in_sight_and_is_a_bar_at_the_bottom_of_a_phone() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(10).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see("share-configured", "10 %");
    browser.screen(1440, 900, "light");
    let wide = browser.script(BANNER);
    for sign in ["scrolled", "banner", "buttons", "uncovered"] {
        assert_eq!(wide[sign], json!(true), "{sign}: {wide}");
    }
    browser.screen(360, 780, "light");
    let narrow = browser.script(BANNER);
    for sign in ["scrolled", "buttons", "uncovered", "atTheBottom"] {
        assert_eq!(narrow[sign], json!(true), "{sign}: {narrow}");
    }
    // The bar covers nothing that a reader wants to reach: what is last on the page ends above it.
    let last = browser.script(
        "const bar = document.querySelector('.release-banner > .action-row').getBoundingClientRect();
         const panels = [...document.querySelectorAll('main .panel')].filter((each) => each.checkVisibility());
         return bar.top - panels.at(-1).getBoundingClientRect().bottom",
    );
    assert!(last.as_f64().is_some_and(|room| room >= 0.0), "the bar covers the last {last} px");
    browser.click("promote");
    browser.see("confirm-dialog", "Promote 1.0.1");
}

#[test]
fn each_figure_has_a_line_of_its_last_quarter_of_an_hour_where_there_is_room() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(50).start();
    let crowd = crate::live::Crowd::start(&router, 4, std::time::Duration::from_millis(10));
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see("comparison", "Last 15 minutes");
    let lines =
        "return [...document.querySelectorAll('.compare-spark svg')].map((each) => ['stable', 'candidate']
        .map((track) => /[ML].*[HL]/.test(each.querySelector(`.line-${track}`).getAttribute('d') ?? '')))";
    eventually("requests, errors and quantiles have lines of both releases", || {
        browser.script(lines) == json!([[true, true], [true, true], [true, true], [true, true], [true, true]])
    });
    let is_shown = "return getComputedStyle(document.querySelector('td.compare-spark')).display !== 'none'";
    assert_eq!(browser.script(is_shown), json!(true));
    // On a phone three columns are left, and both releases stand in them.
    browser.screen(360, 780, "light");
    assert_eq!(browser.script(is_shown), json!(false));
    let columns = "return [...document.querySelectorAll('[data-testid=comparison] thead th')].filter((each) => each.checkVisibility()).length";
    assert_eq!(browser.script(columns), json!(3));
    assert_eq!(crowd.stop(), Vec::<String>::new());
}

/// Elements of the page whose signs are drawn with colours of their own, and would vanish where colours are forced.
const SIGNS: &str = "
    const look = (selector, pseudo) => { const element = document.querySelector(selector); return element && getComputedStyle(element, pseudo); };
    const pressed = look('.preset[aria-pressed=\"true\"]'), other = look('.preset[aria-pressed=\"false\"]');
    const here = look('.top-nav a[aria-current]'), elsewhere = look('.top-nav a:not([aria-current])');
    const knob = look('.switch-knob', '::after');
    const off = look('.button[aria-disabled=\"true\"]'), on = look('.button:not([aria-disabled])');
    return {
        forced: matchMedia('(forced-colors: active)').matches,
        pressed: pressed.backgroundColor !== other.backgroundColor || pressed.outlineStyle !== other.outlineStyle,
        here: here.backgroundColor !== elsewhere.backgroundColor,
        knob: knob.backgroundColor !== getComputedStyle(document.querySelector('.switch-knob')).backgroundColor,
        off: off.color !== on.color,
        lines: getComputedStyle(document.querySelector('.line-stable')).stroke === getComputedStyle(document.body).color,
        steps: look('.rail-step.is-done').backgroundColor !== look('.rail-step:not(.is-done)').backgroundColor,
    };";

#[test]
fn forced_colours_leave_every_sign_to_be_seen() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(10).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.see("share-configured", "10 %");
    for scheme in ["light", "dark"] {
        browser.media(&[("forced-colors", "active"), ("prefers-color-scheme", scheme)]);
        let signs = browser.script(SIGNS);
        let missing: Vec<_> =
            signs.as_object().expect("signs").iter().filter(|(_, seen)| **seen != json!(true)).collect();
        assert!(missing.is_empty(), "{scheme}: {missing:?}");
        browser.picture(&format!("forced-colours-{scheme}"));
    }
}

/// Texts of the page with a line longer than anybody reads: its length in characters, and its beginning.
const LONG_LINES: &str = "
    const found = [];
    for (const element of document.querySelectorAll('main p, main li, main dd')) {
        const range = document.createRange();
        for (const node of element.childNodes) {
            if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
            range.selectNodeContents(node);
            const widest = Math.max(0, ...[...range.getClientRects()].map((box) => box.width));
            const letters = Math.round(widest / parseFloat(getComputedStyle(element).fontSize) * 2);
            if (letters > 120) found.push(`${letters}: ${node.data.slice(0, 60)}`);
        }
    }
    return found;";

#[test]
fn on_a_screen_of_3840_pixels_lines_stay_readable_and_the_frame_holds_together() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(10).start();
    let browser = Browser::start(1280, 1000);
    open_app(&browser, &router);
    browser.screen(3840, 2160, "light");
    for (name, hash) in PAGES {
        go(&browser, hash);
        eventually("all that can be opened is open", || {
            browser.script(
                "const closed = [...document.querySelectorAll('main details:not([open])')];
                 closed.forEach((each) => { each.open = true; });
                 return closed.length",
            ) == json!(0)
        });
        assert_eq!(browser.script(LONG_LINES), json!([]), "{name}");
        let edges = browser.script(
            "const left = (selector) => Math.round(document.querySelector(selector).getBoundingClientRect().left);
             return left('.brand') - left('main h1')",
        );
        assert_eq!(edges, json!(0), "the frame of {name} does not stand above its page");
    }
}
