//! What every call is made with: the app, the caller, the query, If-Match and the body, taken apart once.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    body::read_json,
    json,
    query::{Query, WriteQuery},
};
use crate::{
    control::{
        limits::JSON_BYTES_MAX,
        shared::{
            access::caller::Caller,
            core::Core,
            error::{ApiError, Kind},
        },
    },
    limits::REASON_BYTES_MAX,
    rollout::{
        app::AppName,
        command::{Asker, Role},
    },
};

/// A call that reads.
#[derive(Debug)]
pub struct Read {
    pub caller: Caller,
    pub query: Query,
}

/// A call that changes something.
#[derive(Debug)]
pub struct Write {
    pub caller: Caller,
    pub query: Query,
    pub if_match: Option<u64>,
    body: Option<Bytes>,
}

/// A call that asks about a request or a command, and changes nothing: whoever may look may ask.
#[derive(Debug)]
pub struct Question {
    pub caller: Caller,
    pub query: Query,
    pub if_match: Option<u64>,
    body: Option<Bytes>,
}

/// A call that brings a whole document.
#[derive(Debug)]
pub struct Document {
    pub caller: Caller,
    pub query: Query,
    pub if_match: Option<u64>,
    pub json: Bytes,
}

/// What a call without fields takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

impl Write {
    /// The body as what this call takes; none counts as `{}`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        json::parse(self.body.as_deref().unwrap_or(b"{}"))
    }

    /// Who asks, and why.
    pub fn asker(&self, core: &Core, reason: Option<String>) -> Result<Asker, ApiError> {
        Ok(asker(core, &self.caller, check_reason(reason)?, self.if_match))
    }

    /// Takes what every write may say in its query, and refuses what is left over.
    pub fn finish(mut self) -> Result<WriteQuery, ApiError> {
        let query = WriteQuery::take(&mut self.query)?;
        self.query.finish()?;
        Ok(query)
    }
}

impl Question {
    /// The body as what this call takes; none counts as `{}`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        json::parse(self.body.as_deref().unwrap_or(b"{}"))
    }

    /// Who asks, as if to give the command that is asked about. Who may only look is told what an operator would be.
    pub fn asker(&self, core: &Core) -> Asker {
        let asker = asker(core, &self.caller, String::new(), self.if_match);
        let role = if asker.role == Role::Viewer { Role::Operator } else { asker.role };
        Asker { role, ..asker }
    }
}

/// Why, in the asker's words; bounded, since it is stored and shown.
pub fn check_reason(reason: Option<String>) -> Result<String, ApiError> {
    let reason = reason.unwrap_or_default();
    if reason.len() > REASON_BYTES_MAX {
        let message =
            format!("the reason has {} bytes; allowed are at most {REASON_BYTES_MAX}", reason.len());
        return Err(ApiError::value("reason", message));
    }
    Ok(reason.trim().to_owned())
}

/// An asker of now.
pub fn asker(core: &Core, caller: &Caller, reason: String, if_match: Option<u64>) -> Asker {
    Asker {
        actor: caller.name.clone(),
        token: core.replica.mark_of(&caller.token),
        role: caller.role,
        reason,
        at: core.clock.wall_ms(),
        if_match,
    }
}

/// The app that a path names.
pub fn app_name(text: &str) -> Result<AppName, ApiError> {
    text.parse().map_err(|error| ApiError::new(Kind::Malformed, format!("{error}")).field("app"))
}

/// The seq in If-Match. `*` says that the app exists, which a command finds out anyway.
pub fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let refused = || {
        let message = "If-Match must be the seq in quotes, as in the ETag of the app, such as \"7\"";
        ApiError::new(Kind::Malformed, message).field("If-Match")
    };
    quoted.unwrap_or(text).parse().map(Some).map_err(|_| refused())
}

fn caller(request: &Request) -> Result<Caller, ApiError> {
    let found = request.extensions().get::<Caller>().cloned();
    found.ok_or_else(|| ApiError::new(Kind::Unauthorized, "this call needs a token"))
}

impl<S: Sync> FromRequest<S> for Read {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        Ok(Self { caller: caller(&request)?, query: Query::parse(request.uri().query()) })
    }
}

impl<S: Sync> FromRequest<S> for Write {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        caller(&request)?.needs(Role::Ci)?;
        let Question { caller, query, if_match, body } = Question::from_request(request, state).await?;
        Ok(Self { caller, query, if_match, body })
    }
}

impl<S: Sync> FromRequest<S> for Question {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let caller = caller(&request)?;
        let query = Query::parse(request.uri().query());
        let if_match = if_match(request.headers())?;
        let (parts, body) = request.into_parts();
        let body = read_json(&parts.headers, body, JSON_BYTES_MAX).await?;
        Ok(Self { caller, query, if_match, body })
    }
}

impl<S: Sync> FromRequest<S> for Document {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let caller = caller(&request)?;
        caller.needs(Role::Operator)?;
        let query = Query::parse(request.uri().query());
        let if_match = if_match(request.headers())?;
        let (parts, body) = request.into_parts();
        let json = read_json(&parts.headers, body, JSON_BYTES_MAX).await?;
        let json = json
            .ok_or_else(|| ApiError::new(Kind::Malformed, "the body is empty; it must be a JSON object"))?;
        Ok(Self { caller, query, if_match, json })
    }
}
