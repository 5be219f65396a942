//! A request's JSON, read into its type. An error names the field, shows its value, and says what is allowed.
//!
//! A reader of JSON speaks of what it found in its own terms (`invalid type: string "x", expected u16`). This one knows
//! which type each field asks for, so it can say that in ours.

mod document;

use std::{collections::VecDeque, fmt};

use serde::{
    Deserializer, de,
    de::{
        DeserializeOwned, DeserializeSeed, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
        value::BorrowedStrDeserializer,
    },
};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

pub use self::document::{object, object_of};
use crate::control::shared::error::ApiError;

/// How much of a wrong value is repeated to its author.
const SHOWN_CHARS_MAX: usize = 40;

/// The fields of requests that hold secrets: those of hooks.
const SECRET_FIELDS: [&str; 2] = ["secret", "header"];

/// Reads a request. Every field is known and of its type, none comes twice; one that is null counts as left out.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiError> {
    let document = Value::Object(object(json)?);
    serde_path_to_error::deserialize(Reader(Some(&document)))
        .map_err(|error| refusal(&document, error.path(), error.inner()))
}

/// The refusal of a document because of what is at this path.
fn refusal(document: &Value, path: &Path, fault: &Fault) -> ApiError {
    let value = path.iter().try_fold(document, |value, segment| match segment {
        Segment::Map { key } => value.get(key),
        Segment::Seq { index } => value.get(index),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    });
    let message = match (fault, value) {
        (Fault::NotAllowed(allowed), Some(value)) if !value.is_null() => match is_secret(path) {
            // The message stands in the audit too.
            true => format!("the value is not {allowed}"),
            false => format!("{} is not {allowed}", shown(value)),
        },
        (Fault::NotAllowed(allowed), _) => format!("`{path}` is missing; allowed is {allowed}"),
        (Fault::Unknown(message), _) => message.clone(),
    };
    ApiError::value(path.to_string(), message)
}

/// Whether a path leads to a field, or through one, whose values are nobody's to read.
fn is_secret(path: &Path) -> bool {
    let is_one =
        |segment: &Segment| matches!(segment, Segment::Map { key } if SECRET_FIELDS.contains(&key.as_str()));
    path.iter().any(is_one)
}

/// A value as its author wrote it, or its beginning.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// Its value; this is what is allowed.
    NotAllowed(String),
    /// There is no such field.
    Unknown(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed(text) | Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::NotAllowed(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::NotAllowed(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::NotAllowed(expected.to_string())
    }

    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::NotAllowed(choices(allowed))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let field = field.escape_debug();
        Self::Unknown(match known {
            [] => format!("there is no field `{field}` here; the call takes none"),
            known => format!("there is no field `{field}` here; there are {}", known.join(", ")),
        })
    }
}

/// `` `a`, `b` or `c` ``.
fn choices(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// Reads one value; none where a field is missing.
#[derive(Clone, Copy)]
struct Reader<'a>(Option<&'a Value>);

