//! The order in which the document lists things: fields as their types declare them, calls as `calls` lists them. The
//! GUI shows settings and calls in that order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::{Value, ser::PrettyFormatter};
use utoipa::openapi::{RefOr, Schema};

/// Lists of names in their order, by the names that are in them.
#[derive(Default)]
pub struct Order(BTreeMap<BTreeSet<String>, Vec<String>>);

impl Order {
    /// These names come in this order wherever they are the names of one object.
    pub fn add(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.0.insert(names.iter().cloned().collect(), names);
    }

    /// The fields of a type come in the order of its declaration.
    pub fn add_fields(&mut self, schema: &RefOr<Schema>) {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(default)]
            properties: Names,
        }
        let text = serde_json::to_string(schema).unwrap();
        self.add(serde_json::from_str::<Fields>(&text).unwrap().properties.0);
    }

    /// JSON in this order; one blank for each level, since the document is in the binary.
    pub fn write(&self, value: &Value) -> String {
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        InOrder { value, order: self }.serialize(&mut writer).unwrap();
        String::from_utf8(bytes).unwrap() + "\n"
    }
}

/// A value, to be written in an order.
struct InOrder<'a> {
    value: &'a Value,
    order: &'a Order,
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = |value| InOrder { value, order: self.order };
        match self.value {
            Value::Array(items) => serializer.collect_seq(items.iter().map(inner)),
            Value::Object(map) => {
                let names = self.order.0.get(&map.keys().cloned().collect());
                let mut out = serializer.serialize_map(Some(map.len()))?;
                match names {
                    Some(names) => {
                        names.iter().try_for_each(|name| out.serialize_entry(name, &inner(&map[name])))?;
                    }
                    None => {
                        map.iter().try_for_each(|(name, value)| out.serialize_entry(name, &inner(value)))?
                    }
                }
                out.end()
            }
            single => single.serialize(serializer),
        }
    }
}

/// The names of an object, as they come.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Names::default();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.0.push(name);
                }
                Ok(names)
            }
        }

        deserializer.deserialize_map(Each)
    }
}
