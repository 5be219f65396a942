//! README.md, the pages of `docs/` and the other pages for people: they stay short where they must, and whatever they
//! lead to is there. What the blocks of the pages do is tested by `tests/control/command_line`.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use crate::source::report;
use tidy::root;

/// README.md is for a person who has three minutes.
const README_BYTES_MAX: usize = 14 * 1024;
/// What is longer is read by nobody in a table.
const CELL_WORDS_MAX: usize = 25;

/// The pages beside those of `docs/`.
const PAGES: [&str; 7] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "keyvalues/README.md",
    "benches/README.md",
    "ui/README.md",
    "tests/fuzz/README.md",
];

/// The pages whose tables are for readers. The design and its rows are a contract, and the contract's cells are rules.
const SHORT_CELLS: [&str; 15] = [
    "README.md",
    "docs/alerts.md",
    "docs/migrating.md",
    "docs/README.md",
    "docs/api.md",
    "docs/command-line.md",
    "docs/fleets.md",
    "docs/hooks.md",
    "docs/keyvalues.md",
    "docs/metrics.md",
    "docs/releasing.md",
    "docs/routing.md",
    "docs/running.md",
    "docs/security.md",
    "docs/settings.md",
];

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// All pages, by their path below the root.
fn pages() -> Vec<String> {
    let files = fs::read_dir(root().join("docs")).expect("docs/ can be read").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let docs = names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let mut pages: Vec<String> = docs.chain(PAGES.map(str::to_owned)).collect();
    pages.sort();
    pages
}

/// The lines that are no code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

#[test]
fn the_readme_is_read_in_three_minutes() {
    let bytes = read("README.md").len();
    assert!(bytes <= README_BYTES_MAX, "README.md has {bytes} bytes, at most {README_BYTES_MAX}");
}

#[test]
fn cells_of_tables_are_short() {
    let mut findings = Vec::new();
    for page in SHORT_CELLS {
        let text = read(page);
        for (line, row) in prose(&text).filter(|(_, line)| line.starts_with('|')) {
            let row = row.replace("\\|", "/");
            for cell in row.split('|').filter(|cell| cell.split_whitespace().count() > CELL_WORDS_MAX) {
                findings.push(format!("{page}:{line}: more than {CELL_WORDS_MAX} words:{cell}"));
            }
        }
    }
    report(findings);
}

#[test]
fn every_page_of_docs_is_in_their_index() {
    let index = read("docs/README.md");
    let pages = pages().into_iter();
    let docs = pages.filter_map(|page| page.strip_prefix("docs/").map(str::to_owned));
    let missing = docs.filter(|page| page != "README.md" && !index.contains(&format!("]({page})")));
    report(missing.map(|page| format!("docs/README.md does not lead to {page}")).collect());
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut anchors: HashMap<PathBuf, BTreeSet<String>> = HashMap::new();
    let (mut findings, mut count) = (Vec::new(), 0);
    for page in pages() {
        let text = read(&page);
        for (line, target) in links(&text) {
            count += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let here = root().join(&page);
            let file = if path.is_empty() { here } else { here.parent().expect("a folder").join(path) };
            if !file.exists() {
                findings.push(format!("{page}:{line}: `{target}` leads to no file"));
                continue;
            }
            if anchor.is_empty() {
                continue;
            }
            let known = anchors.entry(file.clone()).or_insert_with(|| anchors_of(&file));
            if !known.contains(anchor) {
                findings.push(format!("{page}:{line}: `{target}` leads to no heading"));
            }
        }
    }
    assert!(count > 100, "{count} links");
    report(findings);
}

/// The links within the repository, with their lines: of Markdown, and of the few HTML elements that pages have.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (line, row) in prose(text) {
        let row = without_code(row);
        for (mark, end) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')] {
            let targets = row.split(mark).skip(1).filter_map(|rest| rest.split(end).next());
            let near = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
            links.extend(near.map(|target| (line, target.to_owned())));
        }
    }
    links
}

