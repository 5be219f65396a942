//! Changes of endpoints in an app's history: what, by whom, before and after.
//!
//! Such an event is not a change of the record: it bears the record as it stands, signed by whoever changed the endpoints.
//! A crowd of replicas registers itself within seconds, so the changes of one app within [`JOINED_MS`] are one event.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    command::Asker,
    command_name::CommandName,
    endpoint::Endpoint,
    record::{HistoryEvent, Record},
    release::ReleaseId,
};

/// How long further changes are joined to an event, in ms.
pub const JOINED_MS: u64 = 10_000;
/// The field of [`HistoryEvent::changed`].
pub const FIELD: &str = "endpoints";
/// Addresses of one release that an event lists before, and after; of more it says how many.
const LISTED_MAX: usize = 100;
/// Entries of one event on one side, over all releases. A further release begins a new event.
const ENTRIES_MAX: usize = 1_000;
/// Bytes of the names of all who took part.
const ACTORS_BYTES_MAX: usize = 300;

/// What became of the endpoints of one release.
#[derive(Debug, Clone)]
pub struct EndpointDifference {
    /// The release.
    pub release: ReleaseId,
    /// Its valid endpoints before.
    pub before: BTreeSet<Endpoint>,
    /// And after.
    pub after: BTreeSet<Endpoint>,
}

impl EndpointDifference {
    /// Whether one is new.
    pub fn adds(&self) -> bool {
        !self.after.is_subset(&self.before)
    }

    /// The two sides as an event lists them.
    pub fn sides(&self) -> [Vec<String>; 2] {
        [&self.before, &self.after].map(|addresses| {
            let mut listed: Vec<String> = addresses
                .iter()
                .take(LISTED_MAX)
                .map(|address| format!("{}/{address}", self.release))
                .collect();
            if addresses.len() > LISTED_MAX {
                listed.push(format!("{}/(and {} more)", self.release, addresses.len() - LISTED_MAX));
            }
            listed
        })
    }

    /// As a field of an event.
    pub fn to_field(&self) -> Value {
        json!(self.sides())
    }
}

/// The event of a change.
pub fn event_of(record: &Record, difference: &EndpointDifference, asker: &Asker) -> HistoryEvent {
    let record = Record {
        command: CommandName::ChangeEndpoints,
        actor: asker.actor.clone(),
        reason: asker.reason.clone(),
        at: asker.at,
        ..record.clone()
    };
    HistoryEvent {
        record,
        changed: [(FIELD.to_owned(), difference.to_field())].into_iter().collect(),
        receipt: None,
    }
}

