//! Who may ask: tokens by name, role and limits.
//!
//! The token itself is in the answer to the call that makes it, and nowhere else.

use serde::{Deserialize, Serialize};

use super::app::Done;

/// The tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Tokens {
    /// Each by name and role, never the token itself.
    pub tokens: Vec<Token>,
}

/// A token by name and role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// Its role: `viewer`, `ci`, `operator`, `admin` or `router`.
    pub role: String,
    /// The apps that it is for; left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apps: Option<Vec<String>>,
    /// `false`: it may not use raw keyvalues; left out: it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<bool>,
    /// The networks that it may come from; left out: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    /// When it ends by itself (Unix ms); left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// Whether its time is over; left out: it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Where it stands; left out where that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<TokenSource>,
    /// When it was made (Unix ms); left out: that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_at: Option<u64>,
    /// Who made it; left out: that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was used last (Unix ms): exact for the router that answers, within ten minutes for the others; left out: not since
    /// it was made, or since this router started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<u64>,
    /// The token itself: only in the answer to the call that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Where a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TokenSource {
    /// In the store: every router of the fleet knows it.
    Store,
    /// In the token file or the environment of the router that answers.
    Router,
    /// Nowhere: a proxy has said who they are.
    Proxy,
}

/// Make a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Its name, which stands in histories and logs: 1 to 63 letters, digits, `-`, `_`, `.` and `@`.
    pub name: String,
    /// `viewer`, `ci`, `operator`, `admin` or `router`.
    pub role: String,
    /// The apps that it is for; left out: all.
    pub apps: Option<Vec<String>>,
    /// Whether it may use raw keyvalues; left out: it may.
    pub raw: Option<bool>,
    /// The networks that it may come from; left out: any.
    pub networks: Option<Vec<String>>,
    /// After how many seconds it ends by itself, at most ten years; left out: never.
    pub for_seconds: Option<u64>,
}

/// A token that was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TokenRevocation {
    /// Its name.
    pub name: String,
    /// It is done.
    pub result: Done,
}
