//! `docs/openapi.json` says what the router answers: every call is made, and each answer held to what is said of it.

mod page;

use self::page::Page;
use serde_json::{Value, json};
use support::api::Api;
use support::receiver::Receiver;
use support::router::id;
use support::{Router, Visitor, eventually, router};

/// Makes calls, and holds each answer to the document.
struct Caller<'a> {
    page: &'a Page,
    api: Api,
}

impl Caller<'_> {
    #[track_caller]
    fn call(&self, status: u16, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.api.call(method, path, body.as_ref());
        self.page.check(method, path, &answer);
        answer.expect(status).json()
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.call(200, "GET", path, None)
    }

    /// Below the app `hello`.
    #[track_caller]
    fn app(&self, method: &str, path: &str, body: Value) -> Value {
        self.call(200, method, &format!("/api/v1/apps/hello/{path}"), Some(body))
    }
}

#[test]
fn every_call_answers_what_the_description_says() {
    let page = Page::new();
    let router = router().stable("v1").candidate("v2").deployed("v3").start();
    let caller = Caller { page: &page, api: router.api_as("admin") };
    let mut visitor = Visitor::new(router.front, &router.host);
    let pin = visitor.pin_of("/").expect("a pin");
    visitor.get("/again");
    read_apps(&caller, &pin);
    previews(&caller);
    commands(&caller, &router);
    settings(&caller);
    hooks(&caller);
    hooks_in(&caller);
    fleet_and_router(&caller);
    tokens(&caller);
    sessions(&caller, &router);
    store(&caller);
    keyvalues(&caller);
    certificates(&caller);
    old_api(&caller);
    remove_an_app(&caller, &router);
    streams(&caller, &mut visitor);
    // Its lines have no end; what they are is read by `tests/stores`.
    page.mark("POST", "/api/v1/store/watch");
    assert!(page.left().is_empty(), "not called: {:?}", page.left());
}

fn read_apps(caller: &Caller<'_>, pin: &str) {
    for path in [
        "",
        "/hello",
        "/hello/releases",
        "/hello/releases?all=true",
        "/hello/verdict",
        "/hello/shadow",
        "/hello/past?seconds=900",
        "/hello/history",
        "/hello/history?limit=1",
    ] {
        caller.get(&format!("/api/v1/apps{path}"));
    }
    caller.get("/api/v1/apps/hello/wait?for=live&release=v1");
    caller.call(202, "GET", "/api/v1/apps/hello/wait?for=drained&release=v1&timeout=0s", None);
    caller.call(400, "GET", "/api/v1/apps/hello/wait", None);
    caller.call(404, "GET", "/api/v1/apps/nobody", None);
    caller.call(422, "GET", "/api/v1/apps/hello/history?limit=0", None);
    let explained = caller.app("POST", "explain", json!({}));
    assert_eq!(explained["pin"]["found"], "none");
    let explained =
        caller.app("POST", "explain", json!({"cookies": pin, "host": "other.example", "blend": 30}));
    assert_eq!((&explained["pin"]["found"], &explained["supposed"]), (&json!("valid"), &json!(true)));
    caller.call(422, "POST", "/api/v1/apps/hello/explain", Some(json!({"blend": -5})));
    eventually("a client is seen", || {
        caller.app("POST", "who-moves", json!({"command": "promote"}))["seen"] != 0
    });
    caller.app("POST", "who-moves", json!({"command": "blend", "percent": 0}));
    caller.app("POST", "who-moves", json!({"command": "abort"}));
    let tested = caller.app("POST", "releases/v1/test", json!({}));
    assert_eq!(tested["passes"], true, "{tested}");
    let dead = json!({"endpoints": ["127.0.0.1:1"]});
    let tested = caller.app("POST", "releases/never-seen/test", dead);
    assert_eq!(
        (&tested["passes"], &tested["endpoints"][0]["passed"]),
        (&json!(false), &json!(false)),
        "{tested}"
    );
    caller.call(422, "POST", "/api/v1/apps/hello/releases/v1/test", Some(json!({"endpoints": ["nowhere"]})));
}

