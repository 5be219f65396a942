//! The schemas of the document, collected from the types and made what a reader of the API needs.
//!
//! - A request: null counts as left out, so it is not listed; single values stand where they are used.
//! - An answer: whatever a router always writes is required. That is what the answer's default value serialises to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::order::Order;

/// Fields that are missing rather than null, in parts of answers that have no default value.
const LEFT_OUT: [(&str, &str); 7] = [
    ("Record", "last_move"),
    ("Record", "halt"),
    ("Record", "plan"),
    ("RunningPlan", "harm_max"),
    ("RunningPlan", "paused"),
    ("RunningPlan", "approved_by"),
    ("LastMove", "dropped"),
];

/// Where components are referred to.
const ROOT: &str = "#/components/schemas/";

/// The schemas, by name.
#[derive(Default)]
pub struct Components {
    schemas: BTreeMap<String, Value>,
    requests: BTreeSet<String>,
    /// The fields that are always written, by type.
    written: BTreeMap<String, BTreeSet<String>>,
    pub order: Order,
}

impl Components {
    /// Adds a type with all that it refers to.
    fn add<T: ToSchema>(&mut self) -> String {
        let mut found: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            self.order.add_fields(&schema);
            let schema = serde_json::to_value(schema).unwrap();
            let known = self.schemas.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*known, schema, "two types have the name {name}");
        }
        T::name().into_owned()
    }

    /// Adds what a call takes.
    pub fn request<T: ToSchema>(&mut self) -> String {
        let name = self.add::<T>();
        self.requests.insert(name.clone());
        name
    }

    /// Adds what a call answers.
    pub fn answer<T: ToSchema>(&mut self) -> String {
        self.add::<T>()
    }

    /// Says of an answer, or of a part of one, which fields are always written.
    pub fn always<T: ToSchema + Serialize + Default>(&mut self) {
        let written = serde_json::to_value(T::default()).unwrap();
        let fields = written.as_object().unwrap().keys().cloned().collect();
        self.written.insert(T::name().into_owned(), fields);
    }

    /// All schemas, as they are written.
    pub fn finish(mut self) -> (Map<String, Value>, Order) {
        // Settings are described as they are meant to be.
        for (name, schema) in self.schemas.iter_mut().filter(|(name, _)| *name != "Settings") {
            tidy(schema);
            let parts = schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten();
            let own = parts.filter(|part| part.get("properties").is_some());
            match own.last() {
                Some(own) => require(own, self.written.get(name)),
                None if self.requests.contains(name) => without_null(schema),
                None => require(schema, self.written.get(name)),
            }
            for (_, field) in LEFT_OUT.iter().filter(|(left_out_of, _)| left_out_of == name) {
                leave_out(schema, field);
            }
        }
        let parts = self.schemas.clone();
        for schema in self.schemas.values_mut() {
            let fields = flatten(schema, &parts);
            self.order.add(fields);
        }
        let values = self.schemas.iter().filter(|(_, schema)| is_value(schema));
        let values: BTreeMap<String, Value> =
            values.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        self.schemas.retain(|name, _| !values.contains_key(name));
        self.schemas.values_mut().for_each(|schema| inline(schema, &values));
        (self.schemas.into_iter().collect(), self.order)
    }
}

/// A reference to a component.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{ROOT}{name}") })
}

/// Whether a schema is that of a single value, and so has no need of a name.
fn is_value(schema: &Value) -> bool {
    let is_compound = ["properties", "oneOf", "allOf", "anyOf"].iter().any(|word| schema.get(word).is_some());
    !is_compound && schema["type"] != "array" && schema["type"] != "object"
}

