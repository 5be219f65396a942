//! The fields in which two documents of JSON differ, by shape and by value.

use serde_json::Value;

use super::difference::{Difference, DifferenceKind as Kind};

/// The deepest field that is named; below it, two values are the same or not.
const DEPTH_MAX: usize = 16;
/// How many entries of a list are compared.
const ENTRIES_MAX: usize = 20;

/// The differences, at most so many. Entries of lists have one name for all of them: `$.items[].price`.
pub fn compare(stable: &Value, other: &Value, most: usize) -> Vec<Difference> {
    let mut found = Found { differences: Vec::new(), most };
    found.descend("$", stable, other, 0);
    found.differences
}

struct Found {
    differences: Vec<Difference>,
    most: usize,
}

impl Found {
    fn add(&mut self, path: &str, kind: Kind, stable: &str, other: &str) {
        let field = format!("body {path}");
        let is_new = !self.differences.iter().any(|known| known.field == field && known.kind == kind);
        if is_new && self.differences.len() < self.most {
            self.differences.push(Difference::new(field, kind, stable, other));
        }
    }

    fn descend(&mut self, path: &str, stable: &Value, other: &Value, depth: usize) {
        if stable == other {
            return;
        }
        match (stable, other) {
            (Value::Object(a), Value::Object(b)) if depth < DEPTH_MAX => {
                for (name, stable) in a {
                    let path = format!("{path}.{name}");
                    match b.get(name) {
                        Some(other) => self.descend(&path, stable, other, depth + 1),
                        None => self.add(&path, Kind::Missing, &stable.to_string(), ""),
                    }
                }
                for (name, other) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                    self.add(&format!("{path}.{name}"), Kind::Added, "", &other.to_string());
                }
            }
            (Value::Array(a), Value::Array(b)) if depth < DEPTH_MAX => {
                let entries = format!("{path}[]");
                if a.len() != b.len() {
                    let shown = |length: usize| format!("{length} entries");
                    self.add(&entries, Kind::Changed, &shown(a.len()), &shown(b.len()));
                }
                for (stable, other) in a.iter().zip(b).take(ENTRIES_MAX) {
                    self.descend(&entries, stable, other, depth + 1);
                }
            }
            _ if type_of(stable) != type_of(other) => {
                self.add(path, Kind::Type, type_of(stable), type_of(other));
            }
            _ => self.add(path, Kind::Changed, &stable.to_string(), &other.to_string()),
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
