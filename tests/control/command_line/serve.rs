//! `serve`: what an operator sees of a router that starts.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use super::program::{finish, program, program_at};
use support::Process;

/// Settings that leave both ports to the kernel.
const ON_FREE_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

/// A running router, and what it says.
pub struct RouterProcess {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStderr>>,
}

impl RouterProcess {
    /// Starts it in a directory, with these settings and nothing else said.
    pub fn start(folder: &Path, settings: &[&str]) -> Self {
        Self::start_with(folder, settings, &[])
    }

    /// The same with these variables.
    pub fn start_with(folder: &Path, settings: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.envs(environment.iter().copied());
        Self::run(command, folder, settings)
    }

    /// The same of a program that lies elsewhere.
    pub fn start_at(path: &Path, folder: &Path, settings: &[&str]) -> Self {
        Self::run(program_at(path), folder, settings)
    }

    fn run(mut command: Command, folder: &Path, settings: &[&str]) -> Self {
        command.arg("serve").args(settings).current_dir(folder);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary can be run");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    /// Everything up to the line that holds `mark`.
    pub fn until(&mut self, mark: &str) -> String {
        let mut said = String::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            said += &line;
            said.push('\n');
            if line.contains(mark) {
                return said;
            }
        }
        panic!("it ended without saying `{mark}`:\n{said}");
    }

    /// Asks it to end, and waits; its exit code.
    pub fn end(mut self) -> Option<i32> {
        Process(self.child.id()).signal("TERM");
        self.child.wait().expect("it can be waited for").code()
    }
}

impl Drop for RouterProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_router_without_settings_starts_in_an_empty_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut router = RouterProcess::start(folder.path(), &ON_FREE_PORTS);
    let said = router.until("admin token, shown this once: ");
    for part in
        ["store embedded:./rolling-router-state/keyvalues.redb", "tokens in", "end users on http://127."]
    {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let admin = said.lines().find_map(|line| line.split_once("GUI and API on ")).expect("it says where").1;
    let token = said.trim_end().rsplit(' ').next().unwrap();
    // The command line finds the token by itself: it looks where `serve` puts it.
    finish(program().args(["status", "--admin", admin]).current_dir(folder.path())).expect(0);
    finish(program().args(["status", "--admin", admin, "--token", token])).expect(0);
    assert_eq!(router.end(), Some(0));
    let mut again = RouterProcess::start(folder.path(), &ON_FREE_PORTS);
    let said = again.until("GUI and API on ");
    assert!(!said.contains("shown this once"), "{said}");
    assert_eq!(again.end(), Some(0));
}

/// As an ordinary user, on a network of its own, whose ports below 1024 are for those with the capability.
fn as_ordinary_user(verb: &str, settings: &[&str]) -> super::program::Ran {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = Command::new("unshare");
    command.args(["--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
    command.arg(support::binary()).args([verb, "--store", "memory"]).args(settings);
    finish(command.current_dir(folder.path()).env_clear())
}

#[test]
fn a_port_that_an_ordinary_user_may_not_have_is_refused_with_what_to_do() {
    for (settings, parts) in [
        (&[][..], ["cannot listen on 0.0.0.0:80:", "--listen 8000"]),
        (&["--listen", "8000,81"], ["cannot listen on 0.0.0.0:81:", "--listen 8000"]),
        (&["--listen", "8000", "--admin", "90"], ["cannot listen on 0.0.0.0:90 ", "--admin 8080"]),
    ] {
        for verb in ["serve", "check"] {
            let ran = as_ordinary_user(verb, settings);
            let said = format!("{}{}", ran.out, ran.err);
            assert_eq!(ran.code, 1, "{verb}: {said}");
            for part in parts.into_iter().chain(["setcap cap_net_bind_service", "Permission denied"]) {
                assert!(said.contains(part), "{verb}: no `{part}` in {said}");
            }
        }
    }
}
