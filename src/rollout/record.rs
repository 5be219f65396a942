//! The rollout record: the one stored value an app is routed by, and the events that keep its history.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    address::Address,
    approval::{LoweringApprovals, ReleaseApprovals},
    blend::Blend,
    command_name::CommandName,
    facts::Facts,
    halt::Halt,
    plan::running::RunningPlan,
    release::ReleaseId,
    unregistered::UnregisteredEndpoint,
    verdict::receipt::Receipt,
};
use crate::limits::{DRAINING_MAX, ENDPOINT_DRAINS_MAX, SEQ_MAX, TENURES_LEFT_MAX};

/// The number of one stay of a release on tracks; the first of an app is 1.
pub type Tenure = u32;

/// The rollout record of one app, stored as JSON at `rolling/<app>/rollout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Record {
    /// The count of changes of this record; 1 is the first.
    pub seq: u64,
    /// The release that serves everyone by default; `None` in an app that has none yet.
    pub stable: Option<Stay>,
    /// The release on trial.
    pub candidate: Option<Stay>,
    /// The candidate's share of unpinned clients.
    pub blend: Blend,
    /// Whether clients are pinned.
    pub sticky: bool,
    /// The release that a rollback without a target goes to.
    pub previous: Option<ReleaseId>,
    /// Releases off their track that still serve those pinned to them, oldest first.
    pub draining: Vec<DrainingRelease>,
    /// Endpoints that get no new clients, since somebody is going to stop them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoint_drains: Vec<EndpointDrain>,
    /// Releases that a recycle gives new endpoints, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recycles: Vec<EndpointRecycle>,
    /// Which tenures were given out, and why the last ones ended.
    pub tenures: Tenures,
    /// Which draw epochs were given out.
    #[serde(default, skip_serializing_if = "DrawEpochs::are_none")]
    pub draw_epochs: DrawEpochs,
    /// The lock that refuses commands of `ci`, if there is one.
    pub lock: Option<Lock>,
    /// What keeps requests of the app from going on, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// The plan that raises the blend, if one was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RunningPlan>,
    /// Who approved which releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ReleaseApprovals>,
    /// Who approved lower values of the setting `approvals`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lowerings: Vec<LoweringApprovals>,
    /// Endpoints of these releases whose keys vanished though nobody ordered that, and that serve on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unregistered: Vec<UnregisteredEndpoint>,
    /// The last change of who is on a track. By it a repeated command is recognised, also if other changes (a blend, a lock,
    /// the end of a drain) came between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_move: Option<LastMove>,
    /// The command that wrote this record.
    pub command: CommandName,
    /// The name of the token that gave the command.
    pub actor: String,
    /// The reason that was given with the command.
    pub reason: String,
    /// When the command was given, Unix ms.
    pub at: u64,
}

/// A release on a track, in its present tenure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Stay {
    /// The release.
    pub release: ReleaseId,
    /// Its tenure.
    pub tenure: Tenure,
    /// Who put it there.
    #[serde(default)]
    pub set_by: String,
    /// The mark of their token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set_by_token: String,
    /// When it came on this track, Unix ms.
    #[serde(default)]
    pub since: u64,
    /// Whether clients without a pin have been sent to it in this tenure: as stable, or at a blend above 0.
    #[serde(default)]
    pub served: bool,
    /// What was said of it when it was put there, by name: its commit, where it was built.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    #[cfg_attr(test, schema(value_type = std::collections::BTreeMap<String, String>))]
    pub facts: Facts,
}

/// A release off its track, still routed for those pinned to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DrainingRelease {
    /// The release.
    pub release: ReleaseId,
    /// The tenure its pins carry.
    pub tenure: Tenure,
    /// What took it off its track.
    pub cause: DrainCause,
    /// When, Unix ms.
    pub since: u64,
    /// `since` + `drainmaxseconds`: when any router may retire it, Unix ms.
    pub until: u64,
    /// Whether clients without a pin had been sent to it, as in its stay.
    #[serde(default)]
    pub served: bool,
}

/// An endpoint that drains while its release goes on. The entry is dropped with its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = RecordedEndpointDrain))]
pub struct EndpointDrain {
    /// Its release.
    pub release: ReleaseId,
    /// Its address.
    #[cfg_attr(test, schema(value_type = String))]
    pub address: Address,
    /// Since when, Unix ms.
    pub since: u64,
    /// When open exchanges there end, Unix ms.
    pub until: u64,
    /// Its clients stay until they navigate, or until its end; and what is open there then goes on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub softly: bool,
}

