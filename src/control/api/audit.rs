//! The audit, newest first, in pages: what this router was asked to change, by whom, and what came of it.

use axum::{Json, extract::State};

use super::request::Read;
use crate::{
    control::{
        limits::AUDIT_PAGE_MAX,
        shared::{audit::ring::AuditFilter, core::Core, error::ApiError},
    },
    rollout::command::Role,
    schema::audit::{AuditOutcome, AuditPage},
};

/// Entries in a page that asks for no number.
const PAGE_DEFAULT: u64 = 50;

/// `GET /api/v1/audit?limit=50&before=<id>&app=&actor=&via=&outcome=`
pub async fn read(State(core): State<Core>, mut call: Read) -> Result<Json<AuditPage>, ApiError> {
    call.caller.needs(Role::Admin)?;
    let limit = call.query.number_in("limit", 1..=AUDIT_PAGE_MAX)?.unwrap_or(PAGE_DEFAULT);
    let filter = AuditFilter {
        before: call.query.number("before")?,
        app: call.query.take("app"),
        actor: call.query.take("actor"),
        via: call.query.take("via"),
        outcome: call.query.take("outcome").map(|text| outcome(&text)).transpose()?,
    };
    call.query.finish()?;
    Ok(Json(core.journal.page(&filter, limit)))
}

fn outcome(text: &str) -> Result<AuditOutcome, ApiError> {
    let found = AuditOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
    found.ok_or_else(|| {
        let words: Vec<&str> = AuditOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
        let message = format!("outcome: `{}` is none of {}", text.escape_debug(), words.join(", "));
        ApiError::value("outcome", message)
    })
}
