//! The adoption: what the difference between the old keys and the record means.

use super::{
    old_keys::{OldKey, OldKeys, WriteRevisions},
    parsed_keys::{ParsedKeys, RawFault},
};
use crate::rollout::{
    blend::Blend,
    command::{
        Asker, Background, Decision, Refusal, Role,
        admission::{check_blend_cap, check_freeze, check_lock, check_role, check_stable_cap},
        approvals::check_approvals,
        draft::{Departure, Draft},
    },
    command_name::CommandName,
    record::{DrainCause, Record},
    release::ReleaseId,
};

/// The outcome of an adoption: a decision, and what happens to each old key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The record to write, or that nothing is to be written.
    pub decision: Decision,
    /// Keys whose values are not allowed; they are left as they are.
    pub faults: Vec<RawFault>,
    /// The release that `stable/id` names, while it has no endpoints, does not pass the gate, or lacks approvals. It is adopted
    /// as soon as that is otherwise, and shown as a problem until then.
    pub pending: Option<ReleaseId>,
    /// Which approvals it lacks.
    pub lacking: Option<Refusal>,
    /// The key whose null would leave the app without a release. It stays as it is, is shown as a problem, and is never
    /// adopted by itself.
    pub held: Option<OldKey>,
    /// The old keys to write from the record ([`commit`](crate::rollout::commit) does that): those that are missing and
    /// those whose value was not adopted; after a change all but those of `faults` and `pending`.
    pub mirror: Vec<OldKey>,
}

impl Adoption {
    /// Nothing is to be adopted.
    pub fn nothing() -> Self {
        let (faults, mirror) = (Vec::new(), Vec::new());
        Self { decision: Decision::Unchanged, faults, pending: None, lacking: None, held: None, mirror }
    }
}

/// Compares the old keys with the record, and decides what the difference means.
///
/// `endpoints` answers how many endpoints a release has: a stable release without any is not adopted yet. With `None` as
/// record this is the app's first adoption, which takes all keys as they are.
///
/// A store that is only followed cannot mirror a record, so its `blendpercent` may be older than the record and would undo
/// it. There, the caller leaves out a `blendpercent` that was not written since the last adoption.
pub fn adopt(
    record: Option<&Record>,
    keys: &OldKeys,
    asker: &Asker,
    background: &Background,
    endpoints: &dyn Fn(&ReleaseId) -> usize,
) -> Adoption {
    let mut parsed = ParsedKeys::of(keys);
    let nothing = record.is_none() && parsed.is_empty();
    if nothing || record.is_some_and(Draft::is_exhausted) {
        let faults = parsed.faults;
        return Adoption { faults, ..Adoption::nothing() };
    }
    let mut draft = Draft::of(record, asker, background);
    let is_fit = |release: &ReleaseId| {
        endpoints(release) > 0
            && background.unfit.as_ref() != Some(release)
            && (record.is_none() || check_approvals(record, release, asker, background).is_ok())
    };
    let pending = parsed.hold_back_stable(&draft.next, &is_fit);
    let lacks = |release: &ReleaseId| check_approvals(record, release, asker, background).err();
    let lacking = pending.as_ref().filter(|_| record.is_some()).and_then(lacks);
    let holds_candidate = pending.is_some() && parsed.hold_back_candidate(&draft.next);
    let held = parsed.hold_back_null(&draft.next, endpoints);
    let target = Target::of(record, &draft.next, &parsed, &keys.written);
    let changes = record.is_none_or(|record| target != Target::from(record));
    let faulty = |key: OldKey| parsed.faults.iter().any(|fault| fault.key == key.name());
    let waits = |key: OldKey| {
        held == Some(key)
            || key == OldKey::Stable && pending.is_some()
            || key == OldKey::Candidate && holds_candidate
    };
    let mut mirror = OldKey::ALL.to_vec();
    mirror.retain(|key| !faulty(*key) && !waits(*key) && (changes || !target.is_said_by(&parsed, *key)));
    let decision = if changes {
        target.put_into(&mut draft);
        draft.finish(if record.is_some() { CommandName::Raw } else { CommandName::Adopt })
    } else {
        Decision::Unchanged
    };
    Adoption { decision, faults: parsed.faults, pending, lacking, held, mirror }
}

