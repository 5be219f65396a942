//! Fields of stored values that a member of a newer version wrote and this one does not know: whoever writes a value again
//! keeps them (docs/design.md section 3, "Members of different versions").

use serde::Serialize;
use serde_json::Value;

/// What tells one entry from another: a field moves on with what it was said of, and never to something else.
const IDENTITY: [&str; 7] = ["release", "tenure", "id", "endpoint", "address", "at", "by"];

/// The value `next`, which takes the place of `stored`, with those fields of `stored` that `read`, what this version understood
/// of it, does not have.
pub fn keep(stored: &[u8], read: &impl Serialize, next: Vec<u8>) -> Vec<u8> {
    let Ok(read) = serde_json::to_value(read) else { return next };
    let parsed = (serde_json::from_slice::<Value>(stored), serde_json::from_slice::<Value>(&next));
    let (Ok(stored), Ok(mut value)) = parsed else { return next };
    match add(&stored, &read, &mut value) {
        true => serde_json::to_vec(&value).unwrap_or(next),
        false => next,
    }
}

/// Adds what `stored` has beyond `read`; whether there was anything.
pub fn add(stored: &Value, read: &Value, next: &mut Value) -> bool {
    let mut added = false;
    match (stored, read, next) {
        (Value::Object(stored), Value::Object(read), Value::Object(next)) => {
            for (name, value) in next.iter_mut() {
                // A release that moved to another track is found under its old name.
                let stayed = read.get(name).is_some_and(|it| is_same(it, value)).then_some(name);
                let from = stayed.or_else(|| read.keys().find(|from| is_moved(&read[*from], value)));
                if let Some((stored, read)) = from.and_then(|from| Some((stored.get(from)?, read.get(from)?)))
                {
                    added |= add(stored, read, value);
                }
            }
            for (name, value) in stored.iter().filter(|(name, _)| !read.contains_key(*name)) {
                if !next.contains_key(name) {
                    next.insert(name.clone(), value.clone());
                    added = true;
                }
            }
        }
        (Value::Array(stored), Value::Array(read), Value::Array(next)) if stored.len() == read.len() => {
            for value in next {
                if let Some(at) = read.iter().position(|it| is_same(it, value)) {
                    added |= add(&stored[at], &read[at], value);
                }
            }
        }
        _ => {}
    }
    added
}

/// Whether two values are about the same thing.
fn is_same(one: &Value, other: &Value) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else {
        return one.is_array() && other.is_array();
    };
    let named = IDENTITY.iter().filter(|field| one.contains_key(**field) || other.contains_key(**field));
    let (all, same) = named.fold((0, 0), |(all, same), field| {
        (all + 1, same + usize::from(one.get(*field) == other.get(*field)))
    });
    all == same
}

/// Whether two values that have different names are about the same release.
fn is_moved(one: &Value, other: &Value) -> bool {
    one.get("release").is_some() && is_same(one, other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(stored: Value, read: Value, mut next: Value) -> Value {
        add(&stored, &read, &mut next);
        next
    }

    #[test]
    fn what_is_not_known_stays_and_what_is_known_changes() {
        let stored =
            json!({ "seq": 1, "freeze": { "until": 7 }, "cookie": { "name": "a", "priority": "High" } });
        let read = json!({ "seq": 1, "cookie": { "name": "a" } });
        let next = json!({ "seq": 2, "cookie": { "name": "b" } });
        let wanted =
            json!({ "seq": 2, "freeze": { "until": 7 }, "cookie": { "name": "b", "priority": "High" } });
        assert_eq!(kept(stored, read, next), wanted);
    }

    #[test]
    fn a_field_goes_with_the_release_that_it_was_said_of() {
        let stay = |release: &str, weight: Option<u64>| {
            let mut stay = json!({ "release": release, "tenure": 1 });
            if let Some(weight) = weight {
                stay["weight"] = json!(weight);
            }
            stay
        };
        let stored =
            json!({ "stable": stay("v1", Some(1)), "candidate": stay("v2", Some(2)), "draining": [] });
        let read = json!({ "stable": stay("v1", None), "candidate": stay("v2", None), "draining": [] });
        let next = json!({ "stable": stay("v2", None), "candidate": null, "draining": [] });
        let wanted = json!({ "stable": stay("v2", Some(2)), "candidate": null, "draining": [] });
        assert_eq!(kept(stored, read, next), wanted);
    }

    #[test]
    fn entries_of_a_list_are_told_apart() {
        let stored = json!([{ "id": 1, "new": "one" }, { "id": 2, "new": "two" }]);
        let read = json!([{ "id": 1 }, { "id": 2 }]);
        let next = json!([{ "id": 2 }, { "id": 3 }]);
        assert_eq!(kept(stored, read, next), json!([{ "id": 2, "new": "two" }, { "id": 3 }]));
    }

    #[test]
    fn a_value_without_such_fields_stays_byte_for_byte() {
        let next = br#"{"b":2,"a":1}"#.to_vec();
        assert_eq!(keep(br#"{"a":0}"#, &json!({ "a": 0 }), next.clone()), next);
        assert_eq!(keep(b"no json", &json!({}), next.clone()), next);
    }
}
