//! The router that answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::rollout::keyspace::Problem;

/// The router that answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Router {
    /// Its node id.
    pub node: String,
    /// The version of the program.
    pub version: String,
    /// How long it has been running, in seconds.
    pub uptime_seconds: u64,
    /// Whether a table is published and the front listeners accept.
    pub ready: bool,
    /// The store, as this router sees it.
    pub store: RouterStore,
    /// Stored values that the router cannot take.
    pub problems: Vec<Problem>,
    /// The addresses where it serves end users, `ip:port` each.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    pub listen: Vec<SocketAddr>,
    /// Whether there is no app yet.
    pub setup_needed: bool,
}

/// What a router needs beside its store, so that no backup of the store holds it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RouterFiles {
    /// Each with the setting that names it.
    pub files: Vec<RouterFile>,
}

/// What a router needs beside its store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RouterFile {
    /// The setting that names it, such as `token_file`; `config` for the file with settings, `store` for a file that the
    /// store's address names.
    pub setting: String,
    /// Where it is on the router's machine; null: the value stands in the router's environment.
    pub path: Option<String>,
    /// Whether it is there.
    pub found: bool,
}

/// The store, as a router sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RouterStore {
    /// The backend, such as `embedded`.
    pub kind: String,
    /// Whether the keys are those of a server that has no commits; this router then takes no command.
    pub followed: bool,
    /// How it is.
    pub state: StoreState,
    /// What is wrong with it, in words; null: nothing is.
    pub detail: Option<String>,
    /// How many seconds ago a read was confirmed; null: none was yet.
    pub staleness_seconds: Option<u64>,
    /// The store revision up to which the router has read.
    pub revision: u64,
}

/// How a store is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// The table is what the store holds.
    #[default]
    Current,
    /// No read was confirmed for a while.
    Stale,
    /// The last attempt to read it failed.
    Down,
    /// It is another store, or an older one, than the table came from.
    Diverged,
}

impl StoreState {
    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Down => "down",
            Self::Diverged => "diverged",
        }
    }
}
