//! The program as a process: started with flags, read by its log, ended by a signal.

use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use support::{eventually, write_private};
use tempfile::TempDir;

/// A running program; it is killed when dropped.
pub struct Program {
    child: Child,
    folder: TempDir,
}

impl Program {
    /// Starts it between a cluster and a router's admin port, with a token and further flags.
    pub fn start(cluster: SocketAddr, api: &str, token: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        write_private(&folder.path().join("token"), &format!("{token}\n"));
        let kubeconfig = folder.path().join("kubeconfig");
        fs::write(&kubeconfig, config_for(cluster)).expect("a file can be written");
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        let mut command = command();
        command.args(["--api", api]).arg("--token-file").arg(folder.path().join("token")).args(flags);
        command.env("KUBECONFIG", kubeconfig).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("the program can be run");
        Self { child, folder }
    }

    /// What it told so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until it told this.
    #[track_caller]
    pub fn tells(&self, what: &str) {
        eventually(&format!("the log has `{what}`"), || self.log().contains(what));
    }

    /// How often it told this.
    pub fn times(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }

    /// Gives it another token.
    pub fn give_token(&self, token: &str) {
        write_private(&self.folder.path().join("token"), token);
    }

    /// Asks it to end (SIGTERM), and waits; its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill can be run").success());
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            say(&format!("--- the program told:\n{}---", self.log()));
        }
    }
}

/// The program, away from the settings and clusters of whoever runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolling-router-k8s"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ROLLING_ROUTER_") || name.starts_with("KUBE") {
            command.env_remove(&*name);
        }
    }
    command.env("HOME", "/nowhere");
    command
}

fn config_for(cluster: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: \"http://{cluster}\"}}}}]\n\
         users: [{{name: test, user: {{token: of-a-service-account}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test, namespace: shop}}}}]\n"
    )
}

#[allow(clippy::print_stderr, reason = "what a failed test shows is its output")]
fn say(text: &str) {
    eprintln!("{text}");
}
