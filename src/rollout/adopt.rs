//! Adoption: taking over what an old script wrote to the four old keys (docs/design.md section 4, raw rules).
//!
//! Pure and repeatable: it compares the old keys with the record that they mirror, and says what the difference
//! means. Nothing here moves a client at once, since a script that writes one key after the other never says that it
//! wants that; whoever loses its track drains.

#[cfg(test)]
mod tests;

use super::{
    app::AppName,
    blend::Blend,
    command::{Asker, Background, Decision, Refusal, Role, check_blend_cap, check_lock, check_role},
    draft::{Draft, Fate},
    keys,
    record::{DrainCause, Record},
    release::ReleaseId,
};

/// [`Record::command`] of an adoption into a record.
pub const RAW: &str = "raw";
/// [`Record::command`] of an app's first adoption.
pub const ADOPT: &str = "adopt";

/// One of the four old keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKey {
    /// `stable/id`.
    Stable,
    /// `candidate/id`.
    Candidate,
    /// `blendpercent`.
    Blend,
    /// `stickyness`.
    Sticky,
}

impl OldKey {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Stable, Self::Candidate, Self::Blend, Self::Sticky];

    /// What stands behind `rolling/<app>/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable/id",
            Self::Candidate => "candidate/id",
            Self::Blend => "blendpercent",
            Self::Sticky => "stickyness",
        }
    }

    /// The whole key.
    pub fn key(self, app: &AppName) -> String {
        match self {
            Self::Stable => keys::stable_id(app),
            Self::Candidate => keys::candidate_id(app),
            Self::Blend => keys::blendpercent(app),
            Self::Sticky => keys::stickyness(app),
        }
    }

    /// What it may hold.
    pub const fn allowed(self) -> &'static str {
        match self {
            Self::Stable | Self::Candidate => {
                "`rolling/null` or `apps/<service>-<release>-<port>/containers`"
            }
            Self::Blend => "a percentage from 0 to 100 with at most two decimals",
            Self::Sticky => "`0` or `1`",
        }
    }
}

/// The four old keys as they stand in the store; `None` where the key is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OldKeys {
    /// `stable/id`.
    pub stable: Option<String>,
    /// `candidate/id`.
    pub candidate: Option<String>,
    /// `blendpercent`.
    pub blend: Option<String>,
    /// `stickyness`.
    pub sticky: Option<String>,
    /// When they were written.
    pub written: Written,
}

/// The store revisions that tell whether the blend was written again after the candidate; 0 where unknown, which
/// reads as "it was not".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Of `candidate/id`.
    pub candidate: u64,
    /// Of `blendpercent`.
    pub blend: u64,
}

impl OldKeys {
    /// What one key holds.
    pub fn get(&self, key: OldKey) -> Option<&str> {
        match key {
            OldKey::Stable => self.stable.as_deref(),
            OldKey::Candidate => self.candidate.as_deref(),
            OldKey::Blend => self.blend.as_deref(),
            OldKey::Sticky => self.sticky.as_deref(),
        }
    }

    /// The keys after one more write, newer than all the others; `None` deletes.
    #[must_use]
    pub fn after_write(mut self, key: OldKey, value: Option<String>) -> Self {
        match key {
            OldKey::Stable => self.stable = value,
            OldKey::Candidate => (self.candidate, self.written.candidate) = (value, u64::MAX),
            OldKey::Blend => (self.blend, self.written.blend) = (value, u64::MAX),
            OldKey::Sticky => self.sticky = value,
        }
        self
    }
}

/// An old key whose value cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: `{value}` is not {allowed}")]
pub struct RawFault {
    /// Which of the four: `stable/id`, `candidate/id`, `blendpercent`, `stickyness`.
    pub key: &'static str,
    /// What it holds.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// What adoption came to: a decision, and the values that stay as they were because they cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The record to write, or nothing to do.
    pub decision: Decision,
    /// Values left alone.
    pub faults: Vec<RawFault>,
    /// What `stable/id` names, while it has no endpoints: adopted as soon as it has one, shown as a problem until
    /// then.
    pub pending: Option<ReleaseId>,
    /// The old keys to write from the record ([`super::commit`] does): the missing ones, those that say something
    /// that was not taken over, and after a change all but faults and `pending`.
    pub mirror: Vec<OldKey>,
}

