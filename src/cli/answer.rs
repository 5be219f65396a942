//! What was answered to a request: a router's answer, a router's refusal, or something that is no router at all.

use http::StatusCode;
use serde::de::DeserializeOwned;

use serde_json::{Map, Value};

use super::exit::{Exit, Failure};
use crate::{
    printable::{escaped, escaped_json, escaped_lines},
    schema::error::ErrorAnswer,
};

/// How much of an answer that is no router's is shown: enough to recognise whose it is.
const EXCERPT_CHARS_MAX: usize = 60;

/// The field that holds lines, which are shown as lines: what a container said last.
const LINES: &str = "last_words";

/// An answer, with a status below 300 once it is [checked](Self::check).
#[derive(Debug)]
pub(super) struct Answer {
    /// Who answered: scheme, host and port.
    pub(super) from: String,
    pub(super) status: u16,
    /// The Content-Type, or nothing.
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer, if it is a router's and no refusal.
    pub(super) fn check(self, signed_in: bool) -> Result<Self, Failure> {
        if self.status >= 300 {
            return Err(self.refusal(signed_in));
        }
        // A router has nothing to say about a keyvalue that does not exist.
        if self.is_json() || self.body.is_empty() { Ok(self) } else { Err(self.foreign(Exit::Unreachable)) }
    }

    /// The body as what it should be, for a person to read. In every text of it, stored ones above all, hidden characters
    /// are escaped (line ends too, but in what a container said last), so that none is acted on or forges a line wherever it is printed.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let value: Value = self.read_exact()?;
        serde_json::from_value(shown(value)).map_err(|error| self.unknown(&error))
    }

    /// The body as what it should be, for a program: a file, another request.
    pub(super) fn read_exact<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| self.unknown(&error))
    }

    /// JSON that is not of this version.
    fn unknown(&self, error: &serde_json::Error) -> Failure {
        let Self { from, .. } = self;
        let message = format!("{from} answered JSON that this version cannot read: {error}");
        // It answers the same when it is asked again.
        Failure::new(Exit::Refused, message)
    }

    /// The body as text. What a terminal would act on is written as JSON writes it.
    pub(super) fn text(&self) -> String {
        escaped_json(String::from_utf8_lossy(&self.body).trim_end()).into_owned()
    }

    fn is_json(&self) -> bool {
        let essence = self.media_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    }

    /// What a router refused, in its words.
    pub(super) fn refusal(&self, signed_in: bool) -> Failure {
        let exit = Exit::of_status(self.status);
        let Ok(ErrorAnswer { error }) = self.read() else { return self.foreign(exit) };
        // A full disk may be mended meanwhile; a limit stays until something is removed.
        let exit = if error.code == "quota" { Exit::Refused } else { exit };
        let message = match error.field {
            Some(field) if !error.message.contains(&field) => format!("{field}: {}", error.message),
            _ => error.message,
        };
        let hint = match self.status {
            401 if !signed_in => {
                "\n  give a token: --token-file FILE, or ROLLING_ROUTER_TOKEN in the environment"
            }
            412 => "\n  somebody else was first: look at `rolling-router status` and repeat",
            _ => "",
        };
        Failure {
            exit,
            message: format!("{message}{hint}"),
            json: Some(self.text()),
            status: Some(self.status),
        }
    }

    /// Whoever answered is no router. What it sent is shown as far as it tells who it is, with nothing in it that a
    /// terminal would act on.
    fn foreign(&self, exit: Exit) -> Failure {
        let status = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let status = format!("{} {}", self.status, status.unwrap_or_default());
        let media_type = match self.media_type.as_str() {
            "" => "no content type".to_owned(),
            some => excerpt(some),
        };
        let text = String::from_utf8_lossy(&self.body).trim_end().to_owned();
        let body =
            if text.is_empty() { "an empty body".to_owned() } else { format!("\"{}\"", excerpt(&text)) };
        let message = format!(
            "{} is not a rolling-router: it answered {}, {media_type}, {body}\n  \
             is --admin (ROLLING_ROUTER_ADMIN_URL) the router's admin port?",
            self.from,
            status.trim_end()
        );
        Failure::new(exit, message)
    }
}

/// A value whose texts can be shown.
fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(shown).collect()),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| match value {
                Value::String(text) if name == LINES => (name, escaped_lines(&text).into_owned().into()),
                value => (escaped(&name).into_owned(), shown(value)),
            };
            Value::Object(fields.into_iter().map(field).collect::<Map<String, Value>>())
        }
        other => other,
    }
}

