//! Sessions of browsers.

use serde::{Deserialize, Serialize};

use super::{app::Done, token::Token};

/// Sessions that count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct BrowserSessions {
    /// Those of the caller's token; for admins all.
    pub sessions: Vec<BrowserSession>,
}

/// One browser that is signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct BrowserSession {
    /// Its name, which opens nothing.
    pub id: String,
    /// The name of the token that it stands for.
    pub name: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it began (Unix ms).
    pub at: u64,
    /// When it was used last (Unix ms): exact for the router that answers, within five minutes for the others.
    pub used_at: u64,
    /// When it ends at the latest (Unix ms).
    pub ends_at: u64,
    /// When it ends if nobody uses it (Unix ms).
    pub idle_ends_at: u64,
    /// The address at which it began.
    pub client: String,
    /// What the browser calls itself.
    pub browser: String,
}

/// A session that was ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SessionEnd {
    /// Its name.
    pub id: String,
    /// It is done.
    pub result: Done,
}

/// Whether the browser that asks is signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct OwnSession {
    /// The token that it is signed in with, or that came along. Null: it is not signed in.
    pub who: Option<Token>,
    /// Its session. Null: it is not signed in, or a token came along.
    pub session: Option<BrowserSession>,
}