/// Compares the old keys with the record and says what the difference means.
///
/// `endpoints` says how many endpoints a release has: a stable without any is not adopted yet.
/// `None` as record is an app's first adoption, which takes all keys as they are.
///
/// Where the old keys cannot be written (a store that is only followed), a blend that its record has left behind
/// would come back: there the caller leaves out a `blendpercent` that was not written since the last adoption.
pub fn adopt(
    record: Option<&Record>,
    keys: &OldKeys,
    asker: &Asker,
    background: &Background,
    endpoints: &dyn Fn(&ReleaseId) -> usize,
) -> Adopted {
    let mut reading = Reading::of(keys);
    let nothing = record.is_none() && reading.is_empty();
    if nothing || record.is_some_and(Draft::is_exhausted) {
        let faults = reading.faults;
        return Adopted { decision: Decision::Unchanged, faults, pending: None, mirror: Vec::new() };
    }
    let mut draft = Draft::of(record, asker, background);
    let pending = reading.hold_back_stable(&draft.next, endpoints);
    let wanted = Wanted::of(record, &draft.next, &reading, &keys.written);
    let changes = record.is_none_or(|record| wanted != Wanted::from(record));
    let faulty = |key: OldKey| reading.faults.iter().any(|fault| fault.key == key.name());
    let waits = |key: OldKey| key == OldKey::Stable && pending.is_some();
    let mut mirror = OldKey::ALL.to_vec();
    mirror.retain(|key| !faulty(*key) && !waits(*key) && (changes || !reading.says(*key, &wanted)));
    let decision = if changes {
        wanted.put_into(&mut draft);
        draft.finish(if record.is_some() { RAW } else { ADOPT })
    } else {
        Decision::Unchanged
    };
    Adopted { decision, faults: reading.faults, pending, mirror }
}

/// Decides one raw write that came through the API: what [`adopt`] makes of it, with the asker's role and the lock.
/// An invalid value is refused; `value` `None` deletes the key, which is then written back from the record.
pub fn write(
    record: Option<&Record>,
    stored: &OldKeys,
    (key, value): (OldKey, Option<&str>),
    asker: &Asker,
    background: &Background,
    endpoints: &dyn Fn(&ReleaseId) -> usize,
) -> Result<Adopted, Refusal> {
    check_role(asker.role, Role::Ci)?;
    check_lock(record, asker)?;
    let keys = stored.clone().after_write(key, value.map(str::to_owned));
    if Reading::of(&keys).faults.iter().any(|fault| fault.key == key.name()) {
        let message = format!("`{}` is not {}", value.unwrap_or_default().escape_debug(), key.allowed());
        return Err(Refusal::Value { field: key.name(), message });
    }
    if let (OldKey::Blend, Some(blend)) = (key, Reading::of(&keys).blend) {
        check_blend_cap(asker.role, blend, background.ci_blend_max)?;
    }
    Ok(adopt(record, &keys, asker, background, endpoints))
}

/// The old keys that mirror a record, as every command writes them.
pub fn mirrored(record: &Record) -> OldKeys {
    let id = |release: Option<&ReleaseId>| release.map_or(super::release::NULL, ReleaseId::as_str).to_owned();
    OldKeys {
        stable: Some(id(record.stable_release())),
        candidate: Some(id(record.candidate_release())),
        blend: Some(record.blend.to_string()),
        sticky: Some(u8::from(record.sticky).to_string()),
        written: Written::default(),
    }
}

/// Whether the old keys say what the record says.
pub fn is_mirrored(record: &Record, old: &OldKeys) -> bool {
    let mirrored = mirrored(record);
    OldKey::ALL.iter().all(|key| mirrored.get(*key) == old.get(*key))
}

