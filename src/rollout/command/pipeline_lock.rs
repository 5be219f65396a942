//! The lock that a pipeline takes for itself: while it stands, no other `ci` token changes the app.
//!
//! It always has an end, and whoever holds it renews it. So it ends soon after a pipeline that has died. It is no part of the
//! record: to renew it changes no seq that somebody has seen. Runs that wait get it in the order in which they came.

use serde_json::json;

use super::{
    admission::{check_freeze, check_reason, check_role},
    asker::Asker,
    holds::Holds,
    refusal::Refusal,
    role::Role,
};
use crate::rollout::{
    command_name::CommandName,
    pipeline_lock::{PipelineLock, QUEUE_MAX, Waiter},
    record::{HistoryEvent, Lock, Record},
};

/// The longest time from now until its end, in ms: 24 hours, longer than any pipeline.
const LENGTH_MAX_MS: u64 = 24 * 3_600_000;
/// The longest name of a run, in bytes.
const HOLDER_BYTES_MAX: usize = 200;

/// What comes of asking for the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The lock then.
    pub next: PipelineLock,
    /// Whether the run had it before.
    pub is_renewal: bool,
}

/// Gives the lock to a run until then, or puts off the end of the one that it has.
///
/// # Errors
/// It is refused: by role, by a freeze, by another lock, by those who wait, or for a value.
pub fn take(
    record: Option<&Record>,
    holds: &Holds,
    asker: &Asker,
    holder: &str,
    until: u64,
) -> Result<Grant, Refusal> {
    check_role(asker.role, Role::Ci)?;
    check_reason("reason", &asker.reason)?;
    check_values(asker, holder, until)?;
    let stored = &holds.pipeline_lock;
    let own = stored.held_at(asker.at).filter(|lock| is_held_by(lock, asker, Some(holder)));
    if own.is_none() {
        // A run that began before the freeze keeps its lock: it is refused every change anyway.
        check_freeze(asker, holds)?;
    }
    if let Some(lock) = record.and_then(|record| record.lock_at(asker.at)).filter(|_| asker.role <= Role::Ci)
    {
        return Err(Refusal::locked(lock, asker.at));
    }
    if !stored.is_free_for(&asker.actor, holder, asker.at) {
        return Err(refusal(stored, asker.at));
    }
    let held = Lock {
        reason: asker.reason.clone(),
        by: asker.actor.clone(),
        at: own.map_or(asker.at, |lock| lock.at),
        until: Some(until),
        automatic: false,
        holder: Some(holder.to_owned()),
    };
    let others = stored.queue_at(asker.at).filter(|waiter| !waiter.is(&asker.actor, holder));
    let next = PipelineLock { held: Some(held), queue: others.cloned().collect() };
    Ok(Grant { next, is_renewal: own.is_some() })
}

/// The lock with a run in its queue until then; none: it has its place, or there is none.
pub fn queue(holds: &Holds, asker: &Asker, holder: &str, until: u64) -> Option<PipelineLock> {
    let PipelineLock { held, .. } = holds.pipeline_lock.clone();
    let mut queue: Vec<Waiter> = holds.pipeline_lock.queue_at(asker.at).cloned().collect();
    let has_room = queue.len() < QUEUE_MAX;
    match queue.iter_mut().find(|waiter| waiter.is(&asker.actor, holder)) {
        Some(waiter) if waiter.until >= until => return None,
        Some(waiter) => waiter.until = until,
        None if !has_room => return None,
        None => queue.push(Waiter {
            by: asker.actor.clone(),
            holder: holder.to_owned(),
            reason: asker.reason.clone(),
            since: asker.at,
            until,
        }),
    }
    Some(PipelineLock { held, queue })
}

/// The lock without the one that ends by this asker's word, and that one. None stands: nothing ends.
///
/// # Errors
/// It is another pipeline's.
pub fn give_back(
    holds: &Holds,
    asker: &Asker,
    holder: Option<&str>,
) -> Result<Option<(PipelineLock, Lock)>, Refusal> {
    let stored = &holds.pipeline_lock;
    match stored.held_at(asker.at) {
        None => Ok(None),
        Some(lock) if asker.role > Role::Ci && holder.is_none() || is_held_by(lock, asker, holder) => {
            let queue = stored.queue_at(asker.at).cloned().collect();
            Ok(Some((PipelineLock { held: None, queue }, lock.clone())))
        }
        Some(lock) => Err(Refusal::locked(lock, asker.at)),
    }
}

