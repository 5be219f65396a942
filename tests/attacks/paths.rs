//! Paths that servers read in several ways, on a host that two apps share: none of them carries a request past the app that
//! has the path, and none leads out of the prefix of an app.

use serde_json::json;
use std::collections::BTreeSet;
use support::{Router, Wire, echo, router};

/// The app `hello` has the host, `other` a prefix of it.
fn shared(strips: bool) -> (Router, support::Endpoint) {
    let router = router().stable("hello").start();
    let other = echo("other");
    let body = json!({ "release": "1.0", "endpoints": [other.address.to_string()] });
    router.api().app("other").put("stable", &body).expect(200);
    router.api().put("settings", &json!({ "hosts": ["shop.example"], "share_host": ["other"] })).expect(200);
    let settings = json!({ "hosts": ["shop.example"], "paths": ["/shop"], "strip_prefix": strips });
    router.api().app("other").put("settings", &settings).expect(200);
    (router, other)
}

fn status(router: &Router, target: &str) -> (u16, String) {
    let mut wire = Wire::open(router.front);
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n"));
    let response = wire.response("GET");
    (response.status, response.header("x-release").unwrap_or_default().to_owned())
}

/// The path as the most lenient of servers reads it: all decoded, backslashes turned, parameters and dot segments resolved.
fn leniently(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let mut kept = Vec::new();
    for segment in decoded.split('/').map(|segment| segment.split(';').next().unwrap_or_default()) {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name.to_owned()),
        }
    }
    kept
}

#[test]
fn no_spelling_of_a_path_leads_to_two_apps() {
    let dots = ["..", "%2e%2e", ".%2E", "..;x", "%2e.;"];
    let slashes = ["/", "%2f", "\\", "%5C", "//", "/./"];
    let mut targets: BTreeSet<String> = BTreeSet::new();
    for dot in dots {
        for slash in slashes {
            targets.insert(format!("/shop/{dot}{slash}admin"));
            targets.insert(format!("/shop{slash}{dot}{slash}admin"));
            targets.insert(format!("/x/{dot}{slash}shop/y"));
            targets.insert(format!("/shop/x{slash}{dot}{slash}{dot}{slash}admin"));
            targets.insert(format!("/{slash}shop{slash}y"));
        }
    }
    for strips in [false, true] {
        let (router, _other) = shared(strips);
        let (mut refused, mut served) = (0, 0);
        for target in &targets {
            let (status, release) = status(&router, target);
            if status == 400 {
                refused += 1;
                continue;
            }
            served += 1;
            let below = leniently(target).first().is_some_and(|first| first == "shop");
            assert_eq!((status, release.as_str()), (200, if below { "other" } else { "hello" }), "{target}");
        }
        assert!(refused > 80 && served > 2, "{refused} refused, {served} served");
    }
}

#[test]
fn encoded_letters_are_the_letters() {
    let (router, _other) = shared(true);
    for target in ["/%73hop", "/s%68%6Fp/x", "/shop/%2e", "/shop/a%20b"] {
        assert_eq!(status(&router, target), (200, "other".into()), "{target}");
    }
    for target in ["/shopping", "/SHOP", "/shop%", "/shop%20", "/sh%256Fp"] {
        assert_eq!(status(&router, target), (200, "hello".into()), "{target}");
    }
}

#[test]
fn where_no_prefix_is_claimed_every_path_goes_on_as_it_was() {
    let router = router().stable("hello").start();
    for target in ["/shop/../admin", "//shop", "/shop%2f..", "/a;b/..\\c"] {
        let mut wire = Wire::open(router.front);
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n"));
        let text = wire.response("GET").text();
        assert!(text.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{text}");
    }
}
