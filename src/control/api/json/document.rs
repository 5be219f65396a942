//! The document of a request as a value: bounded in its fields, items and depth, so that reading it costs what its bytes cost,
//! whatever it holds.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer as _,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, Map, Number, Value};

use crate::control::{
    limits::{JSON_DEPTH_MAX, JSON_FIELDS_MAX, JSON_ITEMS_MAX},
    shared::error::{ApiError, Kind},
};

/// The fields of one JSON object. One with more fields, items or levels than any call has is malformed, as is one in which a
/// field comes twice.
pub fn object(json: &[u8]) -> Result<Map<String, Value>, ApiError> {
    object_of(json, JSON_FIELDS_MAX)
}

/// The same, with so many fields at most.
pub fn object_of(json: &[u8], fields_max: usize) -> Result<Map<String, Value>, ApiError> {
    let (fields, items) = (Cell::new(0), Cell::new(0));
    let part = Part { fields: &fields, fields_max, items: &items, depth: 0 };
    let mut reader = Deserializer::from_slice(json);
    let read = reader.deserialize_map(part).and_then(|document| reader.end().map(|()| document));
    match read {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(refused("invalid type, expected an object")),
        Err(error) => Err(refused(error)),
    }
}

fn refused(why: impl fmt::Display) -> ApiError {
    ApiError::new(Kind::Malformed, format!("the body must be one JSON object: {why}"))
}

/// A part of a document that is to be read, and what of the whole was read before it.
#[derive(Clone, Copy)]
struct Part<'a> {
    fields: &'a Cell<usize>,
    fields_max: usize,
    items: &'a Cell<usize>,
    depth: usize,
}

impl Part<'_> {
    fn inside<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(E::custom(format!("it is nested more than {JSON_DEPTH_MAX} deep")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

fn count<E: de::Error>(counted: &Cell<usize>, max: usize, what: &str) -> Result<(), E> {
    counted.set(counted.get() + 1);
    if counted.get() > max { Err(E::custom(format!("it has more than {max} {what}"))) } else { Ok(()) }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.depth == 0 { "an object" } else { "a value" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            count(self.fields, self.fields_max, "fields")?;
            if object.contains_key(&name) {
                return Err(de::Error::custom(format!("the field `{}` is there twice", name.escape_debug())));
            }
            let value = map.next_value_seed(inside)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(inside)? {
            count(self.items, JSON_ITEMS_MAX, "items in its lists")?;
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> String {
        object(json.as_bytes()).map_err(|error| error.message().to_owned()).unwrap_err()
    }

    #[test]
    fn one_object_is_taken_as_it_is() {
        let json = r#"{"a":[1,-2,3.5,"x",null,true,{"b":{}}],"c":"\u0041"}"#;
        let whole: Value = serde_json::from_str(json).unwrap();
        assert_eq!(Value::Object(object(json.as_bytes()).unwrap()), whole);
        for json in
            ["", "[]", "1", "{", r#"{"a":1} x"#, r#"{"a":1,"a":2}"#, r#"{"a":[{"b":1,"b":2}]}"#, "\u{feff}{}"]
        {
            assert_eq!(object(json.as_bytes()).unwrap_err().kind(), Kind::Malformed, "{json}");
        }
        assert!(told("[]").contains("expected an object"), "{}", told("[]"));
    }

    /// Wherever the fields are: beside each other, one in the other, in lists.
    #[test]
    fn fields_are_counted_in_all() {
        let fields = |count| (0..count).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(",");
        assert_eq!(object(format!("{{{}}}", fields(64)).as_bytes()).unwrap().len(), 64);
        for json in [
            format!("{{{}}}", fields(65)),
            format!("{{\"a\":{{{}}}}}", fields(64)),
            format!("{{\"a\":{{{}}},\"b\":[{{{}}}]}}", fields(32), fields(31)),
            format!("{{\"a\":[{}]}}", vec!["{\"b\":1}"; 64].join(",")),
        ] {
            assert!(told(&json).contains("it has more than 64 fields"), "{}", told(&json));
        }
    }

    #[test]
    fn lists_and_levels_are_bounded() {
        let items = |count| vec!["1"; count].join(",");
        assert!(object(format!("{{\"a\":[{}]}}", items(2_000)).as_bytes()).is_ok());
        let two = format!("{{\"a\":[{}],\"b\":[{}]}}", items(1_500), items(501));
        assert!(told(&two).contains("it has more than 2000 items in its lists"), "{}", told(&two));
        let nested = |depth| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(nested(7).as_bytes()).is_ok());
        for depth in [8, 100_000] {
            assert!(told(&nested(depth)).contains("nested more than 8 deep"), "{}", told(&nested(depth)));
        }
    }
}
