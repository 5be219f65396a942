//! Logins that an endpoint ties to a TCP connection: whoever logs in so is alone on that connection.

use std::process::Command;

use serde_json::json;
use support::ntlm::{first_message, greeting, negotiate, third_message};
use support::websocket::upgrade;
use support::{Response, Router, RouterBuilder, Wire, eventually, router};

fn intranet() -> RouterBuilder {
    router().stable_on("v1", vec![greeting("v1")])
}

/// What curl prints for these arguments.
fn curl(arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "50", "--write-out", "\\n"]).args(arguments);
    let output = command.output().expect("curl can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ask(wire: &mut Wire, target: &str, headers: &str) -> Response {
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: shop.example.test\r\n{headers}\r\n"));
    wire.response("GET")
}

/// Shakes hands as this user.
fn log_in(wire: &mut Wire, user: &str) {
    assert_eq!(ask(wire, "/private", "").status, 401, "{user} says nothing yet");
    let challenge = ask(wire, "/private", &first_message());
    let token = challenge.header("www-authenticate").unwrap_or_default().to_owned();
    assert!(challenge.status == 401 && token.starts_with("NTLM "), "{user}: {challenge:?}");
    assert_eq!(ask(wire, "/private", &third_message(user)).text(), format!("hello {user}"));
}

/// Who asks without a word on a connection of their own is nobody.
fn assert_strangers_are_nobody(router: &Router) {
    for _ in 0..5 {
        assert_eq!(ask(&mut router.connect(), "/", "").text(), "hello nobody");
    }
}

/// `curl --ntlm -u user1:pw`, then `curl` without anything: it was answered `hello user1`.
#[test]
fn whoever_comes_after_a_login_by_curl_is_nobody() {
    let router = intranet().start();
    let url = format!("http://{}/private", router.front);
    for user in ["user1", "user2", "user1"] {
        let login = format!("{user}:pw");
        let said = curl(&["--ntlm", "-u", &login, &url, &url, &url]);
        assert_eq!(said, format!("hello {user}\n").repeat(3));
        assert_eq!(curl(&[&format!("http://{}/", router.front)]), "hello nobody\n");
        assert_strangers_are_nobody(&router);
    }
    eventually("each login ends with its client's connection", || {
        assert_strangers_are_nobody(&router);
        router.api().metrics().sum("rolling_login_connections", &[]) == 0.0
    });
}

/// 117 of 200 requests of five users were answered as somebody else.
#[test]
fn of_several_users_each_is_always_the_same() {
    let router = intranet().workers(2).start();
    let users = ["user1", "user2", "user3", "user4", "user5"];
    let mut wires: Vec<Wire> = users.iter().map(|_| router.connect()).collect();
    for (wire, user) in wires.iter_mut().zip(users) {
        log_in(wire, user);
    }
    for round in 0..40 {
        for (wire, user) in wires.iter_mut().zip(users) {
            assert_eq!(ask(wire, "/", "").text(), format!("hello {user}"), "round {round}");
        }
        assert_eq!(ask(&mut router.connect(), "/", "").text(), "hello nobody", "round {round}");
    }
    // They log in as somebody else on the same connection, or leave.
    log_in_again(&mut wires[0], "user9");
    drop(wires);
    assert_strangers_are_nobody(&router);
}

fn log_in_again(wire: &mut Wire, user: &str) {
    assert_eq!(ask(wire, "/private", &first_message()).status, 401);
    assert_eq!(ask(wire, "/private", &third_message(user)).text(), format!("hello {user}"));
    assert_eq!(ask(wire, "/", "").text(), format!("hello {user}"));
}

/// Negotiate needs one message, and some endpoints say by themselves that a login goes with the connection.
#[test]
fn every_way_in_which_a_connection_takes_a_login_binds_it() {
    let router = intranet().start();
    for (target, headers) in [
        ("/", negotiate("maria")),
        ("/", negotiate("maria").replace("Negotiate ", "negotiate  ")),
        ("/", negotiate("maria").replace("Authorization", "aUTHORIZATION")),
        ("/remembered", "X-User: maria\r\n".to_owned()),
    ] {
        let mut wire = router.connect();
        assert_eq!(ask(&mut wire, target, &headers).text(), "hello maria", "{headers}");
        assert_strangers_are_nobody(&router);
        assert_eq!(ask(&mut wire, "/", "").text(), "hello maria", "{headers}");
        drop(wire);
        assert_strangers_are_nobody(&router);
    }
}

