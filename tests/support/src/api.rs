//! The HTTP API and the raw keyvalues as scripts use them: one request per connection, every byte under control.

use super::message::{Response, Source, read_response};
use super::metrics::Metrics;
use super::wire::Wire;
use serde_json::Value;
use std::net::SocketAddr;

/// A client of one router's admin port, with one token.
#[derive(Clone)]
pub struct Api {
    /// The admin port.
    pub admin: SocketAddr,
    token: Option<String>,
    if_match: Option<String>,
    app: String,
}

/// An API answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response as it came.
    pub response: Response,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.response.body).unwrap_or(Value::Null)
    }

    /// The machine-readable reason of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails unless the status is as expected; gives the answer back.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{}", self.response.text());
        self
    }

    /// The seq that the answer carries.
    pub fn seq(&self) -> u64 {
        self.json()["seq"].as_u64().unwrap_or_else(|| panic!("no seq in {}", self.response.text()))
    }
}

impl Api {
    /// A client for one app.
    pub fn new(admin: SocketAddr, token: &str, app: &str) -> Self {
        Self { admin, token: Some(token.to_owned()), if_match: None, app: app.to_owned() }
    }

    /// The same client without a token.
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same client with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, insisting on this seq.
    pub fn if_match(&self, seq: u64) -> Self {
        Self { if_match: Some(format!("\"{seq}\"")), ..self.clone() }
    }

    /// The same client for another app.
    pub fn app(&self, app: &str) -> Self {
        Self { app: app.to_owned(), ..self.clone() }
    }

    /// GET below `/api/v1/apps/{app}`; an empty path is the app itself.
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", &self.path(path), None)
    }

    /// PUT JSON below the app.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", &self.path(path), Some(body))
    }

    /// POST JSON below the app.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", &self.path(path), Some(body))
    }

    /// DELETE below the app.
    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", &self.path(path), None)
    }

    /// The app's state.
    pub fn state(&self) -> Value {
        self.get("").expect(200).json()
    }

    fn path(&self, path: &str) -> String {
        let app = &self.app;
        if path.is_empty() { format!("/api/v1/apps/{app}") } else { format!("/api/v1/apps/{app}/{path}") }
    }

    /// Any call with JSON.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(|value| ("application/json", value.to_string()));
        let body = body.as_ref().map(|(kind, text)| (*kind, text.as_bytes()));
        self.raw(method, path, body, "")
    }

    /// Any call with any body and further header lines (each ended by CRLF).
    pub fn raw(&self, method: &str, path: &str, body: Option<(&str, &[u8])>, headers: &str) -> Answer {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}", self.admin);
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if let Some(seq) = &self.if_match {
            head += &format!("If-Match: {seq}\r\n");
        }
        if let Some((kind, body)) = body {
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(body.map(|(_, body)| body).unwrap_or_default());
        self.exchange(method, &bytes)
    }

    /// Sends a request as it is.
    pub fn exchange(&self, method: &str, bytes: &[u8]) -> Answer {
        let mut wire = Wire::open(self.admin);
        wire.send(bytes);
        Answer { response: wire.response(method) }
    }

    /// `curl -X PUT -d VALUE .../api/kv/KEY`, with the content type that curl gives `-d`.
    pub fn kv_put(&self, key: &str, value: &str) -> Answer {
        let body = ("application/x-www-form-urlencoded", value.as_bytes());
        self.raw("PUT", &format!("/api/kv/{key}"), Some(body), "")
    }

    /// The bare value of a key; empty when it is missing.
    pub fn kv_get(&self, key: &str) -> String {
        self.raw("GET", &format!("/api/kv/{key}?raw=true"), None, "").expect(200).response.text()
    }

    /// Deletes a key.
    pub fn kv_delete(&self, key: &str) -> Answer {
        self.raw("DELETE", &format!("/api/kv/{key}"), None, "")
    }

    /// Scrapes the metrics.
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(&self.anonymous().raw("GET", "/metrics", None, "").expect(200).response.text())
    }

    /// Opens a stream of server-sent events below the app (or, with a leading slash, anywhere).
    pub fn stream(&self, path: &str, headers: &str) -> Events {
        let path = if path.starts_with('/') { path.to_owned() } else { self.path(path) };
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
        let token = token.unwrap_or_default();
        let mut wire = Wire::open(self.admin);
        wire.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n{token}{headers}\r\n",
            self.admin
        ));
        let head = wire.read_until(b"\r\n\r\n");
        let head = String::from_utf8_lossy(&head).into_owned();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.to_ascii_lowercase().contains("content-type: text/event-stream"), "{head}");
        Events {
            wire,
            chunked: head.to_ascii_lowercase().contains("transfer-encoding: chunked"),
            text: String::new(),
        }
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// Its `event:` field.
    pub kind: String,
    /// Its `id:` field.
    pub id: String,
    /// Its `data:` as JSON.
    pub data: Value,
}

/// A stream of server-sent events.
pub struct Events {
    wire: Wire,
    chunked: bool,
    text: String,
}

impl Events {
    /// The next event of this kind, others skipped; comments are no events.
    pub fn next(&mut self, kind: &str) -> Event {
        loop {
            let event = self.any();
            if event.kind == kind {
                return event;
            }
        }
    }

    /// The next `state` event for which `wanted` holds.
    pub fn state(&mut self, wanted: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.next("state");
            if wanted(&event.data) {
                return event;
            }
        }
    }

    /// The next event of any kind.
    pub fn any(&mut self) -> Event {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = parse_event(&block) {
                    return event;
                }
                continue;
            }
            self.more();
        }
    }

    /// Reads on until the router ends the stream.
    pub fn read_to_end(&mut self) {
        while self.chunk() {}
    }

    fn more(&mut self) {
        assert!(self.chunk(), "the stream ended");
    }

    /// Reads a little more; false at the stream's end.
    fn chunk(&mut self) -> bool {
        if !self.chunked {
            let byte = self.wire.read_exactly(1);
            self.text.push_str(&String::from_utf8_lossy(&byte));
            return true;
        }
        let line = self.wire.read_until(b"\r\n");
        let size = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
        let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("chunk size {size:?}"));
        self.text.push_str(&String::from_utf8_lossy(&self.wire.read_exactly(size)));
        self.wire.read_exactly(2);
        size > 0
    }
}

fn parse_event(block: &str) -> Option<Event> {
    let mut event = Event::default();
    let mut data = String::new();
    for line in block.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => event.kind = value.to_owned(),
            "id" => event.id = value.to_owned(),
            "data" => data.push_str(value),
            _ => {}
        }
    }
    event.data = serde_json::from_str(&data).unwrap_or(Value::Null);
    (!event.kind.is_empty() || !data.is_empty()).then_some(event)
}

/// The first response in raw bytes.
pub fn first_response(bytes: &[u8], method: &str) -> Response {
    read_response(&mut Source::new(bytes), method).expect("a response is in these bytes")
}
