//! Sends spans to a collector (OTLP over HTTP, as JSON). No request waits for it: what it cannot send in time is lost and
//! counted.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    limits::{
        TRACE_ANSWER_BYTES_MAX, TRACE_CALL_MAX, TRACE_CONNECT_MAX, TRACE_PAUSE_MAX, TRACE_POST_BYTES_MAX,
    },
    shared::private_file,
};
use crate::{
    cause::innermost,
    telemetry::traces::{SpanBatch, SpanReceiver, TraceLosses},
};

/// Between two posts: what comes meanwhile goes together.
const GATHER: Duration = Duration::from_millis(500);
/// Attempts at one post, and the pause after the first, which doubles.
const ATTEMPTS_MAX: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A file with headers.
const HEADERS_BYTES_MAX: u64 = 16 * 1024;

/// Where spans are sent, and in whose name.
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// The URL to which they are posted.
    pub url: String,
    /// A file with header lines that go with each post. None: there are none.
    pub headers_file: Option<PathBuf>,
    /// What this router is called.
    pub node: String,
}

/// Sends spans.
pub struct TraceExporter {
    client: Client,
    url: Url,
    headers_file: Option<PathBuf>,
    /// What stands before the spans of every post.
    before: Vec<u8>,
    losses: TraceLosses,
    is_failing: bool,
}

/// What stands behind them.
const AFTER: &[u8] = b"]}]}]}";

/// Why spans were not taken.
enum Untaken {
    /// It may help to send them again, after so long.
    Again(String, Option<Duration>),
    /// It does not help.
    Never(String),
}

/// The answer of a collector that did not take all.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    /// A number, or as protocol buffers write one of 64 bits: a text.
    rejected_spans: Value,
    error_message: String,
}

impl TraceExporter {
    /// One that has sent nothing yet.
    ///
    /// # Errors
    /// The headers cannot be read, or TLS cannot be set up.
    pub fn new(options: TraceOptions, losses: TraceLosses) -> Result<Self, String> {
        let TraceOptions { url, headers_file, node } = options;
        headers_file.as_deref().map(read_headers).transpose()?;
        let client = Client::builder()
            .user_agent(concat!("rolling-router/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(TRACE_CONNECT_MAX)
            .timeout(TRACE_CALL_MAX)
            .build()
            .map_err(|error| error.to_string())?;
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        Ok(Self { client, url, headers_file, before: before(&node), losses, is_failing: false })
    }

    /// Sends until no worker is left.
    pub async fn run(mut self, mut batches: SpanReceiver) {
        while let Some(first) = batches.recv().await {
            if !batches.is_closed() {
                sleep(GATHER).await;
            }
            let mut all = first;
            while all.bytes.len() < TRACE_POST_BYTES_MAX
                && let Ok(next) = batches.try_recv()
            {
                all.bytes.push(b',');
                all.bytes.extend_from_slice(&next.bytes);
                all.spans += next.spans;
            }
            self.deliver(all).await;
        }
    }

    async fn deliver(&mut self, batch: SpanBatch) {
        let body = [self.before.as_slice(), &batch.bytes, AFTER].concat();
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS_MAX {
            match self.post(body.clone()).await {
                Ok((rejected, why)) => {
                    let rejected = rejected.min(batch.spans);
                    self.losses.add(rejected);
                    if rejected > 0 {
                        self.tell(&format!("{rejected} of {} spans were refused: {why}", batch.spans));
                    } else if std::mem::take(&mut self.is_failing) {
                        tracing::info!("the collector takes spans again");
                    }
                    return;
                }
                Err(Untaken::Again(why, after)) if attempt < ATTEMPTS_MAX => {
                    self.tell(&why);
                    sleep(after.unwrap_or(pause).min(TRACE_PAUSE_MAX)).await;
                    pause *= 2;
                }
                Err(Untaken::Again(why, _) | Untaken::Never(why)) => {
                    self.losses.add(batch.spans);
                    return self.tell(&why);
                }
            }
        }
    }

    /// Posts once. How many spans the collector says it has not taken, and why.
    async fn post(&self, body: Vec<u8>) -> Result<(u64, String), Untaken> {
        let headers = self.headers_file.as_deref().map(read_headers).transpose().map_err(Untaken::Never)?;
        let request = self.client.post(self.url.clone()).headers(headers.unwrap_or_default());
        let sent = request.header(CONTENT_TYPE, "application/json").body(body).send().await;
        let again = |error: reqwest::Error| Untaken::Again(innermost(&error), None);
        let mut answer = sent.map_err(again)?;
        let status = answer.status();
        let after = answer.headers().get(RETRY_AFTER).and_then(seconds);
        let mut read = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(again)? {
            if read.len() + piece.len() > TRACE_ANSWER_BYTES_MAX {
                break;
            }
            read.extend_from_slice(&piece);
        }
        if status.is_success() {
            // A collector need not say anything.
            let said: Answer = serde_json::from_slice(&read).unwrap_or_default();
            let PartialSuccess { rejected_spans, error_message } = said.partial_success.unwrap_or_default();
            let rejected = rejected_spans.as_u64().or_else(|| rejected_spans.as_str()?.parse().ok());
            return Ok((rejected.unwrap_or(0), error_message.escape_debug().take(200).collect()));
        }
        let why = format!("it answered {status}");
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Untaken::Again(why, after)),
            _ => Err(Untaken::Never(why)),
        }
    }

    /// Says the first failure of a row.
    fn tell(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!("the collector of {} does not take spans, which are lost: {why}", self.url);
        }
    }
}

/// What stands before the spans of every post: who sends them.
fn before(node: &str) -> Vec<u8> {
    let attribute = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let resource = json!({ "attributes": [
        attribute("service.name", "rolling-router"),
        attribute("service.version", env!("CARGO_PKG_VERSION")),
        attribute("service.instance.id", node),
    ]});
    let scope = json!({ "name": "rolling-router", "version": env!("CARGO_PKG_VERSION") });
    format!(r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":["#)
        .into_bytes()
}

/// The lines `Name: value` of a file, which its owner alone may change.
fn read_headers(path: &Path) -> Result<HeaderMap, String> {
    let refuse = |problem: &str| format!("the headers in {} are not used: {problem}", path.display());
    let file = private_file::read(path, HEADERS_BYTES_MAX).map_err(|error| refuse(&error.to_string()))?;
    let mut headers = HeaderMap::new();
    for (at, line) in file.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let header = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        // The line itself may hold a secret.
        let Some((name, mut value)) = header else {
            return Err(refuse(&format!("line {} is not `Name: value`", at + 1)));
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Only the form in seconds counts, not that of a date.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
