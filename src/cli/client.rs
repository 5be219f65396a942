//! The HTTP client of the verbs: one request, one answer, one failure in words.

use std::time::Duration;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::exit::{Exit, Failure};

/// How long a connection may take: a router answers at once or is not there.
const CONNECT_MS: u64 = 5_000;

/// How long an answer may take, beside what `--timeout` adds. A command tries a conflict five times.
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
}

/// What a request carries.
#[derive(Debug)]
pub(super) enum Body {
    None,
    Json(Value),
    Raw(Vec<u8>),
}

/// A router's answer with a status below 300.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
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
        }
    }

    pub(super) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }
}

impl Answer {
    /// The body as what it should be.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(Exit::Unreachable, format!("the answer is not that of a rolling-router: {error}"))
        })
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end().to_owned()
    }
}

impl Client {
    /// A client for the admin port at this address; `http://` may be left out.
    pub(super) fn new(address: &str) -> Result<Self, Failure> {
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

    /// Sends a request; an answer of 300 or more is a failure with the router's own words.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let response = self.build(request)?.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?.to_vec();
        let answer = Answer { status, body };
        if status < 300 { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    fn build(&self, request: Request) -> Result<reqwest::RequestBuilder, Failure> {
        let mut url = self.base.clone();
        let mut segments =
            url.path_segments_mut().map_err(|()| Failure::usage("--admin is no URL with a path"))?;
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
        Ok(match request.body {
            Body::None => builder,
            Body::Json(value) => builder.json(&value),
            Body::Raw(bytes) => builder.header("content-type", "application/octet-stream").body(bytes),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let at = format!(
            "{}:{}",
            self.base.host_str().unwrap_or_default(),
            self.base.port_or_known_default().unwrap_or_default()
        );
        let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { innermost(error) };
        let hint = "is the router running, and is --admin (ROLLING_ROUTER_ADMIN_URL) its admin port?";
        Failure::new(Exit::Unreachable, format!("no answer from the router at {at}: {why}\n  {hint}"))
    }

    fn refused(&self, answer: &Answer) -> Failure {
        let exit = Exit::of_status(answer.status);
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = match body["error"]["message"].as_str() {
            Some(message) => match body["error"]["field"].as_str() {
                Some(field) if !message.contains(field) => format!("{field}: {message}"),
                _ => message.to_owned(),
            },
            None => format!("the router answered {} {}", answer.status, answer.text()),
        };
        let hint = match (answer.status, &self.token) {
            (401, None) => "\n  give a token: --token-file FILE, or ROLLING_ROUTER_TOKEN in the environment",
            (412, _) => "\n  somebody else was first: look at `rolling-router status` and repeat",
            _ => "",
        };
        let json = body.is_object().then(|| answer.text());
        Failure { exit, message: format!("{message}{hint}"), json }
    }
}

/// Whether a URL leads to this machine.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// The cause at the bottom, which is what happened; the layers above only say where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_are_escaped_into_the_path() {
        let client = Client::new("localhost:8080/behind/").unwrap().with_token(Some("t".into()));
        let mut request = Request::get(&["api", "kv", "apps", "a b?c"]);
        request.query.push(("raw", "true".into()));
        let url = client.build(request).unwrap().build().unwrap().url().to_string();
        assert_eq!(url, "http://localhost:8080/behind/api/kv/apps/a%20b%3Fc?raw=true");
        assert!(client.is_local());
    }

    #[test]
    fn an_address_that_is_none_is_a_matter_of_usage() {
        for address in ["", "ftp://h", "http://", "::"] {
            assert_eq!(Client::new(address).unwrap_err().exit, Exit::Usage, "{address}");
        }
        assert!(!Client::new("https://router.example").unwrap().is_local());
    }

    #[test]
    fn a_refusal_is_told_in_the_routers_words() {
        let client = Client::new("localhost").unwrap();
        let body = br#"{"error":{"code":"no_candidate","message":"there is no candidate"}}"#.to_vec();
        let failure = client.refused(&Answer { status: 409, body });
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::Refused, "there is no candidate"));
        let body =
            br#"{"error":{"code":"value","field":"seconds","message":"0 is not from 1 to 9"}}"#.to_vec();
        let failure = client.refused(&Answer { status: 422, body });
        assert_eq!(failure.message, "seconds: 0 is not from 1 to 9");
        let failure = client.refused(&Answer { status: 502, body: b"<html>".to_vec() });
        assert_eq!((failure.exit, failure.json), (Exit::Unreachable, None));
    }
}