/// A line less what stands in backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// What can stand behind the `#` of a link to a page: explicit ids, and the headings as GitHub spells them.
fn anchors_of(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).expect("a page can be read");
    let ids = text.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    let mut anchors: BTreeSet<String> = ids.collect();
    for (_, line) in prose(&text).filter(|(_, line)| line.starts_with('#')) {
        let name = slug(line.trim_start_matches('#').trim());
        let again = (1..).map(|count| format!("{name}-{count}"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

/// A heading as GitHub makes an anchor of it.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn every_call_of_the_api_is_on_its_page() {
    let description: serde_json::Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    let page = read("docs/api.md");
    let paths = description["paths"].as_object().expect("it has paths");
    let calls = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
        let methods = methods.filter(|method| ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&&**method));
        methods.map(move |method| format!("`{method} {path}`"))
    });
    let calls: Vec<String> = calls.collect();
    assert!(calls.len() > 50, "{calls:?}");
    report(calls.into_iter().filter(|call| !page.contains(call)).collect());
}

#[test]
fn every_metric_is_on_its_page() {
    let page = read("docs/metrics.md");
    let mut names = BTreeSet::new();
    metrics_below(&root().join("src"), &mut names);
    names.remove("rolling_pin"); // a cookie
    assert!(names.len() > 60, "{names:?}");
    report(names.into_iter().filter(|name| !page.contains(&format!("| `{name}` | "))).collect());
}

/// The names of metrics that the code writes: strings that are nothing else.
fn metrics_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            metrics_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            let strings = text.split("\"rolling_").skip(1).filter_map(|rest| rest.split('"').next());
            let metric = |rest: &&str| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            names.extend(strings.filter(metric).map(|rest| format!("rolling_{rest}")));
        }
    }
}

/// A newcomer copies these commands: each names a suite that is there.
#[test]
fn every_suite_that_the_documents_name_exists() {
    let (mut findings, mut count) = (Vec::new(), 0);
    for page in pages() {
        let text = read(&page);
        let commands = text.lines().filter(|line| line.contains("cargo test "));
        for rest in commands.flat_map(|line| line.split(" --test ").skip(1)) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let below_tests = ["main", "rules"].map(|file| format!("tests/{name}/{file}.rs"));
            let files = [&below_tests[..], &[format!("keyvalues/tests/{name}.rs")]].concat();
            count += 1;
            if !files.iter().any(|file| root().join(file).is_file()) {
                findings.push(format!("{page}: `--test {name}` names no suite"));
            }
        }
    }
    assert!(count > 3, "{count} suites");
    report(findings);
}

#[test]
fn the_reader_itself_tells_links_from_code() {
    let text =
        "[a](b.md#c) `[x](y)` ![p](q.png) [z](https://z.example)\n```sh\n[n](o)\n```\n<img src=\"s.svg\">";
    let found: Vec<String> = links(text).into_iter().map(|(_, target)| target).collect();
    assert_eq!(found, ["b.md#c", "q.png", "s.svg"]);
    assert_eq!(slug("The old flow, by curl"), "the-old-flow-by-curl");
    assert_eq!(slug("`peers/`: side by side"), "peers-side-by-side");
}

#[test]
fn every_fuzz_target_is_one_that_the_job_of_each_night_runs() {
    let files = fs::read_dir(root().join("tests/fuzz/fuzz_targets")).expect("they are there").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let names: BTreeSet<String> =
        names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned())).collect();
    let manifest = read("tests/fuzz/Cargo.toml");
    let built = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
    assert_eq!(
        built.map(str::to_owned).collect::<BTreeSet<_>>(),
        names,
        "cargo-fuzz lists what the manifest names"
    );
    let readme = read("tests/fuzz/README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<_>>(), names);
    let (job, script) = (read("deploy/ci/fuzz.yml"), read("tests/fuzz/run"));
    assert!(
        job.contains("- run: tests/fuzz/run ") && script.contains("cargo fuzz list"),
        "it runs all of them"
    );
}
