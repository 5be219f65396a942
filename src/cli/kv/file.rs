//! Keyvalues as a file: one JSON object of keys and values. A value that is text is a string, as `--keyvalues` reads it
//! too; any other is `{"base64": "..."}`.

use std::{collections::BTreeMap, io::Read as _};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::super::exit::Failure;

/// Values by key.
pub(super) type Keyvalues = BTreeMap<String, Vec<u8>>;

/// All of standard input.
pub(super) fn read_input() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure::here(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}

/// As JSON, a key on each line.
pub(super) fn render(keyvalues: &Keyvalues) -> String {
    let value = |bytes: &Vec<u8>| match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    };
    let object: Map<String, Value> =
        keyvalues.iter().map(|(key, bytes)| (key.clone(), value(bytes))).collect();
    // Text keys and values have a JSON form.
    serde_json::to_string_pretty(&object).unwrap_or_default()
}

/// From JSON.
pub(super) fn parse(text: &str) -> Result<Keyvalues, Failure> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!(
            "the file must be a JSON object of keys and values, as `kv export` writes it: {error}"
        ))
    })?;
    object.into_iter().map(|(key, value)| Ok((key.clone(), bytes(&key, &value)?))).collect()
}

fn bytes(key: &str, value: &Value) -> Result<Vec<u8>, Failure> {
    if let Value::String(text) = value {
        return Ok(text.clone().into_bytes());
    }
    let encoded =
        value.as_object().filter(|object| object.len() == 1).and_then(|object| object["base64"].as_str());
    encoded.and_then(|encoded| STANDARD.decode(encoded).ok()).ok_or_else(|| {
        Failure::usage(format!("the value of `{key}` must be a string or {{\"base64\": \"...\"}}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let keyvalues: Keyvalues =
            [("a".to_owned(), b"text \"quoted\"\n".to_vec()), ("b/c".to_owned(), vec![0, 255])].into();
        let text = render(&keyvalues);
        assert!(text.contains("AP8="), "{text}");
        assert_eq!(parse(&text).unwrap(), keyvalues);
    }

    #[test]
    fn what_is_no_keyvalue_is_named() {
        for text in ["", "[]", r#"{"k":1}"#, r#"{"k":{"base64":"!"}}"#, r#"{"k":{"base64":"","x":1}}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(r#"{"rolling/a":null}"#).unwrap_err().message.contains("rolling/a"));
    }
}