/// The event of a lock that was taken or ended: whose it was before, and whose it is. It bears the record as it stands.
pub fn event_of(
    record: &Record,
    command: CommandName,
    sides: [Option<&Lock>; 2],
    asker: &Asker,
) -> HistoryEvent {
    let record = Record {
        command,
        actor: asker.actor.clone(),
        reason: asker.reason.clone(),
        at: asker.at,
        ..record.clone()
    };
    HistoryEvent { record, changed: [("lock".to_owned(), json!(sides))].into_iter().collect(), receipt: None }
}

fn check_values(asker: &Asker, holder: &str, until: u64) -> Result<(), Refusal> {
    if holder.is_empty() || holder.len() > HOLDER_BYTES_MAX {
        let message = format!("{} bytes long; allowed are 1 to {HOLDER_BYTES_MAX}", holder.len());
        return Err(Refusal::Value { field: "holder", message });
    }
    let length = until.saturating_sub(asker.at);
    if length == 0 || length > LENGTH_MAX_MS {
        let message = format!("{length} ms from now; allowed is an end at most 24 h from now");
        return Err(Refusal::Value { field: "until", message });
    }
    Ok(())
}

/// Who has it, or who waits for it first.
fn refusal(stored: &PipelineLock, now: u64) -> Refusal {
    match (stored.held_at(now), stored.queue_at(now).next()) {
        (Some(lock), _) => Refusal::locked(lock, now),
        (None, first) => Refusal::Queued {
            first: first.map(|first| first.by.clone()).unwrap_or_default(),
            waiting: stored.queue_at(now).count(),
            until: first.map(|first| first.until),
        },
    }
}