impl<'a> Reader<'a> {
    fn value<T>(self, allowed: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, Fault> {
        self.0.and_then(read).ok_or_else(|| Fault::NotAllowed(allowed.to_owned()))
    }

    /// A whole number of at most this.
    fn whole(self, most: u64) -> Result<u64, Fault> {
        let allowed = if most == u64::MAX {
            "a whole number from 0".to_owned()
        } else {
            format!("a whole number from 0 to {most}")
        };
        self.value(&allowed, |value| value.as_u64().filter(|number| *number <= most))
    }

    fn text(self) -> Result<&'a str, Fault> {
        self.value("a text in quotes", Value::as_str)
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = self.value(&(&visitor as &dyn Expected).to_string(), Some)?;
        match value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            None | Some(Value::Null) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(self.value("true or false", Value::as_bool)?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.whole(u16::MAX.into())?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.whole(u32::MAX.into())?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(self.whole(u64::MAX)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items(self.value("a list", Value::as_array)?.iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let map = self.value("an object of names and values", Value::as_object)?;
        let entries = map.iter().map(|(name, value)| (name.as_str(), Some(value)));
        visitor.visit_map(Entries { left: entries.collect(), next: None })
    }

    /// A field that is left out is read all the same: it is one that may be, or the error says what is allowed.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let map = self.value(&format!("an object of {}", fields.join(", ")), Value::as_object)?;
        let given = map.iter().map(|(name, value)| (name.as_str(), Some(value)));
        let missing = fields.iter().filter(|name| !map.contains_key(**name)).map(|name| (*name, None));
        visitor.visit_map(Entries { left: given.chain(missing).collect(), next: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let word = self.value(&choices(variants), Value::as_str)?;
        visitor.visit_enum(BorrowedStrDeserializer::new(word))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// The items of a list.
struct Items<'a>(std::slice::Iter<'a, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.0.next().map(|value| seed.deserialize(Reader(Some(value)))).transpose()
    }
}

/// The fields of an object, and those that are missing.
struct Entries<'a> {
    left: VecDeque<(&'a str, Option<&'a Value>)>,
    next: Option<&'a Value>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((name, value)) = self.left.pop_front() else { return Ok(None) };
        self.next = value;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(Reader(self.next.take()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{
        change::{BlendRequest, CandidateRequest, StickyRequest},
        dry_run::{DryRunCommand, DryRunRequest},
        explain::ExplainRequest,
    };

    fn told<T: DeserializeOwned + fmt::Debug>(json: &str) -> String {
        let error = parse::<T>(json.as_bytes()).unwrap_err();
        format!("{}: {}", error.field_name(), error.message())
    }

    #[test]
    fn a_request_is_read_into_its_type() {
        let request: BlendRequest = parse(br#"{"percent":12.5,"release":null}"#).unwrap();
        assert_eq!((request.percent, request.release), ("12.5".parse().unwrap(), None));
        let request: DryRunRequest = parse(br#"{"command":"abort"}"#).unwrap();
        assert_eq!(request.command, DryRunCommand::Abort);
        let request: ExplainRequest = parse(br#"{"headers":{"Accept":"*/*"}}"#).unwrap();
        assert_eq!(request.headers.unwrap()["Accept"], "*/*");
    }

    /// A wrong value was told as `invalid value: integer -5, expected u64`, without the field.
    #[test]
    fn a_wrong_value_is_told_with_field_value_and_what_is_allowed() {
        let percent = "a percentage from 0 to 100 with at most two decimals";
        for wrong in [r#""12""#, "100.01", "-1", "1.234", "[]", "true"] {
            let expected = format!("percent: {wrong} is not {percent}");
            assert_eq!(told::<BlendRequest>(&format!(r#"{{"percent":{wrong}}}"#)), expected);
        }
        assert_eq!(
            told::<BlendRequest>("{}"),
            format!("percent: `percent` is missing; allowed is {percent}")
        );
        assert_eq!(
            told::<StickyRequest>(r#"{"sticky":null}"#),
            "sticky: `sticky` is missing; allowed is true or false"
        );
        assert_eq!(told::<StickyRequest>(r#"{"sticky":1}"#), "sticky: 1 is not true or false");
        assert_eq!(
            told::<CandidateRequest>(r#"{"port":-5}"#),
            "port: -5 is not a whole number from 0 to 65535"
        );
        assert_eq!(
            told::<CandidateRequest>(r#"{"endpoints":["10.0.0.1:80",7]}"#),
            "endpoints[1]: 7 is not a text in quotes"
        );
        assert_eq!(told::<CandidateRequest>(r#"{"endpoints":{}}"#), "endpoints: {} is not a list");
        assert_eq!(
            told::<DryRunRequest>(r#"{"command":"fly"}"#),
            r#"command: "fly" is not `blend`, `promote`, `abort` or `rollback`"#
        );
        assert_eq!(
            told::<ExplainRequest>(r#"{"headers":{"Accept":1}}"#),
            "headers.Accept: 1 is not a text in quotes"
        );
        assert_eq!(
            told::<StickyRequest>(r#"{"sticky":true,"stiky":1}"#),
            "stiky: there is no field `stiky` here; there are sticky, reason"
        );
        let long = told::<StickyRequest>(&format!(r#"{{"sticky":"{}"}}"#, "x".repeat(500)));
        assert!(long.len() < 100 && long.ends_with("... is not true or false"), "{long}");
    }
}
