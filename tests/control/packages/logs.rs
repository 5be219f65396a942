//! The file for logrotate, given to logrotate: the router goes on in a new file, and no line is lost.

use std::{fs, process::Command};

use support::{eventually, log::whole_lines, router};

#[test]
fn logs_are_rotated_as_the_package_says_and_no_line_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let (access, audit) = (folder.path().join("access.log"), folder.path().join("audit.log"));
    let router =
        router().stable("v1").access_log(&access).flag(&format!("--audit-log={}", audit.display())).start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/debian/logrotate.conf");
    let text = fs::read_to_string(file).expect("it is there");
    // Its folder, user and process are those of this test.
    let mut here = text.clone();
    for (installed, tested) in [
        ("/var/log/rolling-router/", format!("{}/", folder.path().display())),
        ("su rolling-router rolling-router", "su root root".to_owned()),
        (
            "systemctl kill --kill-whom=main --signal=SIGUSR1 rolling-router.service",
            format!("kill -USR1 {}", router.pid()),
        ),
    ] {
        assert!(text.contains(installed), "no `{installed}` in\n{text}");
        here = here.replace(installed, &tested);
    }
    let own = folder.path().join("logrotate.conf");
    fs::write(&own, here).expect("it can be written");
    router.visitor().release();
    eventually("the first request is in the log", || whole_lines(&access).len() == 1);
    let state = folder.path().join("state");
    let rotate = Command::new("logrotate").arg("--force").arg("--state").args([&state, &own]).output();
    let rotate = rotate.unwrap_or_else(|error| panic!("logrotate is needed for this suite: {error}"));
    assert!(rotate.status.success(), "{}", String::from_utf8_lossy(&rotate.stderr));
    eventually("the log is opened again", || {
        router.visitor().release();
        access.exists() && !whole_lines(&access).is_empty()
    });
    let before = folder.path().join("access.log.1");
    assert!(!whole_lines(&before).is_empty(), "the old lines are kept");
    let sent = router.api().metrics().sum("rolling_requests_total", &[]) as usize;
    eventually("each request is in one of the files", || {
        whole_lines(&access).len() + whole_lines(&before).len() == sent
    });
}
