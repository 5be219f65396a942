//! All differences of a candidate, counted within a bound.

use std::collections::{BTreeMap, HashMap};

use super::{
    answer::Reply,
    compare::compare,
    difference::{Difference, DifferenceKind},
    finding::{Counted, Finding, class_of},
    pattern::pattern_of,
};
use crate::rollout::settings::ShadowSettings;

/// The most patterns of paths that are told apart.
const PATTERNS_MAX: usize = 100;
/// The most differences that are counted.
const DIFFERENCES_MAX: usize = 300;
/// How many sessions are told apart: of the first so many it is known which differences they met.
pub const SESSIONS_MAX: usize = 1_024;
/// The pattern of paths beyond the most.
const OTHERS: &str = "(other paths)";

/// The answers to one request.
#[derive(Debug, Clone)]
pub struct Comparison<'a> {
    /// Whose request it was: a number that is the same for all requests of one client.
    pub session: u64,
    /// Its target.
    pub target: &'a str,
    /// What stable answered.
    pub stable: &'a Reply,
    /// What the candidate answered.
    pub candidate: &'a Reply,
    /// What stable answered when it was asked again, if it was.
    pub again: Option<&'a Reply>,
}

/// What is known of one field of one pattern.
#[derive(Debug, Clone)]
struct Seen {
    candidate: u64,
    noise: u64,
    sessions: [u64; SESSIONS_MAX / 64],
    example_path: String,
    example: Option<Difference>,
}

/// How often requests of a pattern were compared.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs {
    candidate: u64,
    noise: u64,
}

/// What the candidate answered differently so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    patterns: BTreeMap<String, Pairs>,
    seen: BTreeMap<(String, String, DifferenceKind), Seen>,
    sessions: HashMap<u64, usize>,
    /// Requests to which stable did not answer, so that nothing was compared.
    pub unanswered: u64,
    /// Differences that were not counted, since so many others are.
    pub left_out: u64,
}

impl Findings {
    /// Takes the answers to one request.
    pub fn add(&mut self, comparison: &Comparison<'_>, settings: &ShadowSettings) {
        let Comparison { session, target, stable, candidate, again } = *comparison;
        if matches!(stable, Reply::Nothing(_)) {
            self.unanswered += 1;
            return;
        }
        let pattern = self.pattern(target);
        let session = self.session(session);
        let differences = compare(stable, candidate, settings);
        let noise = again.map(|again| compare(stable, again, settings));
        let pairs = self.patterns.entry(pattern.clone()).or_default();
        pairs.candidate += 1;
        pairs.noise += u64::from(noise.is_some());
        for difference in differences {
            let Some(seen) = self.seen(&pattern, &difference) else { continue };
            seen.candidate += 1;
            if let Some(session) = session {
                seen.sessions[session / 64] |= 1 << (session % 64);
            }
            if seen.example.is_none() {
                let path = target.split(['?', '#']).next().unwrap_or_default();
                seen.example_path = path.chars().take(200).collect();
                seen.example = Some(difference);
            }
        }
        for difference in noise.unwrap_or_default() {
            if let Some(seen) = self.seen(&pattern, &difference) {
                seen.noise += 1;
            }
        }
    }

    /// How many requests were compared: with the candidate, and stable with itself.
    pub fn compared(&self) -> [u64; 2] {
        let all = self.patterns.values();
        all.fold([0, 0], |[candidate, noise], pairs| [candidate + pairs.candidate, noise + pairs.noise])
    }

    /// How many sessions they were of, [`SESSIONS_MAX`] at most.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Whether stable should be asked twice at the next request: often at first, so that noise is known early, then for every
    /// fourth.
    pub fn wants_noise(&self) -> bool {
        let [candidate, noise] = self.compared();
        noise < 20 || noise * 4 < candidate
    }

    /// What was found: first what is the candidate's, and what most sessions met.
    pub fn ranked(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.seen.iter().map(|(key, seen)| self.finding(key, seen)).collect();
        all.sort_by(|a, b| {
            let by_share = b.sessions.total_cmp(&a.sessions);
            a.class.cmp(&b.class).then(by_share).then(b.candidate.differed.cmp(&a.candidate.differed))
        });
        all
    }

    fn finding(&self, key: &(String, String, DifferenceKind), seen: &Seen) -> Finding {
        let (path, field, kind) = key.clone();
        let pairs = self.patterns.get(&path).copied().unwrap_or_default();
        let candidate = Counted { compared: pairs.candidate, differed: seen.candidate };
        let noise = Counted { compared: pairs.noise, differed: seen.noise };
        let met: u32 = seen.sessions.iter().map(|bits| bits.count_ones()).sum();
        Finding {
            class: class_of(candidate, noise),
            sessions: f64::from(met) / self.sessions.len().max(1) as f64,
            example_path: seen.example_path.clone(),
            example: seen.example.clone(),
            path,
            field,
            kind,
            candidate,
            noise,
        }
    }

    fn pattern(&self, target: &str) -> String {
        let pattern = pattern_of(target);
        let known = self.patterns.contains_key(&pattern) || self.patterns.len() < PATTERNS_MAX;
        if known { pattern } else { OTHERS.to_owned() }
    }

    /// The place of a session among those that are told apart.
    fn session(&mut self, session: u64) -> Option<usize> {
        let next = self.sessions.len();
        if next < SESSIONS_MAX {
            return Some(*self.sessions.entry(session).or_insert(next));
        }
        self.sessions.get(&session).copied()
    }

    fn seen(&mut self, pattern: &str, difference: &Difference) -> Option<&mut Seen> {
        let key = (pattern.to_owned(), difference.field.clone(), difference.kind);
        if !self.seen.contains_key(&key) && self.seen.len() >= DIFFERENCES_MAX {
            self.left_out += 1;
            return None;
        }
        Some(self.seen.entry(key).or_insert_with(|| Seen {
            candidate: 0,
            noise: 0,
            sessions: [0; SESSIONS_MAX / 64],
            example_path: String::new(),
            example: None,
        }))
    }
}
