//! The router's cookies of apps that share a host.

use super::scene::{Client, Scene};
use serde_json::json;
use support::{echo, router};

/// A scene in which half of the clients of `other` go to a candidate.
fn split(paths: &[&str]) -> (Scene, support::Endpoint) {
    let scene =
        Scene::of(router().stable("hello").start(), &json!({ "hosts": ["shop.example"], "paths": paths }));
    let candidate = echo("other-2");
    let body = json!({ "release": "2.0", "endpoints": [candidate.address.to_string()], "blend": 50 });
    scene.router.api().app("other").put("candidate", &body).expect(200);
    (scene, candidate)
}

#[test]
fn each_app_reads_its_own_pin_whatever_order_they_come_in() {
    let (scene, _candidate) = split(&["/shop"]);
    for sends_short_first in [false, true] {
        for number in 0..8 {
            let mut client = Client::new(&scene.router, "shop.example");
            (client.sends_short_first, client.headers) =
                (sends_short_first, format!("User-Agent: {number}\r\n"));
            assert_eq!(client.get("/").header("x-release"), Some("hello"));
            let release = client.get("/shop").header("x-release").unwrap().to_owned();
            let (own, others) =
                (client.kept("rolling_pin", "/shop").unwrap(), client.kept("rolling_pin", "/").unwrap());
            for target in ["/", "/shop/x", "/shop?y", "/x", "/shop"] {
                let response = client.get(target);
                assert_eq!(response.header_all("set-cookie"), [""; 0], "{target}: nothing has changed");
                assert!(!response.text().contains("rolling_pin"), "{target}: endpoints see no pin");
                let wanted = if target.starts_with("/shop") { release.as_str() } else { "hello" };
                assert_eq!(response.header("x-release"), Some(wanted), "{target}");
            }
            assert_eq!(client.kept("rolling_pin", "/shop"), Some(own));
            assert_eq!(client.kept("rolling_pin", "/"), Some(others));
        }
    }
    let forged = scene.router.api().metrics().sum("rolling_pins_rejected_total", &[]);
    assert_eq!(forged, 0.0, "another app's pin is no forged one");
}

#[test]
fn a_pin_holds_for_all_prefixes_of_an_app() {
    for (paths, name, cookie_path) in [
        (["/a/x", "/a/y"], "rolling_pin.other", "/a"),
        (["/x", "/y"], "rolling_pin.other", "/"),
        (["/a", "/a/b"], "rolling_pin", "/a"),
    ] {
        let (scene, _candidate) = split(&paths);
        for number in 0..6 {
            let mut client = Client::new(&scene.router, "shop.example");
            client.headers = format!("User-Agent: {number}\r\n");
            assert_eq!(client.get("/").header("x-release"), Some("hello"));
            let release = client.get(paths[0]).header("x-release").unwrap().to_owned();
            let pin = client.kept(name, cookie_path).unwrap_or_else(|| panic!("{:?}", client.jar));
            for target in [paths[1], "/", paths[0], paths[1]] {
                let response = client.get(target);
                let wanted = if target == "/" { "hello" } else { &release };
                assert_eq!(response.header("x-release"), Some(wanted), "{target}");
            }
            assert_eq!(client.kept(name, cookie_path), Some(pin), "{:?}", client.jar);
        }
    }
}

#[test]
fn a_preview_link_is_opened_below_the_prefix() {
    let (scene, _candidate) = split(&["/shop"]);
    let made =
        scene.router.api().app("other").post("previews", &json!({ "track": "candidate" })).expect(201).json();
    let path = made["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with("/shop/_rolling/preview?token="), "{path}");
    let mut tester = Client::new(&scene.router, "shop.example");
    let opened = tester.get(&path);
    assert_eq!((opened.status, opened.header("location")), (303, Some("/shop")));
    assert!(tester.kept("rolling_pin_preview", "/shop").is_some(), "{:?}", tester.jar);
    for _ in 0..4 {
        assert_eq!(tester.get("/shop").header("x-release"), Some("other-2"));
        assert_eq!(tester.get("/").header("x-release"), Some("hello"));
    }
    let ended = tester.get("/shop/_rolling/preview?end&to=/shop/x");
    assert_eq!(ended.header("location"), Some("/shop/x"));
    assert_eq!(tester.kept("rolling_pin_preview", "/shop"), None);
}
