//! The style that a machine can check: who imports whom, how long things are, words that do not belong here.
//!
//! A finding names the file, the line and the rule. What needs judgement is left to reviewers, and what clippy can
//! see is left to clippy. The source is read with comments and strings blanked out where only code counts.

mod citations;
mod documents;
mod promises;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Who may import whom, beside `limits` and `clock`, which everybody may (`rollout` only `limits`, being pure).
const IMPORTS: [(&str, &[&str]); 12] = [
    ("limits", &[]),
    ("clock", &[]),
    ("rollout", &[]),
    ("schema", &["rollout"]),
    ("live", &["rollout"]),
    ("telemetry", &["rollout"]),
    ("upstream", &["rollout", "live", "telemetry"]),
    ("proxy", &["live", "rollout", "upstream", "telemetry"]),
    ("control", &["live", "rollout", "schema", "telemetry", "keyvalues"]),
    ("config", &["limits", "rollout"]),
    ("cli", &["config", "schema"]),
    (
        "server",
        &[
            "limits",
            "clock",
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

/// What single verbs of the command line may import beyond `config` and `schema`.
const VERBS: [(&str, &[&str]); 3] =
    [("serve", &["server"]), ("demo", &["server"]), ("check", &["rollout", "keyvalues"])];

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

/// A source file: its path below the root, its text, and its text with comments and strings blanked out.
struct Source {
    path: String,
    text: String,
    code: String,
}

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

#[test]
fn files_and_functions_are_short() {
    let mut findings = Vec::new();
    for source in sources(&["src", "keyvalues", "tests", "benches"]) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path));
        }
        for (line, name, length) in functions(&source.code) {
            if length > FUNCTION_LINES_MAX {
                findings.push(format!(
                    "{}:{line}: `{name}` has {length} lines, at most {FUNCTION_LINES_MAX}",
                    source.path
                ));
            }
        }
    }
    report(findings);
}

#[test]
fn every_module_says_what_it_is() {
    let silent = sources(&["src", "keyvalues", "tests", "benches"]).into_iter();
    report(
        silent
            .filter(|s| !s.text.starts_with("//!"))
            .map(|s| format!("{}: does not open with `//!`", s.path))
            .collect(),
    );
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        ["to", "do!("],
        ["FIX", "ME"],
        ["XX", "X"],
        ["unimple", "mented!("],
        ["#[ig", "nore"],
        ["db", "g!("],
    ];
    let mut findings = Vec::new();
    for source in sources(&["src", "keyvalues", "tests", "benches"]) {
        for mark in marks.map(|parts| parts.concat()) {
            findings.extend(
                lines_with(&source.text, &mark).map(|line| format!("{}:{line}: {mark}", source.path)),
            );
        }
    }
    report(findings);
}

#[test]
fn code_outside_tests_neither_unwraps_nor_prints_nor_reads_the_clock() {
    let mut findings = Vec::new();
    let all = sources(&["src", "keyvalues/src"]);
    let only_tests = test_modules(&all);
    for source in all.iter().filter(|source| !only_tests.iter().any(|module| source.path.starts_with(module)))
    {
        let code = without_tests(&source.code);
        for word in banned_words(source) {
            findings.extend(lines_with(&code, word).map(|line| format!("{}:{line}: `{word}`", source.path)));
        }
    }
    report(findings);
}

#[test]
fn tests_wait_for_conditions_and_not_for_time() {
    let mut findings = Vec::new();
    for source in sources(&["src", "tests", "keyvalues"]) {
        if source.path == "tests/support/src/clock.rs" {
            continue;
        }
        let sleeps = lines_with(&source.code, "thread::sleep(");
        findings.extend(sleeps.map(|line| format!("{}:{line}: sleeps; await a condition", source.path)));
    }
    report(findings);
}

#[test]
fn one_word_for_each_thing() {
    let data_plane = ["src/proxy/", "src/upstream/", "src/live/", "src/rollout/", "src/telemetry/"];
    let mut findings = Vec::new();
    for source in sources(&["src", "tests"]) {
        if source.path == "tests/tidy/main.rs" {
            continue;
        }
        let mut words = vec!["canary", "upstream server", "session affinity", "traffic split"];
        if data_plane.iter().any(|dir| source.path.starts_with(dir)) {
            words.push("backend");
        }
        let text = source.text.to_lowercase();
        for word in words {
            findings.extend(
                lines_with(&text, word).map(|line| format!("{}:{line}: not our word: {word}", source.path)),
            );
        }
    }
    report(findings);
}

