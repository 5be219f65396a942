//! What a decision about approvals rests on beside the record: which endpoints the release has that is approved, or would
//! become stable.

use super::stored::{StoredApp, registered_endpoints};
use crate::{
    control::shared::{core::Core, error::ApiError},
    rollout::{
        command::{ApprovalSubject, Background, Command},
        endpoint::Endpoint,
        record::Record,
        release::ReleaseId,
    },
};

/// Adds those endpoints, if the command depends on them. `registered` are registered by the command itself.
pub async fn with_endpoints(
    core: &Core,
    stored: &StoredApp,
    command: &Command,
    registered: Option<&(ReleaseId, Vec<Endpoint>)>,
    mut background: Background,
) -> Result<Background, ApiError> {
    let Some(release) = subject(stored, command, background.approvals) else { return Ok(background) };
    background.endpoints = registered_endpoints(core, std::slice::from_ref(release)).await?;
    if let Some((_, endpoints)) = registered.filter(|(registered, _)| registered == release) {
        // Those that it replaces may stay in the list: only new ones make a difference.
        background.endpoints.entry(release.clone()).or_default().extend(endpoints.iter().cloned());
    }
    Ok(background)
}

/// The release whose approvals a command gives, or needs.
fn subject<'a>(stored: &'a StoredApp, command: &'a Command, needed: u8) -> Option<&'a ReleaseId> {
    let candidate = stored.record.as_ref().and_then(Record::candidate_release);
    match command {
        Command::Approve { subject: ApprovalSubject::Release(release) } => release.as_ref().or(candidate),
        Command::SetStable { release, .. } if needed > 0 => Some(release),
        Command::Promote { .. } if needed > 0 => candidate,
        _ => None,
    }
}
