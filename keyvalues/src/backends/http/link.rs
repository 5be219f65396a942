//! The connection to a server: its address, the token, and what its refusals mean.

use std::{fmt, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    backends::remote::{Address, Failure, base, client, innermost, redirected},
    contract::StoreError,
    open_error::OpenError,
};

/// How long an answer may take: a router asks a store of its own first, which may take 4 s. Who cannot wait so long
/// has a deadline of its own.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is sent may take longer by a second for so many bytes, which is a slow line.
const BYTES_PER_SECOND: usize = 64 << 10;

/// The options of an address, after `?`.
const OPTIONS: &str = "`prefix`, `token_file`, `ca`, `cert`, `key`";

/// A server.
pub(super) struct Link {
    client: Client,
    base: String,
    token: Option<String>,
    prefix: String,
}

/// A refusal as the API of a router words it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Reason,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    code: String,
    message: String,
}

impl Link {
    pub(super) fn open(rest: &str, tls: bool) -> Result<Self, OpenError> {
        let mut address = Address::parse(rest, if tls { 443 } else { 80 })?;
        let [host] = &address.hosts[..] else {
            return Err(OpenError::Address("an HTTP address of a store has one host".into()));
        };
        let base = base(tls, host);
        if !address.path.is_empty() {
            return Err(OpenError::Address("an HTTP address of a store has no path; use `?prefix=`".into()));
        }
        let prefix = address.option("prefix").unwrap_or_default();
        let token = token(&mut address)?;
        let client = client(&mut address)?;
        address.finish(OPTIONS)?;
        Ok(Self { client, base, token, prefix })
    }

    /// The prefix of every key.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A request with the token.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads its answer, in time.
    pub(super) async fn ask<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, Failure> {
        self.ask_within(ANSWER_WITHIN, request).await
    }

    async fn ask_within<A: DeserializeOwned>(
        &self,
        within: Duration,
        request: RequestBuilder,
    ) -> Result<A, Failure> {
        let response = self.send(request.timeout(within)).await?;
        match response.json().await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(Failure::Lost(format!("the answer cannot be read: {}", innermost(&error)))),
        }
    }

    /// The same with a JSON body.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, Failure> {
        let json = serde_json::to_vec(body)
            .map_err(|error| Failure::Refused(StoreError::Invalid(error.to_string())))?;
        let seconds = u64::try_from(json.len() / BYTES_PER_SECOND).unwrap_or(u64::MAX);
        let within = ANSWER_WITHIN + Duration::from_secs(seconds);
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json").body(json);
        self.ask_within(within, request).await
    }

    /// Sends a request; an answer that is no success is a failure.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        match self.answer(request).await? {
            response if response.status().is_success() => Ok(response),
            response => Err(refused(response).await),
        }
    }

    /// Sends a request and takes whatever answer comes.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Response, Failure> {
        match request.send().await {
            Ok(response) => Ok(response),
            Err(error) if error.is_connect() => {
                Err(Failure::Refused(StoreError::Unreachable(innermost(&error))))
            }
            Err(error) => Err(Failure::Lost(innermost(&error))),
        }
    }
}

/// The token: the password of the address, or the first word of a file.
fn token(address: &mut Address) -> Result<Option<String>, OpenError> {
    let file = address.file("token_file")?;
    if address.user.is_some() {
        return Err(OpenError::Address(
            "a token is written as `:TOKEN@` before the host, without a user".into(),
        ));
    }
    let Some(bytes) = file else { return Ok(address.password.clone()) };
    if address.password.is_some() {
        return Err(OpenError::Address(
            "the address has a token and a `token_file`: give one of them".into(),
        ));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.flat_map(|line| line.split_whitespace().next()).next();
    let missing = || OpenError::File("the `token_file` has no token".into());
    first.map(|token| Some(token.to_owned())).ok_or_else(missing)
}

/// A refusal in the words of the contract. Whoever stands between may answer for the server, so an error without
/// the server's own words says nothing about what became of the request.
async fn refused(response: Response) -> Failure {
    let status = response.status();
    if let Some(error) = redirected(status) {
        return Failure::Refused(error);
    }
    let body = response.bytes().await.unwrap_or_default();
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    let Reason { code, message } = refusal.error;
    if status.is_server_error() && (code.is_empty() || code == "internal") {
        return Failure::Lost(format!("the server answered {status} {message}"));
    }
    // The server's words begin with the same kind of failure as ours will.
    let ours = ["the store cannot take this: ", "the store cannot write: ", "the store is not reachable: "];
    let own = ours.iter().find_map(|begin| message.strip_prefix(begin)).unwrap_or(&message).to_owned();
    let text = if own.is_empty() { format!("the server answered {status}") } else { own };
    Failure::Refused(match code.as_str() {
        "value" | "malformed" | "too_large" => StoreError::Invalid(text),
        "disk" | "quota" => StoreError::Disk(text),
        "unsupported" => StoreError::Unsupported("this operation"),
        "lease_ended" => StoreError::LeaseEnded,
        _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => StoreError::Denied(text),
        _ => StoreError::Unreachable(text),
    })
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("base", &self.base).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