/// Without a CA.
fn certificates(caller: &Caller<'_>) {
    caller.get("/api/v1/certificates");
    caller.call(409, "POST", "/api/v1/certificates/account-key", Some(json!({})));
}

fn previews(caller: &Caller<'_>) {
    let path = "/api/v1/apps/hello/previews?wait=fleet";
    let made = caller.call(201, "POST", path, Some(json!({"track": "stable", "note": "a tester"})));
    let id = made["id"].as_str().expect("an id");
    caller.get("/api/v1/apps/hello/previews");
    caller.call(200, "DELETE", &format!("/api/v1/apps/hello/previews/{id}?wait=fleet"), None);
    caller.call(404, "DELETE", &format!("/api/v1/apps/hello/previews/{id}"), None);
}

fn plans(caller: &Caller<'_>) {
    let line = "gradual: 20% hold=1d approval; 50%; promote";
    caller.app("PATCH", "settings", json!({"plans": [line]}));
    caller.app("POST", "plan", json!({"plan": "gradual"}));
    caller.app("POST", "plan/pause", json!({"reason": "lunch"}));
    caller.app("POST", "plan/resume", json!({}));
    caller.app("POST", "plan/approve", json!({}));
    caller.get("/api/v1/apps/hello/plan");
    caller.get("/api/v1/apps/hello/wait?for=plan-step&step=1");
    caller.call(400, "GET", "/api/v1/apps/hello/wait?for=plan-step", None);
    caller.app("POST", "plan/skip", json!({"step": 1}));
    caller.app("DELETE", "plan", json!({}));
    caller.app("PUT", "blend", json!({"percent": 12.5}));
}

fn commands(caller: &Caller<'_>, router: &Router) {
    caller.app("PUT", "blend", json!({"percent": 12.5, "reason": "a little"}));
    caller.app("PUT", "sticky", json!({"sticky": true}));
    caller.app("POST", "pause", json!({"seconds": 1}));
    caller.app("POST", "resume", json!({}));
    caller.app("POST", "stop", json!({"message": "Back soon"}));
    caller.app("POST", "resume", json!({"reason": "over"}));
    plans(caller);
    let approved = caller.app("POST", "approvals", json!({"reason": "tried out"}));
    assert_eq!(approved["candidate"]["approvals"]["given"][0]["by"], "root");
    caller.get("/api/v1/apps/hello/approvals");
    caller.call(422, "POST", "/api/v1/apps/hello/approvals", Some(json!({"lower_to": 0})));
    caller.app("DELETE", "approvals", json!({}));
    let locked = caller.app("PUT", "lock?wait=fleet", json!({"reason": "freeze"}));
    assert_eq!(locked["applied"]["members"], 1);
    caller.app("DELETE", "lock", json!({}));
    let promoted = caller.app("POST", "promote", json!({}));
    assert_eq!(promoted["draining"][0]["cause"], "promote");
    caller.call(409, "POST", "/api/v1/apps/hello/promote", Some(json!({"release": id("v3")})));
    caller.app("POST", "drain/finish", json!({"release": id("v1")}));
    caller.app("POST", "rollback", json!({"to": id("v1")}));
    caller.app("PUT", "candidate", json!({"id": id("v3")}));
    caller.app("DELETE", "candidate", json!({"release": "v3"}));
    caller.app("PUT", "stable", json!({"release": "v3"}));
    let tenure = caller.get("/api/v1/apps/hello")["draining"][0]["tenure"].clone();
    caller.app("DELETE", &format!("draining/{tenure}"), json!({}));
    caller.app("DELETE", "draining", json!({}));
    let address = router.endpoint("v3").address;
    let endpoint = format!("releases/v3/endpoints/{address}/drain");
    caller.app("PUT", &endpoint, json!({"force": true, "seconds": 60}));
    caller.get(&format!("/api/v1/apps/hello/{endpoint}"));
    caller.app("DELETE", &endpoint, json!({}));
    registrations(caller, &address.to_string());
    caller.app("PUT", "candidate", json!({"release": "v1", "blend": 5}));
    caller.app("POST", "abort", json!({}));
    caller.app("POST", "abort", json!({}));
    caller.get("/api/v1/apps/hello/history");
}

