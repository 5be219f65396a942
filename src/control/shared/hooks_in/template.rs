//! A template: a text whose placeholders are filled from a payload.
//!
//! `{/release/tag_name}` is the value at that JSON pointer (RFC 6901). What follows a bar changes it: `{/ref|last}` is what
//! comes after the last slash, `{/after|short}` the first twelve characters, `{/name|lower}` lower case. `{{` and `}}` are
//! braces.

use std::{fmt, str::FromStr};

use serde_json::Value;

use crate::rollout::text_form::serde_as_text;

/// The longest template, in bytes: above the longest id of a release with some placeholders.
pub const TEMPLATE_BYTES_MAX: usize = 500;
/// The longest text that a template may be filled to.
pub const FILLED_BYTES_MAX: usize = 1_000;
/// So many characters of a commit's name tell it from all others.
const SHORT_CHARS: usize = 12;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

serde_as_text!(Template);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { pointer: String, changes: Vec<Change> },
}

/// What is made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Last,
    Short,
    Lower,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a template is text with placeholders such as {{/release/tag_name}} or {{/ref|last}}")]
pub struct TemplateError(String);

impl Template {
    /// The text for this payload.
    ///
    /// # Errors
    /// The payload has no value where a placeholder points, or one that is no text, number, `true` or `false`.
    pub fn fill(&self, payload: &Value) -> Result<String, String> {
        let filled = self.parts.iter().map(|part| part.fill(payload)).collect::<Result<String, String>>()?;
        self.bounded(filled)
    }

    fn bounded(&self, filled: String) -> Result<String, String> {
        if filled.len() > FILLED_BYTES_MAX {
            return Err(format!("`{}` becomes longer than {FILLED_BYTES_MAX} bytes", self.text));
        }
        Ok(filled)
    }

    /// The texts for this payload: one, or those of the list that the only placeholder points at.
    pub fn fill_each(&self, payload: &Value) -> Result<Vec<String>, String> {
        let [Part::Value { pointer, changes }] = &self.parts[..] else {
            return Ok(vec![self.fill(payload)?]);
        };
        let Some(Value::Array(items)) = payload.pointer(pointer) else {
            return Ok(vec![self.fill(payload)?]);
        };
        let fill =
            |(index, item)| self.bounded(changed(plain(item, &format!("{pointer}/{index}"))?, changes));
        items.iter().enumerate().map(fill).collect()
    }
}

impl Part {
    fn fill(&self, payload: &Value) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Value { pointer, changes } => {
                let value = payload.pointer(pointer);
                let value = value.ok_or_else(|| format!("the payload has nothing at `{pointer}`"))?;
                Ok(changed(plain(value, pointer)?, changes))
            }
        }
    }

    fn parse(inside: &str) -> Result<Self, TemplateError> {
        let mut parts = inside.split('|');
        let pointer = parts.next().unwrap_or_default();
        if !pointer.starts_with('/') {
            return Err(TemplateError(format!(
                "`{}` is no JSON pointer, which begins with /",
                pointer.escape_debug()
            )));
        }
        let changes = parts.map(|word| match word {
            "last" => Ok(Change::Last),
            "short" => Ok(Change::Short),
            "lower" => Ok(Change::Lower),
            other => {
                let other = other.escape_debug();
                Err(TemplateError(format!(
                    "`{other}` is no change of a value; allowed are last, short and lower"
                )))
            }
        });
        Ok(Self::Value { pointer: pointer.to_owned(), changes: changes.collect::<Result<_, _>>()? })
    }
}

/// A value as text, if it is a single one.
fn plain(value: &Value, pointer: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Err(format!("the payload has null at `{pointer}`")),
        Value::Array(_) => Err(format!("the payload has a list at `{pointer}`, not a single value")),
        Value::Object(_) => Err(format!("the payload has an object at `{pointer}`, not a single value")),
    }
}

fn changed(value: String, changes: &[Change]) -> String {
    changes.iter().fold(value, |value, change| match change {
        Change::Last => value.rsplit('/').next().unwrap_or_default().to_owned(),
        Change::Short => value.chars().take(SHORT_CHARS).collect(),
        Change::Lower => value.to_lowercase(),
    })
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if !(1..=TEMPLATE_BYTES_MAX).contains(&text.len()) || text.contains(char::is_control) {
            let fault =
                format!("the template has not 1 to {TEMPLATE_BYTES_MAX} bytes, or has control characters");
            return Err(TemplateError(fault));
        }
        let unclosed =
            || TemplateError("a placeholder is not closed by `}`; a brace alone is written {{ or }}".into());
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain += &rest[..at];
            let found = &rest[at..];
            if let Some(after) = found.strip_prefix("{{").or_else(|| found.strip_prefix("}}")) {
                plain.push_str(&found[..1]);
                rest = after;
                continue;
            }
            let (inside, after) =
                found.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or_else(unclosed)?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::parse(inside)?);
            rest = after;
        }
        plain += rest;
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fill(template: &str, payload: &Value) -> Result<String, String> {
        template.parse::<Template>().unwrap().fill(payload)
    }

    #[test]
    fn placeholders_are_filled_from_the_payload() {
        let payload = json!({"ref": "refs/tags/V1.2", "after": "0123456789abcdef", "n": 7, "a/b": {"~": true}, "list": [1]});
        for (template, filled) in [
            ("v1", "v1"),
            ("{/ref}", "refs/tags/V1.2"),
            ("r-{/ref|last|lower}-{/n}", "r-v1.2-7"),
            ("{/after|short}", "0123456789ab"),
            ("{/a~1b/~0}", "true"),
            ("{/list/0}", "1"),
            ("{{{/n}}}", "{7}"),
        ] {
            assert_eq!(fill(template, &payload).as_deref(), Ok(filled), "{template}");
        }
        for (template, fault) in [
            ("{/nothing}", "nothing at `/nothing`"),
            ("{/list}", "a list at `/list`"),
            ("{/a~1b}", "an object at"),
        ] {
            assert!(fill(template, &payload).unwrap_err().contains(fault), "{template}");
        }
        assert!(fill("{/long}", &json!({"long": "x".repeat(FILLED_BYTES_MAX + 1)})).is_err());
    }

    #[test]
    fn a_list_is_one_text_each() {
        let payload = json!({"hosts": ["10.0.0.1:80", "10.0.0.2:80"], "one": "10.0.0.3", "odd": ["a", {}]});
        let each = |template: &str| template.parse::<Template>().unwrap().fill_each(&payload);
        assert_eq!(each("{/hosts}").unwrap(), ["10.0.0.1:80", "10.0.0.2:80"]);
        assert_eq!(each("{/one}:80").unwrap(), ["10.0.0.3:80"]);
        assert!(
            "{/a}"
                .parse::<Template>()
                .unwrap()
                .fill_each(&json!({"a": ["x".repeat(FILLED_BYTES_MAX + 1)]}))
                .is_err()
        );
        assert!(each("{/hosts}:80").is_err() && each("{/odd}").unwrap_err().contains("`/odd/1`"));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in [
            "",
            "{",
            "}",
            "a}b",
            "{/a",
            "{a}",
            "{}",
            "{/a|party}",
            "a\nb",
            &"x".repeat(TEMPLATE_BYTES_MAX + 1),
        ] {
            assert!(text.parse::<Template>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_template_is_written_as_it_was_read(text in "[a-z{}/|]{1,20}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert_eq!(template.to_string(), text);
                let _ = template.fill(&json!({"a": 1}));
            }
        }
    }
}
