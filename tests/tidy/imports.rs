//! Who imports whom, and what the pure core and the store may not touch.

use std::collections::BTreeSet;

use crate::source::{
    Source, blank_out, first_names, line_of, lines_with, outside_tests, positions, report, sources,
    without_tests,
};

/// Who may import whom, beside `limits` and `clock`, which everybody may (`rollout` only `limits`, being pure).
const IMPORTS: [(&str, &[&str]); 17] = [
    ("limits", &[]),
    ("clock", &[]),
    ("interned", &[]),
    ("rollout", &["interned"]),
    ("endpoint_sockets", &["rollout"]),
    ("schema", &["rollout"]),
    ("live", &["rollout"]),
    ("telemetry", &["rollout"]),
    ("client_tls", &["rollout"]),
    ("health_check", &["client_tls", "endpoint_sockets", "rollout"]),
    ("engine", &["rollout"]),
    ("upstream", &["health_check", "rollout", "live", "telemetry"]),
    ("proxy", &["client_tls", "endpoint_sockets", "live", "rollout", "upstream", "telemetry"]),
    (
        "control",
        &[
            "client_tls",
            "endpoint_sockets",
            "engine",
            "health_check",
            "live",
            "rollout",
            "schema",
            "telemetry",
            "keyvalues",
        ],
    ),
    ("config", &["limits", "engine", "rollout"]),
    ("cli", &["config", "schema"]),
    (
        "server",
        &[
            "limits",
            "clock",
            "client_tls",
            "endpoint_sockets",
            "engine",
            "rollout",
            "schema",
            "live",
            "telemetry",
            "upstream",
            "proxy",
            "control",
            "config",
            "keyvalues",
        ],
    ),
];

/// The wings of the data plane, the lowest first. Each may import those before it; `fuzz` may import all, and nobody it.
const WINGS: [&str; 7] = ["codec", "worker", "rewrite", "route", "downstream", "forward", "front"];

/// What the codec may import from outside its wing, so that it can be driven without a router.
const CODEC_IMPORTS: [&str; 2] = ["limits", "authority"];

/// What single verbs of the command line may import beyond `config` and `schema`.
const VERBS: [(&str, &[&str]); 4] = [
    ("serve", &["server"]),
    ("demo", &["server"]),
    ("upgrade", &["server"]),
    ("check", &["rollout", "keyvalues", "server"]),
];

/// What the pure core must not touch: I/O, locks, clocks, randomness.
const IMPURE: [&str; 18] = [
    "tokio",
    "async fn",
    ".await",
    "std::fs",
    "std::io",
    "std::thread",
    "std::env",
    "std::process",
    "TcpStream",
    "UdpSocket",
    "Mutex",
    "RwLock",
    "Atomic",
    "Instant",
    "SystemTime",
    "getrandom",
    "tracing::",
    "reqwest",
];

#[test]
fn modules_import_only_what_the_design_allows() {
    let mut findings = Vec::new();
    for source in sources(&["src"]) {
        let Some(from) = top_module(&source.path) else { continue };
        let allowed = allowed_imports(&source.path, &from);
        for (line, to) in imports(&source) {
            if to != from && !allowed.contains(&to.as_str()) {
                findings.push(format!("{}:{line}: `{from}` must not import `{to}`", source.path));
            }
        }
    }
    report(findings);
}

#[test]
fn wings_of_the_data_plane_import_downwards() {
    let mut findings = Vec::new();
    for source in outside_tests(&["src/proxy"]) {
        let wing = source.path.trim_start_matches("src/proxy/").split('/').next().unwrap_or_default();
        let Some(floor) = WINGS.iter().position(|known| *known == wing) else { continue };
        for (line, to) in wings_named(&source) {
            if WINGS.iter().position(|known| *known == to).is_none_or(|other| other > floor) {
                findings.push(format!("{}:{line}: `{wing}` must not import `{to}`", source.path));
            }
        }
        for (line, to) in imports(&source).into_iter().filter(|_| wing == "codec") {
            if to != "proxy" && !CODEC_IMPORTS.contains(&to.as_str()) {
                findings.push(format!("{}:{line}: `codec` must not import `{to}`", source.path));
            }
        }
    }
    report(findings);
}

