//! The token file: one that others could write was believed, a line without a role was an admin's, and a mistyped line kept the
//! whole router from starting.

use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::router::token;
use support::{Router, eventually, router};

use support::command::run;

fn who(router: &Router, token: &str) -> u16 {
    router.api().with_token(token).call("GET", "/api/v1/whoami", None).status()
}

fn ready(router: &Router) -> String {
    router.api().anonymous().raw("GET", "/readyz", None, "").expect(200).response.text()
}

#[test]
fn a_bad_line_is_left_out_by_its_number_and_everything_else_serves() {
    let mut router = router().durable().stable("v1").start();
    let file = router.path("tokens");
    let lines = format!(
        "{} root admin\na-token-without-a-role joe\nsecond-token-of-root-1 root viewer\na-bare-token-0123456789\n{} again ci\n",
        token("admin"),
        token("admin"),
    );
    fs::write(&file, &lines).expect("it can be written");
    router.start_again();
    assert_eq!(router.visitor().release(), "v1");
    assert_eq!(who(&router, token("admin")), 200);
    assert_eq!(who(&router, "a-bare-token-0123456789"), 200);
    for token in ["a-token-without-a-role", "second-token-of-root-1"] {
        assert_eq!(who(&router, token), 401, "{token}");
    }
    let said = ready(&router);
    for fault in [
        "line 2: it has a name and no role",
        "line 3: an earlier line has the name `root` already",
        "line 5: an earlier line has the same token",
    ] {
        assert!(said.contains(fault) && router.log().contains(fault), "{fault}: {said}");
        assert!(!said.contains("line 4"), "{said}");
    }
    let file = file.display().to_string();
    let checked = run(&["check", "--store", "memory", "--token-file", &file], &[]);
    assert_eq!(checked.code, 4, "{checked:?}");
    assert!(checked.out.contains("line 2: it has a name and no role"), "{checked:?}");
    for text in [said, router.log(), checked.out, checked.err] {
        assert!(
            !text.contains("a-token-without-a-role") && !text.contains("second-token-of-root-1"),
            "{text}"
        );
    }
}

#[test]
fn a_file_that_others_can_write_lets_nobody_in_and_end_users_are_served() {
    let mut router = router().durable().stable("v1").start();
    let file = router.path("tokens");
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it can be set");
    mode(0o666);
    router.start_again();
    assert_eq!(router.visitor().release(), "v1");
    assert_eq!(who(&router, token("admin")), 401);
    let said = ready(&router);
    assert!(
        said.starts_with("ready\n") && said.contains("others can write it, since its mode is 666"),
        "{said}"
    );
    mode(0o644);
    eventually("the file counts again", || who(&router, token("admin")) == 200);
    assert_eq!(ready(&router), "ready\n");
    eventually("it is warned of", || router.log().contains("others can read the file, whose mode is 644"));

    // While it runs, the tokens stay as they were, and somebody else's count for nothing.
    fs::write(&file, "the-evil-token-0123456789 evil admin\n").expect("it can be written");
    mode(0o622);
    eventually("it is told", || ready(&router).contains("the tokens stay as they were"));
    assert_eq!(who(&router, token("admin")), 200);
    // 429, if the waiting above was long.
    assert_ne!(who(&router, "the-evil-token-0123456789"), 200);
}

#[test]
fn whoever_comes_and_goes_in_the_file_is_in_the_audit() {
    let router = router().stable("v1").start();
    let lines = format!("{} root admin\na-new-token-0123456789 nina ci\n", token("admin"));
    fs::write(router.path("tokens"), lines).expect("it can be written");
    eventually("it counts", || who(&router, "a-new-token-0123456789") == 200);
    let page = router.api_as("admin").call("GET", "/api/v1/audit?via=file", None).expect(200).json();
    let changes = page["entries"][0]["changes"].as_array().expect("a list").clone();
    assert!(
        changes.contains(&json!({ "key": "token nina", "before": null, "after": { "role": "ci" } })),
        "{page}"
    );
    assert!(
        changes.contains(&json!({ "key": "token maria", "before": { "role": "operator" }, "after": null })),
        "{page}"
    );
}

#[test]
fn the_state_directory_is_the_routers_alone() {
    let mut router = router().durable().stable("v1").start();
    let mode = |router: &Router| {
        fs::metadata(router.path("state")).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode(&router), 0o700);
    fs::set_permissions(router.path("state"), fs::Permissions::from_mode(0o755)).expect("it can be set");
    router.start_again();
    assert_eq!(mode(&router), 0o700, "one that is open to others is made private");
}
