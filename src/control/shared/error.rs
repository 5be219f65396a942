//! The API's failures: one table from kinds of failure to statuses.
//!
//! Every message is for the person who has to act; `code` is the stable word for programs.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use keyvalues::StoreError;

use crate::{
    rollout::{command::Refusal, settings::SettingsError},
    schema::{
        endpoint::EndpointAnswer,
        error::{ErrorAnswer, ErrorDetail},
    },
};

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Malformed,
    Unauthorized,
    Forbidden,
    UnknownApp,
    NotFound,
    Method,
    Refused(&'static str),
    StoreDiverged,
    Contended,
    Stale,
    TooLarge,
    MediaType,
    Misdirected,
    Value,
    Locked,
    Frozen,
    Precondition,
    TooManyFailures,
    StoreUnavailable,
    OutcomeUnknown,
    Busy,
    Slow,
    Disk,
    Quota,
    LeaseEnded,
    Unsupported,
    Looped,
    /// A request that cannot be read, with the status that says so.
    Unreadable(StatusCode),
    Internal,
}

impl Kind {
    /// The table: status and code.
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::UnknownApp => (StatusCode::NOT_FOUND, "unknown_app"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Refused(code) => (StatusCode::CONFLICT, code),
            Self::StoreDiverged => (StatusCode::CONFLICT, "store_diverged"),
            Self::Contended => (StatusCode::CONFLICT, "contended"),
            Self::Stale => (StatusCode::PRECONDITION_FAILED, "stale"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type"),
            Self::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "foreign_host"),
            Self::Value => (StatusCode::UNPROCESSABLE_ENTITY, "value"),
            Self::Locked => (StatusCode::LOCKED, "locked"),
            Self::Frozen => (StatusCode::LOCKED, "frozen"),
            Self::Precondition => (StatusCode::PRECONDITION_REQUIRED, "precondition_required"),
            Self::TooManyFailures => (StatusCode::TOO_MANY_REQUESTS, "too_many_failures"),
            Self::StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::OutcomeUnknown => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::Disk => (StatusCode::INSUFFICIENT_STORAGE, "disk"),
            Self::Quota => (StatusCode::INSUFFICIENT_STORAGE, "quota"),
            Self::LeaseEnded => (StatusCode::GONE, "lease_ended"),
            Self::Unsupported => (StatusCode::NOT_IMPLEMENTED, "unsupported"),
            Self::Looped => (StatusCode::LOOP_DETECTED, "loop"),
            Self::Unreadable(status) => (status, "malformed"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

/// One failure, ready to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    kind: Kind,
    message: String,
    field: Option<Box<str>>,
    endpoints: Box<[EndpointAnswer]>,
    /// When what refuses ends by itself, Unix ms.
    until: Option<u64>,
}

impl ApiError {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, endpoints: Box::default(), until: None }
    }

    /// A value that is not allowed (422), by field.
    pub fn value(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Kind::Value, message).field(field)
    }

    /// Names the field at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into().into_boxed_str());
        self
    }

    /// Says what each endpoint answered.
    #[must_use]
    pub fn endpoints(mut self, endpoints: Vec<EndpointAnswer>) -> Self {
        self.endpoints = endpoints.into();
        self
    }

    /// The same with more words about it.
    #[must_use]
    pub fn told(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The path of the field at fault; nothing where there is none.
    #[cfg(test)]
    pub fn field_name(&self) -> &str {
        self.field.as_deref().unwrap_or_default()
    }

    /// The header that goes with some statuses.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self.kind {
            Kind::Unauthorized => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rolling-router\"")))
            }
            Kind::TooManyFailures => Some((header::RETRY_AFTER, HeaderValue::from_static("60"))),
            Kind::StoreUnavailable | Kind::OutcomeUnknown | Kind::Busy => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let header = self.header();
        let (status, code) = self.kind.row();
        let Self { message, field, endpoints, until, .. } = self;
        let (field, endpoints) = (field.map(String::from), endpoints.into_vec());
        let error = ErrorDetail { code: code.to_owned(), message, field, endpoints, until };
        let mut response = (status, Json(ErrorAnswer { error: error.clone() })).into_response();
        // For the audit, which does not read bodies.
        response.extensions_mut().insert(error);
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::State { code, message } => Self::new(Kind::Refused(code), message),
            Refusal::Stale { .. } => Self::new(Kind::Stale, message),
            Refusal::Value { field, message } => Self::value(field, message),
            Refusal::Frozen { until, .. } => Self { until, ..Self::new(Kind::Frozen, message) },
            Refusal::Locked { until, .. } | Refusal::Queued { until, .. } => {
                Self { until, ..Self::new(Kind::Locked, message) }
            }
            Refusal::Precondition => Self::new(Kind::Precondition, message),
            Refusal::Forbidden { .. } | Refusal::Capped { .. } | Refusal::CappedEndpoints { .. } => {
                Self::new(Kind::Forbidden, message)
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Disk(_) => Kind::Disk,
            StoreError::Invalid(_) => Kind::Value,
            StoreError::LeaseEnded => Kind::LeaseEnded,
            StoreError::Unsupported(_) => Kind::Unsupported,
            _ => Kind::StoreUnavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<SettingsError> for ApiError {
    fn from(error: SettingsError) -> Self {
        Self::value(error.field, error.message)
    }
}

impl From<keyvalues::KeyError> for ApiError {
    fn from(error: keyvalues::KeyError) -> Self {
        Self::new(Kind::Malformed, error.to_string()).field("key")
    }
}