/// Every mention of a wing, with its line.
fn wings_named(source: &Source) -> Vec<(usize, String)> {
    let depth = source.path.trim_start_matches("src/proxy/").trim_end_matches("/mod.rs").split('/').count();
    let root = "super::".repeat(depth);
    let mut out = Vec::new();
    for prefix in ["proxy::", root.as_str()] {
        let starts = positions(&source.code, prefix);
        for at in starts.filter(|at| !source.code[..*at].ends_with("super::")) {
            let names = first_names(&source.code[at + prefix.len()..]);
            let line = line_of(&source.code, at);
            let wings = names.into_iter().filter(|name| WINGS.contains(&name.as_str()) || name == "fuzz");
            out.extend(wings.map(|name| (line, name)));
        }
    }
    out
}

#[test]
fn the_pure_core_is_pure() {
    let mut findings = Vec::new();
    for source in sources(&["src/rollout"]) {
        let code = without_tests(&source.code);
        for word in IMPURE {
            findings.extend(
                lines_with(&code, word).map(|line| format!("{}:{line}: `{word}` in rollout", source.path)),
            );
        }
    }
    report(findings);
}

#[test]
fn the_store_knows_nothing_of_proxying() {
    let mut findings = Vec::new();
    for source in sources(&["keyvalues/src"]) {
        for word in ["rolling_router", "candidate", "blend"] {
            findings.extend(
                lines_with(&source.code, word).map(|line| format!("{}:{line}: `{word}`", source.path)),
            );
        }
    }
    report(findings);
}

fn allowed_imports<'a>(path: &str, from: &str) -> Vec<&'a str> {
    let mut allowed: Vec<&str> = IMPORTS
        .iter()
        .filter(|(module, _)| *module == from)
        .flat_map(|(_, list)| list.iter().copied())
        .collect();
    match from {
        "limits" | "clock" => {}
        "rollout" => allowed.push("limits"),
        _ => allowed.extend(["limits", "clock"]),
    }
    for (verb, more) in VERBS {
        if path == format!("src/cli/{verb}.rs") || path.starts_with(&format!("src/cli/{verb}/")) {
            allowed.extend(more);
        }
    }
    allowed
}

/// `src/proxy/codec/head.rs` -> `proxy`; the crate's own roots belong to no module.
fn top_module(path: &str) -> Option<String> {
    let name = path.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

/// Every mention of a top-level module (or of the crate `keyvalues`) with its line.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let known: BTreeSet<&str> = IMPORTS.iter().map(|(module, _)| *module).chain(["keyvalues"]).collect();
    let depth = source.path.trim_start_matches("src/").trim_end_matches("/mod.rs").split('/').count();
    let root = "super::".repeat(depth);
    let mut out = Vec::new();
    for prefix in ["crate::", root.as_str()] {
        for at in positions(&source.code, prefix) {
            let line = line_of(&source.code, at);
            let names = first_names(&source.code[at + prefix.len()..]);
            out.extend(
                names.into_iter().filter(|name| known.contains(name.as_str())).map(|name| (line, name)),
            );
        }
    }
    for at in positions(&source.code, "keyvalues::") {
        let own_module = source.code.contains("mod keyvalues;");
        if !own_module && !source.code[..at].ends_with("crate::") {
            out.push((line_of(&source.code, at), "keyvalues".to_owned()));
        }
    }
    out
}

#[test]
fn wings_are_found_by_either_path() {
    let text = "use super::super::{codec::head, forward};\nuse crate::{limits, proxy::front::accept};\nsuper::route();\n";
    let path = "src/proxy/downstream/http1/read.rs".into();
    let named = wings_named(&Source { path, text: text.into(), code: blank_out(text) });
    assert_eq!(named, [(2, "front".to_owned())], "the parent of `http1` is no wing");
    let path = "src/proxy/downstream/stream.rs".into();
    let named = wings_named(&Source { path, text: text.into(), code: blank_out(text) });
    let expected = [(2, "front".to_owned()), (1, "codec".to_owned()), (1, "forward".to_owned())];
    assert_eq!(named, expected);
}

#[test]
fn imports_are_found_in_code_alone() {
    let text = "use crate::{proxy::x, live};\nlet a = \"crate::control\"; // crate::server\nlet c = '\\'';\n";
    let source = Source { path: "src/rollout/pin.rs".into(), text: text.into(), code: blank_out(text) };
    assert_eq!(imports(&source), [(1, "proxy".to_owned()), (1, "live".to_owned())]);
}
