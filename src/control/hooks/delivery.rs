//! One attempt to deliver a message to a hook.

use std::time::Duration;

use reqwest::Response;
use serde::Serialize;

use super::client::HookClient;
use crate::{
    cause::innermost,
    clock::Clock,
    control::{
        limits::HOOK_ANSWER_BYTES_MAX,
        shared::hooks::{
            message::Message,
            progress::{Delivery, DeliveryOutcome},
            secret::Secret,
        },
    },
};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Whether the receiver answered 2xx.
    pub delivered: bool,
    /// The status of the answer; none without an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub ms: u64,
    /// Why it counts as failed.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: String,
    /// The pause that the receiver asks for.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Attempt {
    /// An attempt that was not made.
    pub fn refused(error: String) -> Self {
        Self {
            delivered: false,
            status: None,
            ms: 0,
            error: Some(error),
            answer: String::new(),
            retry_after: None,
        }
    }

    /// The attempt as it is stored.
    pub fn delivery(
        &self,
        message: &Message,
        id: String,
        attempt: u32,
        outcome: DeliveryOutcome,
        at: u64,
        router: &str,
    ) -> Delivery {
        Delivery {
            id,
            kind: message.kind.to_string(),
            app: message.app.clone(),
            seq: message.seq,
            at,
            attempt,
            outcome,
            status: self.status,
            ms: self.ms,
            error: self.error.clone(),
            router: router.to_owned(),
        }
    }
}

/// Sends a message once.
pub async fn make_attempt(
    client: &HookClient,
    secret: &Secret,
    id: &str,
    message: &Message,
    clock: &Clock,
) -> Attempt {
    let began = clock.monotonic();
    let answered = send(client, secret, id, message, clock).await;
    let ms = u64::try_from(clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
    match answered {
        Ok((status, retry_after, answer)) => {
            let delivered = (200..300).contains(&status);
            let error = (!delivered).then(|| format!("the receiver answered {status}"));
            Attempt { delivered, status: Some(status), ms, error, answer, retry_after }
        }
        Err(error) => Attempt {
            delivered: false,
            status: None,
            ms,
            error: Some(error),
            answer: String::new(),
            retry_after: None,
        },
    }
}

async fn send(
    client: &HookClient,
    secret: &Secret,
    id: &str,
    message: &Message,
    clock: &Clock,
) -> Result<(u16, Option<Duration>, String), String> {
    let body = message.body();
    let timestamp = clock.wall_ms() / 1_000;
    let request = client
        .post()?
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", secret.sign(id, timestamp, &body))
        .body(body);
    let response = request.send().await.map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let answer = client.hide_header_in(read_beginning(response).await);
    Ok((status, retry_after.map(Duration::from_secs), answer))
}

/// The beginning of a body, without control characters.
async fn read_beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < HOOK_ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            // What came of a body that was cut short is shown.
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(HOOK_ANSWER_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes);
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect::<String>().trim().to_owned()
}

/// The innermost cause, which says what happened. The URL is left out: it may be a secret.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the receiver did not answer in time".to_owned();
    }
    let what =
        if error.is_connect() { "the receiver cannot be reached" } else { "the receiver did not answer" };
    format!("{what}: {}", innermost(error))
}