/// Path prefixes of modules that exist only for tests: those declared `#[cfg(test)] mod name;`.
fn test_modules(sources: &[Source]) -> Vec<String> {
    let mut out = Vec::new();
    for source in sources {
        let file = Path::new(&source.path);
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let parent = file.parent().unwrap_or(file);
        let home = if matches!(stem, "mod" | "lib" | "main") { parent.to_owned() } else { parent.join(stem) };
        for at in positions(&source.code, "#[cfg(test)]") {
            let rest = source.code[at + "#[cfg(test)]".len()..].trim_start();
            let rest = rest.strip_prefix("pub(crate) ").unwrap_or(rest);
            let Some(name) =
                rest.strip_prefix("mod ").and_then(|rest| rest.split_once(';')).map(|(name, _)| name)
            else {
                continue;
            };
            if !name.contains('{') {
                out.push(home.join(name).display().to_string());
            }
        }
    }
    out
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

/// The module names that follow `crate::`: one, or each first name inside braces.
fn first_names(rest: &str) -> Vec<String> {
    let ident =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(inner) = rest.strip_prefix('{') else { return vec![ident(rest)] };
    let mut names = Vec::new();
    let (mut depth, mut expects) = (0_i32, true);
    for (at, char) in inner.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            c if expects && (c.is_alphabetic() || c == '_') => {
                names.push(ident(&inner[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    names
}

fn banned_words(source: &Source) -> Vec<&'static str> {
    let mut words = vec![".unwrap()"];
    if !source.path.starts_with("src/cli/") {
        words.extend(["println!(", "print!(", "clippy::print_stdout", "clippy::print_stderr"]);
    }
    if !source.path.ends_with("/clock.rs") {
        words.extend(["SystemTime::now", "clippy::disallowed_methods"]);
        if !source.code.contains("tokio::time") {
            words.push("Instant::now");
        }
    }
    words
}

/// Name, first line and length in lines of every function that has a body.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let mut out = Vec::new();
    for at in positions(code, "fn ") {
        let starts_word =
            at == 0 || !code.as_bytes()[at - 1].is_ascii_alphanumeric() && code.as_bytes()[at - 1] != b'_';
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !starts_word || name.is_empty() {
            continue;
        }
        let rest = &code[at..];
        let Some(open) = rest.find(['{', ';']).filter(|open| rest.as_bytes()[*open] == b'{') else {
            continue;
        };
        let end = open + closing(&rest[open..]);
        out.push((line_of(code, at), name, rest[..end].matches('\n').count() + 1));
    }
    out
}

/// The length of the block that starts with the first brace of `code`.
fn closing(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The code with every `#[cfg(test)]` item blanked out.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(at) = out.find("#[cfg(test)]") {
        let open = out[at..].find(['{', ';']).map_or(out.len(), |open| at + open);
        let end =
            if out[open..].starts_with('{') { open + closing(&out[open..]) } else { out.len().min(open + 1) };
        let blank: String = out[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(at..end, &blank);
    }
    out
}

/// The source with comments, strings and character literals blanked out, line breaks kept.
fn blank_out(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + literal_length(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        for byte in out[at..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out).expect("whole literals were replaced by ASCII")
}

/// How many bytes a comment or literal takes that starts here; 0 when none does.
fn literal_length(rest: &[u8], before: Option<u8>) -> usize {
    let in_word = before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |end| end + 2),
        [b'"', ..] => quoted(rest, b'"'),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(rest),
        [b'b', b'r', b'"' | b'#', ..] if !in_word => 1 + raw_string(&rest[1..]),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        [b'\'', _, b'\'', ..] => 3,
        [b'\'', first, ..] if *first >= 0x80 => {
            find(&rest[1..6.min(rest.len())], b"'").map_or(0, |end| end + 2)
        }
        _ => 0,
    }
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    find(&rest[2 + hashes..], &end).map_or(rest.len(), |at| 2 + hashes + at + end.len())
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

fn positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn lines_with<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.lines().enumerate().filter(move |(_, line)| line.contains(word)).map(|(at, _)| at + 1)
}

fn sources(dirs: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in dirs {
        collect(&root.join(dir), &mut files);
    }
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a source file can be read");
            let path = file.strip_prefix(root).expect("it lies below the root").display().to_string();
            Source { code: blank_out(&text), path, text }
        })
        .collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn the_reader_itself_tells_code_from_text() {
    let text = "use crate::{proxy::x, live};\nlet a = \"crate::control\"; // crate::server\nlet c = '\\'';\nfn f() {\n}\n";
    let source = Source { path: "src/rollout/pin.rs".into(), text: text.into(), code: blank_out(text) };
    assert_eq!(imports(&source), [(1, "proxy".to_owned()), (1, "live".to_owned())]);
    assert_eq!(functions(&source.code), [(4, "f".to_owned(), 2)]);
    assert_eq!(without_tests("a #[cfg(test)] mod t { b } c").trim_end(), format!("a {} c", " ".repeat(24)));
    assert_eq!(blank_out("r#\"un\"wrap\"# b'x' 'a: 'é'").trim(), "b    'a:");
}
