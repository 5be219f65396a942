//! The value of a setting as a person writes and reads it: `600`, `shop.example,www.shop.example`, nothing for the default.

use serde_json::Value;

/// A value as it is written on the command line. `usual` is what the setting is without it, and says what kind of value it
/// takes; where that is nothing, the text says it. Nothing is null: the setting takes its default again.
pub(super) fn parse(text: &str, usual: Option<&Value>) -> Value {
    let json: Option<Value> = serde_json::from_str(text).ok();
    match (usual, json) {
        _ if text.is_empty() => Value::Null,
        // JSON that cannot be meant as plain text.
        (_, Some(json)) if text.starts_with(['[', '{', '"']) => json,
        (Some(Value::Array(_)), _) => text.split(',').map(str::trim).collect(),
        (Some(Value::String(_)), _) | (_, None) => text.into(),
        (_, Some(json)) => json,
    }
}

/// A value in a line, written as [`parse`] reads it; what is not set or empty as `none`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => match items.iter().map(plain_item).collect::<Option<Vec<&str>>>() {
            Some(texts) => texts.join(","),
            None => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// An item of a list that can stand between commas.
fn plain_item(item: &Value) -> Option<&str> {
    item.as_str().filter(|text| !text.contains(',') && text.trim() == *text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_read_as_the_kind_of_value_that_the_setting_takes() {
        for (text, usual, value) in [
            ("600", json!(86_400), json!(600)),
            ("many", json!(86_400), json!("many")),
            ("true", json!(false), json!(true)),
            ("200", json!("200-399"), json!("200")),
            ("200,204", json!("200-399"), json!("200,204")),
            ("\"7\"", json!(null), json!("7")),
            ("10.5", json!(null), json!(10.5)),
            ("/health", json!(null), json!("/health")),
            ("a.example, b.example", json!([]), json!(["a.example", "b.example"])),
            ("[\"X-Check: a, b\"]", json!([]), json!(["X-Check: a, b"])),
            ("[broken", json!([]), json!(["[broken"])),
            ("", json!(5), json!(null)),
        ] {
            assert_eq!(parse(text, Some(&usual)), value, "{text}");
        }
        assert_eq!(parse("{\"fall\":5}", None), json!({ "fall": 5 }));
    }

    #[test]
    fn a_value_is_shown_as_it_is_written() {
        for (value, text) in [
            (json!(null), "none"),
            (json!([]), "none"),
            (json!(600), "600"),
            (json!("Lax"), "Lax"),
            (json!(["a", "b"]), "a,b"),
            (json!(["X: a, b"]), "[\"X: a, b\"]"),
        ] {
            assert_eq!(shown(&value), text);
        }
    }
}