#[test]
fn a_challenge_alone_binds_nothing() {
    let router = intranet().start();
    for _ in 0..20 {
        assert_eq!(ask(&mut router.connect(), "/private", "").status, 401);
    }
    let requests = router.endpoint("v1").take();
    assert!(requests.iter().all(|request| request.connection == requests[0].connection), "{requests:?}");
    assert_eq!(router.api().metrics().sum("rolling_login_connections", &[]), 0.0);
}

/// A client that keeps no cookies is drawn anew with every request: its handshake would never end.
#[test]
fn a_handshake_stays_at_one_endpoint_without_cookies_too() {
    let endpoints = |release| vec![greeting(release), greeting(release), greeting(release)];
    let both = || router().stable_on("v1", endpoints("v1")).candidate_on("v2", endpoints("v2")).blend(50);
    for router in [both().start(), both().not_sticky().start()] {
        let url = format!("http://{}/private", router.front);
        for user in ["user1", "user2", "user3", "user4", "user5", "user6"] {
            let said = curl(&["--ntlm", "-u", &format!("{user}:pw"), &url, &url, &url]);
            assert_eq!(said, format!("hello {user}\n").repeat(3));
        }
        assert_strangers_are_nobody(&router);
    }
}

/// A page that logs in opens its WebSocket on the connection on which it did.
#[test]
fn a_websocket_is_opened_by_who_has_logged_in() {
    let router = intranet().start();
    let mut wire = router.connect();
    log_in(&mut wire, "maria");
    wire.send(upgrade("/chat", "shop.example.test"));
    let opened = wire.response("GET");
    assert_eq!((opened.status, opened.header("x-user")), (101, Some("maria")));
    assert_strangers_are_nobody(&router);
    drop(wire);
    let mut stranger = router.connect();
    stranger.send(upgrade("/chat", "shop.example.test"));
    assert_eq!(stranger.response("GET").header("x-user"), Some("nobody"));
}

#[test]
fn a_move_ends_the_login() {
    let router =
        router().stable_on("v1", vec![greeting("v1")]).candidate_on("v2", vec![greeting("v2")]).blend(100);
    let router = router.start();
    let mut wire = router.connect();
    log_in(&mut wire, "maria");
    assert_eq!(ask(&mut wire, "/", "").header("x-release"), Some("v2"));
    router.api().post("abort", &json!({})).expect(200);
    let moved = ask(&mut wire, "/", "");
    assert_eq!((moved.header("x-release"), moved.text().as_str()), (Some("v1"), "hello nobody"));
    assert_strangers_are_nobody(&router);
}

/// Behind a proxy one connection carries many clients, so nobody may log in on it.
#[test]
fn a_proxy_in_front_is_not_asked_for_such_a_login() {
    let router = intranet().flag("--trusted-networks=127.0.0.0/8").start();
    let mut wire = router.connect();
    for _ in 0..3 {
        let refused = ask(&mut wire, "/private", "");
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header_all("www-authenticate"), ["Basic realm=\"a, b\""]);
    }
    let connections: Vec<usize> =
        router.endpoint("v1").take().iter().map(|request| request.connection).collect();
    assert!(connections[0] != connections[1] && connections[1] != connections[2], "{connections:?}");
    // Who sends one all the same gets one answer with it.
    assert_eq!(ask(&mut wire, "/", &negotiate("maria")).text(), "hello maria");
    assert_eq!(ask(&mut wire, "/", "").text(), "hello nobody");
    let remembered = ask(&mut wire, "/remembered", "X-User: maria\r\n");
    assert_eq!((remembered.text().as_str(), remembered.header("persistent-auth")), ("hello maria", None));
    assert_eq!(ask(&mut wire, "/", "").text(), "hello nobody");
}

#[test]
fn beyond_the_limit_nobody_becomes_somebody_else() {
    let router = intranet().limit("login_connections_max", 1).start();
    let (mut first, mut second) = (router.connect(), router.connect());
    log_in(&mut first, "user1");
    assert_eq!(ask(&mut second, "/", &negotiate("user2")).text(), "hello user2");
    assert_eq!(ask(&mut second, "/", "").text(), "hello nobody", "its connection was closed");
    assert_eq!(ask(&mut first, "/", "").text(), "hello user1");
    assert_strangers_are_nobody(&router);
    let hits = router.api().metrics().sum("rolling_limits_hit_total", &[("limit", "login_connections")]);
    assert!(hits >= 1.0, "{hits}");
}

#[test]
fn a_login_that_the_endpoint_ends_is_over_and_the_client_goes_on() {
    let router = intranet().start();
    let mut wire = router.connect();
    log_in(&mut wire, "maria");
    router.endpoint("v1").close_connections();
    eventually("they are closed", || router.endpoint("v1").open_connections() == 0);
    assert_eq!(ask(&mut wire, "/", "").text(), "hello nobody");
    log_in_again(&mut wire, "maria");
}
