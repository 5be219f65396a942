//! The freeze windows of all apps.

use serde::{Deserialize, Serialize};

/// Times in which `ci` tokens change no app but to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct FreezeWindows {
    /// Each a line such as `Fri 16:00 - Mon 08:00 Europe/Berlin`.
    pub windows: Vec<String>,
    /// Which setting of them it is: what If-Match takes. 0: they were never set.
    pub version: u64,
}

/// Set the freeze windows of all apps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FreezeWindowsRequest {
    /// All of them; an empty list ends every one.
    pub windows: Vec<String>,
    /// Why, for the log and the audit.
    pub reason: Option<String>,
}
