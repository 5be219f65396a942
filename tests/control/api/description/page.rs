//! `docs/openapi.json`, and real answers held to it: no field that it lacks, none missing that it requires.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};
use support::api::Answer;

/// The document, and the calls that were made so far.
pub struct Page {
    document: Value,
    made: RefCell<BTreeSet<(String, String)>>,
}

impl Page {
    /// The committed document, which the router serves too.
    pub fn new() -> Self {
        let text = include_str!("../../../../docs/openapi.json");
        Self { document: serde_json::from_str(text).expect("JSON"), made: RefCell::default() }
    }

    /// Every call of the document, as method and path.
    pub fn calls(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().expect("paths").iter();
        let calls = paths.flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item").keys().filter(|name| *name != "parameters");
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        });
        calls.collect()
    }

    /// Those that were not made.
    pub fn left(&self) -> BTreeSet<(String, String)> {
        &self.calls() - &self.made.borrow()
    }

    /// Counts a call as made.
    pub fn mark(&self, method: &str, path: &str) {
        self.made.borrow_mut().insert((method.to_owned(), self.template(method, path)));
    }

    /// Holds an answer to what the document says of the call and the status.
    #[track_caller]
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        self.mark(method, path);
        let template = self.template(method, path);
        let operation = &self.document["paths"][&template][method.to_lowercase()];
        let status = answer.status().to_string();
        let described = self.resolve(&operation["responses"][&status]);
        assert!(
            described.is_object(),
            "{method} {template}: {status} is not described: {}",
            answer.response.text()
        );
        let schema = &described["content"]["application/json"]["schema"];
        let media_type = answer.response.header("content-type").unwrap_or_default();
        if media_type.starts_with("application/json") {
            self.check_value(&answer.json(), schema, &format!("{method} {template} {status}"));
        } else {
            let kinds = described["content"].as_object();
            let text_is_described =
                kinds.is_some_and(|kinds| kinds.keys().any(|kind| kind.starts_with("text/")));
            let is_raw = template.contains("/kv/");
            assert!(text_is_described || is_raw, "{method} {template} {status}: {media_type}");
        }
    }

    /// Holds a value to a component.
    #[track_caller]
    pub fn check_component(&self, value: &Value, name: &str) {
        self.check_value(value, &self.document["components"]["schemas"][name], name);
    }

    #[track_caller]
    fn check_value(&self, value: &Value, schema: &Value, place: &str) {
        if let Err(fault) = self.fault(value, schema, place) {
            panic!("{fault}\nin {value}");
        }
    }

    /// The path of the document that a path follows: the one with the most segments in common.
    fn template(&self, method: &str, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let calls = self.calls();
        let fitting = calls.iter().filter(|(known, _)| known == method).map(|(_, template)| template);
        let fitting = fitting.filter_map(|template| Some((common(template, path)?, template)));
        let best = fitting.max_by_key(|(common, _)| *common);
        best.unwrap_or_else(|| panic!("{method} {path} is not described")).1.clone()
    }

    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(at) => at.trim_start_matches("#/").split('/').fold(&self.document, |node, name| &node[name]),
            None => node,
        }
    }

    /// What is wrong with a value.
    fn fault(&self, value: &Value, schema: &Value, place: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        if let Some(alternatives) = schema["oneOf"].as_array() {
            let faults: Vec<String> =
                alternatives.iter().map_while(|each| self.fault(value, each, place).err()).collect();
            return if faults.len() < alternatives.len() { Ok(()) } else { Err(faults.join("\nor ")) };
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            return Err(format!("{place}: {value} is not among {allowed:?}"));
        }
        if !is_of_type(value, &schema["type"]) {
            return Err(format!("{place}: {value} is no {}", schema["type"]));
        }
        match value {
            Value::Object(map) => self.fault_of_object(map, schema, place),
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.fault(item, &schema["items"], &format!("{place}[]")))
            }
            _ => Ok(()),
        }
    }

    fn fault_of_object(&self, map: &Map<String, Value>, schema: &Value, place: &str) -> Result<(), String> {
        let known = schema["properties"].as_object();
        for (name, value) in map {
            let place = format!("{place}.{name}");
            match (known.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
                (Some(field), _) => self.fault(value, field, &place)?,
                (None, Some(any)) if any.is_object() => self.fault(value, any, &place)?,
                (None, None) if known.is_none() => {}
                _ => return Err(format!("{place} is not described")),
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        match required.into_iter().find(|name| !map.contains_key(*name)) {
            Some(name) => Err(format!("{place}.{name} is missing")),
            None => Ok(()),
        }
    }
}

/// How many segments of a template a path has; none if it does not follow it.
fn common(template: &str, path: &str) -> Option<usize> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut same = 0;
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(same),
            // A key has slashes of its own.
            (Some("{key}"), Some(_)) => return Some(same),
            (Some(parameter), Some(_)) if parameter.starts_with('{') => {}
            (Some(wanted), Some(given)) if wanted == given => same += 1,
            _ => return None,
        }
    }
}

fn is_of_type(value: &Value, types: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other}"),
    };
    match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}
