//! Hooks by the command line.

use std::process::Command;

use serde_json::json;

use support::receiver::{Receiver, SECRET, hook, shown};
use support::router::token;
use support::{Reply, Router, eventually, router};

/// Runs a verb as an admin; its exit code and what it printed.
fn run(router: &Router, words: &[&str]) -> (i32, String) {
    let run = Command::new(support::binary())
        .arg("hook")
        .args(words)
        .args(["--admin", &router.admin.to_string(), "--token", token("admin")])
        .env_remove("ROLLING_ROUTER_HOOK_SECRET")
        .env_remove("ROLLING_ROUTER_HOOK_HEADER")
        .output()
        .expect("the binary can be run");
    let text = [run.stdout, run.stderr].concat();
    (run.status.code().expect("it ended by itself"), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_hooks_life_by_verbs() {
    let router = router().stable("v1").start();
    let receiver = Receiver::answering(|_| Reply::ok("thanks"));
    assert_eq!(run(&router, &["list"]), (0, "there is no hook; `hook add` makes one\n".into()));
    let (code, made) = run(
        &router,
        &["add", "chat", &receiver.url(), "--app", "hello", "--event", "promote", "--event", "set-sticky"],
    );
    assert!(code == 0 && made.contains("whsec_") && made.contains("this once"), "{made}");
    assert_eq!(shown(&router)["events"], json!(["set-sticky", "promote"]));
    let (code, tested) = run(&router, &["test", "chat"]);
    assert!(code == 0 && tested.starts_with("delivered in ") && tested.ends_with(": thanks\n"), "{tested}");
    receiver.endpoint.take();

    assert_eq!(run(&router, &["pause", "chat"]).0, 0);
    router.api().put("sticky", &json!({"sticky": false})).expect(200);
    eventually("it waits", || run(&router, &["list"]).1.contains("1 waiting"));
    assert_eq!((shown(&router)["paused"].clone(), receiver.endpoint.received()), (json!(true), 0));
    assert_eq!(run(&router, &["resume", "chat"]).0, 0);
    eventually("it is told", || receiver.endpoint.received() == 1);
    eventually("it is shown", || {
        run(&router, &["show", "chat"]).1.contains("set-sticky   hello 2   delivered   200")
    });
    assert_eq!(shown(&router)["apps"], json!(["hello"]), "pausing keeps what was said");

    receiver.endpoint.always(Reply::response("500 Internal Server Error", &[], ""));
    let (code, tested) = run(&router, &["test", "chat"]);
    assert_eq!((code, tested.as_str()), (4, "not delivered: the receiver answered 500\n"));
    let (code, refused) = run(&router, &["add", "chat", "ftp://chat.example/"]);
    assert!(code == 4 && refused.contains("http or https URL"), "{refused}");
    assert_eq!(run(&router, &["remove", "chat"]), (0, "chat is removed\n".into()));
    assert_eq!(run(&router, &["show", "chat"]).0, 4);
}

#[test]
fn a_secret_that_is_given_is_not_printed() {
    let router = router().stable("v1").start();
    let receiver = Receiver::start();
    hook(&router, &receiver, json!({}));
    let (code, made) = run(&router, &["add", "chat", &receiver.url(), "--secret", SECRET, "--json"]);
    assert!(code == 0 && made.starts_with('{') && !made.contains("whsec_"), "{made}");
}