/// An event with a further change; nothing if it is too old for that, or full.
pub fn joined(
    event: &HistoryEvent,
    record: &Record,
    difference: &EndpointDifference,
    asker: &Asker,
) -> Option<HistoryEvent> {
    let begun = event.record.at;
    if event.record.command != CommandName::ChangeEndpoints {
        return None;
    }
    // Two routers neither have the same time nor commit in the order in which they were asked.
    if asker.at.abs_diff(begun) >= JOINED_MS || event.record.seq != record.seq {
        return None;
    }
    let [mut before, mut after] = [side(event, 0), side(event, 1)];
    let of_release = |entry: &String| {
        entry.strip_prefix(difference.release.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let [was, is] = difference.sides();
    if !before.iter().chain(&after).any(of_release) {
        before.extend(was);
    }
    after.retain(|entry| !of_release(entry));
    after.extend(is);
    if before.len().max(after.len()) > ENTRIES_MAX {
        return None;
    }
    let actor = join_actors(&event.record.actor, &asker.actor)?;
    let reason = if event.record.reason.is_empty() { &asker.reason } else { &event.record.reason };
    let signed = Record {
        command: CommandName::ChangeEndpoints,
        actor,
        reason: reason.clone(),
        at: begun,
        ..record.clone()
    };
    let changed = [(FIELD.to_owned(), json!([before, after]))].into_iter().collect();
    Some(HistoryEvent { record: signed, changed, receipt: None })
}

/// Whether nothing can be joined to an event any more.
pub fn is_settled(event: &HistoryEvent, now: u64) -> bool {
    event.record.command != CommandName::ChangeEndpoints || now.abs_diff(event.record.at) >= JOINED_MS
}

fn side(event: &HistoryEvent, at: usize) -> Vec<String> {
    let listed = event.changed.get(FIELD).and_then(|sides| sides.get(at)).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
}

/// The names of all who took part; nothing if there is no room for another one.
fn join_actors(known: &str, actor: &str) -> Option<String> {
    if known.split(", ").any(|name| name == actor) {
        return Some(known.to_owned());
    }
    let joined = format!("{known}, {actor}");
    (joined.len() <= ACTORS_BYTES_MAX).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::command::{Role, pipeline_lock};

    fn asker(actor: &str, at: u64) -> Asker {
        Asker {
            actor: actor.into(),
            token: String::new(),
            role: Role::Ci,
            reason: String::new(),
            at,
            if_match: None,
        }
    }

    fn difference(release: &str, before: &[u16], after: &[u16]) -> EndpointDifference {
        let addresses = |ports: &[u16]| {
            ports.iter().map(|port| Endpoint::Address(([10, 0, 0, 1], *port).into())).collect()
        };
        let release = format!("apps/shop-{release}-80/containers").parse().unwrap();
        EndpointDifference { release, before: addresses(before), after: addresses(after) }
    }

    fn ports(event: &HistoryEvent, at: usize) -> Vec<String> {
        side(event, at).iter().map(|entry| entry.rsplit_once(':').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn changes_of_ten_seconds_are_one_event_from_the_first_state_to_the_last() {
        let record = Record { seq: 7, ..Record::empty() };
        let event = event_of(&record, &difference("1", &[1], &[1, 2]), &asker("ci", 1_000));
        let event =
            joined(&event, &record, &difference("1", &[1, 2], &[1, 2, 3]), &asker("ci", 5_000)).unwrap();
        let event = joined(&event, &record, &difference("2", &[], &[8]), &asker("maria", 6_000)).unwrap();
        let event =
            joined(&event, &record, &difference("1", &[1, 2, 3], &[3]), &asker("ci", 10_999)).unwrap();
        assert_eq!(
            (ports(&event, 0), ports(&event, 1)),
            (vec!["1".to_owned()], vec!["8".into(), "3".into()])
        );
        assert_eq!((event.record.actor.as_str(), event.record.at, event.record.seq), ("ci, maria", 1_000, 7));
        assert!(joined(&event, &record, &difference("1", &[3], &[]), &asker("ci", 11_000)).is_none());
        assert!(
            joined(&event, &record, &difference("1", &[3], &[]), &asker("ci", 900)).is_some(),
            "asked earlier"
        );
        let lock = pipeline_lock::event_of(&record, CommandName::Lock, [None, None], &asker("ci", 1_000));
        assert!(joined(&lock, &record, &difference("1", &[3], &[]), &asker("ci", 1_001)).is_none());
        assert!(is_settled(&lock, 1_001), "nothing is joined to it");
        let later = Record { seq: 8, ..record };
        assert!(joined(&event, &later, &difference("1", &[3], &[]), &asker("ci", 6_000)).is_none());
        assert!(!is_settled(&event, 10_999) && is_settled(&event, 11_000));
    }

    #[test]
    fn an_event_stays_small_whatever_is_registered() {
        let many: Vec<u16> = (1..=1_000).collect();
        let record = Record { seq: 1, ..Record::empty() };
        let mut event = event_of(&record, &difference("0", &[], &many), &asker("ci", 0));
        assert_eq!(side(&event, 1).len(), LISTED_MAX + 1);
        assert!(side(&event, 1)[LISTED_MAX].ends_with("(and 900 more)"));
        for release in 1..20 {
            match joined(&event, &record, &difference(&release.to_string(), &[], &many), &asker("ci", 1)) {
                Some(next) => event = next,
                None => break,
            }
        }
        assert!(side(&event, 1).len() <= ENTRIES_MAX);
    }
}