/// The endpoints of a release that a recycle is going to replace, or has replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EndpointRecycle {
    /// The release.
    pub release: ReleaseId,
    /// Their addresses. A client that has to leave one of them goes to none of the others, so that it goes once.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    pub outgoing: BTreeSet<Address>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl EndpointDrain {
    /// Whether it is the drain of this endpoint.
    pub fn is_of(&self, release: &ReleaseId, address: Address) -> bool {
        self.address == address && self.release == *release
    }

    /// How long open exchanges may go on, in ms.
    pub fn length_ms(&self) -> u64 {
        self.until.saturating_sub(self.since)
    }
}

/// What took a release off its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DrainCause {
    /// A promote.
    Promote,
    /// A `set stable`.
    SetStable,
    /// A raw write.
    Raw,
}

/// The tenures given so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Tenures {
    /// The last number given; 0 before the first.
    pub last: Tenure,
    /// Why the newest 64 left, oldest first; older ones count as `drained`.
    pub left: Vec<EndedTenure>,
}

/// The draw epochs given so far. Of the clients that were drawn in one epoch, those of stable are as new as those of the
/// candidate, so that the two may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DrawEpochs {
    /// The last number given: a new one with each candidate, and with each raise of its blend. 0 before the first.
    pub last: u64,
    /// The first number of the present candidate, or of the last one.
    pub first: u64,
}

impl DrawEpochs {
    /// Whether none was given yet.
    pub fn are_none(&self) -> bool {
        self.last == 0
    }

    /// The next one begins; it is the first of a new candidate, or one more of the present one.
    pub fn begin(&mut self, new_candidate: bool) {
        self.last = self.last.saturating_add(1);
        if new_candidate {
            self.first = self.last;
        }
    }

    /// What pins say of an epoch: its number modulo 255 plus 1, since 0 says "of none".
    pub fn in_pins(epoch: u64) -> u8 {
        (epoch % 255 + 1) as u8
    }

    /// Whether what a pin says may be one of the present candidate's.
    pub fn has(&self, drawn_for: u8) -> bool {
        let count = self.last.saturating_sub(self.first) + 1;
        let place = u64::from(drawn_for) + 255 - u64::from(Self::in_pins(self.first));
        drawn_for != 0 && !self.are_none() && (count >= 255 || place % 255 < count)
    }
}

/// A tenure that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EndedTenure {
    /// Its number.
    pub tenure: Tenure,
    /// Why it ended.
    pub reason: LeaveReason,
}

/// Why a tenure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LeaveReason {
    /// Its drain ended.
    Drained,
    /// Its candidate was aborted.
    Abort,
    /// A rollback left it.
    Rollback,
    /// Another candidate took its place by command.
    Replaced,
}

/// The last change of who is on a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct LastMove {
    /// The command that made it, as in [`Record::command`].
    pub command: CommandName,
    /// The candidate that it dropped, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<ReleaseId>,
}

/// What refuses every command of `ci` but abort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Lock {
    /// The reason that was given.
    pub reason: String,
    /// Who locked.
    pub by: String,
    /// When, Unix ms.
    pub at: u64,
    /// When it ends by itself, Unix ms. None: it stays until somebody unlocks.
    pub until: Option<u64>,
    /// Whether a rollback set it, and not a person. An operator's next command ends it then.
    pub automatic: bool,
    /// Of a lock that a pipeline took for itself: which run of it. Such a lock holds back every other `ci` token.
    #[serde(default)]
    pub holder: Option<String>,
}

impl Lock {
    /// Whether it stands at `now` (Unix ms): one with an end ends by itself.
    pub fn stands_at(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The most bytes of JSON that are read as a record. 8 draining releases and 64 tenures need a tenth of it.
const RECORD_BYTES_MAX: usize = 256 * 1024;

impl Record {
    /// Parses and checks the stored JSON.
    ///
    /// # Errors
    /// The JSON is too long or malformed, or contradicts itself; the text says what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        if json.len() > RECORD_BYTES_MAX {
            return Err(format!(
                "a rollout record of at most {RECORD_BYTES_MAX} bytes; this value has {}",
                json.len()
            ));
        }
        let record: Self =
            serde_json::from_slice(json).map_err(|error| format!("a rollout record: {error}"))?;
        match record.fault() {
            None => Ok(record),
            Some(fault) => Err(format!("a rollout record: {fault}")),
        }
    }

