//! The tokens over time: the token file, looked at again and again (what changed in it stands in the audit, as any other
//! change of who may do what), tokens of the store that end, and when those were used last.

use keyvalues::Write;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    limits::TOKENS_EVERY,
    shared::{
        access::{
            limits::{TOKEN_ENDS_EVERY, TOKEN_USE_STALE, TOKEN_USES_EVERY},
            rights::rights,
            stored_tokens::use_key_of,
            tokens::{Rights, TokenChange},
        },
        core::Core,
        entries::own_key,
    },
};
use crate::schema::audit::{AuditChange, AuditEntry, AuditOutcome};

/// Looks after the tokens, for ever.
pub async fn run(core: Core) {
    let file = async {
        loop {
            sleep(TOKENS_EVERY).await;
            look(&core, false).await;
        }
    };
    let ends = async {
        loop {
            sleep(TOKEN_ENDS_EVERY).await;
            core.tokens.end_due(core.clock.wall_ms());
        }
    };
    let uses = async {
        loop {
            sleep(TOKEN_USES_EVERY).await;
            keep_uses(&core).await;
        }
    };
    tokio::join!(file, ends, uses);
}

/// Writes when tokens of the store were used last, where the store's word for that is old. What is not written now is later.
async fn keep_uses(core: &Core) {
    let stored = core.tokens.stored();
    let due = stored.all().filter_map(|(name, token)| {
        let used = core.tokens.used_at(&token.digest()?)?;
        let is_due = stored.used_at(name).is_none_or(|known| used >= known + TOKEN_USE_STALE);
        is_due.then(|| Write::put(own_key(&use_key_of(name)), used.to_string().into_bytes()))
    });
    let writes: Vec<Write> = due.take(USES_BATCH).collect();
    if writes.is_empty() || core.is_follower || core.replica.require_known_store().await.is_err() {
        return;
    }
    if let Err(error) = core.store.commit(Vec::new(), writes).await {
        tracing::debug!(%error, "the store does not take when tokens were used last");
    }
}

/// Writes in one commit.
const USES_BATCH: usize = 90;

/// Reads the file again if it has changed; `at_once`: also if it may still be being written.
pub async fn look(core: &Core, at_once: bool) {
    let Some(read) = core.tokens.look(at_once, core.clock.wall_ms()).await else { return };
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
    let mut after = of_file(change.after.as_ref());
    if change.is_other {
        after["token"] = "another than before".into();
    }
    AuditChange { key: format!("token {}", change.name), before: of_file(change.before.as_ref()), after }
}

fn of_file(known: Option<&Rights>) -> Value {
    known.map_or(Value::Null, |known| rights(known.role, &known.scope))
}
