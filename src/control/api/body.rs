//! JSON bodies, strictly: one object, each field once, every field known, bounded in size and depth.

use std::fmt;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    control::{
        limits::{BODY_MAX, JSON_BYTES_MAX},
        shared::error::{ApiError, Kind},
    },
    limits::REASON_BYTES_MAX,
    rollout::blend::Blend,
};

/// How much of a wrong value is repeated to its author.
const SHOWN_CHARS_MAX: usize = 40;

/// Reads a body of at most `bytes_max` bytes, in time.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let limited = Limited::new(body, bytes_max).collect();
    match timeout(BODY_MAX, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::new(Kind::TooLarge, format!("the body has more than {bytes_max} bytes")))
        }
        Ok(Err(_)) => Err(ApiError::new(Kind::Malformed, "the body was cut short")),
        Err(_) => Err(ApiError::new(Kind::Slow, format!("the body did not arrive within {BODY_MAX:?}"))),
    }
}

/// Reads a JSON body as it is; `None` when there is none and no media type says that there is. Anything but `application/json` is refused: a form that
/// another site's page submits is none.
pub async fn read_json(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Option<Bytes>, ApiError> {
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let is_json = media_type.map(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    let refused = || ApiError::new(Kind::MediaType, "send the body as `Content-Type: application/json`");
    if is_json == Some(false) {
        return Err(refused());
    }
    let bytes = read(body, bytes_max).await?;
    match (bytes.is_empty(), is_json) {
        (true, None) => Ok(None),
        (false, None) => Err(refused()),
        // An empty text is no JSON, so whoever says that there is some gets to know.
        (_, Some(_)) => Ok(Some(bytes)),
    }
}

/// The fields of a body, taken one by one; what is left over is refused.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Reads a body; none counts as `{}`.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        match read_json(headers, body, JSON_BYTES_MAX).await? {
            None => Ok(Self::default()),
            Some(bytes) => Self::parse(&bytes),
        }
    }

    /// Parses a JSON object. Nesting beyond what the parser takes is malformed, as is a field that comes twice.
    pub fn parse(json: &[u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(json)
            .map_err(|error| ApiError::new(Kind::Malformed, format!("the body is no JSON object: {error}")))
    }

    /// Refuses fields that nobody took.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("there is no field `{}` here", name.escape_debug());
                Err(ApiError::value(name, message))
            }
        }
    }

    /// A value; null counts as missing.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.swap_remove(index).1).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(ApiError::value(name, format!("{} is not a text in quotes", shown(&other)))),
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(ApiError::value(name, format!("{} is not true or false", shown(&other)))),
        }
    }

    /// A whole number from 0.
    pub fn number(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let refused =
            |value: &Value| ApiError::value(name, format!("{} is not a whole number from 0", shown(value)));
        self.take(name).map(|value| value.as_u64().ok_or_else(|| refused(&value))).transpose()
    }

    /// A percentage.
    pub fn blend(&mut self, name: &'static str) -> Result<Option<Blend>, ApiError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let shown = shown(&value);
        let refused = |_| {
            ApiError::value(name, format!("{shown} is not a number from 0 to 100 with at most two decimals"))
        };
        serde_json::from_value(value).map(Some).map_err(refused)
    }

    /// Why, in the asker's words; bounded, since it is stored and shown.
    pub fn reason(&mut self) -> Result<String, ApiError> {
        let reason = self.text("reason")?.unwrap_or_default();
        if reason.len() > REASON_BYTES_MAX {
            return Err(ApiError::value("reason", format!("at most {REASON_BYTES_MAX} bytes")));
        }
        Ok(reason.trim().to_owned())
    }
}

/// A value as its author wrote it, or its beginning.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(SHOWN_CHARS_MAX).collect()
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format!("the field `{name}` comes twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> Option<Kind> {
        Fields::parse(json.as_bytes()).err().map(|error| error.kind())
    }

    #[test]
    fn only_one_flat_enough_object_is_taken() {
        assert_eq!(error(r#"{"reason":"x","percent":12.5}"#), None);
        for json in ["", "[]", "1", "{", r#"{"a":1} x"#, r#"{"a":1,"a":2}"#, "\u{feff}{}"] {
            assert_eq!(error(json), Some(Kind::Malformed), "{json}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(error(&deep), Some(Kind::Malformed));
    }

    #[test]
    fn fields_are_typed_and_none_is_left_over() {
        let fields = |json: &str| Fields::parse(json.as_bytes()).unwrap();
        assert_eq!(fields(r#"{"percent":12.5}"#).blend("percent").unwrap(), Some("12.5".parse().unwrap()));
        for json in
            [r#"{"percent":"12"}"#, r#"{"percent":100.01}"#, r#"{"percent":-1}"#, r#"{"percent":1.234}"#]
        {
            assert_eq!(fields(json).blend("percent").unwrap_err().kind(), Kind::Value, "{json}");
        }
        assert!(fields(r#"{"sticky":1}"#).flag("sticky").is_err());
        assert_eq!(fields(r#"{"reason":null}"#).reason().unwrap(), "");
        let mut left = fields(r#"{"percent":1,"procent":2}"#);
        left.blend("percent").unwrap();
        assert_eq!(left.finish().unwrap_err().kind(), Kind::Value);
    }
}
