//! What one call leaves behind: what it asked for, and what it wrote. It goes along with the call, so that the places where
//! bodies are read and the store is written note it for every call there is and will be.

use std::{future::Future, iter, sync::Arc};

use bytes::Bytes;
use keyvalues::{Outcome, StoreError, Write};
use parking_lot::Mutex;
use serde_json::Value;

use super::redaction::{of_bytes, of_key, of_text};
use crate::{
    control::limits::{AUDIT_CHANGES_BYTES_MAX, AUDIT_CHANGES_MAX},
    rollout::{
        endpoint_set::EndpointSet,
        keys::{self, Meaning},
    },
    schema::audit::AuditChange,
};

tokio::task_local! {
    static TRAIL: Arc<Trail>;
}

/// Carries a call out on this trail.
pub async fn along<T>(trail: Arc<Trail>, call: impl Future<Output = T>) -> T {
    TRAIL.scope(trail, call).await
}

/// The trail of the call that is carried out here; none: it is the router's own doing.
pub fn current() -> Option<Arc<Trail>> {
    TRAIL.try_with(Arc::clone).ok()
}

/// Notes on the call that is carried out here, if it has a trail.
pub fn note(change: impl FnOnce(&mut Notes)) {
    if let Some(trail) = current() {
        change(&mut trail.notes.lock());
    }
}

/// The trail of one call.
#[derive(Debug, Default)]
pub struct Trail {
    notes: Mutex<Notes>,
}

/// What stands on a trail.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    pub request: Option<Value>,
    pub changes: Vec<AuditChange>,
    pub changes_left_out: u64,
    /// Who calls, where no token says so: name, role and the app.
    pub actor: Option<(String, String, String)>,
    /// What the changes take.
    bytes: usize,
    /// All was as it should be.
    pub is_unchanged: bool,
    /// The store did not say whether something was written.
    pub is_in_doubt: bool,
    /// It happens all the time and means nothing, such as another router's sign of life.
    pub is_routine: bool,
}

/// The changes of one commit among those of a trail.
#[derive(Debug)]
pub struct Attempt {
    from: usize,
    left_out: u64,
    bytes: usize,
}

impl Notes {
    /// What is asked for, as it came.
    pub fn ask(&mut self, body: &[u8]) {
        if !body.is_empty() {
            self.request = Some(of_bytes(body));
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.changes.is_empty()
            || (self.changes.len() < AUDIT_CHANGES_MAX && self.bytes + bytes <= AUDIT_CHANGES_BYTES_MAX)
    }

    /// Something that is changed and stands at no key, or is written by somebody else for this call.
    pub fn change(&mut self, what: &str, before: Value, after: Value) {
        self.changes.push(AuditChange { key: what.to_owned(), before, after });
    }
}

impl Trail {
    /// What was noted so far.
    pub fn notes(&self) -> Notes {
        self.notes.lock().clone()
    }

    /// Notes what a commit is about to write. `before`: what the keys hold that are told of, in that order.
    pub fn begin(&self, before: Vec<Option<Bytes>>, writes: &[Write]) -> Attempt {
        let mut notes = self.notes.lock();
        let attempt = Attempt { from: notes.changes.len(), left_out: 0, bytes: 0 };
        let before = before.into_iter().chain(iter::repeat(None));
        told(writes).into_iter().zip(before).fold(attempt, |attempt, (write, before)| {
            let key = write.key().as_str();
            // The keys of old scripts are written with every change, mostly as they are.
            if before.is_some() && before.as_deref() == write.value() {
                return attempt;
            }
            let before = of_key(key, before.as_deref());
            let change = AuditChange { key: of_text(key), before, after: of_key(key, write.value()) };
            let bytes = key.len() + change.before.to_string().len() + change.after.to_string().len();
            if notes.has_room(bytes) {
                notes.changes.push(change);
                notes.bytes += bytes;
                Attempt { bytes: attempt.bytes + bytes, ..attempt }
            } else {
                notes.changes_left_out += 1;
                Attempt { left_out: attempt.left_out + 1, ..attempt }
            }
        })
    }