/// The old key whose null is not adopted, since it would leave the app without a release: see [`Adoption::held`].
pub fn held_null(
    record: Option<&Record>,
    keys: &OldKeys,
    endpoints: &dyn Fn(&ReleaseId) -> usize,
) -> Option<OldKey> {
    let (record, mut parsed) = (record?, ParsedKeys::of(keys));
    parsed.hold_back_stable(record, &|release| endpoints(release) > 0);
    parsed.hold_back_null(record, endpoints)
}

/// Decides one raw write that came through the API, as [`adopt`] does, but with the asker's role and the lock. `value` `None`
/// deletes the key, which is then written back from the record.
///
/// # Errors
/// The role or a lock forbids the write, or the value is not allowed.
pub fn write(
    record: Option<&Record>,
    stored: &OldKeys,
    (key, value): (OldKey, Option<&str>),
    asker: &Asker,
    background: &Background,
    endpoints: &dyn Fn(&ReleaseId) -> usize,
) -> Result<Adoption, Refusal> {
    check_role(asker.role, Role::Ci)?;
    check_lock(record, asker, &background.holds)?;
    check_freeze(asker, &background.holds)?;
    let keys = stored.clone().after_write(key, value.map(str::to_owned));
    if ParsedKeys::of(&keys).faults.iter().any(|fault| fault.key == key.name()) {
        let message = format!("`{}` is not {}", value.unwrap_or_default().escape_debug(), key.allowed());
        return Err(Refusal::Value { field: key.name(), message });
    }
    let parsed = ParsedKeys::of(&keys);
    if let (OldKey::Blend, Some(blend)) = (key, parsed.blend) {
        check_blend_cap(asker.role, blend, background.ci_blend_max)?;
    }
    // Also one that only waits for its endpoints is given to everybody by this write.
    if let (OldKey::Stable, Some(stable)) = (key, &parsed.stable) {
        let now = record.and_then(Record::stable_release);
        check_stable_cap(asker.role, now, stable.as_ref(), background)?;
        if let Some(stable) = stable.as_ref().filter(|stable| now != Some(*stable)) {
            check_approvals(record, stable, asker, background)?;
        }
    }
    Ok(adopt(record, &keys, asker, background, endpoints))
}

/// What the record is to say.
#[derive(PartialEq, Eq)]
struct Target {
    stable: Option<ReleaseId>,
    candidate: Option<ReleaseId>,
    blend: Blend,
    sticky: bool,
}

impl From<&Record> for Target {
    fn from(record: &Record) -> Self {
        Self {
            stable: record.stable_release().cloned(),
            candidate: record.candidate_release().cloned(),
            blend: record.blend,
            sticky: record.sticky,
        }
    }
}

impl Target {
    fn of(record: Option<&Record>, now: &Record, parsed: &ParsedKeys, written: &WriteRevisions) -> Self {
        let now = Self::from(now);
        let stable = parsed.stable.clone().unwrap_or(now.stable);
        let candidate = parsed.candidate.clone().unwrap_or_else(|| now.candidate.clone());
        let candidate = candidate.filter(|release| Some(release) != stable.as_ref());
        let moved = record.is_some() && candidate != now.candidate;
        let rewritten = written.blend > 0 && written.blend >= written.candidate;
        let counts = !moved || (rewritten && candidate.is_some());
        let kept = if moved { Blend::ZERO } else { now.blend };
        let blend = parsed.blend.filter(|_| counts).unwrap_or(kept);
        Self { stable, candidate, blend, sticky: parsed.sticky.unwrap_or(now.sticky) }
    }

    /// Whether a key says the same.
    fn is_said_by(&self, parsed: &ParsedKeys, key: OldKey) -> bool {
        match key {
            OldKey::Stable => parsed.stable.as_ref() == Some(&self.stable),
            OldKey::Candidate => parsed.candidate.as_ref() == Some(&self.candidate),
            OldKey::Blend => parsed.blend == Some(self.blend),
            OldKey::Sticky => parsed.sticky == Some(self.sticky),
        }
    }

    fn put_into(self, draft: &mut Draft<'_>) {
        draft.set_tracks(self.stable, self.candidate, Departure::Drain(DrainCause::Raw));
        draft.set_previous();
        draft.next.blend = self.blend;
        draft.next.sticky = self.sticky;
    }
}
