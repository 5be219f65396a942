//! The change of a record by which endpoints are noted that are registered nowhere any more, or are served no longer.

use super::{
    command::Asker,
    command_name::CommandName,
    history,
    record::{HistoryEvent, Record},
    unregistered::UnregisteredEndpoint,
};

/// Endpoints that a record notes at most: the whole of a large release, in a tenth of what a record may be.
const UNREGISTERED_MAX: usize = 200;

/// The change by which some are noted, and others are served no longer. None: nothing changes.
pub fn note(
    record: &Record,
    added: Vec<UnregisteredEndpoint>,
    is_gone: impl Fn(&UnregisteredEndpoint) -> bool,
    asker: &Asker,
) -> Option<HistoryEvent> {
    let mut unregistered = record.unregistered.clone();
    unregistered.retain(|known| !is_gone(known));
    let is_taken = unregistered.len() < record.unregistered.len();
    unregistered.extend(added);
    // What is beyond the limit is known to each router by itself.
    unregistered.truncate(UNREGISTERED_MAX);
    if unregistered == record.unregistered {
        return None;
    }
    let command = if is_taken { CommandName::DropEndpoints } else { CommandName::HoldEndpoints };
    let next = Record {
        seq: record.seq + 1,
        unregistered,
        command,
        actor: asker.actor.clone(),
        reason: asker.reason.clone(),
        at: asker.at,
        ..record.clone()
    };
    Some(HistoryEvent { changed: history::changed(record, &next), record: next, receipt: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{
        command::Role,
        keys,
        tests::fixture::{Rollout, abort, app, promote, release},
    };

    fn lost(name: &str) -> UnregisteredEndpoint {
        let address = "10.0.0.1:80".parse().unwrap();
        UnregisteredEndpoint { release: release(name), container: "c1".into(), address, since: 5 }
    }

    fn asker() -> Asker {
        let (actor, reason) = ("rolling-router".into(), "it failed its health check".into());
        Asker { actor, token: String::new(), role: Role::Admin, reason, at: 9_000, if_match: None }
    }

    #[test]
    fn what_is_noted_is_an_event_and_so_is_its_end() {
        let record = Rollout::stable("a").record();
        let held = note(&record, vec![lost("a")], |_| false, &asker()).unwrap();
        assert_eq!((held.record.seq, &held.record.command), (record.seq + 1, &CommandName::HoldEndpoints));
        assert_eq!(held.changed["unregistered"][1][0], format!("{}/10.0.0.1:80", release("a")));
        assert_eq!(held.record.last_move, record.last_move, "a command that is repeated is known again");
        assert_eq!(Record::parse(&serde_json::to_vec(&held.record).unwrap()).unwrap(), held.record);
        assert_eq!(note(&held.record, Vec::new(), |_| false, &asker()), None);
        let gone = note(&held.record, Vec::new(), |known| known.container == "c1", &asker()).unwrap();
        assert_eq!((&gone.record.command, gone.record.unregistered.len()), (&CommandName::DropEndpoints, 0));
        assert_eq!(gone.record.reason, "it failed its health check");
        let many = vec![lost("a"); UNREGISTERED_MAX + 1];
        assert_eq!(
            note(&record, many, |_| false, &asker()).unwrap().record.unregistered.len(),
            UNREGISTERED_MAX
        );
    }

    #[test]
    fn it_lasts_as_long_as_its_release_is_routed() {
        let mut rollout = Rollout::stable("a").candidate("b", 10);
        let held = note(&rollout.record(), vec![lost("a"), lost("b")], |_| false, &asker()).unwrap();
        let json = serde_json::to_vec(&held.record).unwrap();
        rollout.store.insert(keys::record(&app()), (json, 99));
        let mut aborted = rollout.clone();
        aborted.done(Role::Operator, abort(None));
        assert_eq!(aborted.record().unregistered, [lost("a")], "nobody goes to b any more");
        rollout.done(Role::Operator, promote(None));
        assert_eq!(rollout.record().unregistered, [lost("a"), lost("b")], "a drains");
    }
}
