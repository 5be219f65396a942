//! The raw keyvalues in their old shape, as old scripts and clients read and write them.

use base64::Engine;
use serde_json::Value;
use support::router::id;
use support::{Router, router};

fn both() -> Router {
    router().stable("v1").candidate("v2").blend(10).start()
}

fn get(router: &Router, path: &str) -> Value {
    router.api().raw("GET", path, None, "").expect(200).json()
}

#[test]
fn a_value_comes_in_an_envelope() {
    let router = both();
    for prefix in ["/api/kv", "/v1/kv"] {
        let entries = get(&router, &format!("{prefix}/rolling/hello/blendpercent"));
        let [entry] = &entries.as_array().expect("a list")[..] else { panic!("one entry, not {entries}") };
        assert_eq!(entry["Key"], "rolling/hello/blendpercent");
        let value = base64::engine::general_purpose::STANDARD.decode(entry["Value"].as_str().expect("text"));
        assert_eq!(value.expect("base64"), b"10");
        for name in ["CreateIndex", "ModifyIndex", "LockIndex", "Flags"] {
            assert!(entry[name].is_u64(), "{name} in {entry}");
        }
    }
}

#[test]
fn a_missing_key_is_an_empty_answer() {
    let router = both();
    for query in ["", "?raw=true"] {
        let answer = router
            .api()
            .raw("GET", &format!("/api/kv/rolling/nobody/blendpercent{query}"), None, "")
            .expect(200);
        assert_eq!(answer.response.text(), "");
    }
}

#[test]
fn keys_and_entries_below_a_prefix() {
    let router = both();
    let keys = get(&router, "/api/kv/rolling/hello/?keys=true");
    let keys: Vec<&str> = keys.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for key in ["blendpercent", "candidate/id", "stable/id"] {
        assert!(keys.contains(&format!("rolling/hello/{key}").as_str()), "{key} in {keys:?}");
    }
    let entries = get(&router, &format!("/api/kv/{}?recurse=true", id("v1")));
    assert_eq!(entries[0]["Key"], format!("{}/c0", id("v1")));
}

#[test]
fn keys_may_be_escaped_or_not() {
    let router = both();
    let api = router.api();
    api.raw("PUT", "/api/kv/rolling%2Fhello%2Fblendpercent", Some(("text/plain", b"20")), "").expect(200);
    assert_eq!(api.kv_get("rolling/hello/blendpercent"), "20");
    assert_eq!(api.kv_get("rolling%2fhello%2fblendpercent"), "20");
}

#[test]
fn any_content_type_will_do() {
    let router = both();
    let api = router.api();
    for (n, kind) in ["application/json", "text/plain", "application/octet-stream", "multipart/form-data"]
        .iter()
        .enumerate()
    {
        let value = (n + 1).to_string();
        let answer = api
            .raw("PUT", "/api/kv/rolling/hello/blendpercent", Some((kind, value.as_bytes())), "")
            .expect(200);
        assert_eq!(answer.response.text().trim(), "true");
        assert_eq!(api.kv_get("rolling/hello/blendpercent"), value);
    }
}

#[test]
fn the_trailing_line_end_of_a_file_is_no_part_of_a_value() {
    let router = both();
    let api = router.api();
    api.kv_put("rolling/hello/blendpercent", "30\n").expect(200);
    assert_eq!(api.state()["blend"].as_f64(), Some(30.0));
}

#[test]
fn a_deleted_mirrored_key_is_written_back() {
    let router = both();
    let api = router.api();
    api.kv_delete("rolling/hello/blendpercent").expect(200);
    support::eventually("the record's value is back", || api.kv_get("rolling/hello/blendpercent") == "10");
    assert_eq!(api.state()["blend"].as_f64(), Some(10.0));
}

#[test]
fn the_record_the_events_and_the_settings_are_not_for_raw_writes() {
    let router = both();
    let api = router.api_as("admin");
    for key in ["rolling/hello/rollout", "rolling/hello/events/000000000001", "rolling/hello/settings"] {
        api.kv_put(key, "{}").expect(403);
        api.kv_delete(key).expect(403);
    }
}

#[test]
fn the_routers_own_keys_are_nobodys() {
    let router = both();
    let api = router.api_as("admin");
    for key in ["rolling/router/epoch", "rolling/router/keys", "rolling/router/tokens", "rolling/router/x"] {
        let read = api.raw("GET", &format!("/api/kv/{key}?raw=true"), None, "");
        assert!(read.status() == 403 || read.response.body.is_empty(), "{key}: {}", read.response.text());
        api.kv_put(key, "x").expect(403);
        api.kv_delete(key).expect(403);
    }
    for query in [
        "rolling/?recurse=true",
        "rolling/?keys=true",
        "rolling/router/?recurse=true",
        "?recurse=true",
        "?keys=true",
    ] {
        let answer = api.raw("GET", &format!("/api/kv/{query}"), None, "");
        assert!(!answer.response.text().contains("rolling/router"), "{query}: {}", answer.response.text());
    }
}

#[test]
fn other_keys_are_just_kept() {
    let router = both();
    let api = router.api();
    api.kv_put("team/notes", "anything").expect(200);
    assert_eq!(api.kv_get("team/notes"), "anything");
    api.kv_delete("team/notes").expect(200);
    assert_eq!(api.kv_get("team/notes"), "");
}
