//! A bounded run of the entry points, on random values and on the corpus.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::{settings, stored_values};

/// What a fuzz target calls.
type Entry = fn(&[u8]);

/// Text that looks like what is stored often enough to get past the first check.
fn value() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "null",
        "true",
        "0",
        "1",
        "-1",
        "1e9",
        "100",
        "99.99",
        "\"hosts\":[\"*.a\"]",
        "\"override\":{\"header\":\"X-A\",\"networks\":[\"10.0.0.0/8\"]}",
        "\"drainseconds\":7",
        "\"seq\":3",
        "\"stable\":{\"release\":\"apps/a-1-80/containers\",\"tenure\":1}",
        "\"blend\":50",
        "apps/a-1-80/containers",
        "rolling/null",
        "10.0.0.1:80",
        "127.0.0.1:80",
        "[::ffff:169.254.169.254]:80",
        "\u{fffd}",
        "\\u0000",
        " ",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "rolling/a/rollout",
        "rolling/a/settings",
        "rolling/a/previews",
        "rolling/a/stable/id",
        "rolling/a/candidate/id",
        "rolling/a/blendpercent",
        "rolling/a/stickyness",
        "rolling/b/settings",
        "rolling/b/stable/id",
        "rolling/null",
        "apps/a-1-80/containers/c",
        "apps/a-1-80/containers/d",
        "apps/x/containers/y/z",
        "rolling/router/epoch",
        "x",
    ]);
    (key, value()).prop_map(|(key, value)| format!("{key} {value}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_settings_hold(value in value()) {
        settings(value.as_bytes());
    }

    #[test]
    fn any_stored_values_hold(lines in prop::collection::vec(line(), 0..12)) {
        stored_values(lines.concat().as_bytes());
    }
}

#[test]
fn the_entry_points_hold_on_their_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let entries: [(&str, Entry); 2] = [("settings", settings), ("stored_values", stored_values)];
    for (name, entry) in entries {
        let seeds: Vec<_> = corpus.join(name).read_dir().unwrap().collect();
        assert!(!seeds.is_empty(), "{name}");
        seeds.into_iter().for_each(|seed| entry(&fs::read(seed.unwrap().path()).unwrap()));
    }
}
