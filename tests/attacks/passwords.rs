//! Passwords and keys where others read them: in the process list, in what is said of a broken file, and in an export that a
//! link led elsewhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use support::router;
use support::router::token;

use support::command::{ask, run};

#[test]
fn the_password_of_a_store_is_in_no_process_list_and_no_log() {
    let serving = router().durable().stable("v1").start();
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("store");
    fs::write(&file, format!("http://:{}@{}\n", token("admin"), serving.admin)).expect("it can be written");
    let mut using =
        router().environment(&[("ROLLING_ROUTER_STORE_FILE", &file.display().to_string())]).start();
    assert_eq!(using.visitor().release(), "v1");
    for of_process in ["cmdline", "environ"] {
        let text = fs::read(format!("/proc/{}/{of_process}", using.pid())).expect("it can be read");
        assert!(!String::from_utf8_lossy(&text).contains(token("admin")), "{of_process}");
    }
    assert!(
        using.log().contains("the store file") && using.log().contains("is open to others"),
        "{}",
        using.log()
    );
    drop(serving);
    using.start_again_unready();
    assert!(!using.log().contains(token("admin")), "{}", using.log());
}

#[test]
fn what_is_said_of_a_broken_file_repeats_no_password() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let (config, store) = (folder.path().join("router.toml"), folder.path().join("store"));
    let (config_path, store_path) = (config.display().to_string(), store.display().to_string());
    for text in [
        "store = \"redis://:hunter2@h",
        "store = redis://:hunter2@h",
        "store = { url = \"redis://:hunter2@h\" }",
        "store = \"redis://:hunter2/x@h:1/0\"\nworkers = 0",
        "store = \"mongo://:hunter2@h\"",
        "strore = \"redis://:hunter2@h\"",
    ] {
        fs::write(&config, text).expect("it can be written");
        for words in [["check", "--config", &config_path], ["serve", "--config", &config_path]] {
            let ran = run(&words, &[]);
            assert_eq!(ran.code, 2, "{text}: {ran:?}");
            assert!(!ran.err.contains("hunter2") && !ran.out.contains("hunter2"), "{text}: {ran:?}");
        }
    }
    for text in ["hunter2\n", "redis://:hunter2@h\nredis://:hunter2@h\n", "mongo://:hunter2@h"] {
        fs::write(&store, text).expect("it can be written");
        let ran = run(&["check", "--store-file", &store_path], &[]);
        assert_eq!(ran.code, 2, "{text}: {ran:?}");
        assert!(!ran.err.contains("hunter2") && ran.err.contains(&store_path), "{text}: {ran:?}");
    }
    // Neither does the store itself.
    for url in ["redis://:hunter2/x@h:1/0", "redis://:1?hunter2@h:1/0", "redis://:hunter2@h:99999"] {
        fs::write(&store, url).expect("it can be written");
        let words =
            ["serve", "--store-file", &store_path, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let state = folder.path().join("state").display().to_string();
        let ran = run(&[&words[..], &["--state", &state]].concat(), &[]);
        assert_ne!(ran.code, 0, "{url}: {ran:?}");
        assert!(!ran.err.contains("hunter2") && !ran.out.contains("hunter2"), "{url}: {ran:?}");
    }
}

#[test]
fn an_export_with_secrets_goes_where_nobody_else_reads() {
    let router = router().durable().stable("v1").start();
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let (file, elsewhere) = (folder.path().join("export.json"), folder.path().join("elsewhere"));
    let export = |path: &std::path::Path| {
        ask(&router, "admin", &["kv", "export", &path.display().to_string(), "--with-secrets"])
    };
    fs::write(&file, "old").expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("it can be set");
    assert_eq!(export(&file).code, 0);
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).expect("it can be read").contains("rolling/router/pinkeys"));
    fs::write(&elsewhere, "somebody's").expect("it can be written");
    let link = folder.path().join("link");
    symlink(&elsewhere, &link).expect("it can be linked");
    let refused = export(&link);
    assert!(refused.code == 1 && refused.err.contains("it is a link"), "{refused:?}");
    assert_eq!(fs::read_to_string(&elsewhere).expect("it can be read"), "somebody's");
    let read = router.api_as("admin").call("GET", "/api/v1/audit?via=cli", None).expect(200).json();
    assert_eq!(read["entries"][0]["path"], "/api/v1/store/list", "who took the secrets is known: {read}");
}
