//! One span, as OTLP has it in JSON (OpenTelemetry Protocol 1.x, and the semantic conventions for HTTP servers).

use std::{borrow::Cow, fmt::Display};

use serde::{Serialize, Serializer};

use crate::{authority::Authority, rollout::address::Address};

/// The kind of a span that answers a request from elsewhere.
const SERVER: u8 = 2;
/// The status of a span that failed. One that did not fail has none.
const FAILED: u8 = 2;
/// The flags of a span: of a sampled trace, and whether its parent is of another process is known.
const SAMPLED: u32 = 0x01;
const PARENT_KNOWN: u32 = 0x100;
const PARENT_REMOTE: u32 = 0x200;
/// The methods that are named. Others could be as many as clients like.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
/// What stands for all others.
const OTHER_METHOD: &str = "_OTHER";

/// Where a span belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanIds {
    /// The trace.
    pub trace_id: [u64; 2],
    /// The span.
    pub span_id: u64,
    /// The span that it is part of. 0: none.
    pub parent_id: u64,
}

/// What is known about one answered request.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    /// Where it belongs.
    pub ids: SpanIds,
    /// When it began, Unix microseconds.
    pub started_us: u64,
    /// When it ended, Unix microseconds.
    pub ended_us: u64,
    /// The method.
    pub method: &'a [u8],
    /// The client spoke https.
    pub secure: bool,
    /// The path, without a query.
    pub path: &'a [u8],
    /// The authority of the request.
    pub host: &'a str,
    /// The version of HTTP.
    pub version: &'static str,
    /// The status that the client got. 0: it left before one.
    pub status: u16,
    /// The app.
    pub app: &'a str,
    /// The release's id.
    pub release: &'a str,
    /// The release's standing.
    pub track: &'a str,
    /// The endpoint that answered.
    pub endpoint: Option<Address>,
    /// The assignment's reason.
    pub reason: &'a str,
    /// How often it was repeated.
    pub retries: u32,
    /// Why it did not end well.
    pub failure: Option<&'a dyn Display>,
    /// Whose fault that is: `client`, `endpoint`, `router`; empty without a failure.
    pub fault: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(serialize_with = "as_long_hex")]
    trace_id: [u64; 2],
    #[serde(serialize_with = "as_hex")]
    span_id: u64,
    #[serde(serialize_with = "as_hex", skip_serializing_if = "is_none")]
    parent_span_id: u64,
    flags: u32,
    name: &'a str,
    kind: u8,
    #[serde(serialize_with = "as_nanoseconds")]
    start_time_unix_nano: u64,
    #[serde(serialize_with = "as_nanoseconds")]
    end_time_unix_nano: u64,
    attributes: &'a [Attribute<'a>],
    status: Status,
}

#[derive(Serialize, Default)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'static str,
    value: Value<'a>,
}

/// 64-bit numbers are texts in the JSON of protocol buffers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Value<'a> {
    StringValue(Cow<'a, str>),
    #[serde(serialize_with = "as_text")]
    IntValue(u64),
}

impl Span<'_> {
    /// Appends the span as one JSON object.
    pub fn write(&self, out: &mut Vec<u8>) {
        let SpanIds { trace_id, span_id, parent_id } = self.ids;
        let (method, other) = self.method_named();
        let attributes = self.attributes(method, other);
        let document = Document {
            trace_id,
            span_id,
            parent_span_id: parent_id,
            flags: SAMPLED | PARENT_KNOWN | if parent_id == 0 { 0 } else { PARENT_REMOTE },
            name: if other { "HTTP" } else { method },
            kind: SERVER,
            start_time_unix_nano: self.started_us,
            end_time_unix_nano: self.ended_us.max(self.started_us),
            attributes: &attributes,
            status: self.status_of_span(),
        };
        // Texts, numbers and arrays cannot fail to be written into memory.
        let _ = serde_json::to_writer(out, &document);
    }

    /// The method, or what stands for one that is not known.
    fn method_named(&self) -> (&'static str, bool) {
        let known = METHODS.iter().find(|method| method.as_bytes() == self.method);
        known.map_or((OTHER_METHOD, true), |method| (method, false))
    }

    fn attributes(&self, method: &'static str, other: bool) -> Vec<Attribute<'_>> {
        let authority = Authority::split(self.host);
        let text = |key, value: &dyn Display| Attribute {
            key,
            value: Value::StringValue(Cow::Owned(value.to_string())),
        };
        let named = |key, value| Attribute { key, value: Value::StringValue(Cow::Borrowed(value)) };
        let lossy = |key, value| Attribute { key, value: Value::StringValue(String::from_utf8_lossy(value)) };
        let mut all = vec![
            named("http.request.method", method),
            named("url.scheme", if self.secure { "https" } else { "http" }),
            lossy("url.path", self.path),
            named("network.protocol.version", self.version),
            named("rolling.app", self.app),
            named("rolling.release", self.release),
            named("rolling.track", self.track),
            named("rolling.reason", self.reason),
        ];
        if other {
            all.push(lossy("http.request.method_original", self.method));
        }
        if !authority.is_none() {
            all.push(named("server.address", authority.host()));
        }
        all.extend(authority.port().map(|port| number("server.port", port.into())));
        if self.status > 0 {
            all.push(number("http.response.status_code", self.status.into()));
        }
        all.extend(self.endpoint.map(|endpoint| text("rolling.endpoint", &endpoint)));
        if self.retries > 0 {
            all.push(number("rolling.retries", self.retries.into()));
        }
        if self.failure.is_some() {
            all.push(named("error.type", self.fault));
        } else if self.status >= 500 {
            all.push(text("error.type", &self.status));
        }
        all
    }

    /// A span has failed where the router or the release did; what a client did wrong is no failure of a server.
    fn status_of_span(&self) -> Status {
        let failed = self.status >= 500 || self.failure.is_some() && self.fault != "client";
        if !failed {
            return Status::default();
        }
        Status { code: Some(FAILED), message: self.failure.map(|failure| failure.to_string()) }
    }
}

