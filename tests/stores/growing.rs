//! From one file to a server, under load: a second router on the new store beside the first, and the keyvalues taken
//! over with everything that pins need.

use serde_json::json;
use std::process::{Command, Output};
use support::router::token;
use support::servers::{Server, eventually as eventually_async};
use support::traffic::{Life, Traffic};
use support::{Router, Visitor, eventually, router};

fn kv(router: &Router, arguments: &[&str]) -> Output {
    let mut command = Command::new(support::binary());
    command.arg("kv").args(arguments).args(["--admin", &format!("http://{}", router.admin)]);
    command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A server that keeps what it acknowledged, also when it is killed.
pub fn redis() -> (Server, String) {
    let server = Server::start("redis-server", 1, |folder, ports| {
        let (port, folder) = (ports[0].to_string(), folder.display().to_string());
        [
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--dir",
            &folder,
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]
        .map(str::to_owned)
        .to_vec()
    });
    let address = format!("redis://127.0.0.1:{}", server.ports[0]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(eventually_async("redis-server's start", async || keyvalues::open(&address).await.is_ok()));
    (server, address)
}

fn unharmed(lives: &[Life]) {
    let failures: Vec<&String> = lives.iter().flat_map(|life| &life.failures).collect();
    assert!(failures.is_empty(), "{failures:?}");
    assert!(lives.iter().all(|life| !life.seen.is_empty() && life.connects == 1), "somebody was not served");
}

#[test]
fn a_router_grows_from_its_file_to_redis_without_losing_a_request_or_a_pin() {
    let (_server, store) = redis();
    let first = router().durable().stable("v1").candidate("v2").blend(50).start();
    let clients: Vec<(Visitor, String, String)> = (0..20)
        .map(|_| {
            let mut visitor = first.visitor();
            let visit = visitor.get("/");
            (visitor, visit.release, visit.endpoint)
        })
        .collect();
    let before = Traffic::start(&first, 4);
    let second = router().store(&store).start();

    // The order that docs/keyvalues.md gives.
    first.api().put("lock", &json!({ "reason": "the store moves" })).expect(200);
    let file = first.path("export.json").display().to_string();
    let exported = kv(&first, &["export", &file, "--with-secrets"]);
    assert!(exported.status.success(), "{}", said(&exported));
    let imported = kv(&second, &["import", &file]);
    assert!(imported.status.success(), "{}", said(&imported));
    eventually("the second router serves", || {
        second.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 200)
    });
    let after = Traffic::start(&second, 4);
    for (client, release, endpoint) in &clients {
        let mut moved = second.visitor();
        moved.pin.clone_from(&client.pin);
        let visit = moved.get("/");
        assert_eq!(
            (&visit.release, &visit.endpoint),
            (release, endpoint),
            "the pin holds at the second router"
        );
        assert_eq!(moved.pin, client.pin, "and is not replaced");
    }
    unharmed(&before.stop());
    assert_eq!(second.api().state()["seq"], first.api().state()["seq"]);
    first.terminate();
    second.api().delete("lock").expect(200);
    second.api().post("promote", &json!({ "release": "v2" })).expect(200);
    let served = after.answered();
    eventually("requests go on", || after.answered() > served + 20);
    unharmed(&after.stop());

    let again = kv(&second, &["import", &file]);
    assert_eq!(again.status.code(), Some(4), "the store is not empty any more: {}", said(&again));
    let shown = kv(&second, &["import", &file, "--replace", "--dry-run"]);
    assert!(said(&shown).contains("change rolling/hello/rollout"), "{}", said(&shown));
}

#[test]
fn secrets_leave_only_when_asked_for_and_only_for_admins() {
    let router = router().stable("v1").start();
    let plain = said(&kv(&router, &["export"]));
    assert!(plain.contains("rolling/hello/rollout") && !plain.contains("rolling/router/"), "{plain}");
    let secret = said(&kv(&router, &["export", "--with-secrets"]));
    assert!(
        secret.contains("rolling/router/pinkeys") && !secret.contains("rolling/router/epoch"),
        "{secret}"
    );
    for arguments in [&["export", "--with-secrets"][..], &["import", "-", "--replace"]] {
        let mut command = Command::new(support::binary());
        command.arg("kv").args(arguments).args(["--admin", &format!("http://{}", router.admin)]);
        command.env("ROLLING_ROUTER_TOKEN", token("operator")).stdin(empty_object());
        let refused = command.output().unwrap();
        assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    }
}

/// Standard input that holds `{}`.
fn empty_object() -> std::process::Stdio {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"{}").unwrap();
    file.rewind().unwrap();
    file.into()
}
