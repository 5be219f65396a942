//! Who may make which call: `docs/openapi.json` says it (`x-role`), and each call is made with each role.

use serde_json::json;
use std::fs;
use std::io::Write as _;
use support::router::{id, token};
use support::{Api, Router, eventually, router};

use crate::calls::{Call, Caller, calls};
use crate::limits_of_tokens::SHARED;

const TOKEN: &str = "test-router-0123456789abcdef0123456789abcdef";

/// The roles that are ordered: each may do what those before it may.
const ORDERED: [&str; 4] = ["viewer", "ci", "operator", "admin"];

/// A router that knows the token of another router.
fn serving() -> (Router, Api) {
    let router = router().stable("v1").candidate("v2").start();
    let tokens = fs::OpenOptions::new().append(true).open(router.path("tokens"));
    writeln!(tokens.expect("the token file"), "{TOKEN} r2 router").expect("a line can be added");
    router.signal("HUP");
    let api = router.api().with_token(TOKEN);
    eventually("the token is known", || api.call("GET", "/api/v1/store", None).status() == 200);
    (router, api)
}

/// What a call with a role comes to: 401, 403, or anything else.
fn expected(call: &Call, role: &str) -> Option<u16> {
    let rank = |role: &str| ORDERED.iter().position(|known| *known == role);
    let may = match (call.role.as_str(), role) {
        ("none", _) | ("router", "router" | "admin") => true,
        (_, "none") => return Some(401),
        (least, role) => rank(least).is_some_and(|least| rank(role).is_some_and(|role| role >= least)),
    };
    if may { None } else { Some(403) }
}

#[test]
fn each_role_may_make_the_calls_that_the_description_says() {
    let (router, _) = serving();
    let (calls, mut wrong) = (calls(), Vec::new());
    let roles = ["none", "router"].into_iter().chain(ORDERED);
    for role in roles {
        let token = match role {
            "none" => None,
            "router" => Some(TOKEN),
            role => Some(token(role)),
        };
        let mut caller = Caller::new(&router, token);
        for call in &calls {
            let status = caller.status(call);
            let refused = Some(status).filter(|status| matches!(status, 401 | 403));
            if refused != expected(call, role) {
                let Call { method, path, role: least, .. } = call;
                wrong.push(format!("{role}: {method} {path}: {status}, and its role is {least}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Every call was one that changes nothing.
    let state = router.api().state();
    assert_eq!((&state["stable"]["id"], &state["candidate"]["id"]), (&json!(id("v1")), &json!(id("v2"))));
}

/// What the fourth field of a token's line may be, and the token of a role with it.
const LIMITS: [&str; 3] = ["apps=hello;raw=no", "apps=hello", "raw=no"];

fn limited(role: &str, limit: usize) -> String {
    format!("test-limited-{limit}-{role}-0123456789abcdef0123456789abcdef")
}

/// Whether a limit refuses a call, whoever makes it. An app that is not the token's own is `shop`.
fn is_out_of_limit(call: &Call, limit: &str) -> bool {
    let path = call.described.as_str();
    let is_raw = path.contains("/kv");
    let is_about_keys = is_raw || path.starts_with("/api/v1/store");
    if limit.contains("raw=no") && is_about_keys {
        return true;
    }
    if !limit.contains("apps=") {
        return false;
    }
    let is_shared = SHARED.contains(&path)
        || ["/api/v1/hooks/", "/api/v1/hooks-in/", "/api/v1/sessions/"]
            .iter()
            .any(|root| path.starts_with(root));
    let is_own = is_raw || path.contains("{app}");
    // Whoever says which app is the default takes that from another app.
    let is_own = is_own && !path.ends_with("/default");
    if is_own { call.path.contains("shop") } else { !is_shared }
}

/// Every call, by each role with each limit, about the token's own app and about another one.
#[test]
fn each_limit_refuses_what_it_says_and_nothing_else() {
    let shop = support::echo("shop");
    let mut builder = router()
        .stable("v1")
        .candidate("v2")
        .key("apps/shop-v1-80/containers/c1", &shop.address.to_string())
        .key("rolling/shop/stable/id", "apps/shop-v1-80/containers");
    for role in ORDERED {
        for (number, limit) in LIMITS.iter().enumerate() {
            builder =
                builder.token(&format!("{} limited-{role}-{number} {role} {limit}", limited(role, number)));
        }
    }
    let router = builder.start();
    let (calls, mut wrong, mut own, mut others) = (calls(), Vec::new(), 0, 0);
    for role in ORDERED {
        for (number, limit) in LIMITS.iter().enumerate() {
            let mut caller = Caller::new(&router, Some(&limited(role, number)));
            let about = |app: &'static str| calls.iter().map(move |call| call.about(app));
            for call in about("hello").chain(about("shop")).filter(|call| call.role != "none") {
                let is_out = is_out_of_limit(&call, limit);
                let expected = if is_out { Some(403) } else { expected(&call, role) };
                let status = caller.status(&call);
                if Some(status).filter(|status| matches!(status, 401 | 403)) != expected {
                    wrong.push(format!("{role} {limit}: {} {}: {status}", call.method, call.path));
                }
                *(if is_out { &mut others } else { &mut own }) += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(own > 600 && others > 600, "{own} calls within the limits, {others} out of them");
    let shop = router.api().app("shop").state();
    assert_eq!(shop["stable"]["id"], "apps/shop-v1-80/containers");
}

#[test]
fn a_routers_token_opens_the_store_in_no_other_spelling() {
    let (router, api) = serving();
    for path in [
        "/api/v1/store/../apps",
        "/api/v1//store/../router",
        "/api/v1/store/%2e%2e/tokens",
        "/api/v1/storex",
        "/api",
    ] {
        let status = api.call("GET", path, None).status();
        assert!(matches!(status, 400 | 403 | 404), "{path}: {status}");
    }
    for path in ["/api/kv/rolling?recurse=true", "/v1/kv/rolling/router/pinkeys"] {
        assert_eq!(api.call("GET", path, None).status(), 403, "{path}");
    }
    drop(router);
}

#[test]
fn nobody_but_a_router_and_an_admin_opens_the_store() {
    let (router, api) = serving();
    let list = json!({ "prefixes": ["rolling/"] });
    api.call("POST", "/api/v1/store/list", Some(&list)).expect(200);
    for role in ["viewer", "ci", "operator"] {
        let refused = router.api_as(role).call("POST", "/api/v1/store/list", Some(&list)).expect(403);
        assert!(refused.response.text().contains("`router` or `admin`"), "{}", refused.response.text());
    }
    router.api_as("admin").call("POST", "/api/v1/store/list", Some(&list)).expect(200);
}

/// What the role is for: a second router that works on the first one's store.
#[test]
fn a_member_works_with_a_routers_token_alone() {
    let (first, _) = serving();
    let second = router().store(&format!("http://:{TOKEN}@{}", first.admin)).start();
    second.api().put("blend", &json!({ "percent": 25 })).expect(200);
    eventually("both serve it", || first.api().state()["blend"].as_f64() == Some(25.0));
    first.api().post("promote", &json!({ "release": id("v2") })).expect(200);
    eventually("both serve it", || second.api().state()["stable"]["id"] == id("v2"));
    assert_ne!(TOKEN, token("admin"));
}
