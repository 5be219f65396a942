//! The token file, looked at again and again: what changed in it stands in the audit, as any other change of who may do what.

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    limits::TOKENS_EVERY,
    shared::{
        access::tokens::{Rights, TokenChange},
        core::Core,
    },
};
use crate::schema::audit::{AuditChange, AuditEntry, AuditOutcome};

/// Looks at the file every few seconds, for ever.
pub async fn run(core: Core) {
    loop {
        sleep(TOKENS_EVERY).await;
        look(&core, false).await;
    }
}

/// Reads the file again if it has changed; `at_once`: also if it may still be being written.
pub async fn look(core: &Core, at_once: bool) {
    let Some(read) = core.tokens.look(at_once).await else { return };
    let (changes, message) = match read {
        Ok(changes) => (changes, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let outcome = match (&message, changes.is_empty()) {
        (Some(_), _) => AuditOutcome::Refused,
        (None, true) => AuditOutcome::Unchanged,
        (None, false) => AuditOutcome::Done,
    };
    let entry = AuditEntry {
        at: core.clock.wall_ms(),
        router: core.name().to_owned(),
        actor: Some(FILE.to_owned()),
        via: "file".to_owned(),
        method: "READ".to_owned(),
        path: core.tokens.file().map(|file| file.display().to_string()).unwrap_or_default(),
        outcome,
        message,
        changes: changes.iter().map(describe).collect(),
        ..AuditEntry::default()
    };
    core.journal.record(entry, false, core.clock.monotonic());
}

/// Who changed the file, nobody here knows. No token has this name, since names have no blanks.
const FILE: &str = "the token file";

fn describe(change: &TokenChange) -> AuditChange {
    let mut after = rights(change.after.as_ref());
    if change.is_other {
        after["token"] = "another than before".into();
    }
    AuditChange { key: format!("token {}", change.name), before: rights(change.before.as_ref()), after }
}

fn rights(rights: Option<&Rights>) -> Value {
    let Some(Rights { role, scope }) = rights else { return Value::Null };
    let mut shown = json!({ "role": role.to_string() });
    if let Some(apps) = scope.apps() {
        shown["apps"] = apps.into();
    }
    if !scope.may_use_raw() {
        shown["raw"] = false.into();
    }
    shown
}
