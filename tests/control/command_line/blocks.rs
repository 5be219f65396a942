//! Every block of README.md and of the pages of `docs/` runs, as it stands on the page.
//!
//! Each `sh` block is given to a shell, in a folder of its own, beside a router of its own. The blocks of README.md
//! meet a router without a release; those of `docs/` meet one with 1.0.0 stable, 1.0.1 its candidate, and an earlier
//! release to roll back to. Three things are not what they seem, since they would never end or take minutes:
//! `rolling-router serve` checks its settings, `rolling-router demo` prints its help, and `cargo` builds nothing.
//! Addresses that exist on no other machine are exchanged for real ones.
//!
//! A block that cannot run begins with the line `# Not run by the tests: ` and a reason. `NOT_RUN` names every such
//! block, so that none slips out silently; nor can one by another language, since commands stand in `sh` blocks alone.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    page::{self, Block},
    program::{Ran, finish, program, shell},
};
use support::{Endpoint, Router, echo, router, router::token};

/// The blocks that cannot run: page and heading.
const NOT_RUN: [(&str, &str); 7] = [
    ("docs/running.md", "Debian package"),
    ("docs/running.md", "Container image"),
    ("docs/running.md", "Endpoints from Kubernetes"),
    ("docs/running.md", "Endpoints from Kubernetes"),
    ("docs/running.md", "Signals"),
    ("docs/settings.md", "Client certificates"),
    ("docs/settings.md", "Protocol of endpoints"),
];

/// What a command line begins with.
const COMMANDS: [&str; 4] = ["rolling-router ", "cargo ", "curl ", "$ "];

/// Stands before the binary: it never serves.
const NEVER_SERVES: &str = r#"#!/bin/sh
case "$1" in
  serve) shift; set -- check "$@" ;;
  demo) set -- demo --help ;;
esac
exec "$(dirname "$0")/the-binary" "$@"
"#;

/// Stands in for cargo: it builds nothing.
const BUILDS_NOTHING: &str = r#"#!/bin/sh
case "$1 $2 $3" in
  "install --locked --profile") exit 0 ;;
  "run --release --") shift 3; exec rolling-router "$@" ;;
esac
echo "this stand-in does not know: cargo $*" >&2
exit 1
"#;

/// What a block meets.
struct Scene {
    folder: TempDir,
    router: Router,
    /// The router that another grows into.
    _second: Router,
    /// What the page says, and what is there.
    addresses: Vec<(&'static str, String)>,
    endpoints: Vec<Endpoint>,
}

impl Scene {
    fn of(page: &str) -> Self {
        let endpoints = vec![echo("1.0.0"), echo("1.0.0"), echo("1.0.1"), echo("receiver"), echo("2")];
        let at = |index: usize| endpoints[index].address.to_string();
        let released = page != "README.md";
        let router = if released { router().stable("0.9.0").start() } else { router().start() };
        if released {
            let api = router.api_as("admin");
            api.put("stable", &json!({ "release": "1.0.0", "endpoints": [at(0), at(1)] })).expect(200);
            let candidate = json!({ "release": "1.0.1", "endpoints": [at(2)], "blend": 10 });
            api.put("candidate", &candidate).expect(200);
        }
        let second = support::router().start();
        let addresses = vec![
            ("10.0.0.5:3000", at(0)),
            ("10.0.0.6:3000", at(1)),
            ("10.0.0.7:3000", at(2)),
            ("https://chat.example", format!("http://{}", at(3))),
            ("http://localhost:8080", format!("http://{}", router.admin)),
            ("http://10.0.0.9:8080", format!("http://{}", second.admin)),
        ];
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        stand_ins(&folder.path().join("bin"));
        fs::create_dir(folder.path().join("here")).expect("a folder can be made");
        Self { folder, router, _second: second, addresses, endpoints }
    }

    fn run(&self, block: &Block) -> Ran {
        let exchange = |text: String, (shown, real): &(&str, String)| text.replace(shown, real);
        let script = self.addresses.iter().fold(block.text.clone(), exchange);
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.folder.path().join("bin").display());
        let mut command = shell(&script);
        command.current_dir(self.folder.path().join("here")).env("PATH", path);
        command.env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", self.router.admin));
        command.env("ROLLING_ROUTER_TOKEN", token("admin")).env("TOKEN", token("admin"));
        finish(command.envs([("RELEASE", "2"), ("BUILD", "77")]).env("ENDPOINT", self.endpoint_of_2()))
    }

    fn endpoint_of_2(&self) -> String {
        self.endpoints[4].address.to_string()
    }
}

fn stand_ins(folder: &Path) {
    fs::create_dir(folder).expect("a folder can be made");
    symlink(support::binary(), folder.join("the-binary")).expect("a link can be made");
    for (name, text) in [("rolling-router", NEVER_SERVES), ("cargo", BUILDS_NOTHING)] {
        let file = folder.join(name);
        fs::write(&file, text).expect("a file can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    }
}

/// What is wrong with a block; `None` if nothing is.
fn fault(block: &Block) -> Option<String> {
    match block.language.as_str() {
        "sh" if block.excuse().is_some() => None,
        "sh" => {
            let scene = Scene::of(&block.page);
            let ran = scene.run(block);
            (ran.code != 0).then(|| format!("exit code {}\n{}{}", ran.code, ran.out, ran.err))
        }
        "toml" => {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let file = folder.path().join("rolling-router.toml");
            fs::write(&file, &block.text).expect("a file can be written");
            let ran = finish(program().arg("check").arg("--config").arg(file));
            (ran.code != 0).then_some(ran.err)
        }
        "json" => serde_json::from_str::<Value>(&block.text).err().map(|error| error.to_string()),
        // `ci` runs what it says.
        "yaml" if block.page == "docs/ci.md" => None,
        language => {
            let mut lines = block.text.lines().map(str::trim_start);
            let line = lines.find(|line| COMMANDS.iter().any(|command| line.starts_with(command)))?;
            Some(format!("`{line}` stands in a block of the language `{language}`; commands stand in `sh`"))
        }
    }
}

#[test]
fn every_block_of_the_documents_runs_as_it_stands() {
    let blocks: Vec<Block> = page::pages().iter().flat_map(|page| page::blocks(page)).collect();
    let of_shell = blocks.iter().filter(|block| block.language == "sh");
    let excused: Vec<(&str, &str)> = (of_shell.clone().filter(|block| block.excuse().is_some()))
        .map(|block| (block.page.as_str(), block.heading.as_str()))
        .collect();
    assert_eq!(excused, NOT_RUN, "the blocks that say that they cannot run");
    assert!(of_shell.count() > 20, "the pages have blocks");
    let faults = blocks.iter().filter_map(|block| Some((block, fault(block)?)));
    let faults: Vec<String> =
        faults.map(|(block, fault)| format!("{}:{}: {fault}", block.page, block.line)).collect();
    assert!(faults.is_empty(), "{} blocks:\n{}", faults.len(), faults.join("\n"));
}