fn as_hex<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{id:016x}"))
}

fn as_long_hex<S: Serializer>([high, low]: &[u64; 2], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{high:016x}{low:016x}"))
}

fn is_none(id: &u64) -> bool {
    *id == 0
}

fn as_nanoseconds<S: Serializer>(microseconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{microseconds}000"))
}

fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn number(key: &'static str, value: u64) -> Attribute<'static> {
    Attribute { key, value: Value::IntValue(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(span: &Span<'_>) -> serde_json::Value {
        let mut out = Vec::new();
        span.write(&mut out);
        serde_json::from_slice(&out).unwrap()
    }

    fn attribute(document: &serde_json::Value, key: &str) -> Option<serde_json::Value> {
        let all = document["attributes"].as_array().unwrap();
        let mut found = all.iter().filter(|attribute| attribute["key"] == key);
        let value = found.next().map(|attribute| attribute["value"].clone());
        assert_eq!(found.next(), None, "{key} stands once");
        value
    }

    fn span(method: &'static [u8], path: &'static [u8], status: u16) -> Span<'static> {
        Span {
            ids: SpanIds { trace_id: [0x4bf9, 0xa3ce], span_id: 0xf067, parent_id: 0 },
            started_us: 1_700_000_000_000_001,
            ended_us: 1_700_000_000_002_000,
            method,
            secure: true,
            path,
            host: "[::1]:8443",
            version: "2",
            status,
            app: "shop",
            release: "shop-v1-1",
            track: "stable",
            endpoint: Some("10.0.0.1:80".parse().unwrap()),
            reason: "pin",
            retries: 0,
            failure: None,
            fault: "",
        }
    }

    #[test]
    fn a_span_has_the_form_of_otlp() {
        let document = written(&span(b"GET", b"/a/\"b", 200));
        assert_eq!(document["traceId"], "0000000000004bf9000000000000a3ce");
        assert_eq!(
            (&document["spanId"], &document["parentSpanId"]),
            (&"000000000000f067".into(), &().into())
        );
        assert_eq!(document["startTimeUnixNano"], "1700000000000001000");
        assert_eq!(document["endTimeUnixNano"], "1700000000002000000");
        assert_eq!((&document["name"], &document["kind"]), (&"GET".into(), &2.into()));
        assert_eq!(document["status"], serde_json::json!({}));
        let status = serde_json::json!({ "intValue": "200" });
        assert_eq!(attribute(&document, "http.response.status_code"), Some(status));
        for (key, value) in [
            ("url.path", "/a/\"b"),
            ("url.scheme", "https"),
            ("server.address", "[::1]"),
            ("rolling.app", "shop"),
        ] {
            assert_eq!(attribute(&document, key), Some(serde_json::json!({ "stringValue": value })), "{key}");
        }
    }

    #[test]
    fn whatever_a_client_says_is_valid_json_and_names_few_methods() {
        let document = written(&span(b"BREW", b"/\xff\x00", 404));
        let text = |value: &str| Some(serde_json::json!({ "stringValue": value }));
        assert_eq!(attribute(&document, "http.request.method"), text("_OTHER"));
        assert_eq!(attribute(&document, "http.request.method_original"), text("BREW"));
        assert_eq!((&document["name"], &document["status"]), (&"HTTP".into(), &serde_json::json!({})));
        assert_eq!(attribute(&document, "url.path"), text("/\u{fffd}\0"));
    }

    #[test]
    fn what_failed_says_so_and_a_client_that_left_does_not() {
        let ids = SpanIds { parent_id: 7, ..span(b"GET", b"/", 502).ids };
        let failed = Span { ids, failure: Some(&"no answer"), fault: "endpoint", ..span(b"GET", b"/", 502) };
        let document = written(&failed);
        assert_eq!(document["parentSpanId"], "0000000000000007");
        assert_eq!(document["status"], serde_json::json!({ "code": 2, "message": "no answer" }));
        let left = written(&Span { status: 0, fault: "client", ..failed });
        assert_eq!(
            (&left["status"], attribute(&left, "http.response.status_code")),
            (&serde_json::json!({}), None)
        );
    }
}