/// The beginning of a text, escaped.
fn excerpt(text: &str) -> String {
    let shown: String = text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().count() > EXCERPT_CHARS_MAX { shown + "..." } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, media_type: &str, body: &str) -> Answer {
        let from = "http://127.0.0.1:8080".to_owned();
        Answer { from, status, media_type: media_type.to_owned(), body: body.into() }
    }

    fn failure(status: u16, media_type: &str, body: &str) -> Failure {
        answer(status, media_type, body).check(true).unwrap_err()
    }

    #[test]
    fn a_refusal_is_told_in_the_routers_words() {
        let json = "application/json";
        let body = r#"{"error":{"code":"no_candidate","message":"there is no candidate"}}"#;
        let refused = failure(409, json, body);
        assert_eq!((refused.exit, refused.message.as_str()), (Exit::Refused, "there is no candidate"));
        assert_eq!(refused.json.as_deref(), Some(body));
        let refused =
            failure(422, json, r#"{"error":{"code":"value","field":"seconds","message":"0 is not 1 to 9"}}"#);
        assert_eq!(refused.message, "seconds: 0 is not 1 to 9");
        for (code, exit) in [("quota", Exit::Refused), ("disk", Exit::Unreachable)] {
            let full = failure(507, json, &format!(r#"{{"error":{{"code":"{code}","message":"full"}}}}"#));
            assert_eq!(full.exit, exit, "{code}");
        }
    }

    /// The page of whatever stood at the address was printed as it came, all of it.
    #[test]
    fn what_is_no_router_is_named_and_not_repeated() {
        let page = format!("<html>\x1b[2J\n{}", "x".repeat(5_000));
        let foreign = failure(403, "text/html; charset=utf-8", &page);
        assert_eq!((foreign.exit, &foreign.json), (Exit::Unauthorised, &None));
        let expected = format!(
            "http://127.0.0.1:8080 is not a rolling-router: it answered 403 Forbidden, text/html; charset=utf-8, \
             \"<html>\\u{{1b}}[2J\\n{}...\"\n  is --admin (ROLLING_ROUTER_ADMIN_URL) the router's admin port?",
            "x".repeat(49)
        );
        assert_eq!(foreign.message, expected);
        let foreign = failure(200, "text/html", "<html>");
        assert_eq!(foreign.exit, Exit::Unreachable);
        assert!(foreign.message.contains("it answered 200 OK, text/html, \"<html>\""), "{}", foreign.message);
        let foreign = failure(502, "", "");
        assert_eq!(foreign.exit, Exit::Unreachable);
        assert!(foreign.message.contains("502 Bad Gateway, no content type, an empty body"));
        let json = failure(404, "application/json", r#"{"message":"no Route matched"}"#);
        assert!(json.exit == Exit::Refused && json.message.contains("is not a rolling-router"));
    }

    #[test]
    fn stored_texts_are_shown_and_not_acted_on() {
        let body = r#"{"events":[{"reason":"ok\u001b]0;root\u0007\nforged by root","\u202ea":"\u009b2J"}]}"#;
        let answer = answer(200, "application/json", body);
        let shown: Value = answer.read().unwrap();
        assert_eq!(shown["events"][0]["reason"], "ok\\u{1b}]0;root\\u{7}\\nforged by root");
        assert_eq!(shown["events"][0]["\\u{202e}a"], "\\u{9b}2J");
        let exact: Value = answer.read_exact().unwrap();
        assert_eq!(exact["events"][0]["reason"], "ok\u{1b}]0;root\u{7}\nforged by root");
        assert_eq!(serde_json::from_str::<Value>(&answer.text()).unwrap(), exact);
        let locked = r#"{"error":{"code":"locked","message":"locked: \u001b[2J\u202e"}}"#;
        assert_eq!(failure(423, "application/json", locked).message, "locked: \\u{1b}[2J\\u{202e}");
    }

    #[test]
    fn an_answer_is_json_or_empty() {
        assert!(answer(200, "application/json", "{}").check(false).is_ok());
        assert!(answer(200, "text/plain; charset=utf-8", "").check(false).is_ok());
        let odd = answer(200, "application/json", "[]").read::<ErrorAnswer>().unwrap_err();
        assert!(odd.message.starts_with("http://127.0.0.1:8080 answered JSON that"), "{}", odd.message);
    }
}