/// Whether it is the asker's: of this run, if one is named.
fn is_held_by(lock: &Lock, asker: &Asker, holder: Option<&str>) -> bool {
    lock.by == asker.actor && holder.is_none_or(|holder| lock.holder.as_deref() == Some(holder))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rollout::freeze::FreezeWindow;

    fn asker(name: &str, role: Role, at: u64) -> Asker {
        let (actor, reason) = (name.into(), "deploy".into());
        Asker { actor, token: String::new(), role, reason, at, if_match: None }
    }

    fn ci(name: &str, at: u64) -> Asker {
        asker(name, Role::Ci, at)
    }

    fn stored(lock: &PipelineLock) -> Holds {
        Holds { pipeline_lock: lock.clone(), ..Holds::default() }
    }

    fn code<T>(result: Result<T, Refusal>) -> &'static str {
        result.err().map_or("", |refusal| refusal.code())
    }

    /// The lock of a run that took it at 1 s, for a minute.
    fn taken(name: &str, holder: &str) -> PipelineLock {
        take(None, &Holds::default(), &ci(name, 1_000), holder, 61_000).unwrap().next
    }

    #[test]
    fn a_run_keeps_others_out_until_it_ends_or_gives_it_back() {
        let mine = taken("a", "run 1");
        let held = mine.held.clone().unwrap();
        assert_eq!((held.until, held.by.as_str(), held.automatic), (Some(61_000), "a", false));
        let holds = stored(&mine);
        for (who, holder) in [("b", "run 1"), ("a", "run 2")] {
            assert_eq!(code(take(None, &holds, &ci(who, 2_000), holder, 62_000)), "locked", "{who} {holder}");
            assert_eq!(code(give_back(&holds, &ci(who, 2_000), Some(holder))), "locked", "{who} {holder}");
        }
        let renewed = take(None, &holds, &ci("a", 30_000), "run 1", 90_000).unwrap();
        let lock = renewed.next.held.unwrap();
        assert_eq!((lock.at, lock.until, renewed.is_renewal), (1_000, Some(90_000), true));
        for who in [ci("a", 2_000), asker("maria", Role::Operator, 2_000)] {
            assert_eq!(give_back(&holds, &who, None), Ok(Some((PipelineLock::default(), held.clone()))));
        }
        // Its end has passed.
        assert!(!take(None, &holds, &ci("b", 61_000), "run 1", 99_000).unwrap().is_renewal);
        assert_eq!(give_back(&holds, &ci("b", 61_000), None), Ok(None));
    }

    #[test]
    fn who_waits_gets_it_in_the_order_in_which_they_came() {
        let mut lock = taken("a", "1");
        for (at, who, holder) in [(2_000, "b", "1"), (3_000, "c", "1"), (4_000, "b", "2")] {
            lock = queue(&stored(&lock), &ci(who, at), holder, 200_000).unwrap();
        }
        // To ask again keeps the place.
        assert_eq!(queue(&stored(&lock), &ci("b", 5_000), "1", 200_000), None);
        lock = queue(&stored(&lock), &ci("b", 5_000), "1", 300_000).unwrap();
        let (mut lock, _) = give_back(&stored(&lock), &ci("a", 6_000), Some("1")).unwrap().unwrap();
        for (at, who, holder) in [(10_000, "b", "1"), (20_000, "c", "1"), (30_000, "b", "2")] {
            for (other, run) in [("c", "1"), ("b", "2"), ("a", "1"), ("d", "1")] {
                if (other, run) != (who, holder) && lock.queue.iter().any(|waiter| waiter.is(who, holder)) {
                    let refused = take(None, &stored(&lock), &ci(other, at), run, at + 1_000);
                    assert_eq!(code(refused), "locked", "{other} {run} at {at}");
                }
            }
            lock = take(None, &stored(&lock), &ci(who, at), holder, at + 5_000).unwrap().next;
        }
        assert!(lock.queue.is_empty());
    }

    #[test]
    fn who_stopped_waiting_holds_up_nobody() {
        let lock = taken("a", "1");
        let lock = queue(&stored(&lock), &ci("b", 2_000), "1", 70_000).unwrap();
        let lock = queue(&stored(&lock), &ci("c", 3_000), "1", 200_000).unwrap();
        assert_eq!(code(take(None, &stored(&lock), &ci("c", 61_000), "1", 90_000)), "locked");
        assert!(take(None, &stored(&lock), &ci("c", 70_000), "1", 90_000).is_ok());
        let mut full = lock.clone();
        full.queue = (0..QUEUE_MAX)
            .map(|number| Waiter { by: number.to_string(), until: 90_000, ..Waiter::default() })
            .collect();
        assert_eq!(queue(&stored(&full), &ci("d", 4_000), "1", 90_000), None);
        assert!(queue(&stored(&full), &ci("d", 90_000), "1", 99_000).is_some());
    }

    #[test]
    fn a_lock_of_the_record_comes_first_for_ci() {
        let lock = Lock {
            reason: "incident".into(),
            by: "maria".into(),
            at: 0,
            until: None,
            automatic: false,
            holder: None,
        };
        let record = Record { lock: Some(lock), ..Record::empty() };
        let take = |asker: Asker| take(Some(&record), &Holds::default(), &asker, "run", 2_000);
        assert_eq!(code(take(ci("a", 1_000))), "locked");
        assert!(take(asker("maria", Role::Operator, 1_000)).is_ok());
        assert_eq!(code(take(asker("v", Role::Viewer, 1_000))), "forbidden");
    }

    #[test]
    fn a_freeze_refuses_a_new_lock_and_leaves_one_that_stands() {
        let mine = taken("a", "1");
        let always =
            ["00:00 - 12:00 UTC", "12:00 - 00:00 UTC"].map(|line| FreezeWindow::parse(line).unwrap());
        let frozen = Holds { freeze_windows_of_all: Arc::new(always.to_vec()), ..stored(&mine) };
        assert!(take(None, &frozen, &ci("a", 2_000), "1", 90_000).unwrap().is_renewal);
        assert_eq!(code(take(None, &frozen, &ci("a", 61_000), "1", 90_000)), "frozen");
        assert!(take(None, &frozen, &asker("maria", Role::Operator, 61_000), "1", 90_000).is_ok());
    }

    #[test]
    fn it_has_an_end_and_a_holder() {
        let take = |holder: &str, until: u64| take(None, &Holds::default(), &ci("a", 1_000), holder, until);
        assert!(take("r", 1_001).is_ok() && take("r", 1_000 + LENGTH_MAX_MS).is_ok());
        for (holder, until) in [("r", 1_000), ("r", 999), ("r", 1_001 + LENGTH_MAX_MS), ("", 2_000)] {
            assert_eq!(code(take(holder, until)), "value", "{holder} {until}");
        }
    }
}
