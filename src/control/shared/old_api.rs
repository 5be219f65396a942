//! The words of the old API, in which the scripts of the systems before this one are answered: plain ASCII, and errors as
//! `{"errors": [{"message": ...}]}`, whoever refuses.
//!
//! Old scripts compare `.deployment.current_state` with `.deployment.desired_state`, and to jq two that are missing are equal.
//! So an error has both, and they differ: what failed never reads as healthy.

use std::fmt::Write as _;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use serde::Serialize;

use crate::schema::{
    error::ErrorDetail,
    old_api::{OldError, OldErrors, OldStates},
};

/// Where the old API is.
const ROOT: &str = "/api/v2";

/// Whether a path is one of the old API's.
pub fn is_old_api(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An answer as JSON in plain ASCII. As the old system did, it escapes also what HTML would read as markup.
pub fn ascii(answer: &impl Serialize) -> String {
    // Texts and numbers have a JSON form.
    let text = serde_json::to_string(answer).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    // All of these stand inside strings, since JSON has none of them elsewhere.
    for c in text.chars() {
        if c.is_ascii() && !matches!(c, '<' | '>' | '&' | '\u{7f}') {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// A refusal in the words of the old API; any other answer as it is.
pub fn with_old_errors(response: Response) -> Response {
    let Some(error) = response.extensions().get::<ErrorDetail>() else { return response };
    let named = error.field.as_deref().filter(|field| !error.message.contains(*field));
    let message = match named {
        Some(field) => format!("{field}: {}", error.message),
        None => error.message.clone(),
    };
    let errors = vec![OldError { message, code: error.code.clone() }];
    let body = OldErrors { errors, deployment: OldStates { desired_state: 1, current_state: 0 } };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(ascii(&body)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn answers_are_plain_ascii_and_mean_the_same() {
        let value = json!({ "name": "Gr\u{fc}n & <b>\u{1f680}\u{7f}\n\"" });
        let text = ascii(&value);
        assert!(text.is_ascii() && !text.contains(['&', '<', '>', '\u{7f}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn only_paths_of_the_old_api_are_answered_in_its_words() {
        assert!(is_old_api("/api/v2/deployments/") && is_old_api("/api/v2"));
        assert!(!is_old_api("/api/v1/apps") && !is_old_api("/api/v22/x") && !is_old_api("/v2/deployments"));
    }
}
