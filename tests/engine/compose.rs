//! The compose file of two releases, brought up, released, changed and taken down by Compose itself at a real engine.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
};

use support::{eventually, router::token, servers::engine::TestEngine};

use super::image::{ask, build};

/// Compose, as the comment in the file says, at an engine of the suite.
struct Compose<'a> {
    engine: &'a TestEngine,
}

impl Compose<'_> {
    fn try_run(&self, words: &[&str]) -> Output {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/container/compose.yaml");
        let socket = format!("unix://{}", self.engine.socket().display());
        let variables = [
            ("DOCKER_HOST", socket.as_str()),
            ("COMPOSE_PROJECT_NAME", "shop"),
            ("ROUTER_IMAGE", "compose-router:1"),
            ("ROLLING_ROUTER_TOKEN", token("admin")),
            ("SHOP_V1", "compose-web:1"),
            ("SHOP_V2", "compose-web:2"),
        ];
        let mut command = Command::new("docker-compose");
        command.arg("--file").arg(file).args(words).envs(variables);
        command.output().expect("docker-compose is installed by tests/run")
    }

    fn run(&self, words: &[&str]) -> String {
        let ran = self.try_run(words);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{words:?}: {}{}", said(&ran.stdout), said(&ran.stderr));
        said(&ran.stdout)
    }

    /// A verb of the command line, in the router's own container.
    fn router(&self, words: &[&str]) -> String {
        self.run(&[&["exec", "-T", "router", "rolling-router"], words].concat())
    }
}

/// The release that answered a user without a pin.
fn release(front: SocketAddr) -> Option<String> {
    let answer = ask(front, "/")?;
    answer
        .starts_with("HTTP/1.1 200 ")
        .then(|| answer.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned())
}

#[test]
fn two_releases_of_a_compose_file_are_served_released_and_replaced() {
    let engine = TestEngine::start(512);
    build(&engine, "compose-router:1");
    engine.image("compose-web:1", &["RELEASE=v1"]);
    engine.image("compose-web:2", &["RELEASE=v2"]);
    let compose = Compose { engine: &engine };
    compose.run(&["up", "--detach"]);
    let front = SocketAddr::new(engine.address.into(), 80);
    eventually("stable answers", || release(front).as_deref() == Some("v1"));
    eventually("a tenth of the new users get the candidate", || release(front).as_deref() == Some("v2"));

    // The service comes back under its name with another address.
    compose.run(&["stop", "web-v1"]);
    engine.image("compose-taker:1", &["RELEASE=taker"]);
    let network = serde_json::json!({"HostConfig": {"NetworkMode": "shop_default"}});
    engine.run_with("taker", "compose-taker:1", &serde_json::json!({}), &[], &network);
    compose.run(&["up", "--detach", "--force-recreate", "web-v1"]);
    eventually("stable answers at its new address", || release(front).as_deref() == Some("v1"));
    engine.remove("taker");

    let said = compose.router(&["promote", "--wait", "30s"]);
    assert!(said.contains("v2"), "{said}");
    for _ in 0..20 {
        assert_eq!(release(front).as_deref(), Some("v2"), "everybody is on it");
    }
    // What is removed with its containers is kept in the volume.
    compose.run(&["down"]);
    compose.run(&["up", "--detach"]);
    eventually("the store was kept", || release(front).as_deref() == Some("v2"));
    let status = compose.router(&["status"]);
    assert!(status.contains("v2"), "{status}");
    compose.run(&["down", "--volumes"]);
}
