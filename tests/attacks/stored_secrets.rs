//! Secrets in an embedded store: none of them in its file, a backup that has them, and files of keys that are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};
use support::{Router, binary, eventually, router, router::token, write_private};

const KEY: &str = "one:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn encrypting() -> Router {
    let router =
        router().durable().stable("v1").private_file("keys", KEY).flag("--secrets-key-file=keys").start();
    let hook = json!({"url": "http://hooks.example/in", "secret": SECRET, "paused": true});
    router.api_as("admin").call("PUT", "/api/v1/hooks/chat", Some(&hook)).expect(201);
    router
}

/// What is exported with secrets.
fn exported(router: &Router) -> Value {
    let file = router.path("backup.json");
    let ran = command(router, &["kv", "export", file.to_str().expect("text"), "--with-secrets"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mode = fs::metadata(&file).expect("it was written").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    serde_json::from_slice(&fs::read(&file).expect("it can be read")).expect("JSON")
}

fn command(router: &Router, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(binary());
    command.args(words).env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", router.admin));
    command.env("ROLLING_ROUTER_TOKEN", token("admin")).output().expect("the binary can be run")
}

#[test]
fn the_file_of_an_embedded_store_has_no_secret() {
    let mut router = encrypting();
    let backup = exported(&router);
    let pins: Value =
        serde_json::from_str(backup["rolling/router/pinkeys"].as_str().expect("pin keys")).expect("JSON");
    let pin_key = pins["current"]["secret"].as_str().expect("a secret").to_owned();
    let token_key = backup["rolling/router/tokenkey"].as_str().expect("the key of tokens").to_owned();
    assert!(
        backup["rolling/router/hooks/chat"].as_str().is_some_and(|hook| hook.contains(SECRET)),
        "a backup is whole"
    );
    assert!(backup.get("rolling/router/secrets").is_none(), "how a store is encrypted is its own");
    router.kill();
    let file = fs::read(router.path("store.redb")).expect("the store's file");
    assert!(has(&file, "rolling/router/hooks/chat"), "this is where it would be");
    for secret in [SECRET, &pin_key, &token_key] {
        assert!(!has(&file, secret), "{secret} is in the store");
    }
    router.start_again();
    assert_eq!(
        exported(&router)["rolling/router/pinkeys"],
        backup["rolling/router/pinkeys"],
        "it reads them again"
    );
}

#[test]
fn a_backup_of_an_encrypted_store_is_put_back_into_any_other() {
    let encrypted = encrypting();
    let mut visitor = encrypted.visitor();
    let pin = visitor.pin_of("/").expect("a pin");
    exported(&encrypted);
    let plain = router().durable().stable("v1").start();
    let backup = encrypted.path("backup.json");
    let words = ["kv", "import", backup.to_str().expect("text"), "--replace"];
    let ran = command(&plain, &words);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let known = |router: &Router| {
        let mut visitor = router.visitor();
        visitor.pin = Some(pin.clone());
        visitor.get("/");
        visitor.pin.as_deref() == Some(&*pin)
    };
    eventually("the other router knows the pin", || known(&plain));
    let ran = command(&encrypted, &words);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    eventually("and so does this one", || known(&encrypted));
}

#[test]
fn a_store_that_lost_its_keys_for_good_is_put_right_by_a_backup() {
    let mut router = encrypting();
    let mut visitor = router.visitor();
    let pin = visitor.pin_of("/").expect("a pin");
    exported(&router);
    let backup = router.path("backup.json");
    write_private(&router.path("keys"), "two:MTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    router.start_again();
    let unreadable = |router: &Router| {
        let fleet = router.api().call("GET", "/api/v1/fleet", None).expect(200).json();
        fleet["secrets"]["unreadable"].as_u64()
    };
    eventually("it says so", || unreadable(&router).is_some_and(|count| count >= 3));
    // The new key is the first of every member, so it is taken, and a backup written with it.
    eventually("the new key is the one of today", || {
        let fleet = router.api().call("GET", "/api/v1/fleet", None).expect(200).json();
        fleet["secrets"]["key"].as_str().is_some_and(|key| key.starts_with("two."))
    });
    let ran = command(&router, &["kv", "import", backup.to_str().expect("text"), "--replace"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    eventually("all of them can be read", || unreadable(&router) == Some(0));
    let mut visitor = router.visitor();
    visitor.pin = Some(pin.clone());
    visitor.get("/");
    assert_eq!(visitor.pin, Some(pin));
}

#[test]
fn a_file_of_keys_that_cannot_be_used_is_told_by_check_and_keeps_a_new_router_from_starting() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("keys");
    let run = |verb: &str| {
        let mut command = Command::new(binary());
        command.arg(verb).args([
            "--secrets-key-file",
            file.to_str().expect("text"),
            "--listen",
            "127.0.0.1:0",
        ]);
        let state = folder.path().join("state");
        command.args(["--admin", "127.0.0.1:0", "--state", state.to_str().expect("text")]);
        let store = format!("embedded:{}", folder.path().join("store").display());
        let output = command.args(["--store", &store]).output().expect("the binary can be run");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    for (text, mode, said) in [
        (None, 0o600, "No such file"),
        (Some(""), 0o600, "holds no key"),
        (Some("one:c2hvcnQ=\n"), 0o600, "32 bytes"),
        (Some(KEY), 0o666, "others can write it"),
    ] {
        if let Some(text) = text {
            write_private(&file, text);
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it can be opened");
        }
        for verb in ["check", "serve"] {
            let (code, told) = run(verb);
            assert_eq!(code, Some(2), "{verb}: {told}");
            assert!(told.contains(said) && !told.contains("c2hvcnQ") && !told.contains("MDEyMzQ1"), "{told}");
        }
    }
    write_private(&file, KEY);
    assert_eq!(run("check").0, Some(0));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it can be opened");
    let (code, told) = run("check");
    assert!(code == Some(0) && told.contains("others can read"), "{code:?} {told}");
}