/// The old keys, parsed; `None` where a key is missing or cannot be taken.
#[derive(Default)]
struct Reading {
    stable: Option<Option<ReleaseId>>,
    candidate: Option<Option<ReleaseId>>,
    blend: Option<Blend>,
    sticky: Option<bool>,
    faults: Vec<RawFault>,
}

impl Reading {
    fn of(keys: &OldKeys) -> Self {
        let mut faults = Vec::new();
        Self {
            stable: read(keys, OldKey::Stable, &mut faults, |text| ReleaseId::parse_nullable(text).ok()),
            candidate: read(keys, OldKey::Candidate, &mut faults, |text| {
                ReleaseId::parse_nullable(text).ok()
            }),
            blend: read(keys, OldKey::Blend, &mut faults, |text| text.parse().ok()),
            sticky: read(keys, OldKey::Sticky, &mut faults, |text| match text {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            }),
            faults,
        }
    }

    fn is_empty(&self) -> bool {
        self.stable.is_none() && self.candidate.is_none() && self.blend.is_none() && self.sticky.is_none()
    }

    /// Leaves out a stable release that has no endpoints and is not stable already, and returns it.
    fn hold_back_stable(
        &mut self,
        now: &Record,
        endpoints: &dyn Fn(&ReleaseId) -> usize,
    ) -> Option<ReleaseId> {
        let named = self.stable.as_ref()?.as_ref()?;
        if now.stable_release() == Some(named) || endpoints(named) > 0 {
            return None;
        }
        self.stable.take().flatten()
    }

    /// Whether a key says what is wanted.
    fn says(&self, key: OldKey, wanted: &Wanted) -> bool {
        match key {
            OldKey::Stable => self.stable.as_ref() == Some(&wanted.stable),
            OldKey::Candidate => self.candidate.as_ref() == Some(&wanted.candidate),
            OldKey::Blend => self.blend == Some(wanted.blend),
            OldKey::Sticky => self.sticky == Some(wanted.sticky),
        }
    }
}

/// Reads one key; scripts end values with a line break now and then.
fn read<T>(
    keys: &OldKeys,
    key: OldKey,
    faults: &mut Vec<RawFault>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = keys.get(key)?;
    let value = parse(text.trim_ascii());
    if value.is_none() {
        faults.push(RawFault { key: key.name(), value: text.to_owned(), allowed: key.allowed() });
    }
    value
}

/// What the old keys come to.
#[derive(PartialEq, Eq)]
struct Wanted {
    stable: Option<ReleaseId>,
    candidate: Option<ReleaseId>,
    blend: Blend,
    sticky: bool,
}

impl From<&Record> for Wanted {
    fn from(record: &Record) -> Self {
        Self {
            stable: record.stable_release().cloned(),
            candidate: record.candidate_release().cloned(),
            blend: record.blend,
            sticky: record.sticky,
        }
    }
}

impl Wanted {
    fn of(record: Option<&Record>, now: &Record, reading: &Reading, written: &Written) -> Self {
        let now = Self::from(now);
        let stable = reading.stable.clone().unwrap_or(now.stable);
        let candidate = reading.candidate.clone().unwrap_or_else(|| now.candidate.clone());
        let candidate = candidate.filter(|release| Some(release) != stable.as_ref());
        let moved = record.is_some() && candidate != now.candidate;
        let rewritten = written.blend > 0 && written.blend >= written.candidate;
        let counts = !moved || (rewritten && candidate.is_some());
        let kept = if moved { Blend::ZERO } else { now.blend };
        let blend = reading.blend.filter(|_| counts).unwrap_or(kept);
        Self { stable, candidate, blend, sticky: reading.sticky.unwrap_or(now.sticky) }
    }

    fn put_into(self, draft: &mut Draft<'_>) {
        draft.set_tracks(self.stable, self.candidate, Fate::Drain(DrainCause::Raw));
        draft.set_previous();
        draft.next.blend = self.blend;
        draft.next.sticky = self.sticky;
    }
}
