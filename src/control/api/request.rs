//! What every call is made with: the app, the caller, the query, If-Match and the body, taken apart once.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};

use super::{
    body::Fields,
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
    pub fields: Fields,
}

/// A call that asks about a request or a command, and changes nothing: whoever may look may ask.
#[derive(Debug)]
pub struct Question {
    pub caller: Caller,
    pub query: Query,
    pub if_match: Option<u64>,
    pub fields: Fields,
}

/// A call that brings a whole document.
#[derive(Debug)]
pub struct Document {
    pub caller: Caller,
    pub query: Query,
    pub if_match: Option<u64>,
    pub json: bytes::Bytes,
}

impl Write {
    /// Who asks: takes `reason` from the body.
    pub fn asker(&mut self, core: &Core) -> Result<Asker, ApiError> {
        Ok(asker(core, &self.caller, self.fields.reason()?, self.if_match))
    }

    /// Takes what every write may say, and refuses what is left over.
    pub fn finish(mut self) -> Result<WriteQuery, ApiError> {
        let query = WriteQuery::take(&mut self.query)?;
        self.query.finish()?;
        self.fields.finish()?;
        Ok(query)
    }
}

impl Question {
    /// Who asks, as if to give the command that is asked about. Who may only look is told what an operator would be.
    pub fn asker(&mut self, core: &Core) -> Asker {
        let asker = asker(core, &self.caller, String::new(), self.if_match);
        let role = if asker.role == Role::Viewer { Role::Operator } else { asker.role };
        Asker { role, ..asker }
    }

    /// Refuses what is left over.
    pub fn finish(self) -> Result<(), ApiError> {
        self.query.finish()?;
        self.fields.finish()
    }
}

/// An asker of now.
pub fn asker(core: &Core, caller: &Caller, reason: String, if_match: Option<u64>) -> Asker {
    Asker { actor: caller.name.clone(), role: caller.role, reason, at: core.clock.wall_ms(), if_match }
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
        let message = "If-Match is the seq in quotes, as the ETag of the app gave it, such as \"7\"";
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
        let Question { caller, query, if_match, fields } = Question::from_request(request, state).await?;
        Ok(Self { caller, query, if_match, fields })
    }
}

impl<S: Sync> FromRequest<S> for Question {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let caller = caller(&request)?;
        let query = Query::parse(request.uri().query());
        let if_match = if_match(request.headers())?;
        let (parts, body) = request.into_parts();
        Ok(Self { caller, query, if_match, fields: Fields::read(&parts.headers, body).await? })
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
        let json = super::body::read_json(&parts.headers, body, JSON_BYTES_MAX).await?;
        let json = json
            .ok_or_else(|| ApiError::new(Kind::Malformed, "the body is empty; a JSON object is expected"))?;
        Ok(Self { caller, query, if_match, json })
    }
}
