//! One whole release with every kind of secret in use: none of them is in a process list, in the environment of a process that
//! was not given it, in a log, in a URL, at an endpoint, or at a receiver.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use support::receiver::Receiver;
use support::router::id;
use support::{Reply, Router, echo, eventually, router, scripted};

const ADMIN: &str = "shown-admin-0123456789abcdef0123456789abcdef";
const CI: &str = "shown-ci-0123456789abcdef0123456789abcdef";
const SSO: &str = "shown-sso-secret-0123456789";
const COLLECTOR: &str = "shown-collector-key-0123456789";
const HOOK: &str = "whsec_c2hvd24tc2VjcmV0LW9mLWEtaG9vay0wMTIz";
const HEADER: &str = "shown-header-of-a-hook-0123456789";

/// Where the words of processes are, by process and file.
fn words(file: &str) -> BTreeMap<u32, String> {
    let all = fs::read_dir("/proc").expect("a list of processes").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // A process may end meanwhile, and another user's environment is not to be read.
    let read = |pid: u32| Some((pid, fs::read(format!("/proc/{pid}/{file}")).ok()?));
    pids.filter_map(read).map(|(pid, bytes)| (pid, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

fn assert_has_none(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{what} has {secret}: {text}");
    }
}

/// The command line, as a pipeline calls it.
fn pipeline(router: &Router, words: &[&str]) {
    let admin = format!("http://{}", router.admin);
    let given = [
        ("ROLLING_ROUTER_ADMIN_URL", admin.as_str()),
        ("ROLLING_ROUTER_TOKEN", CI),
        ("ROLLING_ROUTER_APP", "hello"),
    ];
    let ran = support::command::run(words, &given);
    assert_eq!(ran.code, 0, "{words:?}: {} {}", ran.out, ran.err);
    assert_has_none(
        "what a command says",
        &format!("{}{}", ran.out, ran.err),
        &[CI.to_owned(), ADMIN.to_owned()],
    );
}

/// A release from its candidate to the rollback. The secrets that came into being on the way.
fn release(router: &mut Router, receiver: &Receiver) -> Vec<String> {
    let admin = router.api().with_token(ADMIN);
    let asked = json!({ "name": "nina", "role": "operator" });
    let made = admin.call("POST", "/api/v1/tokens", Some(&asked)).expect(201).json();
    let token = made["token"].as_str().expect("the token").to_owned();
    let signed_in = admin.call("POST", "/api/v1/session", Some(&json!({}))).expect(201);
    let cookie = signed_in.response.header("set-cookie").expect("a cookie").to_owned();
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let session = pair.split_once('=').expect("a value").1.to_owned();
    let hook =
        json!({ "url": receiver.url(), "secret": HOOK, "header": { "name": "X-Ci", "value": HEADER } });
    call_as(&admin, "PUT", "/api/v1/hooks/chat", &hook, 201);
    pipeline(router, &["candidate", "set", &id("v2"), "--blend", "20"]);
    let nina = router.api().with_token(&token);
    let preview = nina.post("previews", &json!({ "track": "candidate" })).expect(201).json();
    let path = preview["path"].as_str().expect("a link").to_owned();
    let link = path.split("token=").nth(1).expect("a token").split('&').next().expect("a token").to_owned();
    let visit = |target: &str, headers: &str, wire: &mut support::Wire| {
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host));
        wire.response("GET")
    };
    // A browser sends a session's cookie to every port of its host, and a mistyped link is asked for too.
    visit("/shop?a=b", &format!("Cookie: theme=dark; {pair}\r\n"), &mut router.connect());
    visit(&path, "", &mut router.connect());
    visit("/api", &format!("Cookie: {pair}\r\nAccept: text/html\r\n"), &mut router.connect());
    let mut page = support::Wire::open(router.admin);
    page.send(format!("GET / HTTP/1.1\r\nHost: candidate.localhost\r\nCookie: a=b; {pair}\r\n\r\n"));
    drop(page.response("GET"));
    nina.put("blend", &json!({ "percent": 50 })).expect(200);
    (0..20).for_each(|_| drop(router.visitor().get("/")));
    nina.post("promote", &json!({})).expect(200);
    router.upgrade();
    router.api().with_token(&token).post("rollback", &json!({ "reason": "a try" })).expect(200);
    vec![token, session, link]
}

fn call_as(api: &support::Api, method: &str, path: &str, body: &Value, status: u16) {
    api.call(method, path, Some(body)).expect(status);
}

