//! What README.md and the pages of `docs/` promise of single blocks, beyond that they run (`blocks`): what comes of
//! them is looked at, line by line.

use std::path::Path;

use super::{
    page::lines,
    program::{Ran, finish, program, shell},
    serve::RouterProcess,
};
use support::{Api, Endpoint, Router, Visitor, echo, router, router::token};

/// The arguments of a line that starts a router, without the comment behind them.
fn served(line: &str) -> Vec<&str> {
    let words = line.strip_prefix("rolling-router serve ").unwrap_or_else(|| panic!("`{line}` starts none"));
    words.split_whitespace().take_while(|word| *word != "#").collect()
}

/// The addresses of the page, and who answers there.
fn with_real_addresses(line: &str, endpoints: &[(&str, Endpoint)]) -> String {
    let exchange =
        |line: String, (shown, real): &(&str, Endpoint)| line.replace(shown, &real.address.to_string());
    endpoints.iter().fold(line.to_owned(), exchange)
}

#[test]
fn the_quick_start_works_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let endpoints = [
        ("10.0.0.5:3000", echo("1.0.0")),
        ("10.0.0.6:3000", echo("1.0.0")),
        ("10.0.0.7:3000", echo("1.0.1")),
    ];
    let serve = lines("README.md", "Quick start", 0)[1]
        .replace("--listen 8000", "--listen 127.0.0.1:0 --admin 127.0.0.1:0");
    let mut serving = RouterProcess::start(folder.path(), &served(&serve));
    let said = serving.until("admin token, shown this once: ");
    let address = |mark: &str| -> std::net::SocketAddr {
        let rest = said.split_once(mark).unwrap_or_else(|| panic!("no `{mark}` in\n{said}")).1;
        rest.split('/').next().and_then(|text| text.parse().ok()).expect("an address")
    };
    let (front, admin) = (address("end users on http://"), address("GUI and API on http://"));
    let api = Api::new(admin, said.trim_end().rsplit(' ').next().unwrap(), "hello");
    let wanted = [("1.0.0", None), ("1.0.0", Some("1.0.1")), ("1.0.0", Some("1.0.1")), ("1.0.1", None)];
    let wanted = wanted.into_iter().chain([("1.0.0", None)]);
    let block = lines("README.md", "Quick start", 1);
    assert_eq!(block.len(), 5, "{block:?}");
    for (line, (stable, candidate)) in block.iter().zip(wanted) {
        let ran = in_folder(folder.path(), admin, &with_real_addresses(line, &endpoints)).expect(0);
        let state = api.state();
        assert_eq!(state["stable"]["release"], stable, "{line}\n{}", ran.out);
        assert_eq!(state["candidate"]["release"].as_str(), candidate, "{line}\n{}", ran.out);
        assert!(ran.out.contains(stable), "{line}\n{}", ran.out);
    }
    assert_eq!(Visitor::new(front, "localhost").release(), "1.0.0");
    assert_eq!(serving.end(), Some(0));
}

/// Runs a line where the router was started, so that it finds the token by itself.
fn in_folder(folder: &Path, admin: std::net::SocketAddr, line: &str) -> Ran {
    let admin = format!("http://{admin}");
    finish(shell(line).current_dir(folder).env("ROLLING_ROUTER_ADMIN_URL", admin))
}

/// Runs a line against a router, with the token of a role.
fn as_role(router: &Router, role: &str, line: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = shell(line);
    command.env("ROLLING_ROUTER_ADMIN_URL", format!("http://{}", router.admin));
    finish(command.env("ROLLING_ROUTER_TOKEN", token(role)).envs(variables.iter().copied()))
}

// The page said that both steps may run twice as a whole; the second time the release was stable, and the first step
// was refused.
#[test]
fn each_step_of_the_pipeline_may_run_twice() {
    let router = router().stable("v1").start();
    let endpoint = echo("2");
    let address = endpoint.address.to_string();
    let variables = [("RELEASE", "2"), ("ENDPOINT", address.as_str()), ("BUILD", "77")];
    let steps = lines("docs/command-line.md", "A pipeline", 0);
    assert_eq!(steps.len(), 2, "{steps:?}");
    for step in steps.iter().flat_map(|step| [step, step]) {
        as_role(&router, "ci", step, &variables).expect(0);
    }
    assert_eq!(router.api().state()["stable"]["release"], "2");
    assert_eq!(router.visitor().release(), "2");
    for step in &steps {
        let again = as_role(&router, "ci", step, &variables).expect(0).out;
        assert!(again.starts_with("nothing to do"), "{again}");
    }
}

#[test]
fn the_keys_of_the_old_flow_are_those_of_the_page() {
    let router = router().start();
    let api = router.api_as("admin");
    let block = lines("README.md", "The old flow, by curl", 0);
    let writes: Vec<(&str, &str)> =
        block.iter().filter_map(|line| line.strip_prefix("put ")?.split_once(' ')).collect();
    assert!(writes.len() >= 14, "{writes:?}");
    let endpoints = [("10.0.0.5:3000", echo("20261119")), ("10.0.0.7:3000", echo("20261120"))];
    let mut routed = Vec::new();
    for (key, value) in writes {
        api.kv_put(key, &with_real_addresses(value.trim(), &endpoints)).expect(200);
        let release = |track: &str| api.state()[track]["release"].as_str().unwrap_or("none").to_owned();
        if key.starts_with("rolling/hello/") {
            routed.push((release("stable"), release("candidate")));
        }
    }
    routed.dedup();
    let routed: Vec<(&str, &str)> =
        routed.iter().map(|(stable, candidate)| (stable.as_str(), candidate.as_str())).collect();
    let wanted = [("none", "none"), ("20261119", "none"), ("20261119", "20261120"), ("20261120", "none")];
    assert_eq!(routed, wanted);
    assert_eq!(router.visitor().release(), "20261120");
}

#[test]
fn settings_of_the_page_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rolling-router.toml");
    std::fs::write(&file, lines("docs/settings.md", "Limits", 0).join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let checked = finish(program().args(["check", "--config", file])).expect(0);
    assert!(checked.out.contains("end users on 0.0.0.0:80, [::]:80"), "{}", checked.out);
    let checked =
        finish(program().arg("check").args(served(&lines("docs/fleets.md", "Fleets", 0)[0]))).expect(0);
    assert!(checked.out.contains("etcd://10.0.0.2"), "{}", checked.out);
}

#[test]
fn the_hook_of_the_page_is_made() {
    let router = router().stable("v1").start();
    let made = as_role(&router, "admin", &lines("docs/hooks.md", "Hooks", 0)[0], &[]).expect(0);
    assert!(made.out.contains("whsec_"), "{}", made.out);
    let shown = as_role(&router, "admin", "rolling-router hook show chat --json", &[]).expect(0).json();
    assert_eq!(shown["events"], serde_json::json!(["promote", "rollback"]), "{shown}");
}
