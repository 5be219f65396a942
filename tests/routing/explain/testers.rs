//! Testers and clients without cookies: an explanation is what they then get, their pages included.

use serde_json::{Value, json};
use support::{Api, Router, Visitor, echo, router};

/// Both tracks with two endpoints each, the candidate for testers alone.
fn both(settings: &Value) -> Router {
    let pair = |release: &str| vec![echo(release), echo(release)];
    let builder = router().stable_on("v1", pair("v1")).candidate_on("v2", pair("v2"));
    builder.key("rolling/hello/settings", &settings.to_string()).start()
}

/// What is told of a page load with these further parts.
fn told(api: &Api, parts: &Value) -> Value {
    let mut body = json!({ "headers": { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" } });
    for (name, value) in parts.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(headers) => body[name].as_object_mut().expect("an object").extend(headers.clone()),
            None => body[name] = value.clone(),
        }
    }
    api.post("explain", &body).expect(200).json()
}

/// Fails unless a page load with these header lines ends as was told.
#[track_caller]
fn assert_agrees(router: &Router, told: &Value, lines: &str) {
    let mut visitor: Visitor = router.visitor();
    lines.clone_into(&mut visitor.headers);
    let visit = visitor.try_get("/").expect("an answer");
    match told["status"].as_u64() {
        Some(status) => assert_eq!(u64::from(visit.response.status), status, "{told}"),
        None => assert_eq!(json!(visit.release), told["release"]["release"], "{told}"),
    }
    assert_eq!(json!(visit.pinned), told["cookie"]["set"], "{told}");
    if told["endpoint"]["kept"] == json!(true) {
        assert_eq!(told["endpoint"]["address"], json!(visit.endpoint), "{told}");
    }
}

#[test]
fn a_preview_is_explained_as_it_then_happens() {
    let router = both(&json!({}));
    let api = router.api();
    let made = api.post("previews", &json!({ "track": "candidate" })).expect(201).json();
    let link = made["path"].as_str().expect("a link").to_owned();
    let token = link.split_once('=').expect("a token").1.to_owned();
    let line = format!("Cookie: rolling_pin_preview={token}\r\n");
    for pasted in [
        json!({ "preview": format!("https://shop.example{link}&to=/cart") }),
        json!({ "preview": token }),
        json!({ "cookies": format!("theme=dark; rolling_pin_preview={token}") }),
    ] {
        let told = told(&api, &pasted);
        assert_eq!((&told["rule"], &told["reason"]), (&json!("override"), &json!("override")), "{told}");
        assert_eq!(told["release"]["release"], "v2", "at blend 0");
        assert_eq!(
            (&told["tester"]["found"], &told["tester"]["expires"]),
            (&json!("preview"), &made["expires"])
        );
        assert_eq!((&told["endpoint"]["kept"], &told["shielded"]), (&json!(true), &json!(false)));
        assert_agrees(&router, &told, &line);
    }
    let forged: String = token.chars().rev().collect();
    let told_forged = told(&api, &json!({ "preview": forged }));
    assert_eq!((&told_forged["status"], &told_forged["tester"]["fault"]), (&json!(403), &json!("forged")));
    assert_agrees(&router, &told_forged, &format!("Cookie: rolling_pin_preview={forged}\r\n"));
    api.delete(&format!("previews/{}", made["id"].as_str().expect("an id"))).expect(200);
    let told_revoked = told(&api, &json!({ "preview": token }));
    assert_eq!((&told_revoked["status"], &told_revoked["release"]), (&json!(410), &Value::Null));
    assert!(told_revoked["why"].to_string().contains("was revoked"), "{told_revoked}");
    assert_agrees(&router, &told_revoked, &line);
    let refused = api.post("explain", &json!({ "preview": "nonsense" })).expect(422).json();
    assert_eq!(refused["error"]["field"], "preview");
}

#[test]
fn an_override_header_is_explained_as_it_then_happens() {
    let overriding = |network: &str| json!({ "override": { "header": "X-Release", "networks": [network] } });
    let router = both(&overriding("127.0.0.0/8"));
    let api = router.api();
    let here =
        |value: &str| told(&api, &json!({ "headers": { "x-release": value }, "address": "127.0.0.1" }));
    for (value, wanted) in [("candidate", "v2"), ("v1", "v1")] {
        let told = here(value);
        assert_eq!(
            (&told["tester"]["found"], &told["release"]["release"]),
            (&json!("header"), &json!(wanted))
        );
        assert_agrees(&router, &told, &format!("X-Release: {value}\r\n"));
    }
    let told_nothing = here("v9");
    assert_eq!(told_nothing["status"], 404);
    assert_agrees(&router, &told_nothing, "X-Release: v9\r\n");
    let twice = json!({ "headers": { "x-release": "v1", "X-RELEASE": "v2" }, "address": "127.0.0.1" });
    let told_twice = told(&api, &twice);
    assert_eq!(told_twice["status"], 400);
    assert_agrees(&router, &told_twice, "X-Release: v1\r\nX-Release: v2\r\n");

    api.put("settings", &overriding("10.0.0.0/8")).expect(200);
    let told_untrusted = here("candidate");
    assert_eq!(
        (&told_untrusted["rule"], &told_untrusted["tester"]["fault"]),
        (&json!("bucket"), &json!("untrusted"))
    );
    assert!(
        told_untrusted["why"].to_string().contains("127.0.0.1 is in none of these networks"),
        "{told_untrusted}"
    );
    assert_agrees(&router, &told_untrusted, "X-Release: candidate\r\n");
    let unsaid = told(&api, &json!({ "headers": { "X-Release": "candidate" } }));
    assert!(unsaid["why"].to_string().contains("the address of this request is not given"), "{unsaid}");
    let refused = api.post("explain", &json!({ "address": "10.0.0.1:80" })).expect(422).json();
    assert_eq!(refused["error"]["field"], "address");
}

#[test]
fn a_client_without_cookies_is_explained_by_what_it_is_known_by() {
    let router = both(&json!({ "pin": "header:X-Device-Id" }));
    let api = router.api();
    api.put("blend", &json!({ "percent": 50 })).expect(200);
    let mut releases = std::collections::BTreeSet::new();
    for device in 0..30 {
        let told = told(&api, &json!({ "headers": { "x-device-id": format!("device {device}") } }));
        assert_eq!(
            (&told["bucket"]["from"], &told["endpoint"]["kept"]),
            (&json!("header"), &json!(true)),
            "{told}"
        );
        assert_agrees(&router, &told, &format!("X-Device-Id: device {device}\r\n"));
        releases.insert(told["release"]["release"].to_string());
    }
    assert_eq!(releases.len(), 2, "{releases:?}");
    let by_address = told(&api, &json!({ "address": "127.0.0.1" }));
    assert_eq!(by_address["bucket"]["from"], "address");
    assert_agrees(&router, &by_address, "");
    assert_eq!(told(&api, &json!({}))["bucket"]["from"], "any", "nobody said who asks");
}
