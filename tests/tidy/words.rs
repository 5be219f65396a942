//! Words that do not belong: marks of what is unfinished, calls that only tests may make, other names for our things.

use crate::source::{Source, lines_with, outside_tests, report, sources};

#[test]
fn every_module_says_what_it_is() {
    let silent = sources(&["src", "keyvalues", "kubernetes", "tests", "benches"]).into_iter();
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
    for source in sources(&["src", "keyvalues", "kubernetes", "tests", "benches"]) {
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
    for source in &outside_tests(&["src", "keyvalues/src", "kubernetes/src"]) {
        for word in banned_words(source) {
            findings.extend(
                lines_with(&source.code, word).map(|line| format!("{}:{line}: `{word}`", source.path)),
            );
        }
    }
    report(findings);
}

#[test]
fn tests_wait_for_conditions_and_not_for_time() {
    let mut findings = Vec::new();
    for source in sources(&["src", "tests", "keyvalues", "kubernetes"]) {
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
    for source in sources(&["src", "kubernetes", "tests"]) {
        if source.path == "tests/tidy/words.rs" {
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

fn banned_words(source: &Source) -> Vec<&'static str> {
    let mut words = vec![".unwrap()"];
    if !source.path.starts_with("src/cli/") {
        words.extend(["println!(", "print!(", "clippy::print_stdout", "clippy::print_stderr"]);
    }
    if !source.path.ends_with("/clock.rs") {
        words.extend(["SystemTime::now", "clippy::disallowed_methods"]);
        if !source.text.contains("tokio::time") {
            words.push("Instant::now");
        }
    }
    words
}
