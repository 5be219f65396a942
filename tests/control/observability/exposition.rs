//! `/metrics` is valid in the text format of Prometheus (0.0.4), and follows its conventions for names.

use std::collections::{BTreeMap, BTreeSet};
use support::{Reply, echo, router, scripted};

/// One metric family as it stands in the text.
#[derive(Default)]
struct Family {
    kind: String,
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Its labels but `le`.
    fn series(&self) -> Vec<(String, String)> {
        self.labels.iter().filter(|(name, _)| name != "le").cloned().collect()
    }
}

/// Reads a page, line by line, as strictly as the format is described.
fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current: Option<(String, bool)> = None;
    assert!(page.ends_with('\n'), "the last line is ended");
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
            assert!(text.len() > 3 && text.ends_with('.'), "help is a sentence: {line}");
            assert!(families.insert(name.to_owned(), Family::default()).is_none(), "described twice: {line}");
            current = Some((name.to_owned(), false));
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            assert_eq!(current, Some((name.to_owned(), false)), "a type follows its help: {line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            families.get_mut(name).expect("it has help").kind = kind.to_owned();
            current = Some((name.to_owned(), true));
        } else {
            let sample = sample(line).unwrap_or_else(|| panic!("no sample: {line:?}"));
            let Some((name, true)) = &current else { panic!("a sample without help and type: {line}") };
            let family = families.get_mut(name).expect("it has help");
            assert!(belongs(&sample.name, name, &family.kind), "{line} stands below {name}");
            family.samples.push(sample);
        }
    }
    families
}

fn belongs(sample: &str, family: &str, kind: &str) -> bool {
    match kind {
        "histogram" => {
            sample.strip_prefix(family).is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
        }
        _ => sample == family,
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.strip_prefix(' ')?;
    let number = match value {
        "+Inf" => f64::INFINITY,
        _ if value.starts_with(|first: char| first.is_ascii_digit() || first == '-') => value.parse().ok()?,
        _ => return None,
    };
    is_name(name, true).then(|| Sample { name: name.to_owned(), labels, value: number })
}

fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let mut escaped = false;
        let end = after.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        })?;
        if !is_name(name, false) {
            return None;
        }
        labels.push((name.to_owned(), after[..end].to_owned()));
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((labels, rest.strip_prefix('}')?)),
        }
    }
}

fn is_name(name: &str, colons: bool) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || char == '_' || colons && char == ':';
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && name.chars().all(allowed)
}

/// A router that has seen some of everything.
fn page() -> String {
    let endpoint = scripted(|request| match request.target().as_str() {
        "/broken" => Reply::Reset(Vec::new()),
        "/missing" => Reply::response("404 Not Found", &[], ""),
        _ => Reply::ok("fine"),
    });
    let router = router()
        .stable_on("v1", vec![endpoint, echo("v1")])
        .candidate("v2")
        .blend(50)
        .key("rolling/other/blendpercent", "no number")
        .key("apps/hello-v1-80/containers/bad", "no address")
        .workers(2)
        .start();
    for n in 0..40 {
        let target = ["/", "/missing", "/broken"][n % 3];
        let _ = router.visitor().try_get(target);
    }
    let mut refused = router.connect();
    refused.send("nothing that could be read\r\n\r\n");
    refused.response("GET");
    router.api().post("promote", &serde_json::json!({})).expect(200);
    let response = router.api().anonymous().raw("GET", "/metrics", None, "").expect(200).response;
    let kind = response.header("content-type").expect("it says what it is");
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    response.text()
}

#[test]
fn the_page_is_valid_and_follows_the_conventions() {
    let families = families(&page());
    assert!(families.len() > 20, "there is something to tell");
    for (name, family) in &families {
        let prefixed = ["rolling_", "process_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(prefixed, "{name}: metrics have a prefix of their own, or that of every process");
        let counts = name.ends_with("_total");
        assert_eq!(counts, family.kind == "counter", "{name}: counters, and nothing else, end in _total");
        let unit = ["_ms", "_us", "_millis", "_kb", "_mb", "_minutes"].iter().any(|unit| name.contains(unit));
        assert!(!unit, "{name}: base units are seconds and bytes");
        assert_unique(name, family);
        assert_values(name, family);
        if family.kind == "histogram" {
            assert_histogram(name, family);
        }
    }
}

fn assert_unique(name: &str, family: &Family) {
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        labels.sort();
        let names: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), labels.len(), "{name}: a label twice");
        assert!(seen.insert((sample.name.clone(), labels)), "{name}: a series twice");
    }
    let plain = family.samples.iter().filter(|sample| !sample.name.ends_with("_bucket"));
    let sets: BTreeSet<Vec<&String>> =
        plain.map(|sample| sample.labels.iter().map(|(name, _)| name).collect()).collect();
    assert!(sets.len() <= 1, "{name}: every series has the same labels: {sets:?}");
}

fn assert_values(name: &str, family: &Family) {
    for sample in &family.samples {
        let finite = sample.value.is_finite() || family.kind == "gauge";
        assert!(finite && sample.value >= 0.0, "{name}: {}", sample.value);
        let whole = sample.value.fract().abs() < f64::EPSILON;
        assert!(whole || family.kind != "counter" || name.contains("_seconds"), "{name}: {}", sample.value);
    }
}

/// Buckets rise, the last one is `+Inf` and equals the count.
fn assert_histogram(name: &str, family: &Family) {
    let series: BTreeSet<_> = family.samples.iter().map(Sample::series).collect();
    for labels in series {
        let of = |suffix: &str| {
            let wanted = format!("{name}{suffix}");
            let samples = family.samples.iter().filter(move |sample| sample.name == wanted);
            samples.filter(|sample| sample.series() == labels).collect::<Vec<_>>()
        };
        let (buckets, counts, sums) = (of("_bucket"), of("_count"), of("_sum"));
        assert_eq!((counts.len(), sums.len()), (1, 1), "{name} {labels:?}");
        let bounds: Vec<f64> = buckets
            .iter()
            .map(|bucket| match bucket.label("le").expect("a bucket has a bound") {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().expect("a bound is a number"),
            })
            .collect();
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{name}: bounds rise");
        assert!(buckets.windows(2).all(|pair| pair[0].value <= pair[1].value), "{name}: counts never fall");
        assert!(bounds.last().is_some_and(|bound| bound.is_infinite()), "{name}: the last takes all");
        assert!((buckets[buckets.len() - 1].value - counts[0].value).abs() < f64::EPSILON, "{name}");
    }
}
