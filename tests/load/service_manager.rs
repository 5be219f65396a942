//! What a service manager is told by a router that it starts, that is upgraded, and that ends; and the unit that is handed out.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::router;

/// The next message that has a line like this; others come between.
fn told(manager: &UnixDatagram, wanted: &str) -> String {
    let mut buffer = [0; 1_024];
    loop {
        let length = manager.recv(&mut buffer).unwrap_or_else(|why| panic!("nobody said {wanted}: {why}"));
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.lines().any(|line| line == wanted) {
            return text;
        }
    }
}

#[test]
fn a_service_manager_is_told_which_process_serves_and_that_it_lives() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket can be made");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
    let path = path.display().to_string();
    let mut router = router()
        .stable("v1")
        .durable()
        .flag("--grace-seconds=0")
        .environment(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "200000")])
        .start();
    let first = router.pid();
    assert!(told(&manager, "READY=1").contains(&format!("MAINPID={first}")));
    told(&manager, "WATCHDOG=1");
    router.upgrade();
    let second = router.pid();
    assert!(told(&manager, "READY=1").contains(&format!("MAINPID={second}")));
    for _ in 0..3 {
        told(&manager, "WATCHDOG=1");
    }
    router.terminate();
    told(&manager, "STOPPING=1");
}

/// The unit is as hard to break out of as it says.
#[test]
fn the_unit_for_systemd_exposes_little() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/rolling-router.service");
    let ran = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(&unit)
        .output()
        .expect("systemd-analyze can be run");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "an exposure of 2.0 or more: {said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("it can be run");
    let findings = String::from_utf8_lossy(&verified.stderr).into_owned();
    let findings: Vec<&str> = findings.lines().filter(|line| !line.contains("is not executable")).collect();
    assert!(findings.is_empty(), "{findings:?}");
}