/// Takes out what says nothing to a reader, everywhere below: formats of whole numbers, names that are text.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("format");
            map.remove("propertyNames");
            if let Some(Value::String(text)) = map.get_mut("description") {
                // Links between Rust items lead nowhere outside the code.
                *text = text.replace('\n', " ").replace("[`", "`").replace("`]", "`").replace("Record::", "");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn properties(schema: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
}

fn is_nullable(schema: &Value) -> bool {
    let types = schema["type"].as_array().into_iter().flatten();
    types.into_iter().any(|each| each == "null") || null_alternative(schema).is_some()
}

/// The place of `null` among the alternatives.
fn null_alternative(schema: &Value) -> Option<usize> {
    schema["oneOf"].as_array()?.iter().position(|each| each["type"] == "null")
}

/// Of a request: a field that is null counts as left out.
fn without_null(schema: &mut Value) {
    for (_, field) in properties(schema) {
        drop_null(field);
    }
}

fn drop_null(field: &mut Value) {
    if let Some(index) = null_alternative(field) {
        let mut alternatives = field["oneOf"].take().as_array().cloned().unwrap_or_default();
        alternatives.remove(index);
        *field = alternatives.remove(0);
    }
    if let Some(types) = field["type"].as_array() {
        let mut left = types.iter().filter(|each| **each != "null").cloned();
        field["type"] = left.next().unwrap_or_default();
    }
}

/// Of an answer whose default value was written: what is in it is required, what is not is never null. Of one without a
/// default value: what can be null is written as null.
fn require(schema: &mut Value, written: Option<&BTreeSet<String>>) {
    let named = schema["required"].as_array().into_iter().flatten();
    let mut required: BTreeSet<String> = named.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    for (name, field) in properties(schema) {
        field.as_object_mut().unwrap().remove("default");
        let is_written = written.map_or_else(|| is_nullable(field), |written| written.contains(name));
        match (is_written, written) {
            (true, _) => drop(required.insert(name.clone())),
            (false, Some(_)) => drop_null(field),
            (false, None) => {}
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
}

/// Says of a field that it is missing rather than null.
fn leave_out(schema: &mut Value, field: &str) {
    drop_null(&mut schema["properties"][field]);
    schema["required"].as_array_mut().unwrap().retain(|name| name != field);
}

/// Writes the fields of all parts of an object beside each other, and gives their order. Of a part that may be missing
/// none is required.
fn flatten(schema: &mut Value, parts: &BTreeMap<String, Value>) -> Vec<String> {
    let Some(all) = schema.get("allOf").cloned() else { return Vec::new() };
    let (mut properties, mut required, mut order) = (Map::new(), BTreeSet::new(), Vec::new());
    for part in all.as_array().unwrap() {
        let may_be_missing = null_alternative(part).is_some();
        let part = if may_be_missing { &part["oneOf"][0] } else { part };
        let named = part["$ref"].as_str().map(|at| &parts[at.strip_prefix(ROOT).unwrap()]);
        let mut part = named.unwrap_or(part).clone();
        flatten(&mut part, parts);
        let fields = part["properties"].as_object().unwrap();
        order.extend(fields.keys().cloned());
        properties.extend(fields.clone());
        let named = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        required.extend(named.filter(|_| !may_be_missing).map(str::to_owned));
    }
    let object = schema.as_object_mut().unwrap();
    object.remove("allOf");
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), properties.into());
    object.insert("required".into(), json!(required));
    order
}

/// Puts single values where they are referred to, and the description of a field beside what it can be.
fn inline(schema: &mut Value, values: &BTreeMap<String, Value>) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(|inner| inline(inner, values));
            if let Some(name) = map.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix(ROOT))
                && let Some(value) = values.get(name)
            {
                let described = map.remove("description");
                *map = value.as_object().unwrap().clone();
                map.extend(described.map(|text| ("description".to_owned(), text)));
            }
            join_null(map);
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| inline(inner, values)),
        _ => {}
    }
}

/// Writes "this or null" as one schema where that is possible, else with the description outside.
fn join_null(map: &mut Map<String, Value>) {
    let alternatives = map.get("oneOf").and_then(Value::as_array);
    let Some([main, null]) = alternatives.map(Vec::as_slice) else { return };
    if null != &json!({ "type": "null" }) {
        return;
    }
    let mut main = main.as_object().unwrap().clone();
    let described = main.remove("description");
    if let (Some(Value::String(kind)), false) = (main.get("type").cloned(), main.contains_key("properties")) {
        main.insert("type".into(), json!([kind, "null"]));
        if let Some(Value::Array(words)) = main.get_mut("enum") {
            words.push(Value::Null);
        }
        map.remove("oneOf");
        map.extend(main);
    } else {
        map.insert("oneOf".into(), json!([main, { "type": "null" }]));
    }
    map.extend(described.map(|text| ("description".to_owned(), text)));
}
