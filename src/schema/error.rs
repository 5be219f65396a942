//! What an answer says when the router did not do as asked.

use serde::{Deserialize, Serialize};

use super::endpoint::EndpointAnswer;

/// Why the router did not do as asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ErrorAnswer {
    /// The error.
    pub error: ErrorDetail,
}

/// An error, for programs and for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// A stable word in snake_case, for programs.
    pub code: String,
    /// A sentence for the person who has to act.
    pub message: String,
    /// The path of the field, parameter or header that is at fault, such as `endpoints[1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Of `target_unhealthy`: what each endpoint of the release answered to its health check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointAnswer>,
    /// Of what is refused for a time (423): when that ends by itself, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}
