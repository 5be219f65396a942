//! Sign-ins that come back by a POST of another site (OpenID Connect's `form_post`, SAML).

use super::{Stage, browser, open, title};
use support::{count, eventually};

/// Nine of ten sessions changed their release for good, since the POST has no Lax cookie and its answer set another one.
#[test]
fn a_sign_in_by_a_post_of_another_site_moves_nobody() {
    let stage = Stage::start();
    let browser = browser();
    for scheme in ["https", "http"] {
        for session in 0..count(4, 10) {
            let shop = stage.shop(scheme, &format!("{scheme}{session}"));
            let (blend, release) = if session % 2 == 0 { (100, "v2") } else { (0, "v1") };
            stage.blend(blend);
            assert_eq!(open(&browser, &shop), release);
            stage.blend(100 - blend);
            browser.open(&stage.elsewhere(&format!("/form?{shop}callback")));
            eventually("the form has arrived", || {
                browser.script("return location.pathname") == serde_json::json!("/callback")
            });
            eventually("it is answered", || !title(&browser).is_empty());
            // By http the browser withholds the pin, and stable answers; the next page has the pin again.
            let answered = if scheme == "https" { release } else { "v1" };
            assert_eq!(title(&browser), answered, "{scheme}");
            for _ in 0..2 {
                assert_eq!(open(&browser, &shop), release, "{scheme}: session {session}");
            }
        }
    }
    assert!(stage.router.api().metrics().sum("rolling_release_moves_total", &[]).abs() < 0.5);
}
