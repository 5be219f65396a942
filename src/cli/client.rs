//! The HTTP client of the verbs: one request, one answer, one failure in words.

use std::time::Duration;

use reqwest::{Certificate, Method, Response, Url, header};
use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use super::answer::Answer;
use super::exit::{Exit, Failure};
use crate::cause::innermost;

/// How long a connection may take: a router answers at once or is not there.
const CONNECT_MS: u64 = 5_000;

/// How long an answer may take, beside what `--timeout` adds. After conflicts a command tries again for a second.
pub(super) const ANSWER: Duration = Duration::from_secs(30);

/// Speaks with one router.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Path segments, not escaped yet.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Body,
    /// The seq that the asker saw.
    pub(super) if_match: Option<u64>,
    pub(super) timeout: Duration,
    /// What tells a repeat of this call from another one.
    pub(super) idempotency_key: Option<String>,
}

/// What a request carries.
#[derive(Debug)]
pub(super) enum Body {
    None,
    Json(Value),
    Raw(Vec<u8>),
}

impl Request {
    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        Self {
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: Body::None,
            if_match: None,
            timeout: ANSWER,
            idempotency_key: None,
        }
    }

    pub(super) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// With this as its body; what is null is left out.
    pub(super) fn json(self, request: &impl Serialize) -> Self {
        Self { body: Body::Json(fields(request).into()), ..self }
    }
}

/// The fields of a request; what is null is left out.
pub(super) fn fields(request: &impl Serialize) -> Map<String, Value> {
    // Requests are structs of text, numbers and lists, which all have a JSON form.
    let Ok(Value::Object(mut fields)) = serde_json::to_value(request) else { return Map::new() };
    fields.retain(|_, value| !value.is_null());
    fields
}

impl Client {
    /// A client for the admin port at this address; `http://` may be left out. `roots`, where they are named, replace the
    /// certificates that this machine trusts.
    pub(super) fn new(address: &str, roots: Option<Vec<Certificate>>) -> Result<Self, Failure> {
        let text = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let base =
            Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| {
            Failure::usage(format!("--admin is `{address}`; it must be a URL such as http://127.0.0.1:8080"))
        })?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(CONNECT_MS))
            .user_agent(concat!("rolling-router/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(roots) = roots {
            builder = builder.tls_certs_only(roots);
        }
        if is_local(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Failure::chain(Exit::Failed, &error))?;
        Ok(Self { http, base, token: None })
    }

    pub(super) fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// Whether the router is on this machine.
    pub(super) fn is_local(&self) -> bool {
        is_local(&self.base)
    }

    /// Sends a request. An answer that is a refusal, or that is not a router's, is a failure.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let response = self.build(request)?.send().await.map_err(|error| self.unreachable(&error))?;
        let answer = self.read(response).await.map_err(|error| self.unreachable(&error))?;
        answer.check(self.token.is_some())
    }

    /// Sends a request whose answer has no end, or is no JSON. A refusal is a failure.
    pub(super) async fn open(&self, request: Request) -> Result<Response, Failure> {
        let response = self.build(request)?.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().as_u16() < 300 {
            return Ok(response);
        }
        let answer = self.read(response).await.map_err(|error| self.unreachable(&error))?;
        Err(answer.refusal(self.token.is_some()))
    }

    /// The next part of such an answer; none: it is over.
    pub(super) async fn next_part(&self, response: &mut Response) -> Result<Option<Vec<u8>>, Failure> {
        let part = response.chunk().await.map_err(|error| self.unreachable(&error))?;
        Ok(part.map(|bytes| bytes.to_vec()))
    }

    async fn read(&self, response: Response) -> reqwest::Result<Answer> {
        let status = response.status().as_u16();
        let media_type = response.headers().get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = response.bytes().await?.to_vec();
        Ok(Answer { from: self.address(), status, media_type, body })
    }

    /// The router as a person would name it: scheme, host and port.
    fn address(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        format!("{}://{host}:{}", self.base.scheme(), self.base.port_or_known_default().unwrap_or_default())
    }

    fn build(&self, request: Request) -> Result<reqwest::RequestBuilder, Failure> {
        let mut url = self.base.clone();
        let mut segments = url
            .path_segments_mut()
            .map_err(|()| Failure::usage("--admin must be a URL that can have a path"))?;
        segments.pop_if_empty().extend(&request.path);
        drop(segments);
        for (name, value) in &request.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut builder = self.http.request(request.method, url).timeout(request.timeout);
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        if let Some(seq) = request.if_match {
            builder = builder.header("if-match", format!("\"{seq}\""));
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        Ok(match request.body {
            Body::None => builder,
            Body::Json(value) => builder.json(&value),
            Body::Raw(bytes) => builder.header("content-type", "application/octet-stream").body(bytes),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { innermost(error) };
        let hint = "is the router running, and is --admin (ROLLING_ROUTER_ADMIN_URL) its admin port?";
        let at = self.address();
        Failure::new(Exit::Unreachable, format!("no answer from the router at {at}: {why}\n  {hint}"))
    }
}

/// Whether a URL leads to this machine.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_are_escaped_into_the_path() {
        let client = Client::new("localhost:8080/behind/", None).unwrap().with_token(Some("t".into()));
        let mut request = Request::get(&["api", "kv", "apps", "a b?c"]);
        request.query.push(("raw", "true".into()));
        let url = client.build(request).unwrap().build().unwrap().url().to_string();
        assert_eq!(url, "http://localhost:8080/behind/api/kv/apps/a%20b%3Fc?raw=true");
        assert!(client.is_local());
        assert_eq!(client.address(), "http://localhost:8080");
    }

    #[test]
    fn an_address_that_is_none_is_a_matter_of_usage() {
        for address in ["", "ftp://h", "http://", "::"] {
            assert_eq!(Client::new(address, None).unwrap_err().exit, Exit::Usage, "{address}");
        }
        assert!(!Client::new("https://router.example", None).unwrap().is_local());
    }
}
