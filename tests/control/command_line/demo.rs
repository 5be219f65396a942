//! The demo: it runs by itself, and is a real router.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use super::program::{finish, program};
use support::{Api, Process, Visitor, eventually};

/// A running demo; it is killed when dropped.
struct Demo {
    child: Child,
    front: SocketAddr,
    admin: SocketAddr,
    token: String,
    /// What it printed.
    lines: Vec<String>,
}

impl Demo {
    /// Starts it on free ports and reads where they are.
    fn start(folder: &std::path::Path) -> Self {
        Self::start_as(program(), folder)
    }

    fn start_as(mut command: Command, folder: &std::path::Path) -> Self {
        command.args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.env("TMPDIR", folder).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be run");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let lines: Vec<String> =
            lines.map_while(Result::ok).take_while(|line| !line.contains("Ctrl-C")).collect();
        let word = |label: &str| {
            let line = lines.iter().find(|line| line.trim_start().starts_with(label));
            line.and_then(|line| line.split_whitespace().nth(1))
                .unwrap_or_else(|| panic!("{lines:?}"))
                .to_owned()
        };
        let address = |label: &str| {
            let link = word(label).replace("localhost", "127.0.0.1");
            link.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address")
        };
        Self { front: address("site"), admin: address("GUI"), token: word("token"), child, lines }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_serves_both_releases_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let api = Api::new(demo.admin, &demo.token, "hello");
    eventually("the visitors reach both releases", || {
        let state = api.state();
        let served = |track: &str| state[track]["activity"]["requests"].as_u64().unwrap_or(0);
        served("stable") > 0 && served("candidate") > 0
    });
    let mut visitor = Visitor::new(demo.front, "localhost");
    let first = visitor.get("/whoami").response.text();
    for _ in 0..5 {
        assert_eq!(visitor.get("/whoami").response.text(), first, "a visitor is pinned");
    }
    let history = api.call("GET", "/api/v1/apps/hello/history", None).expect(200).json();
    let first = history["events"].as_array().and_then(|events| events.last()).expect("an event");
    assert_eq!((&first["command"], &first["actor"]), (&"adopt".into(), &"rolling-router".into()), "{first}");
    let mut promote = program();
    promote.args(["promote", "--admin", &demo.admin.to_string(), "--token", &demo.token]);
    finish(&mut promote).expect(0);
    assert_eq!(api.state()["stable"]["release"], "1.0.1");
    Process(demo.child.id()).signal("INT");
    assert_eq!(demo.child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary folder is gone");
}

/// Whoever built it has it in no folder of the shell's path, and copied a step that was not found.
#[test]
fn the_next_steps_name_the_program_as_it_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("it's here");
    std::os::unix::fs::symlink(support::binary(), &odd).unwrap();
    let plain = folder.path().join("router");
    std::os::unix::fs::symlink(support::binary(), &plain).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    for path in [odd, plain] {
        let mut command = super::program::program_at(&path);
        command.stderr(Stdio::null());
        let demo = Demo::start_as(command, temporary.path());
        let step = |verb: &str| {
            let ends = |line: &&String| line.trim_end().ends_with(verb);
            demo.lines.iter().find(ends).unwrap_or_else(|| panic!("{:?}", demo.lines)).trim().to_owned()
        };
        // Each line is run as it stands.
        let script =
            format!("{}\n{}\n{}", step(&format!("TOKEN={}", demo.token)), step(" blend 50"), step(" status"));
        let ran = finish(&mut super::program::shell(&script)).expect(0);
        assert!(ran.out.contains("50 %"), "{script}: {}", ran.out);
    }
}
