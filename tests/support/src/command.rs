//! One run of the command line against a router.

use crate::{Router, router::token};
use std::process::{Command, Stdio};

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1: a signal ended it.
    pub code: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

/// Runs the binary with these words, away from the settings of whoever runs the tests.
pub fn run(words: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(crate::binary());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ROLLING_ROUTER_") || name.starts_with("KV_") {
            command.env_remove(&*name);
        }
    }
    command.env_remove("OCCS_API_TOKEN").env_remove("APP_NAME").stdin(Stdio::null());
    let output =
        command.args(words).envs(environment.iter().copied()).output().expect("the binary can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs it against a router, with the token of a role.
pub fn ask(router: &Router, role: &str, words: &[&str]) -> Ran {
    let admin = format!("http://{}", router.admin);
    run(words, &[("ROLLING_ROUTER_ADMIN_URL", &admin), ("ROLLING_ROUTER_TOKEN", token(role))])
}
