//! One host by http and by https, whose cookies a browser keeps apart in part.

use super::{Stage, browser, open};
use support::Reply;

/// Browsers let no http answer, and no unpartitioned cookie, take the place of what https set under the same name. So the pin
/// to the candidate stayed, and led back to it.
#[test]
fn a_pin_from_http_then_https_then_shielded_never_leads_back() {
    let stage = Stage::start();
    let browser = browser();
    stage.blend(100);
    let (http, https) = (stage.shop("http", "shop"), stage.shop("https", "shop"));
    assert_eq!(open(&browser, &http), "v2");
    assert_eq!(open(&browser, &http), "v2");
    stage.blend(0);
    assert_eq!(open(&browser, &https), "v2", "the pin was taken over");
    stage.blend(100);
    let candidate = stage.router.endpoint("v2");
    candidate.always(Reply::response("503 Service Unavailable", &[("X-Release", "v2")], ""));
    assert_eq!(open(&browser, &https), "v1", "shielded");
    candidate.always(Reply::response(
        "200 OK",
        &[("Content-Type", "text/html")],
        "<!doctype html><title>v2</title>",
    ));
    for _ in 0..4 {
        assert_eq!(open(&browser, &https), "v1", "never back to the candidate");
    }
    let moves = stage.router.api().metrics().sum("rolling_release_moves_total", &[("reason", "shielded")]);
    assert!((moves - 1.0).abs() < 0.5, "{moves}");
}
