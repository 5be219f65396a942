//! The pipelines of docs/ci.md, as their platforms run them: the steps are taken out of the page, given what the platform
//! gives, and run against a real router. Each ends well with a release that works, runs twice, and takes one back that does not.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::{Value, json};

use super::{
    page::{self, Block},
    program::{Ran, finish, program, shell},
};
use support::{Reply, Router, router, router::token, scripted};

const PAGE: &str = "docs/ci.md";

/// A job: what it sets, and its steps with whether they run after a failure alone.
#[derive(Debug, Default)]
struct Job {
    variables: BTreeMap<String, String>,
    steps: Vec<(String, bool)>,
}

/// How far a line is indented, and what it says.
fn indented(line: &str) -> (usize, &str) {
    let text = line.trim_start();
    (line.len() - text.len(), text.trim_end())
}

/// The block of the page under a heading.
fn block(heading: &str) -> Block {
    let mut found = page::blocks(PAGE).into_iter().filter(|block| block.heading == heading);
    let block = found.next().unwrap_or_else(|| panic!("{PAGE} has no block under `{heading}`"));
    assert!(found.next().is_none(), "`{heading}` has one block");
    block
}

/// Reads a job as far as these platforms' files need it: `key: value`, `key: |` with deeper lines, and lists.
fn job(block: &Block, variables: &str, steps: &str) -> Job {
    let mut job = Job::default();
    let mut lines = block.text.lines().map(indented).peekable();
    let mut section = (0, String::new());
    let mut after_failure = false;
    while let Some((depth, text)) = lines.next() {
        if depth <= section.0 {
            section = (depth, text.trim_end_matches(':').to_owned());
        } else if text == format!("{variables}:") || text == format!("{steps}:") {
            section = (depth, text.trim_end_matches(':').to_owned());
            continue;
        }
        let item = text.strip_prefix("- ").unwrap_or(text);
        if section.1 == variables && depth > section.0 {
            let (name, value) = item.split_once(": ").unwrap_or_else(|| panic!("`{text}` sets nothing"));
            job.variables.insert(name.to_owned(), value.to_owned());
        } else if section.1 == steps && depth > section.0 {
            after_failure =
                if item.starts_with("name:") { false } else { after_failure || item == "if: failure()" };
            let script = if steps == "script" { Some(item) } else { item.strip_prefix("run: ") };
            match script {
                Some("|") => {
                    let mut script = String::new();
                    while let Some((deeper, line)) = lines.next_if(|(deeper, _)| *deeper > depth) {
                        script += &format!("{}{line}\n", " ".repeat(deeper));
                    }
                    job.steps.push((script, after_failure));
                }
                Some(script) => job.steps.push((script.to_owned(), after_failure)),
                None => {}
            }
        }
    }
    job
}

/// What a platform knows of a build.
struct Build<'a> {
    router: &'a Router,
    release: &'a str,
    endpoint: &'a str,
}

impl Build<'_> {
    /// What stands for an expression of a platform.
    fn value(&self, expression: &str) -> String {
        match expression.trim() {
            "vars.ROLLING_ROUTER_ADMIN_URL" => format!("http://{}", self.router.admin),
            "secrets.ROLLING_ROUTER_TOKEN" => token("ci").to_owned(),
            "github.ref_name" | "$CI_COMMIT_TAG" => self.release.to_owned(),
            "vars.ENDPOINT" => self.endpoint.to_owned(),
            "github.run_number" | "$CI_PIPELINE_IID" => "77".to_owned(),
            other => panic!("no platform knows `{other}`"),
        }
    }

    fn run(&self, job: &Job, script: &str) -> Ran {
        let mut command = shell(script);
        self.give_project_variables(&mut command);
        for (name, value) in &job.variables {
            let expression =
                value.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(value);
            command.env(name, self.value(expression));
        }
        finish(&mut command)
    }

    fn give_project_variables(&self, command: &mut Command) {
        command.env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", self.router.admin));
        command.env("ROLLING_ROUTER_TOKEN", token("ci")).env("ENDPOINT", self.endpoint);
        command.env("RELEASE", self.release).env("BUILD", "77");
    }

    /// The steps of GitHub: each a shell of its own; after one that fails, those for failures alone.
    fn run_steps(&self, job: &Job) -> bool {
        let mut has_failed = false;
        for (script, after_failure) in &job.steps {
            if *after_failure == has_failed {
                let ran = self.run(job, script);
                has_failed |= ran.code != 0;
                assert!(!*after_failure || ran.code == 0, "{script}: {}", ran.err);
            }
        }
        !has_failed
    }

    /// The script of GitLab: all lines in one shell.
    fn run_script(&self, job: &Job) -> bool {
        let script: Vec<&str> = job.steps.iter().map(|(script, _)| script.as_str()).collect();
        self.run(job, &script.join("\n")).code == 0
    }
}

