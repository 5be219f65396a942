//! Tests of shadow: what is compared, and what is told from noise.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Answer, Comparison, DifferenceKind as Kind, FindingClass as Class, Findings, Reply, compare,
    finding::{Counted, class_of},
    pattern::pattern_of,
};
use crate::rollout::settings::ShadowSettings;

fn answer(headers: &[(&str, &str)], body: &Value) -> Answer {
    let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let json = ("content-type".to_owned(), "application/json".to_owned());
    let took = Duration::from_millis(20);
    Answer {
        status: 200,
        headers: own.chain([json]).collect(),
        body: body.to_string().into(),
        cut: false,
        took,
    }
}

fn fields(stable: &Answer, other: &Answer, settings: &ShadowSettings) -> Vec<(String, Kind)> {
    let found = compare(&Reply::Answer(stable.clone()), &Reply::Answer(other.clone()), settings);
    found.into_iter().map(|difference| (difference.field, difference.kind)).collect()
}

fn named(list: &[(&str, Kind)]) -> Vec<(String, Kind)> {
    list.iter().map(|(field, kind)| ((*field).to_owned(), *kind)).collect()
}

#[test]
fn every_field_that_differs_is_named() {
    let old = answer(
        &[("cache-control", "no-store"), ("vary", "a"), ("date", "1"), ("set-cookie", "s=1")],
        &json!({"a": 1, "gone": true, "b": {"c": "x"}, "items": [{"p": 1, "n": 2}, {"p": 2, "n": 2}], "t": 1}),
    );
    let new = answer(
        &[("vary", "b"), ("date", "2"), ("set-cookie", "s=2"), ("set-cookie", "t=1")],
        &json!({"a": 1, "new": 0, "b": {"c": "y"}, "items": [{"p": 3, "n": 2}, {"p": 4, "n": 2}, 5], "t": "1"}),
    );
    let all = [
        ("header cache-control", Kind::Missing),
        ("header vary", Kind::Changed),
        ("cookie t", Kind::Added),
        ("body $.b.c", Kind::Changed),
        ("body $.gone", Kind::Missing),
        ("body $.items[]", Kind::Changed),
        ("body $.items[].p", Kind::Changed),
        ("body $.t", Kind::Type),
        ("body $.new", Kind::Added),
    ];
    let settings = ShadowSettings::default();
    assert_eq!(fields(&old, &new, &settings), named(&all));
    assert_eq!(fields(&old, &old, &settings), []);
    let ignore = vec!["body *".to_owned(), "header vary".to_owned()];
    let some = ShadowSettings { ignore, ..settings };
    assert_eq!(fields(&old, &new, &some), named(&[all[0], all[2]]));
}

#[test]
fn a_status_an_answer_that_is_missing_and_time_are_compared() {
    let settings = ShadowSettings::default();
    let old = answer(&[], &json!({"a": 1}));
    let late = Answer { took: Duration::from_millis(40), ..old.clone() };
    assert_eq!(fields(&old, &late, &settings), named(&[("time", Kind::Slower)]));
    let jitter = Answer { took: Duration::from_millis(4), ..old.clone() };
    let fast = Answer { took: Duration::from_millis(1), ..old.clone() };
    assert_eq!(fields(&fast, &jitter, &settings), [], "too short to tell");
    let error = Answer { status: 500, body: b"oops".to_vec(), ..old.clone() };
    assert_eq!(fields(&old, &error, &settings), named(&[("status", Kind::Changed)]));
    let (silent, stable) = (Reply::Nothing("no answer within 10 s".into()), Reply::Answer(old.clone()));
    let found = compare(&stable, &silent, &settings);
    assert_eq!((found[0].field.as_str(), found[0].stable.as_str()), ("answer", "200"));
    assert_eq!(compare(&silent, &stable, &settings), []);
    let cut = Answer { cut: true, body: b"other".to_vec(), ..old.clone() };
    assert_eq!(fields(&old, &cut, &settings), [], "only whole bodies are compared");
}

/// With the user's own credentials, what is answered is the user's.
#[test]
fn values_are_not_shown_where_the_copies_carry_credentials() {
    let (old, new) = (answer(&[], &json!({"iban": "DE1"})), answer(&[], &json!({"iban": "DE2"})));
    let replies = (Reply::Answer(old), Reply::Answer(new));
    let shown = |credentials| {
        let settings = ShadowSettings { credentials, ..ShadowSettings::default() };
        compare(&replies.0, &replies.1, &settings)[0].stable.clone()
    };
    assert_eq!((shown(false), shown(true)), ("\"DE1\"".to_owned(), "(not shown)".to_owned()));
}

#[test]
fn what_names_one_thing_among_many_is_a_star() {
    for (target, pattern) in [
        ("/", "/"),
        ("/orders/8417/items?page=2", "/orders/*/items"),
        ("/api/v2/users/3fa85f64-5717-4562-b3fc-2c963f66afa6", "/api/v2/users/*"),
        ("/a/a-name-that-is-longer-than-any-word-of-a-path#x", "/a/*"),
    ] {
        assert_eq!(pattern_of(target), pattern);
    }
}

