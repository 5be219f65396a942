//! The lock that a pipeline takes for itself: while it stands, no other `ci` token changes the app.
//!
//! It always has an end, and whoever holds it renews it. So it ends soon after a pipeline that has died. It is no part of the
//! record: to renew it changes no seq that somebody has seen, and fills no history.

use super::{
    admission::{check_freeze, check_reason, check_role},
    asker::Asker,
    holds::Holds,
    refusal::Refusal,
    role::Role,
};
use crate::rollout::record::{Lock, Record};

/// The longest time from now until its end, in ms: 24 hours, longer than any pipeline.
const LENGTH_MAX_MS: u64 = 24 * 3_600_000;
/// The longest name of a run, in bytes.
const HOLDER_BYTES_MAX: usize = 200;
/// The most bytes of JSON that are read as such a lock.
const LOCK_BYTES_MAX: usize = 16 * 1024;

/// Parses the stored JSON.
///
/// # Errors
/// The value is no such lock; the text says what is allowed.
pub fn parse(json: &[u8]) -> Result<Lock, String> {
    if json.len() > LOCK_BYTES_MAX {
        return Err(format!("a lock of at most {LOCK_BYTES_MAX} bytes; this value has {}", json.len()));
    }
    let lock: Lock =
        serde_json::from_slice(json).map_err(|error| format!("a pipeline's lock as JSON: {error}"))?;
    match (&lock.holder, lock.until) {
        (Some(_), Some(_)) => Ok(lock),
        _ => Err("a pipeline's lock with a holder and an end".to_owned()),
    }
}

/// The lock that a pipeline gets, or its own one with a new end.
///
/// # Errors
/// It is refused: by role, by another lock, or for a value.
pub fn take(
    record: Option<&Record>,
    holds: &Holds,
    asker: &Asker,
    holder: &str,
    until: u64,
) -> Result<Lock, Refusal> {
    check_role(asker.role, Role::Ci)?;
    check_reason("reason", &asker.reason)?;
    check_freeze(asker, holds)?;
    if holder.is_empty() || holder.len() > HOLDER_BYTES_MAX {
        let message = format!("{} bytes long; allowed are 1 to {HOLDER_BYTES_MAX}", holder.len());
        return Err(Refusal::Value { field: "holder", message });
    }
    let length = until.saturating_sub(asker.at);
    if length == 0 || length > LENGTH_MAX_MS {
        let message = format!("{length} ms from now; allowed is an end at most 24 h from now");
        return Err(Refusal::Value { field: "until", message });
    }
    if let Some(lock) = record.and_then(|record| record.lock_at(asker.at)).filter(|_| asker.role <= Role::Ci)
    {
        return Err(Refusal::locked(lock, asker.at));
    }
    let own = holds.pipeline_lock_at(asker.at);
    if let Some(lock) = own.filter(|lock| !is_held_by(lock, asker, Some(holder))) {
        return Err(Refusal::locked(lock, asker.at));
    }
    Ok(Lock {
        reason: asker.reason.clone(),
        by: asker.actor.clone(),
        at: own.map_or(asker.at, |lock| lock.at),
        until: Some(until),
        automatic: false,
        holder: Some(holder.to_owned()),
    })
}

/// Whether a pipeline's lock ends by this asker's word. None stands: nothing ends.
///
/// # Errors
/// It is another pipeline's.
pub fn give_back(holds: &Holds, asker: &Asker, holder: Option<&str>) -> Result<bool, Refusal> {
    match holds.pipeline_lock_at(asker.at) {
        None => Ok(false),
        Some(lock) if asker.role > Role::Ci && holder.is_none() || is_held_by(lock, asker, holder) => {
            Ok(true)
        }
        Some(lock) => Err(Refusal::locked(lock, asker.at)),
    }
}

/// Whether it is the asker's: of this run, if one is named.
fn is_held_by(lock: &Lock, asker: &Asker, holder: Option<&str>) -> bool {
    lock.by == asker.actor && holder.is_none_or(|holder| lock.holder.as_deref() == Some(holder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(name: &str, role: Role, at: u64) -> Asker {
        let (actor, reason) = (name.into(), "deploy".into());
        Asker { actor, token: String::new(), role, reason, at, if_match: None }
    }

    fn ci(name: &str, at: u64) -> Asker {
        asker(name, Role::Ci, at)
    }

    fn held(lock: &Lock) -> Holds {
        Holds { pipeline_lock: Some(lock.clone()), ..Holds::default() }
    }

    fn code<T>(result: Result<T, Refusal>) -> &'static str {
        result.err().map_or("", |refusal| refusal.code())
    }

    #[test]
    fn a_run_keeps_others_out_until_it_ends_or_gives_it_back() {
        let mine = take(None, &Holds::default(), &ci("a", 1_000), "run 1", 61_000).unwrap();
        assert_eq!((mine.until, mine.by.as_str(), mine.automatic), (Some(61_000), "a", false));
        let holds = held(&mine);
        for (who, holder) in [("b", "run 1"), ("a", "run 2")] {
            assert_eq!(code(take(None, &holds, &ci(who, 2_000), holder, 62_000)), "locked", "{who} {holder}");
            assert_eq!(code(give_back(&holds, &ci(who, 2_000), Some(holder))), "locked", "{who} {holder}");
        }
        let renewed = take(None, &holds, &ci("a", 30_000), "run 1", 90_000).unwrap();
        assert_eq!((renewed.at, renewed.until), (1_000, Some(90_000)));
        assert_eq!(give_back(&holds, &ci("a", 2_000), None), Ok(true));
        assert_eq!(give_back(&holds, &asker("maria", Role::Operator, 2_000), None), Ok(true));
        // Its end has passed.
        assert!(take(None, &holds, &ci("b", 61_000), "run 1", 99_000).is_ok());
        assert_eq!(give_back(&holds, &ci("b", 61_000), None), Ok(false));
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
    fn it_has_an_end_and_a_holder() {
        let take = |holder: &str, until: u64| take(None, &Holds::default(), &ci("a", 1_000), holder, until);
        assert!(take("r", 1_001).is_ok() && take("r", 1_000 + LENGTH_MAX_MS).is_ok());
        for (holder, until) in [("r", 1_000), ("r", 999), ("r", 1_001 + LENGTH_MAX_MS), ("", 2_000)] {
            assert_eq!(code(take(holder, until)), "value", "{holder} {until}");
        }
        let lock = take("r", 2_000).unwrap();
        assert_eq!(parse(&serde_json::to_vec(&lock).unwrap()), Ok(lock.clone()));
        for wrong in [Lock { holder: None, ..lock.clone() }, Lock { until: None, ..lock }] {
            assert!(parse(&serde_json::to_vec(&wrong).unwrap()).is_err());
        }
        assert!(parse(b"yes").is_err());
    }
}
