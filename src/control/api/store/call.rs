//! One call of another router: the token of a router or an admin, and a JSON document of the contract.

use axum::extract::{FromRequest, Request};
use keyvalues::wire::BadKey;
use serde::de::DeserializeOwned;

use crate::control::{
    api::{body::read_json, query::Query},
    limits::STORE_CALL_BYTES_MAX,
    shared::{
        access::caller::Caller,
        error::{ApiError, Kind},
    },
};

/// What was asked, by whoever may use the store.
#[derive(Debug)]
pub struct Call<A> {
    pub asked: A,
}

impl<A: DeserializeOwned, S: Sync> FromRequest<S> for Call<A> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let caller = request.extensions().get::<Caller>();
        caller.ok_or_else(|| ApiError::new(Kind::Unauthorized, "this call needs a token"))?.needs_store()?;
        Query::parse(request.uri().query()).finish()?;
        let (parts, body) = request.into_parts();
        let json = read_json(&parts.headers, body, STORE_CALL_BYTES_MAX).await?.unwrap_or_default();
        let asked = serde_json::from_slice(&json).map_err(refuse_call)?;
        Ok(Self { asked })
    }
}

/// Refuses a call whose body has not the form that the store contract gives it.
pub fn refuse_call(error: impl CallFault) -> ApiError {
    error.refuse()
}

/// Why a call cannot be read.
pub trait CallFault {
    /// In the API's words.
    fn refuse(self) -> ApiError;
}

impl CallFault for serde_json::Error {
    fn refuse(self) -> ApiError {
        ApiError::new(Kind::Malformed, format!("the body is not what this call takes: {self}"))
    }
}

impl CallFault for BadKey {
    fn refuse(self) -> ApiError {
        ApiError::value("key", self.to_string())
    }
}