/// A release that works is stable after it, also the second time; one that does not is taken back.
fn assert_releases(run: impl Fn(&Build<'_>) -> bool) {
    let router = router().stable("v1").start();
    let good = scripted(|_| Reply::response("200 OK", &[("X-Release", "v2")], "v2"));
    let good = good.address.to_string();
    let bad = scripted(|_| Reply::response("500 Internal Server Error", &[], "broken"));
    let bad = bad.address.to_string();
    let tracks = || {
        let state = router.api().state();
        (state["stable"]["release"].clone(), state["candidate"]["release"].clone())
    };
    let build = Build { router: &router, release: "v2", endpoint: &good };
    assert!(run(&build), "the release works");
    assert_eq!(tracks(), (json!("v2"), Value::Null));
    assert_eq!(router.visitor().release(), "v2");
    assert!(run(&build), "and the second time there is nothing to do");
    assert!(
        !run(&Build { release: "v3", endpoint: &bad, ..build }),
        "a release that does not work fails its pipeline"
    );
    assert_eq!(tracks(), (json!("v2"), Value::Null));
}

#[test]
fn the_pipeline_in_plain_shell_releases_and_takes_back() {
    let block = block("Plain shell");
    assert_releases(|build| build.run(&Job::default(), &block.text).code == 0);
}

#[test]
fn the_pipeline_of_github_releases_and_takes_back() {
    let job = job(&block("GitHub Actions"), "env", "steps");
    assert_eq!((job.variables.len(), job.steps.len()), (5, 4), "{job:?}");
    assert_releases(|build| build.run_steps(&job));
}

#[test]
fn the_pipeline_of_gitlab_releases_and_takes_back() {
    let job = job(&block("GitLab"), "variables", "script");
    assert_eq!((job.variables.len(), job.steps.len()), (2, 3), "{job:?}");
    assert_releases(|build| build.run_script(&job));
}

/// A person's file, as the page shows it: the address and the token of every verb.
#[test]
fn address_and_token_may_stand_in_a_persons_file() {
    let router = router().stable("v1").start();
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = home.path().join(".config/rolling-router");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let shown = block("What it needs").text;
    let admin = format!("http://{}", router.admin);
    let text = shown.replace("https://router.example:8080", &admin);
    let text = text.replace("0123456789abcdef0123456789abcdef", token("operator"));
    assert!(text.contains(&admin) && text.contains(token("operator")), "{text}");
    let run = |variables: &[(&str, &str)], words: &[&str]| {
        let mut command = program();
        command.env("HOME", home.path()).env_remove("XDG_CONFIG_HOME").args(words);
        finish(command.envs(variables.iter().copied()))
    };
    let file = folder.join("config.toml");
    std::fs::write(&file, &text).expect("it can be written");
    let mode =
        |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("it can be set");
    mode(0o644);
    let ran = run(&[], &["status"]);
    assert!(
        ran.code == 0 && ran.err.contains("chmod 600") && !ran.err.contains(token("operator")),
        "{}",
        ran.err
    );
    mode(0o600);
    let ran = run(&[], &["status"]).expect(0);
    assert!(ran.out.contains("v1") && ran.err.is_empty(), "{}{}", ran.out, ran.err);
    run(&[], &["lock", "--reason", "a person's token"]).expect(0);
    run(&[], &["unlock"]).expect(0);

    let ran = run(&[("ROLLING_ROUTER_TOKEN", token("viewer"))], &["lock", "--reason", "x"]);
    assert_eq!(ran.code, 5, "the environment counts before it: {}", ran.err);
    let other = support::router().stable("v9").start();
    let elsewhere = format!("http://{}", other.admin);
    let ran = run(&[("ROLLING_ROUTER_ADMIN_URL", &elsewhere)], &["status"]);
    assert_eq!(ran.code, 5, "its token goes to no other router: {}", ran.err);

    let moved = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::create_dir(moved.path().join("rolling-router")).expect("a folder can be made");
    std::fs::write(moved.path().join("rolling-router/config.toml"), "token = hunter2")
        .expect("it can be written");
    let ran = run(&[("XDG_CONFIG_HOME", &moved.path().display().to_string())], &["status"]);
    assert!(ran.code == 2 && ran.err.contains("line 1") && !ran.err.contains("hunter2"), "{}", ran.err);
}
