//! Verbs that ask a router.

use serde_json::json;

use super::program::{ask, finish, program};
use support::{Router, echo, router, router::id, router::token};

fn on_stable() -> Router {
    router().stable("v1").deployed("v2").start()
}

#[test]
fn a_release_from_candidate_to_rollback() {
    let router = on_stable();
    let maria = |words: &[&str]| ask(&router, "operator", words).expect(0);
    maria(&["candidate", "set", "v2", "--blend", "10", "--reason", "build 1188"]);
    assert_eq!(router.api().state()["candidate"]["id"], id("v2"));
    maria(&["blend", "12.5"]);
    assert_eq!(router.api().state()["blend"], json!(12.5));
    let promoted = maria(&["promote", "--reason", "smoke tests green"]);
    assert!(promoted.out.starts_with("v2 is stable"), "{}", promoted.out);
    let state = router.api().state();
    assert_eq!((&state["stable"]["id"], &state["candidate"]), (&json!(id("v2")), &json!(null)));
    assert_eq!(state["updated"]["reason"], "smoke tests green");
    maria(&["rollback", "--reason", "errors in checkout"]);
    assert_eq!(router.api().state()["stable"]["id"], id("v1"));
    let history = maria(&["history"]).out;
    let commands: Vec<&str> = history.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(commands[..2], ["rollback", "promote"], "{history}");
    assert!(history.contains("\"errors in checkout\""), "{history}");
}

#[test]
fn what_is_said_of_a_release_goes_with_it_from_candidate_to_stable() {
    let router = on_stable();
    let maria = |words: &[&str]| ask(&router, "operator", words);
    let build = ["--meta", "commit=3f2a9c1", "--meta", "build=https://ci.example/1188?a=b"];
    maria(&[&["candidate", "set", "v2"][..], &build].concat()).expect(0);
    let facts = json!({"commit": "3f2a9c1", "build": "https://ci.example/1188?a=b"});
    assert_eq!(router.api().state()["candidate"]["facts"], facts);
    maria(&["promote"]).expect(0);
    assert_eq!(router.api().state()["stable"]["facts"], facts);
    let history = router.api().get("history").expect(200).json();
    assert_eq!(history["events"][1]["changed"]["facts"], json!([{}, facts]), "{history}");
    // Said again of a release that is where the command wants it, it is put down all the same.
    maria(&["stable", "set", "v2", "--meta", "commit=77aa001"]).expect(0);
    assert_eq!(router.api().state()["stable"]["facts"], json!({"commit": "77aa001"}));
    let told = maria(&["history"]).out;
    assert!(told.lines().next().is_some_and(|line| line.contains("set-facts")), "{told}");
    maria(&["candidate", "set", "v1", "--meta", "commit"]).expect(2);
    let refused = router.api().put("candidate", &json!({"release": "v1", "facts": {"Commit": "x"}}));
    assert_eq!(refused.expect(422).json()["error"]["field"], "facts.Commit");
    assert!(router.api().state()["candidate"].is_null(), "nothing was done");
}

#[test]
fn an_admin_makes_a_token_that_works_until_it_is_taken_back() {
    let router = on_stable();
    let root = |words: &[&str]| ask(&router, "admin", words);
    let words = ["token", "create", "ci-hello", "--role", "ci", "--app", "hello", "--network", "127.0.0.0/8"];
    let made = root(&[&words[..], &["--for", "90d", "--no-raw"]].concat()).expect(0).out;
    let token = made.lines().next().expect("a line").to_owned();
    assert!(token.len() == 40 && made.contains("shown this once"), "{made}");
    router.api().with_token(&token).call("GET", "/api/v1/apps/hello", None).expect(200);
    let listed = root(&["token", "list"]).expect(0).out;
    let line = listed.lines().find(|line| line.starts_with("ci-hello")).expect("its line").to_owned();
    for part in
        ["ci", "apps hello; from 127.0.0.0/8; no raw keyvalues", "in 89 d", "s ago", "the store, by root"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!listed.contains(&token), "{listed}");
    assert_eq!(root(&words).code, 4, "the name is in use");
    assert_eq!(ask(&router, "operator", &["token", "list"]).code, 5);
    root(&["token", "revoke", "ci-hello"]).expect(0);
    router.api().with_token(&token).call("GET", "/api/v1/apps/hello", None).expect(401);
}

#[test]
fn an_apps_first_release() {
    let router = router().start();
    let endpoint = echo("v1");
    let words = ["stable", "set", "v1", "--app", "hello", "--endpoint", &endpoint.address.to_string()];
    ask(&router, "operator", &words).expect(0);
    assert_eq!(router.visitor().release(), "v1");
}

#[test]
fn abort_and_clear_drop_the_candidate() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    ask(&router, "operator", &["abort", "--reason", "no"]).expect(0);
    assert_eq!(router.api().state()["candidate"], json!(null));
    let again = ask(&router, "operator", &["abort"]).expect(0);
    assert!(again.out.starts_with("nothing to do"), "{}", again.out);
    ask(&router, "operator", &["candidate", "set", &id("v2")]).expect(0);
    ask(&router, "operator", &["candidate", "clear"]).expect(0);
    assert_eq!(router.api().state()["candidate"], json!(null));
}

