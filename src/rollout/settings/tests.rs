//! Which settings are taken, and how a refused one is described.

use super::{SETTINGS_BYTES_MAX, Settings};

fn field_of(json: &str) -> String {
    Settings::parse(json.as_bytes()).unwrap_err().field
}

#[test]
fn no_settings_are_the_defaults_and_defaults_are_valid() {
    assert_eq!(Settings::parse(b"{}"), Ok(Settings::default()));
    let json = serde_json::to_vec(&Settings::default()).unwrap();
    assert_eq!(Settings::parse(&json), Ok(Settings::default()));
}

#[test]
fn hosts_are_canonical() {
    let json = br#"{"hosts": ["Shop.Example", "*.Shop.Example", "shop.example", "localhost"]}"#;
    let hosts = Settings::parse(json).unwrap().hosts;
    assert_eq!(hosts, ["*.shop.example", "localhost", "shop.example"]);
}

#[test]
fn an_error_names_the_field() {
    for (json, field) in [
        (r#"{"hosts": ["shop.example:80"]}"#, "hosts"),
        (r#"{"hosts": ["*"]}"#, "hosts"),
        (r#"{"hosts": ["a.*.b"]}"#, "hosts"),
        (r#"{"hosts": ["a..b"]}"#, "hosts"),
        (r#"{"hosts": ["-a"]}"#, "hosts"),
        (r#"{"hosts": ["shop.example", 7]}"#, "hosts[1]"),
        (r#"{"drainseconds": 4000}"#, "drainseconds"),
        (r#"{"drainmaxseconds": 9999999}"#, "drainmaxseconds"),
        (r#"{"drainseconds": -1}"#, "drainseconds"),
        (r#"{"abortseconds": 3601}"#, "abortseconds"),
        (r#"{"pinseconds": 59}"#, "pinseconds"),
        (r#"{"transition": "jump"}"#, "transition"),
        (r#"{"pin": "header:a b"}"#, "pin"),
        (r#"{"cookie": {"name": "a b"}}"#, "cookie.name"),
        (r#"{"cookie": {"name": "a=b"}}"#, "cookie.name"),
        (r#"{"cookie": {"name": ""}}"#, "cookie.name"),
        (r#"{"cookie": {"nam": "x"}}"#, "cookie.nam"),
        (r#"{"cookie": {"samesite": "None"}}"#, "cookie.samesite"),
        (r#"{"cookie": {"samesite": "None", "secure": false}}"#, "cookie.samesite"),
        (r#"{"cookie": {"samesite": "lax"}}"#, "cookie.samesite"),
        (r#"{"cookie": {"partitioned": true}}"#, "cookie.partitioned"),
        (r#"{"cookie": {"name": "__Host-pin"}}"#, "cookie.name"),
        (r#"{"cookie": {"name": "__Host-p", "secure": true, "domain": "a.b"}}"#, "cookie.domain"),
        (r#"{"cookie": {"domain": ".shop.example"}}"#, "cookie.domain"),
        (r#"{"cookie": {"domain": "a; Secure"}}"#, "cookie.domain"),
        (r#"{"cookie": {"domain": "10.0.0.1"}}"#, "cookie.domain"),
        (r#"{"assets": {"paths": ["static/*"]}}"#, "assets.paths"),
        (r#"{"shielding": {"first_byte_ms": 9}}"#, "shielding.first_byte_ms"),
        (r#"{"shielding": {"first_byte_ms": 3600001}}"#, "shielding.first_byte_ms"),
        (r#"{"shielding": {"exclude": ["export/"]}}"#, "shielding.exclude"),
        (r#"{"compression": {"types": ["text"]}}"#, "compression.types"),
        (r#"{"compression": {"types": ["text/html; q=1"]}}"#, "compression.types"),
        (r#"{"compression": {"types": ["Text/Event-Stream"]}}"#, "compression.types"),
        (r#"{"compression": {"min_bytes": 1073741825}}"#, "compression.min_bytes"),
        (r#"{"upstream": "HTTPS"}"#, "upstream"),
        (r#"{"upstream_tls": {"server_name": "shop.example:443"}}"#, "upstream_tls.server_name"),
        (r#"{"upstream_tls": {"ca": ""}}"#, "upstream_tls.ca"),
        (r#"{"upstream_tls": {"ca": "/etc/ssl/ca.pem"}}"#, "upstream_tls.ca"),
        (r#"{"upstream_tls": {"certificate": "../key"}}"#, "upstream_tls.certificate"),
        (r#"{"upstream_tls": {"certificate": ".key"}}"#, "upstream_tls.certificate"),
        (r#"{"upstream": "http", "health": {"grpc": ""}}"#, "health.grpc"),
        (r#"{"upstream": "h2c", "health": {"grpc": "a b"}}"#, "health.grpc"),
        (r#"{"upstream": "h2c", "health": {"grpc": "a", "path": "/"}}"#, "health.grpc"),
        (r#"{"upstream_proxy_protocol": "v3"}"#, "upstream_proxy_protocol"),
        (r#"{"upstream": "h2c", "upstream_proxy_protocol": "v1"}"#, "upstream_proxy_protocol"),
        (r#"{"upstream_tls": {"verify": false}}"#, "upstream_tls.verify"),
        (r#"{"health": {"path": "healthz"}}"#, "health.path"),
        (r#"{"health": {"path": "/a b"}}"#, "health.path"),
        (r#"{"health": {"interval_ms": 99}}"#, "health.interval_ms"),
        (r#"{"health": {"timeout_ms": 2001}}"#, "health.timeout_ms"),
        (r#"{"health": {"status": "2xx"}}"#, "health.status"),
        (r#"{"health": {"fall": 0}}"#, "health.fall"),
        (r#"{"health": {"rise": 101}}"#, "health.rise"),
        (r#"{"shielding": false}"#, "shielding"),
        (r#"{"override": {"header": "a b", "networks": ["10.0.0.0/8"]}}"#, "override.header"),
        (r#"{"override": {"header": "X-Release"}}"#, "override.networks"),
        (r#"{"override": {"networks": ["10.0.0.0/8"]}}"#, "override.header"),
        (r#"{"override": {"header": "X-Release", "networks": ["10.0.0.1/8"]}}"#, "override.networks[0]"),
        (r#"{"ci_blend_max": 101}"#, "ci_blend_max"),
        (r#"{"unheard": 1}"#, "unheard"),
        (r#"{} {}"#, "."),
    ] {
        assert_eq!(field_of(json), field, "{json}");
    }
}

#[test]
fn no_json_is_no_settings() {
    let deep = "[".repeat(100_000);
    let long = " ".repeat(SETTINGS_BYTES_MAX + 1);
    for json in ["", "null", "[]", "7", "{", &deep, &long] {
        assert!(Settings::parse(json.as_bytes()).is_err());
    }
    assert!(Settings::parse(b"\xff\xfe").is_err());
}

#[test]
fn takes_what_belongs_together() {
    for json in [
        r#"{"cookie": {"samesite": "None", "secure": true, "partitioned": true}}"#,
        r#"{"cookie": {"name": "__Host-pin", "secure": true}}"#,
        r#"{"cookie": {"domain": "shop.example"}}"#,
        r#"{"drainseconds": 0, "drainmaxseconds": 0, "abortseconds": 0}"#,
        r#"{"ci_blend_max": 12.5}"#,
        r#"{"override": {"header": "X-Rolling-Release", "networks": ["10.0.0.0/8", "::1"]}}"#,
    ] {
        assert!(Settings::parse(json.as_bytes()).is_ok(), "{json}");
    }
}

fn message(json: &str) -> String {
    Settings::parse(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_wrong_value_is_told_with_field_value_and_what_is_allowed() {
    for (json, told) in [
        (
            r#"{"pinseconds": "1 h"}"#,
            r#"pinseconds: "1 h" is not a whole number of seconds from 60 to 34560000"#,
        ),
        (r#"{"pinseconds": 59}"#, "pinseconds: 59 is not a whole number of seconds from 60 to 34560000"),
        (r#"{"abortseconds": 1e30}"#, "abortseconds: 1e+30 is not a whole number of seconds from 0 to 3600"),
        (r#"{"health": {"fall": -1}}"#, "health.fall: -1 is not a whole number from 1 to 100"),
        (r#"{"transition": {"keep": 1}}"#, r#"transition: {"keep":1} is not `keep` or `navigate`"#),
        (r#"{"cookie": {"secure": "no"}}"#, r#"cookie.secure: "no" is not true, false or null"#),
        (
            r#"{"cookie": 7}"#,
            "cookie: 7 is not an object of name, domain, samesite, partitioned, secure, session",
        ),
        (
            r#"{"shielding": {"of": 1}}"#,
            r#"shielding.of: there is no "of" here; `shielding` has enabled, first_byte_ms, exclude, race_exclude"#,
        ),
        (r#"{"cache": "guard", "cache": "trust"}"#, ".: the setting is given twice; give it once"),
        (r#"{"cookie": {"name": "a", "name": "b"}}"#, "cookie: the setting is given twice; give it once"),
    ] {
        assert_eq!(message(json), told, "{json}");
    }
    let told = message(r#"{"hots": []}"#);
    assert!(
        told.starts_with(r#"hots: there is no setting "hots"; there are hosts, paths, strip_prefix, "#),
        "{told}"
    );
    let told = message(r#"{"override": {"header": "X-R", "networks": ["10.0.0.1/8"]}}"#);
    assert!(told.contains("write 10.0.0.0/8"), "{told}");
    let told = message(&format!(r#"{{"pin": "{}"}}"#, "a".repeat(500)));
    assert!(told.len() < 300 && told.contains("a... is not `cookie`, `address`"), "{told}");
}
