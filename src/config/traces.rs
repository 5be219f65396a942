//! Traces: which collector is sent spans, of how many requests.

use std::path::PathBuf;

use reqwest::Url;

use super::{
    error::ConfigError,
    fault::{Fault, NOT_ALLOWED},
    parsers,
    raw::RawConfig,
    traces_settings::{OTLP_ENDPOINT, OTLP_HEADERS_FILE, OTLP_SAMPLE_RATIO},
};

/// Below the collector's address.
const PATH: &str = "/v1/traces";

/// Which collector is sent spans, of how many requests.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceExport {
    /// Where they are posted.
    pub url: String,
    /// The share of requests, from 0 to 1.
    pub ratio: f64,
    /// The file with the headers of each post.
    pub headers_file: Option<PathBuf>,
}

impl TraceExport {
    /// None: there are no spans.
    pub(super) fn from_raw(raw: &RawConfig) -> Result<Option<Self>, ConfigError> {
        let url = raw.optional(&OTLP_ENDPOINT, url)?;
        let ratio = raw.required(&OTLP_SAMPLE_RATIO, ratio)?;
        let headers_file = raw.optional(&OTLP_HEADERS_FILE, parsers::path)?;
        match (url, headers_file) {
            (Some(url), headers_file) => Ok(Some(Self { url, ratio, headers_file })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ConfigError::Contradiction(
                "`otlp_headers_file` is set, and `otlp_endpoint` is missing: no spans are sent".into(),
            )),
        }
    }
}

fn url(text: &str) -> Result<String, Fault> {
    let mut url = Url::parse(text).map_err(|error| Fault::from(error.to_string()))?;
    let is_signed_in = !url.username().is_empty() || url.password().is_some();
    let is_bare = !is_signed_in && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_bare {
        return Err(NOT_ALLOWED);
    }
    let base = url.path().trim_end_matches('/').to_owned();
    if !base.ends_with(PATH) {
        url.set_path(&format!("{base}{PATH}"));
    }
    Ok(url.into())
}

fn ratio(text: &str) -> Result<f64, Fault> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or(NOT_ALLOWED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_spans_is_added_where_it_is_missing() {
        for (text, expected) in [
            ("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/traces")),
            ("https://collect.example/otlp/", Some("https://collect.example/otlp/v1/traces")),
            ("http://[::1]:4318/v1/traces", Some("http://[::1]:4318/v1/traces")),
            ("http://user:secret@collect.example", None),
            ("http://collect.example/?key=secret", None),
            ("grpc://collect.example:4317", None),
            ("collect.example:4318", None),
        ] {
            assert_eq!(url(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_ratio_is_a_share() {
        for (text, expected) in [("1", Some(1.0)), ("0.25", Some(0.25)), ("0", Some(0.0))] {
            assert_eq!(ratio(text).ok(), expected);
        }
        for text in ["1.01", "-0.1", "NaN", "inf", "50%", ""] {
            assert!(ratio(text).is_err(), "{text}");
        }
    }
}
