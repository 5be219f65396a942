//! What is cited exists: documents below `docs/` with their sections and rows, the paths that documents name, and the
//! tests that `docs/http.md` names. Links between documents are looked at by `documents`.
//!
//! A citation is the path of a document, with or without `section N` or `row N` behind it, also where a comment breaks the
//! line in between. A document declares what can be cited by an anchor: `<a id="section-6"></a>`, `<a id="row-12"></a>`.

use std::collections::{BTreeMap, BTreeSet};

use tidy::{root, texts};

/// Which files may cite.
const ENDINGS: [&str; 9] = ["rs", "js", "md", "py", "toml", "html", "css", "sh", "lua"];

/// What a path from the root begins with, for those paths that documents name.
const TOP: [&str; 7] = ["src/", "ui/", "tests/", "keyvalues/", "kubernetes/", "benches/", "docs/"];

/// The document whose rows tests are named after.
const ROWS: &str = "docs/http.md";

/// Every document by its path, with the anchors that a citation may name.
struct Documents(BTreeMap<String, BTreeSet<String>>);

impl Documents {
    fn new(files: &[(String, String)]) -> Self {
        let documents = files.iter().filter(|(path, _)| path.ends_with(".md"));
        Self(documents.map(|(path, text)| (path.clone(), anchors(text))).collect())
    }

    /// What is wrong with the citations of a file.
    fn faults(&self, path: &str, text: &str) -> Vec<String> {
        let text = &flat(text);
        let mut faults = Vec::new();
        for (at, _) in text.match_indices("docs/") {
            let Some(document) = document_at(&text[at..]) else { continue };
            let rest = &text[at + document.len()..];
            match self.0.get(document) {
                None => faults.push(format!("{path}: cites {document}, which does not exist")),
                Some(anchors) => faults.extend(missing(anchors, rest).map(|missing| {
                    format!("{path}: cites {missing} of {document}, which has no such anchor")
                })),
            }
        }
        faults
    }
}

#[test]
fn whatever_is_cited_exists() {
    let files = files();
    let documents = Documents::new(&files);
    let faults: Vec<String> = files.iter().flat_map(|(path, text)| documents.faults(path, text)).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A newcomer is sent to these paths, so a file that moves takes its mention along.
#[test]
fn the_paths_that_documents_name_exist() {
    let files = files();
    let documents = files.iter().filter(|(path, _)| path.starts_with("docs/") && path.ends_with(".md"));
    let gone: Vec<String> = documents
        .flat_map(|(path, text)| {
            gone(text).map(move |gone| format!("{path}: names {gone}, which does not exist"))
        })
        .collect();
    assert!(gone.is_empty(), "\n{}\n", gone.join("\n"));
}

#[test]
fn the_rows_name_their_tests_and_tests_their_rows() {
    let files = files();
    let page = files.iter().find(|(path, _)| path == ROWS).map_or("", |(_, text)| text);
    let written = functions(&files);
    let mut faults = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let row = line.split_once("\"row-").and_then(|(_, rest)| rest.split_once('"')).map(|(row, _)| row);
        let tests = line.rsplit(" | ").next().unwrap_or_default();
        for test in tests.split('`').skip(1).step_by(2) {
            if !written.contains(test) {
                faults.push(format!("{ROWS}: there is no test {test}"));
            }
            let of = test.strip_prefix("row_").and_then(|rest| rest.split('_').next());
            if row.is_some() && of.is_some() && of != row {
                faults.push(format!("{ROWS}: {test} stands in row {}", row.unwrap_or_default()));
            }
        }
    }
    let named_after_rows = written.iter().filter(|name| name.starts_with("row_"));
    let unnamed = named_after_rows.filter(|name| !page.contains(&format!("`{name}`")));
    faults.extend(unnamed.map(|name| format!("{ROWS}: does not name the test {name}")));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A check that finds nothing would pass for ever.
#[test]
fn a_citation_of_what_is_not_there_is_found() {
    // Put together, since this file is looked at as well.
    let path = |name: &str| ["docs", "/", name].concat();
    let text = "<a id=\"section-3\"></a>\n## 3. Keys\n<a id=\"row-7\"></a>".to_owned();
    let documents = Documents::new(&[(path("page.md"), text)]);
    let faults =
        |name: &str, place: &str| documents.faults("src/a.rs", &format!("//! As {}{place}", path(name)));
    let sound = [
        "",
        " section 3.",
        " row 7 says",
        "\n//! section 3",
        " (rows 7, 7)",
        "`, sections 3 and 3",
        " section 3). 9 more",
    ];
    for place in sound {
        assert_eq!(faults("page.md", place), [""; 0], "{place}");
    }
    for (name, place) in [
        ("nowhere.md", ""),
        ("page.md", " section 4"),
        ("page.md", "\n    /// section 4"),
        ("page.md", " sections 3 and 4"),
        ("page.md", "` row 8"),
        ("page.md", ", rows 7 to 9"),
    ] {
        assert_eq!(faults(name, place).len(), 1, "{name}{place}");
    }
    let named: Vec<&str> = gone("`src/lib.rs`, `src/nothing.rs` and `src/*.rs`, `cargo run`").collect();
    assert_eq!(named, ["src/nothing.rs"]);
}

/// The text without what breaks a sentence apart: comment marks at the beginning of lines, and line ends.
fn flat(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim_start();
        ["//!", "///", "//", "#", "*"].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim()
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// The path of the document that a text begins with.
fn document_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"/_-.".contains(c)).unwrap_or(text.len());
    let path = text[..end].trim_end_matches('.');
    path.ends_with(".md").then_some(path)
}

/// The sections or rows that the text behind a document's path cites and the document does not declare: `section 3` is
/// one, `sections 3 and 4` and `rows 36 to 38` are lists.
fn missing<'a>(anchors: &'a BTreeSet<String>, rest: &'a str) -> impl Iterator<Item = String> + 'a {
    let rest = rest.trim_start_matches(['`', ',', '(', ' ']);
    let kind = ["section", "row"].into_iter().find(|kind| rest.starts_with(kind)).unwrap_or_default();
    let rest = if kind.is_empty() { "" } else { &rest[kind.len()..] };
    let cited = if rest.starts_with('s') { usize::MAX } else { 1 };
    let words = rest.trim_start_matches('s').split([' ', ',']).filter(|word| !word.is_empty());
    let numbers = words.map_while(|word| match word {
        "and" | "to" => Some(None),
        word => word.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok().map(Some),
    });
    let names = numbers.flatten().take(cited).map(move |number| format!("{kind}-{number}"));
    names.filter(|name| !anchors.contains(name))
}

/// The paths between back quotes that lead nowhere. A place with a pattern, such as `src/*.rs`, is none.
fn gone(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let plain = |path: &&str| path.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c));
    let paths = quoted.filter(|quoted| TOP.iter().any(|top| quoted.starts_with(top))).filter(plain);
    paths.filter(|path| !root().join(path).exists())
}

/// What a document declares for citations: its anchors.
fn anchors(text: &str) -> BTreeSet<String> {
    let ids = text.split("<a id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    ids.map(|(id, _)| id.to_owned()).collect()
}

/// The names of all functions of the repository.
fn functions(files: &[(String, String)]) -> BTreeSet<String> {
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let names = rust.flat_map(|(_, text)| text.split("fn ").skip(1));
    names.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

/// Every file that may cite, by its path from the root.
fn files() -> Vec<(String, String)> {
    let may_cite = |path: &str| path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    texts("").into_iter().filter(|(path, _)| may_cite(path)).collect()
}
