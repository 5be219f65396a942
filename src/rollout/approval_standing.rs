//! How a release stands that needs approvals: which count, and of whom.

use std::collections::BTreeSet;

use super::{
    approval::{Approval, Holder, ReleaseApprovals},
    endpoint::Endpoint,
    record::{DrainCause, Record, Tenure},
    release::ReleaseId,
};

/// How a release stands that needs approvals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalStanding {
    /// Those that count.
    pub given: Vec<Approval>,
    /// The endpoints that are new since it was approved, for which no approval counts.
    pub new_endpoints: Vec<Endpoint>,
}

impl ApprovalStanding {
    /// Of a release with these endpoints, in the tenure that it has. `author` does not count.
    pub fn of(
        record: &Record,
        release: &ReleaseId,
        endpoints: &BTreeSet<Endpoint>,
        author: Holder<'_>,
    ) -> Self {
        let Some(approvals) = approvals_of(record, release) else { return Self::default() };
        let new_endpoints: Vec<Endpoint> = endpoints.difference(&approvals.endpoints).cloned().collect();
        if !new_endpoints.is_empty() {
            return Self { given: Vec::new(), new_endpoints };
        }
        Self { given: counted(&approvals.given, author), new_endpoints }
    }

    /// How many more are needed.
    pub fn missing(&self, needed: u8) -> usize {
        usize::from(needed).saturating_sub(self.given.len())
    }
}

/// The approvals of a release in the tenure that it has.
pub fn approvals_of<'a>(record: &'a Record, release: &ReleaseId) -> Option<&'a ReleaseApprovals> {
    let tenure = tenure_of(record, release);
    record.approvals.iter().find(|approvals| approvals.release == *release && approvals.tenure == tenure)
}

/// The tenure of a release; 0 if it is not routed.
pub fn tenure_of(record: &Record, release: &ReleaseId) -> Tenure {
    record.routed().find(|(routed, _)| *routed == release).map_or(0, |(_, tenure)| tenure)
}

/// Those of others than this one, each token once.
pub fn counted(given: &[Approval], author: Holder<'_>) -> Vec<Approval> {
    let mut counted: Vec<Approval> = Vec::new();
    for approval in given.iter().filter(|approval| !approval.holder().is(&author)) {
        if !counted.iter().any(|other| other.holder().is(&approval.holder())) {
            counted.push(approval.clone());
        }
    }
    counted
}

/// Who put a release on its track as candidate; none: it is no candidate.
pub fn author_of<'a>(record: &'a Record, release: &ReleaseId) -> Option<Holder<'a>> {
    let stay = record.candidate.as_ref().filter(|stay| stay.release == *release)?;
    Some(Holder { name: &stay.set_by, token: &stay.set_by_token })
}

/// Whether a release was stable already in the tenure that it has.
pub fn was_stable(record: &Record, release: &ReleaseId) -> bool {
    let drains = record.draining.iter().find(|draining| draining.release == *release);
    record.stable_release() == Some(release)
        || drains.is_some_and(|draining| {
            // Raw writes also take candidates off their track.
            draining.cause != DrainCause::Raw || record.previous.as_ref() == Some(release)
        })
}
