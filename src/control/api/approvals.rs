//! The calls by which operators approve a release, or a lower value of the setting `approvals`.

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    request::{Read, Write, app_name},
    tracks::{Answer, find_release, run},
};
use crate::{
    control::{
        commands::{
            command::{CommandOptions, unknown_app},
            stored::{StoredApp, registered_endpoints},
        },
        shared::{core::Core, error::ApiError},
    },
    rollout::{
        app::AppName,
        approval::{Approval, Holder},
        approval_standing::{ApprovalStanding, author_of, counted},
        command::{ApprovalSubject, Command, Role},
        record::Record,
        release::ReleaseId,
    },
    schema::approval::{ApprovalRequest, Approvals, GivenApproval, LoweringApprovals, ReleaseApprovals},
};

/// Nobody: of a release on no track it is not known yet who would make it stable.
const NOBODY: Holder<'static> = Holder { name: "", token: "" };

/// `POST .../approvals`
pub async fn approve(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    call.caller.needs(Role::Operator)?;
    let app = app_name(&app)?;
    let (subject, reason) = subject(&core, &app, call.read()?).await?;
    run(&core, &app, Command::Approve { subject }, call, reason, CommandOptions::default()).await
}

/// `DELETE .../approvals`: the asker's own.
pub async fn withdraw(State(core): State<Core>, Path(app): Path<String>, call: Write) -> Answer {
    call.caller.needs(Role::Operator)?;
    let app = app_name(&app)?;
    let (subject, reason) = subject(&core, &app, call.read()?).await?;
    run(&core, &app, Command::WithdrawApproval { subject }, call, reason, CommandOptions::default()).await
}

async fn subject(
    core: &Core,
    app: &AppName,
    request: ApprovalRequest,
) -> Result<(ApprovalSubject, Option<String>), ApiError> {
    let ApprovalRequest { release, lower_to, reason } = request;
    let subject = match (release, lower_to) {
        (Some(_), Some(_)) => {
            return Err(ApiError::value("lower_to", "send either `release` or `lower_to`, not both"));
        }
        (None, Some(to)) => ApprovalSubject::Lowering(u8::try_from(to).unwrap_or(u8::MAX)),
        (release, None) => ApprovalSubject::Release(find_release(core, app, "release", release).await?),
    };
    Ok((subject, reason))
}

/// `GET .../approvals`
pub async fn list(
    State(core): State<Core>,
    Path(app): Path<String>,
    call: Read,
) -> Result<Json<Approvals>, ApiError> {
    let app = app_name(&app)?;
    call.query.finish()?;
    let stored = StoredApp::read(&core, &app).await?;
    if stored.is_absent() {
        return Err(unknown_app(&app));
    }
    let needed = stored.settings.approvals;
    let Some(record) = &stored.record else { return Ok(Json(Approvals { needed, ..Approvals::default() })) };
    let mut releases: Vec<ReleaseId> = record.candidate_release().cloned().into_iter().collect();
    let approved = record.approvals.iter().map(|approvals| approvals.release.clone());
    releases.extend(approved.filter(|release| record.candidate_release() != Some(release)));
    let endpoints = registered_endpoints(&core, &releases).await?;
    let describe = |release: &ReleaseId| {
        let standing = ApprovalStanding::of(
            record,
            release,
            &endpoints.get(release).cloned().unwrap_or_default(),
            author_of(record, release).unwrap_or(NOBODY),
        );
        describe(&app, release, needed, &standing)
    };
    let lowerings = lowerings(record);
    Ok(Json(Approvals { needed, releases: releases.iter().map(describe).collect(), lowerings }))
}

/// How a release stands, as the API gives it.
pub fn describe(
    app: &AppName,
    release: &ReleaseId,
    needed: u8,
    standing: &ApprovalStanding,
) -> ReleaseApprovals {
    ReleaseApprovals {
        id: release.to_string(),
        release: release.name_in(app).to_owned(),
        needed,
        given: standing.given.iter().map(given).collect(),
        missing: standing.missing(needed),
        new_endpoints: standing.new_endpoints.iter().map(ToString::to_string).collect(),
    }
}

fn lowerings(record: &Record) -> Vec<LoweringApprovals> {
    let describe = |lowering: &crate::rollout::approval::LoweringApprovals| LoweringApprovals {
        to: lowering.to,
        given: counted(&lowering.given, NOBODY).iter().map(given).collect(),
    };
    record.lowerings.iter().map(describe).collect()
}

fn given(approval: &Approval) -> GivenApproval {
    GivenApproval { by: approval.by.clone(), at: approval.at }
}
