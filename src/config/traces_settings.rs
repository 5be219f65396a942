//! The settings about traces, as [`super::setting`] has the others.

use super::setting_form::Setting;

/// Where the collector is.
pub const OTLP_ENDPOINT: Setting = Setting {
    name: "otlp_endpoint",
    placeholder: "URL",
    flag: Some("--otlp-endpoint"),
    environment: &["ROLLING_ROUTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    default: "",
    allowed: "a URL such as http://127.0.0.1:4318, with http or https, without user, query or fragment",
    meaning: "the collector that is sent spans of requests, as JSON by http, at /v1/traces below this; unset: there are no spans",
};

/// How many requests become spans.
pub const OTLP_SAMPLE_RATIO: Setting = Setting {
    name: "otlp_sample_ratio",
    placeholder: "RATIO",
    flag: Some("--otlp-sample-ratio"),
    environment: &["ROLLING_ROUTER_OTLP_SAMPLE_RATIO", "OTEL_TRACES_SAMPLER_ARG"],
    default: "1",
    allowed: "a number from 0 to 1, such as 0.01; counts where `otlp_endpoint` is set",
    meaning: "the share of requests that become spans, except where a trusted proxy has decided",
};

/// What the collector wants beside them.
pub const OTLP_HEADERS_FILE: Setting = Setting {
    name: "otlp_headers_file",
    placeholder: "FILE",
    flag: Some("--otlp-headers-file"),
    environment: &["ROLLING_ROUTER_OTLP_HEADERS_FILE"],
    default: "",
    allowed: "a file with one `Name: value` per line, which its owner alone may change; needs `otlp_endpoint`",
    meaning: "the headers that go with them, such as a key; read again for each post",
};
