//! No circle of files: nobody imports a file that imports him, straight or round a corner.
//!
//! The arrows are the `use` lines outside tests. A path leads to the file that declares what it names: `use super::board::Feed`
//! to `board.rs`, `use super::Feed` to the parent, also where the parent has it from a child. So a child that takes something from its
//! parent's file, while that re-exports the child, is a circle of two; it asks its sibling instead.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, closing, line_of, outside_tests, positions, report};

/// The path of a module or of an item, from `crate` on.
type Path = Vec<String>;

/// The files of a crate by their modules.
struct Crate(BTreeMap<Path, Source>);

/// One `use` line that leads from a file to another.
struct Arrow {
    from: String,
    line: usize,
    to: String,
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut findings = Vec::new();
    for root in ["src", "keyvalues/src", "kubernetes/src"] {
        let arrows = Crate::new(root, outside_tests(&[root])).arrows();
        for circle in circles(&arrows) {
            findings.push(format!("a circle of {} files:", circle.len()));
            let inside = |arrow: &&Arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to);
            let said = |arrow: &Arrow| format!("  {}:{} imports {}", arrow.from, arrow.line, arrow.to);
            findings.extend(arrows.iter().filter(inside).map(said));
        }
    }
    report(findings);
}

impl Crate {
    /// The crate of these files, whose root lies in `folder`. Its program is a crate of its own, which nobody imports.
    fn new(folder: &str, files: Vec<Source>) -> Self {
        let program = format!("{folder}/main.rs");
        let files = files.into_iter().filter(|file| file.path != program);
        Self(files.map(|file| (module_of(folder, &file.path), file)).collect())
    }

    fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (module, file) in &self.0 {
            for (line, path) in self.uses(module, &file.code) {
                let to = self.declaring(&path);
                if to != file.path {
                    arrows.push(Arrow { from: file.path.clone(), line, to: to.to_owned() });
                }
            }
        }
        arrows
    }

    /// What a file of this crate imports from this crate, and in which line.
    fn uses(&self, module: &Path, code: &str) -> Vec<(usize, Path)> {
        let inner = inner_modules(code);
        let mut uses = Vec::new();
        for at in positions(code, "use ").filter(|at| begins_word(code, *at)) {
            let end = code[at..].find(';').map_or(code.len(), |end| at + end);
            let around = inner.iter().filter(|(from, to, _)| (*from..*to).contains(&at));
            let here: Path = module.iter().cloned().chain(around.map(|(_, _, name)| name.clone())).collect();
            let mut named = Vec::new();
            expand(&[], &code[at + "use ".len()..end], &mut named);
            let inside = named.iter().filter_map(|path| self.absolute(&here, path));
            uses.extend(inside.map(|path| (line_of(code, at), path)));
        }
        uses
    }

    /// A path as it is written in a module, from `crate` on; nothing if it leads to another crate.
    fn absolute(&self, here: &Path, path: &[String]) -> Option<Path> {
        let first = path.first()?;
        let mut base = here.clone();
        let mut rest = path;
        match first.as_str() {
            "crate" => return Some(path.to_vec()),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            _ => {
                base.push(first.clone());
                let child = self.0.contains_key(&base);
                base.pop();
                if !child {
                    return None;
                }
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// The file that declares what a path names: the longest part of it that is a file.
    fn declaring(&self, path: &Path) -> &str {
        let lengths = (1..=path.len()).rev();
        let file = lengths.map(|length| &path[..length]).find_map(|module| self.0.get(module));
        file.map_or("", |file| &file.path)
    }
}

/// `src/proxy/front/mod.rs` -> `crate::proxy::front`.
fn module_of(folder: &str, path: &str) -> Path {
    let inside = path.trim_start_matches(folder).trim_end_matches(".rs");
    let names = inside.split('/').filter(|name| !matches!(*name, "" | "lib" | "mod"));
    ["crate"].into_iter().chain(names).map(str::to_owned).collect()
}

/// Where modules with a body stand, and their names, the outer before the inner.
fn inner_modules(code: &str) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    for at in positions(code, "mod ").filter(|at| begins_word(code, *at)) {
        let name = word(&code[at + "mod ".len()..]);
        let body = at + "mod ".len() + name.len();
        if code[body..].trim_start().starts_with('{') {
            found.push((at, body + closing(&code[body..]), name.to_owned()));
        }
    }
    found
}

/// The paths of a `use` line's tree, without their new names.
fn expand(before: &[String], tree: &str, out: &mut Vec<Path>) {
    let tree = tree.trim();
    if tree.is_empty() {
        return; // behind the last comma
    }
    if let Some(inner) = tree.strip_prefix('{') {
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        branches(inner).into_iter().for_each(|branch| expand(before, branch, out));
        return;
    }
    let name = word(tree);
    let mut path = before.to_vec();
    let names_a_level = before.is_empty() || name != "self";
    if !name.is_empty() && names_a_level {
        path.push(name.to_owned());
    }
    match tree[name.len()..].trim_start().strip_prefix("::") {
        Some(rest) => expand(&path, rest, out),
        None if path.is_empty() => {}
        None => out.push(path),
    }
}

/// A list split at the commas that stand in no braces of its own.
fn branches(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut out) = (0_usize, 0, Vec::new());
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                out.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    out.push(&list[from..]);
    out
}

/// The name that a text begins with.
fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
}

fn begins_word(code: &str, at: usize) -> bool {
    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Files that reach each other by arrows, grouped.
fn circles(arrows: &[Arrow]) -> Vec<BTreeSet<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in arrows {
        next.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|from| (*from, reach(&next, from))).collect();
    let mut found = BTreeSet::new();
    for (from, to) in &reached {
        if to.contains(from) {
            let back = |other: &&str| reached.get(other).is_some_and(|theirs| theirs.contains(from));
            found.insert(to.iter().copied().filter(back).map(str::to_owned).collect::<BTreeSet<_>>());
        }
    }
    found.into_iter().collect()
}

/// Every file that arrows lead to from one.
fn reach<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut ahead: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = ahead.pop() {
        if seen.insert(file) {
            ahead.extend(next.get(file).into_iter().flatten().copied());
        }
    }
    seen
}

#[test]
fn a_circle_is_found_and_a_tree_is_none() {
    let file = |path: &str, code: &str| Source { path: path.into(), text: String::new(), code: code.into() };
    let found = |child: &str| {
        let files = vec![
            file("src/lib.rs", "pub mod a;"),
            file("src/a/mod.rs", "mod b; mod c; pub use b::{B, C as D}; fn own() {}"),
            file("src/a/b.rs", child),
            file("src/a/c.rs", "use std::fmt; use bytes::c::B; mod inner { use super::own; }"),
        ];
        circles(&Crate::new("src", files).arrows())
    };
    for tree in [
        "use super::c::C;",
        "use crate::a::c::{self, C};",
        "use super::{c::C,};",
        "mod inner { use super::C; }",
        "",
    ] {
        assert!(found(tree).is_empty(), "{tree}");
    }
    for circle in ["use super::own;", "use crate::{a::{own, c::C}};", "mod inner { use super::super::own; }"]
    {
        assert_eq!(found(circle)[0].len(), 2, "{circle}");
    }
}
