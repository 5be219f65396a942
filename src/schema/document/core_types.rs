//! The schemas of the core's types that serialise by hand.

use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::rollout::{app::AppName, blend::Blend, command_name::CommandName, release::ReleaseId};

/// What an app's name looks like.
pub const APP_NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";

fn read(schema: Value) -> RefOr<Schema> {
    serde_json::from_value(schema).unwrap()
}

impl PartialSchema for Blend {
    fn schema() -> RefOr<Schema> {
        read(json!({ "type": "number", "minimum": 0, "maximum": 100, "multipleOf": 0.01 }))
    }
}

impl ToSchema for Blend {}

impl PartialSchema for AppName {
    fn schema() -> RefOr<Schema> {
        read(json!({ "type": "string", "pattern": APP_NAME_PATTERN }))
    }
}

impl ToSchema for AppName {}

impl PartialSchema for ReleaseId {
    fn schema() -> RefOr<Schema> {
        read(json!({ "type": "string", "pattern": "^apps/[^/]+/containers$" }))
    }
}

impl ToSchema for ReleaseId {}

impl PartialSchema for CommandName {
    fn schema() -> RefOr<Schema> {
        read(json!({ "type": "string" }))
    }
}

impl ToSchema for CommandName {}