#[test]
fn no_secret_is_shown_over_a_whole_release() {
    let folder = tempfile::tempdir().expect("a folder");
    let [access, audit] = ["access.log", "audit.log"].map(|name| folder.path().join(name));
    let collector = scripted(|_| Reply::ok("{}"));
    let receiver = Receiver::start();
    let mut router = router()
        .durable()
        .stable("v1")
        .release("v2", vec![echo("v2")])
        .access_log(&access)
        .token(&format!("{ADMIN} boss admin"))
        .token(&format!("{CI} pipeline ci"))
        .private_file("sso", &format!("{SSO}\n"))
        .private_file("headers", &format!("X-Key: {COLLECTOR}\n"))
        .flag(&format!("--audit-log={}", audit.display()))
        .flag("--log=debug")
        .flag("--admin-sso-header=X-Forwarded-User")
        .flag("--admin-sso-networks=127.0.0.2")
        .flag("--admin-sso-secret-file=sso")
        .flag("--admin-sso-roles=ann=operator")
        .flag(&format!("--otlp-endpoint=http://{}", collector.address))
        .flag("--otlp-headers-file=headers")
        .start();
    let first = router.pid();
    let given = [ADMIN, CI, SSO, COLLECTOR, HOOK, HEADER].map(str::to_owned);
    let is_over = AtomicBool::new(false);
    let (mut secrets, looks) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) {
                words("cmdline")
                    .iter()
                    .for_each(|(pid, words)| assert_has_none(&format!("{pid}"), words, &given));
                looks += 1;
            }
            looks
        });
        let made = release(&mut router, &receiver);
        is_over.store(true, Ordering::Relaxed);
        (made, watch.join().expect("no process list has a secret"))
    });
    assert!(looks > 0);
    secrets.extend(given);
    for (pid, words) in words("cmdline") {
        assert_has_none(&format!("the words of {pid}"), &words, &secrets);
    }
    // The routers themselves: the one that was started, and the one that took over.
    let environments = words("environ");
    for pid in [Some(first), router.serving_pid()].into_iter().flatten() {
        let environment = environments.get(&pid).map(String::as_str).unwrap_or_default();
        assert_has_none(&format!("the environment of {pid}"), environment, &secrets);
    }
    eventually("the logs are written", || {
        fs::read_to_string(&access).is_ok_and(|log| log.lines().count() >= 20)
            && fs::read_to_string(&audit).is_ok_and(|log| log.contains("rollback"))
    });
    for (name, file) in [("access log", &access), ("audit log", &audit)] {
        assert_has_none(name, &fs::read_to_string(file).expect("a log"), &secrets);
    }
    assert_has_none("the log", &router.log(), &secrets);
    for endpoint in ["v1", "v2"] {
        let received = router.endpoint(endpoint).take();
        assert!(!received.is_empty(), "{endpoint} was asked");
        received.iter().for_each(|message| assert_has_none(endpoint, &whole(message), &secrets));
    }
    told(&receiver, &collector, &secrets);
    listed(&router, &secrets);
}

/// What is listed of tokens, sessions and hooks names none of them.
fn listed(router: &Router, secrets: &[String]) {
    let admin = router.api().with_token(ADMIN);
    for path in
        ["/api/v1/tokens", "/api/v1/sessions", "/api/v1/hooks", "/api/v1/audit", "/api/v1/apps/hello/history"]
    {
        assert_has_none(path, &admin.call("GET", path, None).expect(200).response.text(), secrets);
    }
    assert_has_none("metrics", &admin.raw("GET", "/metrics", None, "").expect(200).response.text(), secrets);
}

/// Head and body as they came.
fn whole(message: &support::ReceivedMessage) -> String {
    format!("{message:?}{}", String::from_utf8_lossy(&message.body))
}

/// Each receiver is shown its own header, and nothing else.
fn told(receiver: &Receiver, collector: &support::Endpoint, secrets: &[String]) {
    let others = |own: &str| secrets.iter().filter(|secret| *secret != own).cloned().collect::<Vec<_>>();
    for (what, endpoint, own) in [("hook", &receiver.endpoint, HEADER), ("collector", collector, COLLECTOR)] {
        let mut received = Vec::new();
        eventually("it was told", || {
            received.extend(endpoint.take());
            !received.is_empty()
        });
        for message in &received {
            let text = whole(message);
            assert!(text.contains(own), "{what}: its own header goes along");
            assert_has_none(what, &text, &others(own));
        }
    }
}

#[test]
fn a_secret_would_be_found() {
    let found = std::panic::catch_unwind(|| assert_has_none("a text", "a=SECRET", &["SECRET".to_owned()]));
    assert!(found.is_err());
    let own = words("cmdline").remove(&std::process::id()).expect("this process runs");
    assert!(!own.is_empty());
}
