//! The fields in which two answers to the same request differ.

use std::{collections::BTreeMap, time::Duration};

use super::{
    answer::{Answer, Reply},
    difference::{Difference, DifferenceKind as Kind},
    json,
};
use crate::rollout::settings::ShadowSettings;

/// The most fields that one comparison names.
const FIELDS_MAX: usize = 50;
/// How many times as long an answer must take to be slower.
const SLOWER: u32 = 3;
/// Of so many.
const SLOWER_OF: u32 = 2;
/// How much longer at least: below, machines differ by chance.
const SLOWER_LEAST: Duration = Duration::from_millis(5);

/// Headers that belong to one connection or moment, or follow from the body. Of `set-cookie` the cookies' names are compared.
const PASSING_HEADERS: [&str; 9] = [
    "age",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What of `other` differs from what stable answered; nothing of what the settings ignore.
pub fn compare(stable: &Reply, other: &Reply, settings: &ShadowSettings) -> Vec<Difference> {
    let mut found = match (stable, other) {
        (Reply::Answer(stable), Reply::Answer(other)) => compare_answers(stable, other),
        // Nothing can be said of the other where stable does not answer.
        (Reply::Nothing(_), _) => Vec::new(),
        (Reply::Answer(stable), Reply::Nothing(why)) => {
            vec![Difference::new("answer", Kind::Missing, &stable.status.to_string(), why)]
        }
    };
    found.retain(|difference| !settings.ignores(&difference.field));
    found.truncate(FIELDS_MAX);
    if settings.credentials {
        found = found.into_iter().map(Difference::without_values).collect();
    }
    found
}

fn compare_answers(stable: &Answer, other: &Answer) -> Vec<Difference> {
    let mut found = Vec::new();
    if stable.status != other.status {
        let (stable, other) = (stable.status.to_string(), other.status.to_string());
        found.push(Difference::new("status", Kind::Changed, &stable, &other));
    }
    found.extend(compare_times(stable.took, other.took));
    // An error page has little in common with what it stands for.
    if stable.status == other.status {
        found.extend(compare_lines("header", &headers(stable), &headers(other)));
        found.extend(compare_lines("cookie", &cookies(stable), &cookies(other)));
        found.extend(compare_bodies(stable, other));
    }
    found
}

fn compare_times(stable: Duration, other: Duration) -> Option<Difference> {
    let slower = other * SLOWER_OF >= stable * SLOWER && other >= stable + SLOWER_LEAST;
    let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    slower.then(|| Difference::new("time", Kind::Slower, &shown(stable), &shown(other)))
}

/// The headers that are compared, each with all its values.
fn headers(answer: &Answer) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::<String, String>::new();
    for (name, value) in answer.headers.iter().filter(|(name, _)| !PASSING_HEADERS.contains(&name.as_str())) {
        let all = lines.entry(name.clone()).or_default();
        let comma = if all.is_empty() { "" } else { ", " };
        all.push_str(&format!("{comma}{value}"));
    }
    lines
}

/// The names of the cookies that are set. Their values are different for every client.
fn cookies(answer: &Answer) -> BTreeMap<String, String> {
    let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let names = set.filter_map(|(_, value)| value.split('=').next());
    names.map(|name| (name.trim().to_owned(), "is set".to_owned())).collect()
}

fn compare_lines(
    part: &str,
    stable: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let names = stable.keys().chain(other.keys().filter(|name| !stable.contains_key(*name)));
    let found = names.filter_map(|name| {
        let field = format!("{part} {name}");
        match (stable.get(name), other.get(name)) {
            (Some(a), Some(b)) if a != b => Some(Difference::new(field, Kind::Changed, a, b)),
            (Some(a), None) => Some(Difference::new(field, Kind::Missing, a, "")),
            (None, Some(b)) => Some(Difference::new(field, Kind::Added, "", b)),
            _ => None,
        }
    });
    found.collect()
}

fn compare_bodies(stable: &Answer, other: &Answer) -> Vec<Difference> {
    if stable.cut || other.cut || stable.body == other.body {
        return Vec::new();
    }
    if stable.is_json() && other.is_json() {
        let read = |answer: &Answer| serde_json::from_slice(&answer.body).ok();
        if let (Some(a), Some(b)) = (read(stable), read(other)) {
            return json::compare(&a, &b, FIELDS_MAX);
        }
    }
    let shown = |answer: &Answer| format!("{} bytes", answer.body.len());
    vec![Difference::new("body", Kind::Changed, &shown(stable), &shown(other))]
}