    /// Notes how that commit ended. What surely was not written is taken off the trail.
    pub fn end(&self, attempt: &Attempt, outcome: &Result<Outcome, StoreError>) {
        let mut notes = self.notes.lock();
        match outcome {
            Ok(Outcome::Done(_)) => {}
            Ok(Outcome::Unknown(_)) => notes.is_in_doubt = true,
            Ok(Outcome::Conflict(_)) | Err(_) => {
                notes.changes.truncate(attempt.from);
                notes.changes_left_out -= attempt.left_out;
                notes.bytes -= attempt.bytes;
            }
        }
    }
}

/// The writes that are told of: an event says again what its record says, or its endpoints, and a count only that these were
/// changed, so neither is where both are written.
pub fn told(writes: &[Write]) -> Vec<&Write> {
    let meaning = |write: &Write| keys::meaning(write.key().as_str());
    let records: Vec<_> = writes
        .iter()
        .filter_map(|write| match meaning(write) {
            Some(Meaning::Record(app)) => Some(app),
            _ => None,
        })
        .collect();
    let has_keys = writes.iter().any(|write| matches!(meaning(write), Some(Meaning::Endpoint(..))));
    let has_endpoints =
        has_keys || writes.iter().any(|write| matches!(meaning(write), Some(Meaning::EndpointSet(_))));
    let has_lock = writes.iter().any(|write| matches!(meaning(write), Some(Meaning::PipelineLock(_))));
    let repeats = |write: &&Write| match meaning(write) {
        Some(Meaning::Event(app, _)) => write.value().is_some() && records.contains(&app),
        Some(Meaning::EndpointEvent(..)) => has_endpoints || has_lock,
        Some(Meaning::EndpointSet(_)) => has_keys && write.value().is_none_or(is_mere_count),
        _ => false,
    };
    writes.iter().filter(|write| !repeats(write)).collect()
}

fn is_mere_count(set: &[u8]) -> bool {
    EndpointSet::parse(set).is_ok_and(|set| set.pending.is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(key: &str, value: &str) -> Write {
        Write::put(key.parse().unwrap(), value.to_owned())
    }

    #[test]
    fn what_was_not_written_leaves_no_trace_of_a_change() {
        let trail = Trail::default();
        let writes = [put("rolling/shop/rollout", "{}"), put("rolling/shop/events/000000000001", "{}")];
        let attempt = trail.begin(Vec::new(), &writes);
        assert_eq!(trail.notes().changes.len(), 1, "the event repeats the record");
        trail.end(&attempt, &Ok(Outcome::Conflict(writes[0].key().clone())));
        assert_eq!(trail.notes().changes, []);
        let attempt = trail.begin(Vec::new(), &writes);
        trail.end(&attempt, &Ok(Outcome::Done(1)));
        let change =
            AuditChange { key: "rolling/shop/rollout".into(), before: Value::Null, after: json!({}) };
        assert_eq!(trail.notes().changes, [change]);
    }

    #[test]
    fn endpoints_are_told_once_and_a_set_of_them_always() {
        let set = |text: &str| put("apps/shop-1-80/set", text);
        let pending = r#"{"count":2,"pending":{"by":"n","endpoints":{"c":"127.0.0.1:9"}}}"#;
        let event = put("rolling/shop/endpoint-events/000000000001", "{}");
        let endpoint = put("apps/shop-1-80/containers/c", "127.0.0.1:9");
        let keys = |writes: &[Write]| -> Vec<String> {
            told(writes).iter().map(|write| write.key().to_string()).collect()
        };
        assert_eq!(
            keys(&[endpoint.clone(), set("{\"count\":1}"), event.clone()]),
            ["apps/shop-1-80/containers/c"]
        );
        assert_eq!(keys(&[set(pending), event.clone()]), ["apps/shop-1-80/set"]);
        assert_eq!(keys(&[endpoint, set(pending)]).len(), 2, "it counts instead of the key");
        assert_eq!(keys(&[event]).len(), 1, "nothing else tells of it");
        let removed = Write::delete("apps/shop-1-80/set".parse().unwrap());
        assert_eq!(keys(&[removed]).len(), 1, "what it held counts no more");
    }

    #[tokio::test]
    async fn notes_are_those_of_the_call_that_is_carried_out() {
        let (one, two) = (Arc::new(Trail::default()), Arc::new(Trail::default()));
        let call = |body: &'static [u8]| async move { note(|notes| notes.ask(body)) };
        tokio::join!(
            along(Arc::clone(&one), call(b"{\"n\":1}")),
            along(Arc::clone(&two), call(b"{\"n\":2}"))
        );
        note(|notes| notes.ask(b"nobody's"));
        assert_eq!(one.notes().request, Some(json!({ "n": 1 })));
        assert_eq!(two.notes().request, Some(json!({ "n": 2 })));
    }
}
