//! A request from which the browser withholds the pin says nothing about its client, and moves nobody.

use super::{ask, both, pinned_to, release};
use serde_json::json;
use support::visitor::pin_of;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n";

/// A sign-in that comes back by a POST of the identity provider has no Lax cookie. It was drawn as a new client, whose pin
/// took the place of the old one: nine of ten sessions changed their release for good.
#[test]
fn a_cross_site_post_without_a_pin_goes_to_stable_and_sets_none() {
    let router = both(1, 100).start();
    for headers in [
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        // Browsers do not send those headers to plain http.
        "Origin: http://idp.example\r\n",
        "Origin: null\r\n",
        "Origin: https://idp.example\r\nSec-Fetch-Site: cross-site\r\n",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let response = ask(&router, method, &format!("{FORM}{headers}"));
            assert_eq!(response.header("set-cookie"), None, "{method} {headers:?}");
            assert_eq!(release(&response), "v1", "{method} {headers:?}");
        }
        let read = ask(&router, "GET", headers);
        assert!(pin_of(&read).is_some() && release(&read) == "v2", "{headers:?}: a GET brings what there is");
    }
    for headers in [
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://idp.example\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: http://shop.example.test\r\n",
        "Origin: https://SHOP.example.test:8443\r\n",
        "",
    ] {
        let response = ask(&router, "POST", &format!("{FORM}{headers}"));
        assert!(pin_of(&response).is_some() && release(&response) == "v2", "{headers:?}");
    }
}

#[test]
fn a_pin_that_comes_along_counts_and_what_is_no_pin_is_replaced() {
    let router = both(1, 50).start();
    let cross_site = format!("{FORM}Origin: http://idp.example\r\n");
    for to in ["v1", "v2"] {
        let pinned = pinned_to(&router, to);
        let response = ask(&router, "POST", &format!("{cross_site}{pinned}"));
        assert_eq!((release(&response).as_str(), pin_of(&response)), (to, None));
    }
    let forged = ask(&router, "POST", &format!("{cross_site}Cookie: rolling_pin=forged\r\n"));
    assert!(pin_of(&forged).is_some(), "the browser sends its cookies, so it may be told a better one");
}

#[test]
fn where_the_pin_is_sent_by_all_sites_such_a_client_is_pinned_like_any_other() {
    let cookie = |samesite: &str, secure: bool| json!({"cookie": {"samesite": samesite, "secure": secure}});
    let router = both(1, 100).key("rolling/hello/settings", &cookie("None", true).to_string()).start();
    let post = || ask(&router, "POST", &format!("{FORM}Sec-Fetch-Site: cross-site\r\n"));
    assert!(pin_of(&post()).is_some() && release(&post()) == "v2");
    router.api().put("settings", &cookie("Strict", false)).expect(200);
    assert!(pin_of(&post()).is_none() && release(&post()) == "v1");
}

/// A socket.io client of another site polls by GET and POST, of which only one end knows the session.
#[test]
fn a_scripts_post_follows_the_request_that_has_drawn_a_moment_ago() {
    let router = both(2, 50).start();
    for number in 0..20 {
        let agent =
            format!("User-Agent: Browser/{number}\r\nAccept: */*\r\nOrigin: http://elsewhere.example\r\n");
        let get = ask(&router, "GET", &agent);
        let post = ask(&router, "POST", &format!("{agent}{FORM}"));
        assert_eq!((release(&post), super::endpoint(&post)), (release(&get), super::endpoint(&get)));
        assert_eq!(pin_of(&post), None);
        let form = ask(&router, "POST", &format!("{FORM}{}", agent.replace("*/*", "text/html, */*")));
        assert_eq!(release(&form), "v1", "a form moves nobody");
    }
}

#[test]
fn it_counts_as_no_new_client_and_draws_nothing() {
    let router = both(1, 50).start();
    for _ in 0..20 {
        ask(&router, "POST", &format!("{FORM}Origin: http://idp.example\r\n"));
    }
    let metrics = router.api().metrics();
    assert!(metrics.sum("rolling_pins_issued_total", &[]).abs() < 0.5);
    assert!((metrics.sum("rolling_assignments_total", &[("reason", "no-cookie")]) - 20.0).abs() < 0.5);
    support::eventually("the board was sampled", || {
        router.api().state()["stable"]["activity"]["requests"] == json!(20)
    });
    assert_eq!(router.api().state()["shares"]["drawn"], json!(null));
}
