//! Raw keyvalues, in the shape that old scripts speak.

use serde::{Deserialize, Serialize};

use super::{app::Done, apply_status::ApplyStatus};

/// One keyvalue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default, rename_all = "PascalCase")]
pub struct Keyvalue {
    /// The key.
    pub key: String,
    /// The value as base64; null or missing: it is empty.
    pub value: Option<String>,
    /// The store revision that made the key.
    pub create_index: u64,
    /// The store revision that wrote the value.
    pub modify_index: u64,
    /// Always 0.
    pub lock_index: u64,
    /// Always 0.
    pub flags: u64,
}

/// The answer to a write with `wait=fleet`; without it the answer is `true`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct KeyvalueAnswer {
    /// Always `done`.
    pub result: Done,
    /// How far the fleet applied it.
    pub applied: ApplyStatus,
}
