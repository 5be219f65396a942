//! The JSON of etcd's gateway, as far as it is used.
//!
//! 64-bit numbers are strings, bytes are base64, and what has its default value is left out
//! (etcd's `rpc.proto` through the proto3 JSON mapping).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::contract::Revision;

/// A number that travels as a string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd)]
pub(super) struct Number(pub(super) u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Number).map_err(|_| D::Error::custom("a number is out of range"))
    }
}

/// Bytes that travel as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Bytes);

impl Blob {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Range {
    pub(super) key: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) range_end: Option<Blob>,
    pub(super) keys_only: bool,
    /// 0: all.
    pub(super) limit: Number,
    /// As of when; 0: now.
    pub(super) revision: Number,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Txn {
    pub(super) compare: Vec<Compare>,
    pub(super) success: Vec<Operation>,
    pub(super) failure: Vec<Operation>,
}

/// `target` names which of the two revisions must be equal.
#[derive(Debug, Serialize)]
pub(super) struct Compare {
    pub(super) key: Blob,
    pub(super) result: &'static str,
    pub(super) target: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) create_revision: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mod_revision: Option<Number>,
}

#[derive(Debug, Serialize)]
pub(super) enum Operation {
    #[serde(rename = "request_range")]
    Range(Range),
    #[serde(rename = "request_put")]
    Put { key: Blob, value: Blob, lease: Number },
    #[serde(rename = "request_delete_range")]
    Delete { key: Blob },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) cluster_id: Number,
    pub(super) revision: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    pub(super) key: Blob,
    pub(super) value: Blob,
    pub(super) create_revision: Number,
    pub(super) mod_revision: Number,
    pub(super) lease: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RangeAnswer {
    pub(super) header: Header,
    pub(super) kvs: Vec<KeyValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TxnAnswer {
    pub(super) header: Header,
    pub(super) succeeded: bool,
    pub(super) responses: Vec<OperationAnswer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OperationAnswer {
    pub(super) response_range: RangeAnswer,
}

#[derive(Debug, Serialize)]
pub(super) struct Login<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
}

#[derive(Debug, Serialize)]
pub(super) struct GrantCall {
    #[serde(rename = "TTL")]
    pub(super) ttl: Number,
}

#[derive(Debug, Serialize)]
pub(super) struct LeaseName {
    #[serde(rename = "ID")]
    pub(super) id: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GrantAnswer {
    #[serde(rename = "ID")]
    pub(super) id: Number,
    /// Seconds left; zero when the lease has ended.
    #[serde(rename = "TTL")]
    pub(super) ttl: Number,
}

/// One message of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct StreamMessage<T> {
    pub(super) result: Option<T>,
    pub(super) error: Option<Refusal>,
}

/// An error: `code` is gRPC's, `grpc_code` the same inside a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    #[serde(alias = "grpc_code")]
    pub(super) code: u32,
    pub(super) message: String,
}

#[derive(Debug, Serialize)]
pub(super) struct WatchRequest {
    pub(super) create_request: CreateWatch,
}

#[derive(Debug, Serialize)]
pub(super) struct CreateWatch {
    pub(super) key: Blob,
    pub(super) range_end: Blob,
    pub(super) start_revision: Number,
    /// Large answers come in parts.
    pub(super) fragment: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchAnswer {
    pub(super) canceled: bool,
    pub(super) compact_revision: Number,
    pub(super) cancel_reason: String,
    /// More of the same revision may follow.
    pub(super) fragment: bool,
    pub(super) events: Vec<WatchEvent>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchEvent {
    /// `DELETE`, or left out for a put.
    pub(super) r#type: String,
    pub(super) kv: KeyValue,
}

impl From<Revision> for Number {
    /// etcd's revisions are signed.
    fn from(revision: Revision) -> Self {
        Self(revision.min(i64::MAX as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_its_default_value_may_be_missing() {
        let ranged: RangeAnswer =
            serde_json::from_str(r#"{"header":{"revision":"7"},"kvs":[{"key":"Zm9v"}]}"#).unwrap();
        assert_eq!(ranged.header.revision, Number(7));
        assert_eq!((&ranged.kvs[0].key.0[..], ranged.kvs[0].lease), (&b"foo"[..], Number(0)));
    }

    #[test]
    fn a_transaction_is_written_as_the_gateway_reads_it() {
        let put = Operation::Put { key: Blob::of(b"k"), value: Blob::of(&[255]), lease: Number(9) };
        let txn = Txn { success: vec![put], ..Txn::default() };
        let expected = r#"{"compare":[],"success":[{"request_put":{"key":"aw==","value":"/w==","lease":"9"}}],"failure":[]}"#;
        assert_eq!(serde_json::to_string(&txn).unwrap(), expected);
    }

    #[test]
    fn damaged_numbers_and_bytes_are_errors() {
        for text in [r#"{"revision":"-1"}"#, r#"{"revision":"x"}"#, r#"{"revision":7}"#] {
            assert!(serde_json::from_str::<Header>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<KeyValue>(r#"{"key":"!"}"#).is_err());
    }
}
