//! Certificates: those in files of the router that answers, and those that a CA issues to the fleet.

use serde::{Deserialize, Serialize};

/// All certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Certificates {
    /// Those in files first, then those of a CA by host.
    pub certificates: Vec<Certificate>,
    /// The CA that the router that answers asks: the URL of its directory. Null: none.
    pub directory: Option<String>,
    /// Whether the fleet has an account with a CA.
    pub account: bool,
}

/// One certificate, or a host that has none yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Certificate {
    /// The names that it is for.
    pub names: Vec<String>,
    /// `file` or `acme`.
    pub source: String,
    /// `valid`, `ordering` (none yet, an order is under way or due), `failed` (none yet, and the last order failed), `expired`, or
    /// `unreadable`.
    pub state: String,
    /// The app whose host it is for. Null: it is of a file, or no app wants it any more.
    pub app: Option<String>,
    /// The certificate's file. Null: it has none.
    pub file: Option<String>,
    /// When it ends (Unix ms). Null: there is none yet.
    pub ends_at: Option<u64>,
    /// When the next one is ordered (Unix ms). Null: that is not known, or for the operator to do.
    pub renew_at: Option<u64>,
    /// What went wrong last, with the file or with an order. Null: nothing since it went well.
    pub error: Option<String>,
    /// How many orders have failed in a row.
    pub failures: u32,
    /// When the next order is begun after a failure (Unix ms). Null: none has failed.
    pub retry_at: Option<u64>,
}

/// An account whose key was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AccountKeyRollover {
    /// The CA that it is with.
    pub directory: String,
}
