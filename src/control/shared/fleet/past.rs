//! What a member did in the last minute that is over: its part of the past, which the others add to theirs.

use serde::{Deserialize, Serialize};

use crate::{
    control::{limits::PAST_RELEASES_TOLD_MAX, shared::past_cell::PastCell},
    rollout::{app::AppName, release::ReleaseId},
};

/// A minute of one member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberPast {
    /// Which, since 1970.
    pub minute: u64,
    /// What its busiest releases did.
    pub releases: Vec<MemberMinute>,
}

/// What one release did there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberMinute {
    pub app: AppName,
    pub release: ReleaseId,
    #[serde(flatten)]
    pub did: PastCell,
}

impl MemberPast {
    /// The busiest releases of a minute.
    pub fn new(minute: u64, all: impl IntoIterator<Item = ((AppName, ReleaseId), PastCell)>) -> Self {
        let told = all.into_iter().map(|((app, release), did)| MemberMinute { app, release, did });
        let mut releases: Vec<MemberMinute> = told.filter(|told| told.did.requests() > 0).collect();
        releases.sort_by_key(|told| std::cmp::Reverse(told.did.requests()));
        releases.truncate(PAST_RELEASES_TOLD_MAX);
        Self { minute, releases }
    }
}
