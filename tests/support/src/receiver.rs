//! A receiver: a real server that keeps what it is told and checks each signature as the specification has it.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::clock::within;
use crate::{Answer, Endpoint, ReceivedMessage, Reply, Router, scripted};

/// The secret of the suites' hooks.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How long a message may take that is tried again: the pauses of the first attempts, and a machine that is busy.
const LONG: Duration = Duration::from_secs(120);

/// One message as it came.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// The header `webhook-id`.
    pub id: String,
    /// The header `authorization`, if there was one.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

impl HookCall {
    /// Its `type`, and the seq it is about.
    pub fn what(&self) -> (String, u64) {
        (self.body["type"].as_str().unwrap_or_default().to_owned(), self.body["seq"].as_u64().unwrap_or(0))
    }
}

/// A server that is told things.
pub struct Receiver {
    /// The server.
    pub endpoint: Endpoint,
    told: Vec<HookCall>,
}

impl Receiver {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::answering(|_| Reply::ok("thanks"))
    }

    /// One that answers so.
    pub fn answering(script: impl Fn(&ReceivedMessage) -> Reply + Send + Sync + 'static) -> Self {
        Self { endpoint: scripted(script), told: Vec::new() }
    }

    /// On the address of one that was stopped.
    pub fn again(mut self) -> Self {
        let address = self.endpoint.address;
        let mut endpoint = None;
        crate::eventually("the address is free", || {
            endpoint = Endpoint::scripted_at(address, |_| Reply::ok("thanks"));
            endpoint.is_some()
        });
        self.endpoint = endpoint.expect("it listens");
        self
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/in?key=s3cret", self.endpoint.address)
    }

    /// Everything it was told so far, each checked.
    pub fn told(&mut self) -> &[HookCall] {
        self.told.extend(self.endpoint.take().iter().map(checked));
        &self.told
    }

    /// Waits until it was told so much.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, condition: impl Fn(&[HookCall]) -> bool) -> Vec<HookCall> {
        let came = within(LONG, || condition(self.told()));
        assert!(came, "{what}: {:#?}", self.told);
        self.told.clone()
    }

    /// What it was told of, each message once, in the order in which each came first.
    pub fn events(&mut self) -> Vec<(String, u64)> {
        let mut ids: Vec<String> = Vec::new();
        let mut events = Vec::new();
        for told in self.told() {
            if !ids.contains(&told.id) {
                ids.push(told.id.clone());
                events.push(told.what());
            }
        }
        events
    }
}

/// Fails unless the message is a signed POST of JSON.
fn checked(received: &ReceivedMessage) -> HookCall {
    assert!(received.faults.is_empty() && received.complete, "{received:?}");
    assert_eq!(received.line(), "POST /in?key=s3cret HTTP/1.1");
    let header =
        |name: &str| received.header(name).unwrap_or_else(|| panic!("no {name}: {received:?}")).to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert!(header("user-agent").starts_with("rolling-router/"));
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &received.body].concat();
    let key = BASE64_STANDARD.decode(&SECRET["whsec_".len()..]).expect("base64");
    let right = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed);
    assert_eq!(header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(right)));
    let authorization = received.header("authorization").map(str::to_owned);
    HookCall { id, authorization, body: serde_json::from_slice(&received.body).expect("JSON") }
}

/// As `eventually`, for what takes as long as several attempts.
#[track_caller]
pub fn in_the_end(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(LONG, condition), "still not so after {LONG:?}: {what}");
}

/// Any call about hooks, as an admin.
pub fn call(router: &Router, method: &str, path: &str, body: Option<&Value>) -> Answer {
    router.api_as("admin").call(method, &format!("/api/v1/hooks{path}"), body)
}

/// A hook `chat` to this receiver, told of everything; `more` says more.
#[track_caller]
pub fn hook(router: &Router, receiver: &Receiver, more: Value) -> Value {
    let mut body = json!({ "url": receiver.url(), "secret": SECRET });
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    let answer = call(router, "PUT", "/chat", Some(&body));
    assert!(matches!(answer.status(), 200 | 201), "{}", answer.response.text());
    answer.json()
}

/// The hook `chat` as the router shows it.
pub fn shown(router: &Router) -> Value {
    call(router, "GET", "/chat", None).expect(200).json()
}
