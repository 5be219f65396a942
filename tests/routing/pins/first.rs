//! When a first pin is set, and when a pin is sent again.

use super::{ask, ask_on, both, cookie, pinned_to, release};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use support::clock::within;
use support::router;
use support::visitor::pin_of;
use support::websocket::{echo_sockets, upgrade};

/// Clients of another origin, of a native app, or of a page that only fetches never load a page here, so they were never
/// pinned: each of their requests was drawn anew.
#[test]
fn any_answer_but_that_to_a_subresource_sets_a_first_pin() {
    let router = both(1, 50).start();
    for headers in [
        "",
        "Accept: */*\r\n",
        "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: no-cors\r\n",
        "Sec-Fetch-Dest: empty\r\nAccept: text/event-stream\r\n",
        "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n",
        "Sec-Fetch-Dest: iframe\r\nSec-Fetch-Mode: navigate\r\n",
        "Sec-Fetch-Dest: something-new\r\n",
    ] {
        for method in ["GET", "HEAD"] {
            let response = ask(&router, method, headers);
            let pin = pin_of(&response).unwrap_or_else(|| panic!("{method} {headers:?} sets no pin"));
            assert_eq!(release(&ask(&router, "GET", &cookie(&pin))), release(&response), "{headers:?}");
        }
    }
    for kind in [
        "image",
        "style",
        "script",
        "font",
        "audio",
        "video",
        "track",
        "manifest",
        "worker",
        "sharedworker",
        "serviceworker",
        "audioworklet",
        "paintworklet",
        "Image",
    ] {
        let response = ask(&router, "GET", &format!("Sec-Fetch-Dest: {kind}\r\n"));
        assert_eq!(response.header("set-cookie"), None, "{kind}");
    }
}

#[test]
fn an_error_and_an_empty_answer_pin_as_well() {
    let failing =
        support::scripted(|_| support::Reply::response("401 Unauthorized", &[("X-Release", "v1")], ""));
    let router = router().stable_on("v1", vec![failing]).start();
    assert!(pin_of(&ask(&router, "POST", "Content-Length: 0\r\n")).is_some());
}

#[test]
fn a_websocket_pins_with_its_101() {
    let router = router().stable_on("v1", vec![echo_sockets("v1")]).start();
    let mut wire = router.connect();
    wire.send(upgrade("/socket", &router.host));
    let answer = String::from_utf8(wire.read_until(b"\r\n\r\n")).expect("a head is text");
    assert!(answer.starts_with("HTTP/1.1 101") && answer.contains("set-cookie: rolling_pin="), "{answer}");
}

#[test]
fn a_fingerprinted_asset_carries_no_pin_whatever_the_client_has() {
    let router = both(1, 50).key("rolling/hello/settings", &json!({"pinseconds": 60}).to_string()).start();
    let asset = |headers: &str| {
        let mut wire = router.connect();
        wire.send(format!("GET /app-BX3k9dQ2.js HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host));
        wire.response("GET")
    };
    assert_eq!(asset("").header("set-cookie"), None);
    let pinned = pinned_to(&router, "v2");
    router.api().post("abort", &json!({})).expect(200);
    assert_eq!(asset(&pinned).header("set-cookie"), None, "the pin has to change, with the next answer");
    assert!(pin_of(&ask(&router, "GET", &pinned)).is_some());
}

/// Only pages sent the cookie again. A page that fetched for longer than `pinseconds` lost it, and bounced from then on.
#[test]
fn a_page_that_only_fetches_keeps_its_release() {
    let router = both(1, 50).key("rolling/hello/settings", &json!({"pinseconds": 60}).to_string()).start();
    let fetch = "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\n";
    let mut wire = router.connect();
    let first = ask_on(&mut wire, &router, "GET", fetch);
    let mut pin = pin_of(&first).expect("a first pin");
    let mut pins = BTreeSet::from([pin.clone()]);
    let mut answers = 0;
    let renewed = within(Duration::from_secs(30), || {
        let response = ask_on(&mut wire, &router, "GET", &format!("{fetch}{}", cookie(&pin)));
        assert_eq!(release(&response), release(&first));
        answers += 1;
        if let Some(next) = pin_of(&response) {
            pins.insert(next.clone());
            pin = next;
        }
        pins.len() == 3
    });
    assert!(renewed, "every six seconds: {} pins in {answers} answers", pins.len());
}