/// The calls about the endpoints of stable, which has this one, registered by an old script.
fn registrations(caller: &Caller<'_>, address: &str) {
    let all = "releases/v3/endpoints";
    let added = caller.app("PUT", &format!("{all}/web-1?wait=fleet"), json!({"address": "127.0.0.1:9"}));
    assert_eq!((&added["result"], &added["applied"]["members"]), (&json!("done"), &json!(1)));
    caller.get(&format!("/api/v1/apps/hello/{all}"));
    caller.app("DELETE", &format!("{all}/web-1"), json!({}));
    caller.app("PUT", all, json!({"endpoints": [address, "127.0.0.1:9"], "force": true}));
    caller.app("PUT", all, json!({"endpoints": [address]}));
    caller.call(422, "PUT", &format!("/api/v1/apps/hello/{all}"), Some(json!({"endpoints": []})));
    caller.call(409, "DELETE", "/api/v1/apps/hello/releases/v3", None);
    caller.app("PUT", "releases/v9/endpoints/127.0.0.1:9", json!({}));
    caller.app("DELETE", "releases/v9", json!({}));
    let pruned = caller.app("POST", "prune", json!({"keep": 9, "dry_run": true}));
    assert_eq!(pruned["removed"], json!([]));
}

fn settings(caller: &Caller<'_>) {
    caller.app("PUT", "settings", json!({"pinseconds": 3600}));
    caller.app("PATCH", "settings", json!({"health": {"fall": 5}}));
    caller.get("/api/v1/apps/hello/settings");
    caller.get("/api/v1/apps/hello/settings?effective=true");
    caller.call(422, "PUT", "/api/v1/apps/hello/settings", Some(json!({"pinseconds": -5})));
}

fn hooks(caller: &Caller<'_>) {
    let receiver = Receiver::start();
    let made = caller.call(201, "PUT", "/api/v1/hooks/chat", Some(json!({"url": receiver.url()})));
    assert!(made["secret"].is_string(), "{made}");
    let body = json!({"url": receiver.url(), "apps": ["hello"], "events": ["promote"], "paused": true});
    caller.call(200, "PUT", "/api/v1/hooks/chat", Some(body));
    caller.call(200, "POST", "/api/v1/hooks/chat/test", None);
    let write = json!({"checks": [], "writes": [{"put": "rolling/router/hooks/odd", "value": "e30="}]});
    caller.call(200, "POST", "/api/v1/store/commit", Some(write));
    eventually("the odd one is read", || {
        caller.get("/api/v1/hooks")["hooks"].as_array().map(Vec::len) == Some(2)
    });
    assert_eq!(caller.get("/api/v1/hooks/odd")["state"], "unreadable");
    eventually("the test is kept", || caller.get("/api/v1/hooks/chat")["deliveries"][0].is_object());
    caller.call(422, "PUT", "/api/v1/hooks/chat", Some(json!({"url": 7})));
    for name in ["chat", "odd"] {
        caller.call(200, "DELETE", &format!("/api/v1/hooks/{name}"), None);
    }
}

