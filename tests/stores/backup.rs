//! A backup restores everything: pins, what the router is set to, and the names of what it does not hold.

use std::process::{Command, Output};

use serde_json::Value;

use support::router::token;
use support::servers::make_certificates;
use support::{Router, Visitor, eventually, router};

/// Clients that are pinned before and come back after.
const CLIENTS: usize = 10;

fn kv(router: &Router, role: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(support::binary());
    command.arg("kv").args(arguments).args(["--admin", &format!("http://{}", router.admin)]);
    command.env("ROLLING_ROUTER_TOKEN", token(role)).output().unwrap()
}

fn succeed(router: &Router, arguments: &[&str]) -> String {
    let output = kv(router, "admin", arguments);
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Clients with the release and the endpoint that each is pinned to.
fn pinned(router: &Router) -> Vec<(Visitor, String, String)> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = router.visitor();
        let visit = client.get("/");
        clients.push((client, visit.release, visit.endpoint));
    }
    clients
}

/// How many of the clients a router knows again: same release, same endpoint, no new pin.
fn known_again(router: &Router, clients: &[(Visitor, String, String)]) -> usize {
    eventually("it serves", || router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 200));
    let is_known = |(client, release, endpoint): &&(Visitor, String, String)| {
        let mut back = router.visitor();
        back.pin.clone_from(&client.pin);
        let visit = back.get("/");
        (&visit.release, &visit.endpoint) == (release, endpoint) && back.pin == client.pin
    };
    clients.iter().filter(is_known).count()
}

/// Restored without secrets, every client was pinned anew, and nothing said so.
#[test]
fn a_restore_into_an_empty_store_keeps_every_pin_and_without_secrets_none() {
    let first = router().durable().stable("v1").candidate("v2").blend(50).start();
    first.api().put("settings", &serde_json::json!({ "pinseconds": 600 })).expect(200);
    let clients = pinned(&first);
    let (whole, bare) = (first.path("whole.json"), first.path("bare.json"));
    let (whole, bare) = (whole.to_str().unwrap(), bare.to_str().unwrap());
    succeed(&first, &["export", whole, "--with-secrets"]);
    let said = succeed(&first, &["export", bare]);
    assert!(said.contains("there are no pin keys in the file") && said.contains("--with-secrets"), "{said}");

    let second = router().durable().start();
    let said = succeed(&second, &["import", whole]);
    assert!(!said.contains("no pin keys"), "{said}");
    assert_eq!(known_again(&second, &clients), CLIENTS);
    assert_eq!(second.api().state()["seq"], first.api().state()["seq"]);
    assert_eq!(second.api().get("settings").expect(200).json()["pinseconds"], 600);
    let stored = succeed(&second, &["export", "--with-secrets"]);
    let stored: Value =
        serde_json::from_str(stored.split("\nrolling-router:").next().unwrap()).expect("JSON");
    assert!(stored["rolling/router/pinkeys"].is_string());

    let third = router().durable().start();
    let said = succeed(&third, &["import", bare]);
    assert!(said.contains("there are no pin keys in the file"), "{said}");
    assert_eq!(known_again(&third, &clients), 0);
}

#[test]
fn a_backup_names_what_it_does_not_hold_and_a_restore_what_of_it_is_there() {
    let certificates = tempfile::tempdir().expect("a temporary directory can be made");
    make_certificates(certificates.path());
    let path = |name: &str| certificates.path().join(name).display().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let flags = ["--listen-tls", "127.0.0.1:0", "--tls-certificate", &certificate, "--tls-key", &key];
    let with_tls = || flags.iter().fold(router().durable(), |router, flag| router.flag(flag));
    let first = with_tls().limit("idle_ms", 70_000).stable("v1").start();
    let here = |router: &Router, name: &str| router.path(name).display().to_string();
    let needed = [
        format!("config {}", here(&first, "config.toml")),
        format!("token_file {}", here(&first, "tokens")),
        format!("tls_certificate {certificate}"),
        format!("tls_key {key}"),
    ];

    let file = here(&first, "backup.json");
    let said = succeed(&first, &["export", &file, "--with-secrets"]);
    let backup: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).expect("JSON");
    let inside: Value =
        serde_json::from_str(backup["rolling/router/backup"].as_str().expect("it is in the file"))
            .expect("JSON");
    for line in &needed {
        assert!(said.contains(line), "no `{line}` in {said}");
        let (setting, path) = line.split_once(' ').unwrap();
        let entry = serde_json::json!({ "setting": setting, "path": path });
        assert!(inside["files"].as_array().expect("a list").contains(&entry), "{inside}");
    }

    let second = with_tls().start();
    std::fs::remove_file(&key).unwrap();
    for dry_run in [&["--dry-run"][..], &[]] {
        let said = succeed(&second, &[&["import", &file], dry_run].concat());
        for line in [
            format!("{}: this router has no such setting", needed[0]),
            format!("{}: this router has {}", needed[1], here(&second, "tokens")),
            format!("{}: this router has {certificate}", needed[2]),
            format!("{}: this router's {key} is missing", needed[3]),
        ] {
            assert!(said.contains(&line), "no `{line}` in {said}");
        }
    }
    let again = succeed(&second, &["export", "--with-secrets", &here(&second, "again.json")]);
    assert!(again.contains(&here(&second, "tokens")) && !again.contains(&here(&first, "tokens")), "{again}");
    let list = serde_json::json!({ "prefixes": ["rolling/router/backup"] });
    let listed = second.api_as("admin").call("POST", "/api/v1/store/list", Some(&list)).expect(200).json();
    assert_eq!(listed["entries"], serde_json::json!([]), "the names are in no store");
}

#[test]
fn where_files_lie_is_for_operators() {
    let router = router().stable("v1").start();
    let read = |role: &str| router.api_as(role).call("GET", "/api/v1/router/files", None);
    for role in ["viewer", "ci"] {
        read(role).expect(403);
    }
    let files = read("operator").expect(200).json();
    let tokens = router.path("tokens").display().to_string();
    let expected = serde_json::json!({ "setting": "token_file", "path": tokens, "found": true });
    assert!(files["files"].as_array().expect("a list").contains(&expected), "{files}");
    router.api().anonymous().call("GET", "/api/v1/router/files", None).expect(401);
}
