//! Verbs that need no router, and how `serve` refuses what it cannot run with.

use std::{fs, net::TcpListener};

use super::program::{finish, program, run};

#[test]
fn help_is_no_error_and_a_wrong_word_is_one() {
    let help = run(&["--help"]).expect(0);
    assert!(help.out.contains("Exit codes:"), "{}", help.out);
    run(&["serve", "--help"]).expect(0);
    run(&["--version"]).expect(0);
    run(&["fly"]).expect(2);
    run(&["blend", "101"]).expect(2);
    run(&["kv", "get", "a/../b"]).expect(2);
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).expect(0).out.contains("rollback"), "{shell}");
    }
}

#[test]
fn manual_pages_are_written_for_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    run(&["man", pages.to_str().unwrap()]).expect(0);
    let page =
        |name: &str| fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(page("rolling-router.1").contains("rollback"));
    assert!(page("rolling-router-serve.1").contains("ROLLING_ROUTER_LISTEN"));
    assert!(page("rolling-router-kv-export.1").contains("with\\-secrets"));
    let refused = run(&["man", "/dev/null/pages"]).expect(1);
    assert!(refused.err.contains("/dev/null/pages"), "{}", refused.err);
}

#[test]
fn a_wrong_setting_is_named_before_anything_starts() {
    let refused = run(&["serve", "--workers", "0", "--store", "memory"]).expect(2);
    assert!(refused.err.contains("--workers is `0`"), "{}", refused.err);
    let refused = finish(program().arg("check").env("ROLLING_ROUTER_LISTEN", "nowhere")).expect(2);
    assert!(refused.err.contains("ROLLING_ROUTER_LISTEN"), "{}", refused.err);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("router.toml");
    fs::write(&file, "worker = 1\n").unwrap();
    let refused = finish(program().args(["serve", "--config"]).arg(&file)).expect(2);
    assert!(refused.err.contains("did you mean `workers`?"), "{}", refused.err);
}

#[test]
fn a_port_that_is_taken_ends_serve_with_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let words = ["serve", "--store", "memory", "--admin", "127.0.0.1:0", "--listen", &address];
    let refused = finish(program().args(words).current_dir(dir.path())).expect(1);
    assert!(refused.err.contains(&address), "{}", refused.err);
}

#[test]
fn check_says_what_a_router_would_make_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keyvalues.json");
    let check = |text: &str, code: i32| {
        fs::write(&file, text).unwrap();
        finish(program().args(["check", "--json", "--keyvalues"]).arg(&file)).expect(code).json()
    };
    let good = r#"{"rolling/hello/stable/id": "apps/hello-1-80/containers",
                   "apps/hello-1-80/containers/a": "127.0.0.1:9001"}"#;
    let found = check(good, 0);
    assert_eq!(found["valid"], true);
    assert_eq!(found["apps"][0]["stable"], "apps/hello-1-80/containers");
    let found = check(&good.replace("127.0.0.1:9001", "169.254.169.254:80"), 4);
    assert_eq!(found["problems"][0]["key"], "apps/hello-1-80/containers/a");
    let found = check("[]", 2);
    assert_eq!(found["error"]["code"], "usage");
}
