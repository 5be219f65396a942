//! Who may ask: tokens by name and role.

use serde::{Deserialize, Serialize};

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
}
