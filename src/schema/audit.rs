//! The audit: who changed what, or tried to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A page of the audit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
    /// What `before` is to be for the next page; null: this is the last one.
    pub next: Option<u64>,
    /// Entries that are lost since this router started: not in the audit log, and those without a token that came too fast
    /// in no place at all.
    pub lost: u64,
}

/// One call that changes something or reads secrets, or a change of the tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AuditEntry {
    /// Its number on this router, since its start.
    pub id: u64,
    /// When, Unix ms.
    pub at: u64,
    /// The router that was asked, by its name.
    pub router: String,
    /// Whose token it was, by its name; null: none that is known.
    pub actor: Option<String>,
    /// That token's role.
    pub role: Option<String>,
    /// Where it came from: the client's address, as trusted proxies tell it.
    pub client: Option<String>,
    /// The address that connected, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// By which door: `gui`, `cli`, `api`, `raw` (raw keyvalues), `hook` (a delivery to a hook in), `deployment` (a step of one,
    /// carried out by a router), or `file` (the token file). Who calls says itself whether it
    /// is the GUI or the command line.
    pub via: String,
    /// The call's method; for the token file `READ`, for a step of a deployment `STEP`.
    pub method: String,
    /// The call's path; of its query only what changes its meaning.
    pub path: String,
    /// The app it is about, if it is about one.
    pub app: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The status of the answer; null: none was given.
    pub status: Option<u16>,
    /// Why it was refused, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it was refused, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was asked for: the body, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// What was written: each key whose value changed, with its value before and after, without secrets.
    pub changes: Vec<AuditChange>,
    /// Changes that are not listed, since there are too many.
    pub changes_left_out: u64,
}

/// One key that was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AuditChange {
    /// The key.
    pub key: String,
    /// Its value before: JSON where it is that, else text; null: there was none. Secrets are `(secret)`.
    pub before: Value,
    /// Its value after; null: it was deleted.
    pub after: Value,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    #[default]
    Done,
    /// All was as it should be already.
    Unchanged,
    /// It was refused.
    Refused,
    /// It failed.
    Failed,
    /// Nobody can say whether it was done: the store did not answer, or the client left before the answer.
    Unknown,
}

impl AuditOutcome {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// All of them.
    pub const ALL: [Self; 5] = [Self::Done, Self::Unchanged, Self::Refused, Self::Failed, Self::Unknown];
}
