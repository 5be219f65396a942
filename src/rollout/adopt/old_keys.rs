//! The four old keys of an app, and how a record is mirrored in them.

use crate::rollout::{
    app::AppName,
    keys,
    record::Record,
    release::{self, ReleaseId},
};

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

    /// What follows `rolling/<app>/` in the key.
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

    /// What its value may be.
    pub const fn allowed(self) -> &'static str {
        match self {
            Self::Stable | Self::Candidate => "`rolling/null` or `apps/<app>-<release>-<port>/containers`",
            Self::Blend => "a percentage from 0 to 100 with at most two decimals",
            Self::Sticky => "`0` or `1`",
        }
    }
}

/// The values of the four old keys in the store; `None` where a key is missing.
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
    /// The store revisions of two of them.
    pub written: WriteRevisions,
}

/// The store revisions that tell whether the blend was written after the candidate. 0 means unknown, and then the blend
/// counts as not written after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteRevisions {
    /// The revision at which `candidate/id` was written.
    pub candidate: u64,
    /// The revision at which `blendpercent` was written.
    pub blend: u64,
}

impl OldKeys {
    /// The value of one key.
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

/// The old keys that mirror a record, as every command writes them.
pub fn mirror(record: &Record) -> OldKeys {
    let id = |release: Option<&ReleaseId>| release.map_or(release::NULL, ReleaseId::as_str).to_owned();
    OldKeys {
        stable: Some(id(record.stable_release())),
        candidate: Some(id(record.candidate_release())),
        blend: Some(record.blend.to_string()),
        sticky: Some(u8::from(record.sticky).to_string()),
        written: WriteRevisions::default(),
    }
}

/// Whether the old keys say what the record says.
pub fn is_mirrored(record: &Record, old: &OldKeys) -> bool {
    let mirrored = mirror(record);
    OldKey::ALL.iter().all(|key| mirrored.get(*key) == old.get(*key))
}