    /// What an app is before its first change: nothing on any track, sticky, seq 0. Never stored.
    pub fn empty() -> Self {
        Self {
            seq: 0,
            stable: None,
            candidate: None,
            blend: Blend::ZERO,
            sticky: true,
            previous: None,
            draining: Vec::new(),
            endpoint_drains: Vec::new(),
            recycles: Vec::new(),
            tenures: Tenures::default(),
            draw_epochs: DrawEpochs::default(),
            lock: None,
            halt: None,
            plan: None,
            approvals: Vec::new(),
            lowerings: Vec::new(),
            unregistered: Vec::new(),
            last_move: None,
            command: CommandName::None,
            actor: String::new(),
            reason: String::new(),
            at: 0,
        }
    }

    /// The stable release.
    pub fn stable_release(&self) -> Option<&ReleaseId> {
        self.stable.as_ref().map(|stay| &stay.release)
    }

    /// The candidate release.
    pub fn candidate_release(&self) -> Option<&ReleaseId> {
        self.candidate.as_ref().map(|stay| &stay.release)
    }

    /// Every routed release with its tenure: stable, candidate, then the draining ones, oldest first.
    pub fn routed(&self) -> impl Iterator<Item = (&ReleaseId, Tenure)> {
        let on_tracks = self.stable.iter().chain(&self.candidate).map(|stay| (&stay.release, stay.tenure));
        on_tracks.chain(self.draining.iter().map(|draining| (&draining.release, draining.tenure)))
    }

    /// Whether a release is routed, or is `previous`.
    pub fn names(&self, release: &ReleaseId) -> bool {
        self.previous.as_ref() == Some(release) || self.routed().any(|(routed, _)| routed == release)
    }

    /// Whether a recycle is going to replace an endpoint.
    pub fn is_outgoing(&self, release: &ReleaseId, address: Address) -> bool {
        let recycle = self.recycles.iter().find(|recycle| recycle.release == *release);
        recycle.is_some_and(|recycle| recycle.outgoing.contains(&address))
    }

    /// The release that pins of this tenure go to.
    pub fn by_tenure(&self, tenure: Tenure) -> Option<&ReleaseId> {
        self.routed().find(|(_, routed)| *routed == tenure).map(|(release, _)| release)
    }

    /// The lock, if it stands at `now` (Unix ms): one with an end ends by itself.
    pub fn lock_at(&self, now: u64) -> Option<&Lock> {
        self.lock.as_ref().filter(|lock| lock.stands_at(now))
    }

    /// Why a record is not one that a command wrote, as far as the types allow a wrong one. A pin must never stand for two
    /// releases, nor a release have two tenures.
    pub fn fault(&self) -> Option<String> {
        let routed: Vec<_> = self.routed().collect();
        let last = self.tenures.last;
        if self.seq == 0 || self.seq > SEQ_MAX {
            return Some(format!("seq is {}, 1 to {SEQ_MAX} is allowed", self.seq));
        }
        if self.draining.len() > DRAINING_MAX {
            return Some(format!(
                "draining has {} entries, at most {DRAINING_MAX} are allowed",
                self.draining.len()
            ));
        }
        if self.endpoint_drains.len() > ENDPOINT_DRAINS_MAX {
            return Some(format!(
                "endpoint_drains has {} entries, at most {ENDPOINT_DRAINS_MAX} are allowed",
                self.endpoint_drains.len()
            ));
        }
        if let Some(fault) = self.plan.as_ref().and_then(RunningPlan::fault) {
            return Some(fault);
        }
        if self.tenures.left.len() > TENURES_LEFT_MAX {
            return Some(format!(
                "tenures.left has {} entries, at most {TENURES_LEFT_MAX} are allowed",
                self.tenures.left.len()
            ));
        }
        routed.iter().enumerate().find_map(|(index, (release, tenure))| {
            if *tenure == 0 || *tenure > last {
                return Some(format!("{release} has tenure {tenure}, 1 to tenures.last ({last}) is allowed"));
            }
            if self.tenures.left.iter().any(|left| left.tenure == *tenure) {
                return Some(format!("{release} has tenure {tenure}, which is among tenures.left"));
            }
            let earlier = routed[..index].iter().find(|(other, number)| other == release || number == tenure);
            earlier.map(|(other, _)| {
                format!("{other} and {release} are the same release or have the same tenure {tenure}")
            })
        })
    }
}

/// One change, stored at `rolling/<app>/events/<seq>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// The record after the change.
    pub record: Record,
    /// What changed: field name to `[before, after]`.
    pub changed: serde_json::Map<String, serde_json::Value>,
    /// What was known of the candidate that an abort dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Box<Receipt>>,
}
