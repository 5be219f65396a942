//! One run of the binary.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use support::{Router, router::token};

/// How a run ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Fails unless the exit code is as expected; gives the run back.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// The binary, away from the settings of whoever runs the tests.
pub fn program() -> Command {
    without_settings(Command::new(support::binary()))
}

/// The binary under another name.
pub fn program_at(path: &Path) -> Command {
    without_settings(Command::new(path))
}

/// A shell that finds the binary under its name.
pub fn shell(script: &str) -> Command {
    let mut command = without_settings(Command::new("sh"));
    let folder = Path::new(support::binary()).parent().expect("it lies in a folder");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    command.args(["-ec", script]).env("PATH", path);
    command
}

fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ROLLING_ROUTER_") || name.starts_with("KV_") {
            command.env_remove(&*name);
        }
    }
    command.env_remove("OCCS_API_TOKEN").env_remove("APP_NAME").stdin(Stdio::null());
    command
}

/// Runs it with these words.
pub fn run(words: &[&str]) -> Ran {
    finish(program().args(words))
}

/// Runs it against a router, with the token of a role.
pub fn ask(router: &Router, role: &str, words: &[&str]) -> Ran {
    finish(
        program()
            .args(words)
            .env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", router.admin))
            .env("ROLLING_ROUTER_TOKEN", token(role)),
    )
}

/// Waits for its end.
pub fn finish(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}