fn hooks_in(caller: &Caller<'_>) {
    const SECRET: &str = "0123456789abcdef0123";
    let hook = json!({
        "sender": "token", "app": "hello", "release": "{/release}", "endpoints": ["{/endpoint}"], "branches": ["main"],
        "secret": SECRET
    });
    caller.call(201, "PUT", "/api/v1/hooks-in/builds", Some(hook.clone()));
    caller.call(200, "PUT", "/api/v1/hooks-in/builds", Some(hook));
    caller.call(422, "PUT", "/api/v1/hooks-in/builds", Some(json!({"sender": "nobody"})));
    caller.get("/api/v1/hooks-in");
    caller.get("/api/v1/hooks-in/builds");
    let ignored = json!({"payload": r#"{"ref":"refs/heads/topic"}"#});
    caller.call(200, "POST", "/api/v1/hooks-in/builds/test", Some(ignored));
    let authorized = format!("Authorization: Bearer {SECRET}\r\n");
    let payload = br#"{"ref":"refs/heads/topic"}"#;
    let anonymous = caller.api.anonymous();
    let delivered =
        anonymous.raw("POST", "/hooks/in/builds", Some(("application/json", payload)), &authorized);
    caller.page.check("POST", "/hooks/in/builds", &delivered);
    let told = delivered.expect(200).json();
    let read = anonymous.call("GET", told["url"].as_str().expect("a URL"), None);
    caller.page.check("GET", told["url"].as_str().expect("a URL"), &read);
    read.expect(200);
    caller.call(200, "DELETE", "/api/v1/hooks-in/builds", None);
}

fn fleet_and_router(caller: &Caller<'_>) {
    let windows = json!({"windows": ["Fri 16:00 - Mon 08:00 Europe/Berlin"]});
    let set = caller.call(200, "PUT", "/api/v1/freeze-windows", Some(windows.clone()));
    assert_eq!(set["windows"], windows["windows"]);
    assert_eq!(caller.get("/api/v1/freeze-windows"), set);
    caller.call(422, "PUT", "/api/v1/freeze-windows", Some(json!({"windows": ["always"]})));
    caller.call(200, "PUT", "/api/v1/freeze-windows", Some(json!({"windows": []})));
    let fleet = caller.get("/api/v1/fleet");
    let node = fleet["node"].as_str().expect("a node");
    caller.call(409, "DELETE", &format!("/api/v1/fleet/{node}"), None);
    caller.call(200, "DELETE", &format!("/api/v1/fleet/{node}?force=true"), None);
    caller.call(200, "POST", "/api/v1/fleet/remove-gone", Some(json!({})));
    caller.call(200, "POST", "/api/v1/fleet/rotate-keys", Some(json!({})));
    caller.call(409, "POST", "/api/v1/fleet/rotate-keys", Some(json!({})));
    for path in [
        "/api/v1/router",
        "/api/v1/router/files",
        "/api/v1/whoami",
        "/api/v1/tokens",
        "/api/v1/audit",
        "/api/openapi.json",
    ] {
        caller.get(path);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        caller.get(path);
    }
    let nobody = caller.api.anonymous().call("GET", "/api/v1/apps", None);
    caller.page.check("GET", "/api/v1/apps", &nobody);
}

fn tokens(caller: &Caller<'_>) {
    let body = json!({"name": "ci-hello", "role": "ci", "apps": ["hello"], "raw": false, "networks": ["127.0.0.0/8"], "for_seconds": 60});
    let made = caller.call(201, "POST", "/api/v1/tokens", Some(body.clone()));
    assert_eq!(made["token"].as_str().map(str::len), Some(40));
    caller.call(409, "POST", "/api/v1/tokens", Some(body));
    caller.call(422, "POST", "/api/v1/tokens", Some(json!({"name": "a b", "role": "ci"})));
    caller.get("/api/v1/tokens");
    caller.call(200, "DELETE", "/api/v1/tokens/ci-hello", None);
    caller.call(404, "DELETE", "/api/v1/tokens/ci-hello", None);
    caller.call(409, "DELETE", "/api/v1/tokens/guest", None);
}

fn sessions(caller: &Caller<'_>, router: &Router) {
    assert_eq!(caller.get("/api/v1/session")["session"], json!(null), "it comes by a token");
    let begun = caller.api.call("POST", "/api/v1/session", Some(&json!({})));
    caller.page.check("POST", "/api/v1/session", &begun);
    let begun = begun.expect(201);
    let cookie = begun.response.header("set-cookie").expect("a cookie").to_owned();
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let own = format!("Cookie: {pair}\r\nOrigin: http://{}\r\n", router.admin);
    let browser = caller.api.anonymous();
    for (method, path, status) in [
        ("GET", "/api/v1/session", 200),
        ("GET", "/api/v1/sessions", 200),
        ("DELETE", "/api/v1/session", 200),
        ("DELETE", "/api/v1/session", 401),
    ] {
        let answer = browser.raw(method, path, None, &own);
        caller.page.check(method, path, &answer);
        answer.expect(status);
    }
    caller.call(404, "DELETE", "/api/v1/session", None);
    let id = caller.call(201, "POST", "/api/v1/session", Some(json!({})))["session"]["id"].clone();
    let path = format!("/api/v1/sessions/{}", id.as_str().expect("an id"));
    caller.call(200, "DELETE", &path, None);
    caller.call(404, "DELETE", &path, None);
}

fn store(caller: &Caller<'_>) {
    caller.get("/api/v1/store");
    let post =
        |path: &str, body: Value| caller.call(200, "POST", &format!("/api/v1/store/{path}"), Some(body));
    let lease = post("leases", json!({"ttl_ms": 60_000}))["lease"].clone();
    let write = json!({"put": "some/key", "value": "AA==", "lease": lease});
    post("commit", json!({"checks": [{"absent": "some/key"}], "writes": [write]}));
    post("commit", json!({"checks": [{"absent": "some/key"}], "writes": []}));
    post("get", json!({"key": "some/key"}));
    post("get", json!({"key": "no/key"}));
    post("list", json!({"prefixes": ["some/", "apps/"]}));
    post(&format!("leases/{lease}/keep-alive"), json!({}));
    caller.call(200, "DELETE", &format!("/api/v1/store/leases/{lease}"), None);
    caller.call(410, "DELETE", &format!("/api/v1/store/leases/{lease}"), None);
    caller.call(409, "POST", "/api/v1/store/accept", None);
    caller.call(409, "POST", "/api/v1/store/restore", Some(json!({"dry_run": true})));
    caller.call(200, "POST", "/api/v1/store/replacement", Some(json!({"app": "hello"})));
    caller.call(422, "POST", "/api/v1/store/replacement", Some(json!({"app": "hello", "force": true})));
}

fn keyvalues(caller: &Caller<'_>) {
    for root in ["/api/kv", "/v1/kv"] {
        for (method, path) in [
            ("PUT", "free/key"),
            ("PUT", "free/key?wait=fleet"),
            ("GET", "free/key"),
            ("GET", "free/key?raw=true"),
            ("GET", "free/nothing"),
            ("GET", "?recurse=true"),
            ("GET", "?keys=true"),
            ("DELETE", "free/key"),
        ] {
            let path = format!("{root}/{path}");
            let body = (method == "PUT").then_some(("text/plain", b"value".as_slice()));
            let answer = caller.api.raw(method, &path, body, "");
            caller.page.check(method, &path, &answer);
            answer.expect(200);
        }
        let path = format!("{root}/rolling/router/pinkeys");
        caller.call(403, "GET", &path, None);
    }
}

fn old_api(caller: &Caller<'_>) {
    let stack = json!({"content": "services: {app: {image: hello, ports: [80], environment: [A=b]}}"});
    let all = "/api/v2/deployments/";
    let made = caller.call(200, "POST", all, Some(json!({"deployment_id": "hello-1", "stack": stack})));
    assert_eq!(made["deployment"]["current_state"], 0);
    caller.call(200, "PUT", "/api/v2/deployments/hello-1", Some(json!({"deployment_name": "one"})));
    caller.api.kv_put("apps/app-hello-1-80/containers/c1", "127.0.0.1:9").expect(200);
    caller.get("/api/v2/deployments/hello-1/containers/");
    for path in [all, "/api/v2/deployments/hello-1"] {
        caller.get(path);
    }
    for path in ["stop", "start"] {
        caller.call(200, "POST", &format!("/api/v2/deployments/hello-1/{path}"), None);
        caller.app("POST", &format!("deployments/hello-1/{path}"), json!({}));
    }
    caller.get("/api/v1/apps/hello/deployments");
    caller.get("/api/v1/apps/hello/deployments/hello-1");
    caller.app("POST", "deployments/hello-1/scale", json!({"replicas": 2}));
    caller.call(409, "GET", "/api/v1/apps/hello/deployments/hello-1/logs", None);
    caller.call(409, "POST", "/api/v1/apps/hello/deployments/hello-1/recycle", Some(json!({})));
    caller.call(422, "POST", "/api/v1/apps/hello/deployments/hello-1/recycle", Some(json!({"parallel": 0})));
    caller.call(202, "POST", "/api/pool/schedule_recycle", None);
    caller.call(202, "GET", "/api/pool/schedule_recycle?app=hello", None);
    for path in ["/api/stats", "/api/v1/services", "/api/v1/nodes"] {
        caller.get(path);
    }
    caller.call(422, "POST", "/api/v1/apps/hello/deployments/hello-1/scale", Some(json!({"replicas": 0})));
    caller.call(409, "POST", "/api/v1/apps/hello/deployments", Some(json!({"image": "hello:1"})));
    caller.call(404, "DELETE", "/api/v1/apps/hello/deployments/hello-9", None);
    caller.call(409, "POST", "/api/v2/containers/c1/kill", None);
    caller.call(404, "POST", "/api/v2/containers/c2/kill", None);
    caller.call(200, "DELETE", "/api/v2/deployments/hello-1", None);
    caller.call(404, "DELETE", "/api/v2/deployments/hello-1", None);
    caller.call(422, "POST", all, Some(json!({"deployment_id": "a b"})));
}

fn remove_an_app(caller: &Caller<'_>, router: &Router) {
    let endpoint = router.endpoint("v1").address.to_string();
    let body = json!({"release": "w1", "endpoints": [endpoint], "service": "other"});
    let made = caller.call(200, "PUT", "/api/v1/apps/other/stable", Some(body));
    assert_eq!((&made["created"], &made["leading_hosts"]), (&json!(true), &json!([])));
    caller.call(200, "PUT", "/api/v1/apps/further", Some(json!({"hosts": ["further.example"]})));
    caller.call(409, "PUT", "/api/v1/apps/other/default", None);
    caller.call(409, "DELETE", "/api/v1/apps/hello/default", None);
    caller.call(409, "DELETE", "/api/v1/apps/other/stable", None);
    caller.call(200, "DELETE", "/api/v1/apps/further/stable", None);
    caller.call(200, "DELETE", "/api/v1/apps/further", None);
    caller.call(409, "DELETE", "/api/v1/apps/other", None);
    caller.call(200, "DELETE", "/api/v1/apps/other?force=true&wait=fleet", None);
}

fn streams(caller: &Caller<'_>, visitor: &mut Visitor) {
    for path in ["/api/v1/apps/hello/stream", "/api/v1/stream"] {
        caller.page.mark("GET", path);
        let mut stream = caller.api.stream(path, "");
        for (event, name) in [("router", "Router"), ("fleet", "Fleet"), ("state", "App")] {
            caller.page.check_component(&stream.next(event).data, name);
        }
        visitor.get("/");
        caller.page.check_component(&stream.next("activity").data, "ActivityEvent");
    }
    let mut stream = caller.api.stream("/api/v1/stream", "");
    let receiver = Receiver::start();
    let hook = json!({"url": receiver.url(), "paused": true});
    caller.call(201, "PUT", "/api/v1/hooks/late", Some(hook));
    caller.page.check_component(&stream.next("hooks").data, "HooksEvent");
    caller.call(200, "DELETE", "/api/v1/apps/hello?force=true", None);
    caller.page.check_component(&stream.next("gone").data, "GoneEvent");
}
