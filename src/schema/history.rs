//! An app's history.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::verdict::Receipt;

/// A page of an app's history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HistoryPage {
    /// The changes, newest first.
    pub events: Vec<HistoryEvent>,
    /// What `before` is to be for the next page; null: this is the last one.
    pub next: Option<u64>,
    /// Changes of endpoints and of pipelines' locks that belong on this page and are left out, since there are so many.
    pub left_out: usize,
}

/// One change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HistoryEvent {
    /// Its number, which is the record's seq after it. A change of endpoints, or of a pipeline's lock, leaves the seq as
    /// it is.
    pub seq: u64,
    /// Of a change that leaves the seq as it is: its number among these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The command, such as `promote`.
    pub command: String,
    /// Who gave it: the name of a token.
    pub actor: String,
    /// Why, in the words of whoever gave it; empty if nothing was said.
    pub reason: String,
    /// When, Unix ms.
    pub at: u64,
    /// What it changed: names of fields, each with a list of its value before and after.
    #[cfg_attr(test, schema(value_type = std::collections::BTreeMap<String, Vec<Value>>))]
    pub changed: Map<String, Value>,
    /// Of an abort: what was known of the candidate, and why it was aborted; left out: nothing was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The whole rollout record after it.
    #[cfg_attr(test, schema(value_type = crate::rollout::record::Record))]
    pub record: Value,
}
