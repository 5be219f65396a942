//! How long files and functions are.

use crate::source::{closing, line_of, positions, report, sources};
use tidy::texts;

const FILE_LINES_MAX: usize = 450;

const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn files_are_short() {
    let written = |path: &str| path.ends_with(".rs") || path.ends_with(".js") || path.ends_with(".mjs");
    let mut findings = Vec::new();
    for (path, text) in texts("").iter().filter(|(path, _)| written(path)) {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"));
        }
    }
    report(findings);
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    for source in sources(&["src", "keyvalues", "kubernetes", "tests", "benches"]) {
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

#[test]
fn a_function_is_as_long_as_its_lines() {
    assert_eq!(functions("fn declared();\nconst fn f() {\n}\n"), [(2, "f".to_owned(), 2)]);
}