/// `new` and `again` say what the candidate and stable answer to the n-th request beside `{"n": 0}`.
fn found(requests: u64, new: impl Fn(u64) -> Value, again: impl Fn(u64) -> Value) -> Findings {
    let mut findings = Findings::default();
    for n in 0..requests {
        let reply = |body: &Value| Reply::Answer(answer(&[], body));
        let (stable, candidate, again) = (reply(&json!({"n": 0})), reply(&new(n)), reply(&again(n)));
        let again = findings.wants_noise().then_some(&again);
        let target = format!("/orders/{n}");
        let comparison =
            Comparison { session: n / 2, target: &target, stable: &stable, candidate: &candidate, again };
        findings.add(&comparison, &ShadowSettings::default());
    }
    findings
}

#[test]
fn what_stable_shows_against_itself_is_noise() {
    // `n` differs each time, at stable as well; `extra` is the candidate's alone, in every tenth answer.
    let new =
        |n: u64| if n.is_multiple_of(10) { json!({"n": n + 1, "extra": 1}) } else { json!({"n": n + 1}) };
    let findings = found(400, new, |n| json!({"n": n + 1_000}));
    let ranked = findings.ranked();
    let noise = ranked.iter().find(|finding| finding.field == "body $.n").unwrap();
    assert_eq!((noise.class, noise.path.as_str()), (Class::Noise, "/orders/*"));
    assert_eq!(findings.compared(), [400, 100]);
    let extra = ranked.iter().find(|finding| finding.field == "body $.extra").unwrap();
    assert_eq!((extra.kind, extra.candidate.differed, extra.noise.differed), (Kind::Added, 40, 0));
    assert_eq!((findings.sessions(), extra.sessions), (200, 0.2));
}

#[test]
fn a_field_that_always_differs_is_found_within_a_few_requests() {
    let findings = found(15, |_| json!({"n": 1}), |_| json!({"n": 0}));
    let ranked = findings.ranked();
    assert_eq!((ranked.len(), ranked[0].class, ranked[0].sessions), (1, Class::Difference, 1.0));
    let example = ranked[0].example.clone().unwrap();
    assert_eq!(
        (example.stable.as_str(), example.other.as_str(), ranked[0].example_path.as_str()),
        ("0", "1", "/orders/0")
    );
}

#[test]
fn differences_are_told_from_noise_by_how_often_they_are_seen() {
    let of = |compared, differed| Counted { compared, differed };
    for (candidate, noise, class) in [
        (of(200, 200), of(50, 0), Class::Difference),
        (of(200, 200), of(50, 50), Class::Noise),
        (of(200, 190), of(50, 5), Class::Difference),
        (of(200, 100), of(50, 24), Class::Noise),
        (of(200, 2), of(50, 0), Class::Unsure),
        (of(9, 9), of(9, 0), Class::Unsure),
        (of(50, 0), of(50, 3), Class::Noise),
    ] {
        assert_eq!(class_of(candidate, noise), class, "{candidate:?} {noise:?}");
    }
}

/// Two releases that answer alike, with fields that change by chance in both: nothing is called a difference.
#[test]
fn equal_releases_have_no_difference() {
    let mut state = 7_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut called = 0;
    for _ in 0..50 {
        let mut findings = Findings::default();
        for n in 0..200 {
            let mut reply = || {
                let fields: serde_json::Map<String, Value> =
                    (2..12).map(|odds| (format!("f{odds}"), json!(next() % odds == 0))).collect();
                Reply::Answer(answer(&[], &Value::Object(fields)))
            };
            let (stable, candidate, again) = (reply(), reply(), reply());
            let again = findings.wants_noise().then_some(&again);
            let comparison =
                Comparison { session: n, target: "/", stable: &stable, candidate: &candidate, again };
            findings.add(&comparison, &ShadowSettings::default());
        }
        called += findings.ranked().iter().filter(|finding| finding.class == Class::Difference).count();
    }
    assert_eq!(called, 0, "of 500 fields of 50 rollouts");
}

#[test]
fn memory_is_bounded() {
    let mut findings = Findings::default();
    for n in 0..5_000_u64 {
        let body = json!({ format!("f{}", n % 1_000): 1 });
        let (stable, candidate) = (Reply::Answer(answer(&[], &json!({}))), Reply::Answer(answer(&[], &body)));
        let target = format!("/{}", "x".repeat(n as usize % 30 + 1)) + &"/y".repeat(n as usize % 40);
        let comparison =
            Comparison { session: n, target: &target, stable: &stable, candidate: &candidate, again: None };
        findings.add(&comparison, &ShadowSettings::default());
    }
    assert_eq!((findings.ranked().len(), findings.sessions()), (300, 1_024));
    assert!(findings.left_out > 1_000);
    assert!(findings.ranked().iter().any(|finding| finding.path == "(other paths)"));
}
