//! What a token may do, as the audit shows it.

use serde_json::{Value, json};

use super::scope::Scope;
use crate::rollout::command::Role;

/// What a token may do, as the audit shows it.
pub fn rights(role: Role, scope: &Scope) -> Value {
    let mut shown = json!({ "role": role.to_string() });
    if let Some(apps) = scope.apps() {
        shown["apps"] = apps.into();
    }
    if !scope.may_use_raw() {
        shown["raw"] = false.into();
    }
    if let Some(networks) = scope.networks() {
        shown["networks"] = networks.iter().map(ToString::to_string).collect();
    }
    if let Some(end) = scope.ends_at() {
        shown["ends_at"] = end.into();
    }
    shown
}
