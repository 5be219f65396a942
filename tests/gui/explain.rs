//! What the page says before and after: why a request goes where it goes, who would move, who did.

use crate::browser::{Browser, ENTER};
use crate::open_app;
use crate::support::{Router, Visitor, router};
use serde_json::json;

fn regulars(router: &Router, count: usize) -> Vec<Visitor> {
    let mut visitors: Vec<_> = (0..count).map(|_| router.visitor()).collect();
    for visitor in &mut visitors {
        visitor.release();
        visitor.release();
    }
    visitors
}

#[test]
fn a_pasted_cookie_is_explained() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(100).start();
    let browser = Browser::start(1280, 1000);
    let visitor = regulars(&router, 1).remove(0);
    open_app(&browser, &router);
    browser.click("explain-open");
    browser.fill("explain-cookie", &format!("theme=dark; rolling_pin={}", visitor.pin.unwrap_or_default()));
    browser.click("explain-submit");
    browser.see("explain-where", "1.0.1 (candidate)");
    browser.see("explain-where", "reason pin");
    browser.see("explain-why", "Its pin is valid: tenure 2, 1.0.1 (candidate)");
    browser.picture("explain");
    browser.fill("explain-cookie", "");
    browser.fill("explain-blend", &format!("0{ENTER}"));
    browser.see("explain-where", "1.0.0 (stable)");
    browser.see("explain-why", "is not below 0 (blend 0 %): stable");
    browser.fill("explain-blend", &format!("120{ENTER}"));
    browser.see("explain-error", "120 is above 100");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn who_would_move_is_said_at_the_slider_and_in_confirmations() {
    let router = router().stable("1.0.0").candidate("1.0.1").blend(100).start();
    router.api().put("settings", &json!({ "transition": "navigate" })).expect(200);
    let browser = Browser::start(1280, 1000);
    let mut visitors = regulars(&router, 4);
    open_app(&browser, &router);
    browser.see("share-confirmed", "100 %");
    let width = browser
        .script("return document.querySelector('.blend-slider').clientWidth")
        .as_i64()
        .expect("a width");
    browser.drag("blend-slider", width / 2 - 1, -width / 2, false);
    browser.see("blend-hint", "clients go from 1.0.1 to 1.0.0 at their next page");
    browser.picture("slider");
    assert_eq!(router.api().state()["blend"], json!(100), "the pointer is still down");
    browser.keys("blend-slider", crate::ESCAPE);
    browser.let_go();

    browser.click("abort");
    browser.see("confirm-who-moves", "clients go from 1.0.1 to 1.0.0 at once");
    browser.picture("abort");
    crate::confirm(&browser, "errors");
    browser.see("candidate-release", "none");
    visitors.iter_mut().for_each(|visitor| assert_eq!(visitor.release(), "1.0.0"));
    browser.see("moves", "0 bounces; 4 moves: 4 abort");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
