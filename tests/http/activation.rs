//! Sockets that a service manager opens before the router runs: systemd's own tool passes them on.

use support::{Router, router};

fn serves(router: &Router) {
    for _ in 0..50 {
        let mut wire = router.connect();
        wire.send("GET / HTTP/1.1\r\nHost: shop.example.test\r\nConnection: close\r\n\r\n");
        assert_eq!(wire.response("GET").status, 200);
    }
}

/// Two workers share the one socket of the front: who opened it may be another user, so no second one is bound beside it.
#[test]
fn a_router_serves_on_sockets_that_a_service_manager_has_opened() {
    let mut router = router().stable("v1").workers(2).durable().activated().start();
    serves(&router);
    for address in [router.front, router.admin] {
        let said = format!("the socket on {address} is the service manager's");
        assert!(router.log().contains(&said), "{}", router.log());
    }
    router.upgrade();
    serves(&router);
    assert_eq!(router.api().state()["stable"]["release"], "v1");
}

/// One that nothing in the settings is for would be open and never served.
#[test]
fn a_socket_that_no_setting_names_is_said_so() {
    let stray = router::free_port();
    let mut command = std::process::Command::new("systemd-socket-activate");
    command
        .args(["-l", &stray.to_string(), "--"])
        .arg(support::binary())
        .args(["serve", "--store", "memory"]);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let child = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn();
    let mut child = child.expect("systemd-socket-activate can be run");
    // It waits for a first client. One that comes too early is nobody's.
    support::eventually("it ends", || {
        let _ = std::net::TcpStream::connect(stray);
        child.try_wait().expect("it can be asked").is_some()
    });
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success());
    assert!(
        said.contains(&format!("the service manager gives a socket on {stray}, which none of")),
        "{said}"
    );
}