#[test]
fn json_is_what_the_api_says() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    let state = ask(&router, "viewer", &["status", "--app", "hello", "--json"]).expect(0).json();
    let api = router.api().state();
    for field in ["app", "seq", "blend", "sticky", "updated", "settings", "lock"] {
        assert_eq!(state[field], api[field], "{field}");
    }
    let done = ask(&router, "operator", &["blend", "20", "--json", "--wait", "fleet"]).expect(0).json();
    assert_eq!((&done["result"], &done["blend"]), (&json!("done"), &json!(20)));
    assert_eq!(done["applied"]["applied"], 1);
    let history = ask(&router, "viewer", &["history", "--limit", "1", "--json"]).expect(0).json();
    assert_eq!(history["events"][0]["command"], done["updated"]["command"]);
    let releases = ask(&router, "viewer", &["releases", "--json"]).expect(0).json();
    assert_eq!(releases["releases"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_refusal_is_four_and_json_says_why() {
    let router = on_stable();
    let refused = ask(&router, "operator", &["promote"]).expect(4);
    assert!(refused.err.starts_with("rolling-router: "), "{}", refused.err);
    let refused = ask(&router, "operator", &["promote", "--json"]).expect(4);
    assert!(refused.err.is_empty() && refused.json()["error"]["code"].is_string(), "{}", refused.out);
    ask(&router, "operator", &["candidate", "set", "v1"]).expect(4);
    ask(&router, "operator", &["candidate", "set", "v2", "--if-match", "999"]).expect(4);
    ask(&router, "operator", &["rollback", "--to", "v9"]).expect(4);
}

#[test]
fn somebody_who_was_first_is_not_overwritten() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    let seen = router.api().state()["seq"].as_u64().unwrap().to_string();
    ask(&router, "operator", &["blend", "20"]).expect(0);
    let late = ask(&router, "operator", &["promote", "--if-match", &seen]).expect(4);
    assert!(late.err.contains("look"), "{}", late.err);
    assert_eq!(router.api().state()["candidate"]["id"], id("v2"));
}

#[test]
fn a_pipeline_may_do_what_it_saw_and_repeat_it() {
    let router = router().stable("v1").deployed("v2").start();
    let ci = |words: &[&str]| ask(&router, "ci", words).expect(0);
    ci(&["candidate", "set", "v2"]);
    ci(&["blend", "5"]);
    ci(&["promote", "--release", "v2"]);
    let again = ci(&["promote", "--release", "v2"]);
    assert!(again.out.starts_with("nothing to do"), "{}", again.out);
}

#[test]
fn a_lock_holds_pipelines_back() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    ask(&router, "operator", &["lock"]).expect(2);
    ask(&router, "operator", &["lock", "--reason", "release freeze", "--for", "2h"]).expect(0);
    let held = ask(&router, "ci", &["promote"]).expect(4);
    assert!(held.err.contains("release freeze"), "{}", held.err);
    assert!(router.api().state()["lock"]["until"].is_u64());
    ask(&router, "operator", &["unlock"]).expect(0);
    ask(&router, "ci", &["promote"]).expect(0);
}

#[test]
fn who_may_not_is_five() {
    let router = router().stable("v1").candidate("v2").blend(10).start();
    ask(&router, "viewer", &["promote"]).expect(5);
    let url = format!("http://{}", router.admin);
    let nobody = finish(program().args(["status", "--admin", &url])).expect(5);
    assert!(nobody.err.contains("--token-file"), "{}", nobody.err);
    finish(program().args(["status", "--admin", &url, "--token", "wrong-wrong-wrong"])).expect(5);
}

#[test]
fn the_token_comes_from_where_it_is_given() {
    let router = on_stable();
    let url = format!("http://{}", router.admin);
    let status = ["status", "--admin", &url];
    finish(program().args(status).arg("--token").arg(token("viewer"))).expect(0);
    finish(program().args(status).arg("--token-file").arg(router.path("tokens"))).expect(0);
    finish(program().args(status).env("OCCS_API_TOKEN", token("viewer"))).expect(0);
}

#[test]
fn nobody_there_is_three() {
    let mut router = on_stable();
    router.kill();
    let gone = ask(&router, "operator", &["promote", "--json"]).expect(3);
    assert_eq!(gone.json()["error"]["code"], "unreachable");
}

