//! Two workspaces, and one version of each dependency that both have: what one was tested with, the other has too.

use std::{collections::BTreeMap, fs};

use crate::source::report;
use tidy::root;

#[test]
fn both_workspaces_have_one_version_of_what_both_depend_on() {
    let (router, other) = (versions("Cargo.lock"), versions("kubernetes/Cargo.lock"));
    let shared = other.iter().filter_map(|(package, version)| Some((package, version, router.get(package)?)));
    let shared: Vec<_> = shared.collect();
    assert!(shared.len() > 100, "{} packages in both", shared.len());
    let differ = shared.into_iter().filter(|(_, version, of_router)| version != of_router);
    let finding = |((name, _), version, of_router): (&Package, &String, &String)| {
        format!("kubernetes/Cargo.lock: {name} {version}, and Cargo.lock has {of_router}")
    };
    report(differ.map(finding).collect());
}

/// A name, and which versions of it could stand for each other.
type Package = (String, String);

/// The packages of a lock file; of those that could stand for each other Cargo takes one version.
fn versions(file: &str) -> BTreeMap<Package, String> {
    let text = fs::read_to_string(root().join(file)).expect("the lock file can be read");
    let field = |entry: &str, name: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
        line.map(|value| value.trim_end_matches('"').to_owned())
    };
    let entries = text.split("[[package]]").skip(1);
    let packages = entries.filter_map(|entry| Some((field(entry, "name")?, field(entry, "version")?)));
    packages.map(|(name, version)| ((name, range(&version).to_owned()), version)).collect()
}

/// The part of a version that has to be the same: `1` of 1.2.3, `0.22` of 0.22.1.
fn range(version: &str) -> &str {
    let numbers = version.chars().take_while(|c| matches!(c, '0' | '.')).count();
    let first = version[numbers..].find('.').map_or(version.len(), |end| numbers + end);
    &version[..first]
}

#[test]
fn versions_that_could_stand_for_each_other_are_told() {
    assert_eq!(
        ["1.2.3", "10.2.3", "0.22.1", "0.0.7", "0.0.7+x"].map(range),
        ["1", "10", "0.22", "0.0.7", "0.0.7+x"]
    );
}
