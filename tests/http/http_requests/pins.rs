//! Row 39: pin cookies that nobody issued, twice, oversized, or for a release that is gone. Never a 5xx, never an endpoint
//! that is not listed, and nothing of them goes upstream.

use support::visitor::{PIN, pin_of};
use support::{Router, router};

fn visit(router: &Router, cookie: &str) -> (String, Option<String>) {
    let mut wire = router.connect();
    wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", router.host));
    let response = wire.response("GET");
    assert_eq!(response.status, 200, "{cookie:?}: {}", response.text());
    let pin = pin_of(&response);
    let received =
        router.endpoints.iter().flat_map(|(_, endpoint)| endpoint.take()).last().expect("it arrived");
    assert!(received.faults.is_empty(), "{:?}", received.faults);
    assert!(received.header_all("cookie").iter().all(|value| !value.contains(PIN)), "the pin went upstream");
    (response.header("x-release").unwrap_or_default().to_owned(), pin)
}

fn pin_on(router: &Router, release: &str) -> String {
    (0..1000)
        .find_map(|_| {
            let (at, pin) = visit(router, "a=b");
            (at == release).then(|| pin.expect("a first visit is pinned"))
        })
        .expect("some client lands there")
}

#[test]
fn forged_pins_count_as_none_and_are_replaced() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let good = pin_on(&router, "v1");
    assert_eq!(good.len(), 44, "33 bytes of base64url");
    let mut forged: Vec<String> =
        ["", "x", "=", "null", "../../etc/passwd", "%00", "\"quoted\"", "a.b.c", "-1"]
            .map(String::from)
            .into();
    forged.push("A".repeat(43));
    forged.push("_".repeat(43));
    forged.push("A".repeat(44));
    forged.push("A".repeat(4_000));
    forged.push(good[..42].to_owned());
    forged.push(format!("{good}A"));
    forged.push(good.to_uppercase());
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("it is ASCII");
        if changed != good {
            forged.push(changed);
        }
    }
    for pin in forged {
        let (_, replaced) = visit(&router, &format!("a=b; {PIN}={pin}; c=d"));
        let replaced = replaced.unwrap_or_else(|| panic!("{pin:?} was taken for a pin"));
        assert_ne!(replaced, pin);
    }
}

#[test]
fn cookies_around_the_pin_arrive_as_they_were_sent() {
    let router = router().stable("v1").start();
    let pin = pin_on(&router, "v1");
    let jars = [
        (format!("{PIN}={pin}"), ""),
        (format!("a=b; {PIN}={pin}"), "a=b"),
        (format!("{PIN}={pin}; a=b"), "a=b"),
        (format!("a=b; {PIN}={pin}; c=d"), "a=b; c=d"),
        (format!("a=b;{PIN}={pin};c=d"), "a=b;c=d"),
        (format!("a=b; {PIN}={pin}; {PIN}={pin}; c=d"), "a=b; c=d"),
        (format!("a=\"x; y\"; {PIN}={pin}"), "a=\"x; y\""),
        (format!("x{PIN}=1; {PIN}x=2; {PIN}={pin}"), "x1; x2"),
    ];
    for (sent, left) in jars {
        let mut wire = router.connect();
        wire.send(format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {sent}\r\n\r\n", router.host));
        let response = wire.response("GET");
        assert_eq!(response.status, 200);
        assert!(pin_of(&response).is_none(), "a good pin in {sent:?} was replaced");
        let received = router.endpoint("v1").take().pop().expect("it arrived");
        let cookies = received.header_all("cookie").join("; ");
        if left == "x1; x2" {
            // Names that only resemble the pin's are somebody else's cookies.
            assert!(
                cookies.contains(&format!("x{PIN}=1")) && cookies.contains(&format!("{PIN}x=2")),
                "{cookies}"
            );
        } else {
            let normal = |text: &str| text.replace("; ", ";");
            assert_eq!(normal(&cookies), normal(left), "sent {sent:?}");
        }
    }
}

#[test]
fn of_several_pins_the_valid_one_counts() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let pin = pin_on(&router, "v2");
    let forged = "A".repeat(43);
    let jars = [
        format!("{PIN}={forged}; {PIN}={pin}"),
        format!("{PIN}={pin}; {PIN}={forged}"),
        format!("{PIN}=; {PIN}={pin}; {PIN}=x"),
        format!("{PIN}={pin}; {PIN}={pin}"),
    ];
    for jar in jars {
        for _ in 0..20 {
            assert_eq!(visit(&router, &jar).0, "v2", "{jar}");
        }
    }
}

#[test]
fn two_cookie_headers_are_one_jar() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let pin = pin_on(&router, "v2");
    for _ in 0..20 {
        let mut wire = router.connect();
        wire.send(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nCookie: a=b\r\nCookie: {PIN}={pin}\r\n\r\n",
            router.host
        ));
        assert_eq!(wire.response("GET").header("x-release"), Some("v2"));
    }
}

#[test]
fn a_pin_for_a_release_that_is_gone_goes_to_stable() {
    let router = router().stable("v1").candidate("v2").blend(50).start();
    let pin = pin_on(&router, "v2");
    router.api().post("abort", &serde_json::json!({})).expect(200);
    let (release, replaced) = visit(&router, &format!("{PIN}={pin}"));
    assert_eq!(release, "v1");
    assert!(replaced.is_some(), "a pin that no longer holds is replaced in the same response");
}

#[test]
fn a_pin_of_another_app_or_router_counts_as_none() {
    let first = router().stable("v1").start();
    let second = router().stable("v1").start();
    let pin = pin_on(&first, "v1");
    let (release, replaced) = visit(&second, &format!("{PIN}={pin}"));
    assert_eq!(release, "v1");
    assert!(replaced.is_some_and(|new| new != pin));
}