#[test]
fn raw_keyvalues_come_back_as_they_were_put() {
    let router = on_stable();
    let key = "apps/hello-v3-80/containers/c 1";
    ask(&router, "operator", &["kv", "put", key, "127.0.0.1:9009"]).expect(0);
    assert_eq!(ask(&router, "viewer", &["kv", "get", key]).expect(0).out, "127.0.0.1:9009");
    let listed = ask(&router, "viewer", &["kv", "list", "apps/hello-v3-80"]).expect(0).out;
    assert_eq!(listed.trim(), key);
    let values = ask(&router, "viewer", &["kv", "list", "apps/hello-v3-80", "--values"]).expect(0).out;
    assert_eq!(values.trim(), format!("{key}=127.0.0.1:9009"));
    let entry = ask(&router, "viewer", &["kv", "get", key, "--json"]).expect(0).json();
    assert_eq!(entry[0]["Key"], key);
    ask(&router, "operator", &["kv", "delete", key]).expect(0);
    ask(&router, "viewer", &["kv", "get", key]).expect(4);
    ask(&router, "operator", &["kv", "put", "rolling/hello/blendpercent", "many"]).expect(4);
}

#[test]
fn sticky_can_be_switched() {
    let router = on_stable();
    ask(&router, "operator", &["sticky", "off"]).expect(0);
    assert_eq!(router.api().state()["sticky"], false);
    ask(&router, "operator", &["sticky", "on"]).expect(0);
    assert_eq!(router.api().state()["sticky"], true);
}

#[test]
fn explain_says_why_and_a_dry_run_who_would_move() {
    let router = router().stable("v1").candidate("v2").blend(100).start();
    let mut visitor = router.visitor();
    assert_eq!((visitor.release(), visitor.release()), ("v2".into(), "v2".into()));
    let pin = visitor.pin.clone().unwrap_or_default();
    let told = ask(&router, "viewer", &["explain", "--cookie", &pin]).expect(0).out;
    assert!(told.starts_with("v2   candidate   ") && told.contains("reason pin"), "{told}");
    assert!(told.contains("Its pin is valid: tenure 2, v2 (candidate)"), "{told}");
    let told = ask(&router, "viewer", &["explain", "--blend", "0"]).expect(0).out;
    assert!(told.starts_with("v1   stable   ") && told.contains("at the blend asked about"), "{told}");
    let json =
        ask(&router, "viewer", &["explain", "--json", "--header", "Sec-Fetch-Mode: cors"]).expect(0).json();
    assert_eq!((&json["navigation"], &json["rule"]), (&json!(false), &json!("bucket")));

    let state = router.api().state();
    for (words, told) in [
        (&["abort", "--dry-run"][..], "About 1 client goes from v2 to v1 at once (100 %)."),
        (&["promote", "--dry-run"], "No pinned client moves (1 seen in the last minutes)."),
        (&["blend", "30", "--dry-run"], "Of new clients 30 % go to v2, now 100 %."),
    ] {
        let out = ask(&router, "operator", words).expect(0).out;
        assert!(out.starts_with("dry run, nothing is changed:") && out.contains(told), "{out}");
    }
    ask(&router, "operator", &["rollback", "--dry-run"]).expect(4);
    assert_eq!(router.api().state()["seq"], state["seq"], "nothing was changed");
    let shown = ask(&router, "viewer", &["status"]).expect(0).out;
    assert!(shown.contains("moves      0 bounces; 0 moves"), "{shown}");
}

#[test]
fn a_preview_link_is_made_listed_and_revoked() {
    let router = router().stable("v1").candidate("v2").start();
    let words = ["preview", "create", "--for", "2h", "--note", "for QA", "--site", "https://shop.example/"];
    let made = ask(&router, "ci", &words).expect(0).out;
    let link = made.lines().next().unwrap_or_default();
    assert!(link.starts_with("https://shop.example/_rolling/preview?token="), "{made}");
    let mut wire = router.connect();
    let path = &link["https://shop.example".len()..];
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", router.host));
    assert_eq!(wire.response("GET").status, 303);
    let listed = ask(&router, "viewer", &["preview", "list"]).expect(0).out;
    let id = listed.split_whitespace().next().unwrap_or_default().to_owned();
    for part in [&id, "candidate", "apps/hello-v2-80/containers", "2 h", "ci-main", "\"for QA\""] {
        assert!(listed.contains(part) || part == "2 h" && listed.contains("119 min"), "{part} in {listed}");
    }
    let json = ask(&router, "viewer", &["preview", "list", "--json"]).expect(0).json();
    assert_eq!(json["previews"][0]["id"], id.as_str());
    let other =
        ask(&router, "operator", &["preview", "create", "--release", "v1", "--json"]).expect(0).json();
    assert_eq!(other["track"], "stable");
    ask(&router, "ci", &["preview", "revoke", other["id"].as_str().unwrap_or_default()]).expect(5);
    ask(&router, "ci", &["preview", "revoke", &id]).expect(0);
    ask(&router, "ci", &["preview", "revoke", &id]).expect(4);
    ask(&router, "operator", &["preview", "create", "--release", "v9"]).expect(4);
    ask(&router, "operator", &["preview", "create", "--for", "31d"]).expect(4);
    ask(&router, "operator", &["preview", "create", "--track", "draining"]).expect(2);
}
