//! The pin by https has a name and attributes of its own; what http left behind is taken over once.

use super::{ask, both, pinned_to, release};
use support::visitor::pin_of;
use support::{Response, Router};

const HTTPS: &str = "X-Forwarded-Proto: https\r\n";

/// Behind a proxy that ends TLS.
fn behind_a_proxy() -> Router {
    both(1, 50).flag("--trusted-networks").flag("127.0.0.0/8").start()
}

fn cookies(response: &Response) -> Vec<String> {
    response.header_all("set-cookie").iter().map(|cookie| (*cookie).to_owned()).collect()
}

fn value(cookie: &str) -> &str {
    cookie.split(['=', ';']).nth(1).unwrap_or_default()
}

const REMOVED: &str = "HttpOnly; SameSite=None; Secure; Path=/; Max-Age=0";

#[test]
fn by_https_the_pin_is_for_all_sites_and_by_http_for_its_own() {
    let router = behind_a_proxy();
    let by_https = cookies(&ask(&router, "GET", HTTPS));
    assert_eq!(by_https.len(), 1);
    assert!(by_https[0].starts_with("rolling_pin_s="), "{by_https:?}");
    let attributes = by_https[0].split_once("; ").map(|(_, attributes)| attributes);
    assert_eq!(attributes, Some("HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Max-Age=86400"));
    let by_http = cookies(&ask(&router, "GET", "X-Forwarded-Proto: http\r\n"));
    assert!(by_http[0].starts_with("rolling_pin="), "{by_http:?}");
    assert!(by_http[0].ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400"), "{by_http:?}");
    let untrusted = both(1, 50).start();
    assert!(cookies(&ask(&untrusted, "GET", HTTPS))[0].starts_with("rolling_pin="), "anybody may say so");
}

#[test]
fn a_pin_from_http_is_taken_over_by_https_and_taken_away() {
    let router = behind_a_proxy();
    for to in ["v1", "v2"] {
        let plain = pinned_to(&router, to);
        let response = ask(&router, "GET", &format!("{HTTPS}{plain}"));
        assert_eq!(release(&response), to);
        let set = cookies(&response);
        assert_eq!(set.len(), 2, "{set:?}");
        assert!(set[0].starts_with("rolling_pin_s=") && set[0].contains("Max-Age=86400"), "{set:?}");
        assert_eq!(set[1], format!("rolling_pin=; {REMOVED}"));
        let both = format!("{HTTPS}Cookie: a=b; rolling_pin_s={}\r\n", value(&set[0]));
        let later = ask(&router, "GET", &both);
        assert_eq!((release(&later).as_str(), cookies(&later).len()), (to, 0), "from then on nothing is set");
        assert!(
            later.text().contains("a=b\r\n") && !later.text().contains("rolling_pin"),
            "{}",
            later.text()
        );
    }
}

/// A pin from http, then https, then shielded: browsers refuse to let http, or an unpartitioned cookie, take the place of
/// what https set, so the old one led back to the failing candidate.
#[test]
fn by_https_only_the_pin_of_https_counts_where_both_are() {
    let router = behind_a_proxy();
    let (stable, candidate) = (pinned_to(&router, "v1"), pinned_to(&router, "v2"));
    let pin = |line: &str| line.trim().rsplit('=').next().unwrap_or_default().to_owned();
    for (by_https, by_http, to) in [(&stable, &candidate, "v1"), (&candidate, &stable, "v2")] {
        for line in [
            format!("Cookie: rolling_pin={}; rolling_pin_s={}\r\n", pin(by_http), pin(by_https)),
            format!("Cookie: rolling_pin_s={}\r\nCookie: rolling_pin={}\r\n", pin(by_https), pin(by_http)),
        ] {
            assert_eq!(release(&ask(&router, "GET", &format!("{HTTPS}{line}"))), to, "{line}");
        }
    }
    let forged = format!("{HTTPS}Cookie: rolling_pin_s=forged; rolling_pin={}\r\n", pin(&candidate));
    let response = ask(&router, "GET", &forged);
    let set = cookies(&response);
    assert!(set[0].starts_with("rolling_pin_s="), "{set:?}");
    assert_eq!(set[1], format!("rolling_pin=; {REMOVED}"));
}

/// Browsers keep a partitioned cookie beside one that is not, and send both.
#[test]
fn of_several_pins_the_one_that_was_sent_last_stays_alone() {
    let router = behind_a_proxy();
    let pin = |line: String| line.trim().rsplit('=').next().unwrap_or_default().to_owned();
    let (first, second) = (pin(pinned_to(&router, "v1")), pin(pinned_to(&router, "v2")));
    let line = format!("{HTTPS}Cookie: rolling_pin_s={first}; rolling_pin_s={second}\r\n");
    let response = ask(&router, "GET", &line);
    let set = cookies(&response);
    assert_eq!(set.len(), 2, "{set:?}");
    assert_eq!(
        set[0],
        format!("rolling_pin_s=; {REMOVED}"),
        "before the other, for browsers without partitions"
    );
    assert!(set[1].contains("; Partitioned") && set[1].contains("Max-Age=86400"), "{set:?}");
    let alone = ask(&router, "GET", &format!("{HTTPS}Cookie: rolling_pin_s={}\r\n", value(&set[1])));
    assert_eq!(release(&alone), release(&response));
}

#[test]
fn no_pin_of_either_name_goes_upstream_or_comes_from_there() {
    let evil = support::scripted(|received| {
        let names = ["rolling_pin", "rolling_pin_s", "rolling_pin_preview"];
        let lines = names.map(|name| ("Set-Cookie", format!("{name}=evil")));
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        support::Reply::response("200 OK", &lines, &received.head)
    });
    let router = support::router().stable_on("v1", vec![evil]).start();
    let response = ask(&router, "GET", "Cookie: rolling_pin_s=x; a=b; rolling_pin=y\r\n");
    assert!(response.text().contains("\r\ncookie: a=b\r\n"), "{}", response.text());
    assert!(!response.text().contains("rolling_pin"), "{}", response.text());
    assert_eq!(cookies(&response).len(), 1, "the router's own");
    assert!(pin_of(&response).is_some_and(|pin| pin != "evil"));
}
