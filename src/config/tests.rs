//! What a configuration means, and what is said when it cannot.

use std::{path::Path, time::Duration};

use super::{
    Config, ConfigError, LogDestination, RawConfig, StoreAddress,
    setting::{self, Setting},
};
use crate::limits::Limits;

fn toml(text: &str) -> Result<RawConfig, ConfigError> {
    RawConfig::from_toml(Path::new("router.toml"), text)
}

fn environment(pairs: &[(&str, &str)]) -> Result<RawConfig, ConfigError> {
    let found = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    RawConfig::from_environment(&found)
}

fn flags(pairs: &[(&'static Setting, &str)]) -> RawConfig {
    let mut raw = RawConfig::default();
    for (setting, text) in pairs {
        raw.set_flag(setting, *text);
    }
    raw
}

fn refused(raw: RawConfig) -> String {
    Config::from_raw(&raw).expect_err("it should have been refused").to_string()
}

#[test]
fn a_router_without_settings_serves_at_once() {
    let config = Config::default();
    assert_eq!(config.listen, ["0.0.0.0:80".parse().unwrap()]);
    assert_eq!(config.admin, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(config.store.url(), "embedded:./rolling-router-state/keyvalues.redb");
    assert_eq!(config.state.as_deref(), Some(Path::new("./rolling-router-state")));
    assert_eq!(config.token_file.as_deref(), Some(Path::new("./rolling-router-state/tokens")));
    assert_eq!(config.access_log, LogDestination::Off);
    assert!(config.loopback_endpoints);
}

#[test]
fn flags_count_before_environment_before_file_before_defaults() {
    let file = toml("workers = 1\nadmin = '127.0.0.1:1'\nlisten = ['127.0.0.1:1', '[::1]:1']\n").unwrap();
    let environment =
        environment(&[("ROLLING_ROUTER_WORKERS", "2"), ("ROLLING_ROUTER_ADMIN", "127.0.0.1:2")]).unwrap();
    let flags = flags(&[(&setting::WORKERS, "3")]);
    let config = Config::from_raw(&flags.over(environment).over(file)).unwrap();
    assert_eq!((config.workers.get(), config.admin.port(), config.listen.len()), (3, 2, 2));
    assert_eq!(config.grace, Duration::from_secs(2));
}

#[test]
fn every_setting_can_be_given_in_every_way_it_promises() {
    for setting in setting::ALL {
        let names = setting.environment.iter();
        assert!(names.clone().any(|name| *name == format!("ROLLING_ROUTER_{}", setting.name.to_uppercase())));
        for name in names {
            assert!(environment(&[(name, "x")]).unwrap().get(setting).is_some(), "{name}");
        }
        match setting.flag {
            Some(flag) => {
                assert_eq!(flag, format!("--{}", setting.name.replace('_', "-")));
                assert!(toml(&format!("{} = 'x'", setting.name)).unwrap().get(setting).is_some());
            }
            None => assert!(toml(&format!("{} = 'x'", setting.name)).is_err()),
        }
    }
}

#[test]
fn the_old_images_environment_is_understood() {
    let raw = environment(&[
        ("KV_IP", "172.17.0.1"),
        ("KV_PORT", "9109"),
        ("APP_NAME", "docker-hello-world"),
        ("OCCS_API_TOKEN", "0123456789abcdef"),
    ]);
    let config = Config::from_raw(&raw.unwrap()).unwrap();
    assert_eq!(config.store.url(), "http://:0123456789abcdef@172.17.0.1:9109");
    assert_eq!(config.store.to_string(), "http://172.17.0.1:9109");
    assert_eq!(config.app.unwrap().as_str(), "docker-hello-world");
    assert_eq!(config.token.unwrap().expose(), "0123456789abcdef");
    assert_eq!(config.state.as_deref(), Some(Path::new("./rolling-router-state")));
    let both = environment(&[("KV_IP", "10.0.0.1"), ("KV_PORT", "1"), ("ROLLING_ROUTER_STORE", "memory")]);
    assert_eq!(Config::from_raw(&both.unwrap()).unwrap().store, StoreAddress::Memory);
    assert!(environment(&[("KV_IP", "10.0.0.1")]).unwrap_err().to_string().contains("KV_PORT"));
}

#[test]
fn an_empty_variable_is_not_set() {
    let config =
        Config::from_raw(&environment(&[("ROLLING_ROUTER_APP", ""), ("KV_IP", "")]).unwrap()).unwrap();
    assert_eq!(config.app, None);
}

#[test]
fn memory_keeps_nothing_unless_it_is_told_where() {
    let config = Config::from_raw(&flags(&[(&setting::STORE, "memory")])).unwrap();
    assert_eq!((config.state, config.token_file), (None, None));
    let told = flags(&[(&setting::STORE, "memory"), (&setting::STATE, "/s")]);
    assert_eq!(Config::from_raw(&told).unwrap().token_file.as_deref(), Some(Path::new("/s/tokens")));
}

#[test]
fn an_error_says_where_what_and_what_is_allowed() {
    let error = refused(flags(&[(&setting::WORKERS, "0")]));
    assert_eq!(
        error,
        "--workers is `0`, which is not allowed\n  allowed: `auto` (one per core) or a number from 1 to 512"
    );
    let error = refused(environment(&[("ROLLING_ROUTER_LISTEN", "80,nowhere:80")]).unwrap());
    assert!(
        error.starts_with("ROLLING_ROUTER_LISTEN (environment) is `80,nowhere:80`: `nowhere`"),
        "{error}"
    );
    let error = refused(toml("grace_seconds = 'soon'").unwrap());
    assert!(error.starts_with("`grace_seconds` in router.toml is `soon`"), "{error}");
}

#[test]
fn an_error_shows_no_secret() {
    let error = refused(flags(&[(&setting::STORE, "mongo://user:hunter2@h")]));
    assert!(!error.contains("hunter2") && error.contains("embedded:FILE"), "{error}");
    let error = refused(environment(&[("OCCS_API_TOKEN", "hunter2")]).unwrap());
    assert!(!error.contains("hunter2"), "{error}");
    for text in [
        "store = 'redis://:hunter2@h",
        "workers = 1\nstore = \"redis://:hunter2@h\" x",
        "store = { url = 'redis://:hunter2@h' }",
        "stor = 'redis://:hunter2@h'",
        "store = ['redis://:hunter2@h', 1]",
        "store = 'redis://:hunter2@h'\nstore = 'redis://:hunter2@h'",
    ] {
        let error = toml(text).map_or_else(|error| chain(&error), refused);
        assert!(!error.contains("hunter2"), "{text}: {error}");
    }
    let error = toml("workers = 1\nstore = 'redis://:hunter2@h").unwrap_err().to_string();
    assert!(error.starts_with("router.toml is not valid TOML: line 2: "), "{error}");
    let raw = environment(&[("OCCS_API_TOKEN", "hunter2-hunter2")]).unwrap();
    assert!(!format!("{raw:?} {:?}", Config::from_raw(&raw).unwrap()).contains("hunter2"));
}

/// An error with all that caused it, as it is printed.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

#[test]
fn the_address_of_the_store_may_stand_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let file = path.display().to_string();
    let with = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::from_raw(&flags(&[(&setting::STORE_FILE, &file)]))
    };
    let config = with("\nredis://:hunter2@h:6379/0\n").unwrap();
    assert_eq!(config.store.url(), "redis://:hunter2@h:6379/0");
    assert!(!format!("{config:?}").contains("hunter2"));
    for text in ["", "hunter2", "memory\nredis://:hunter2@h", "mongo://:hunter2@h"] {
        let error = chain(&with(text).unwrap_err());
        assert!(error.contains(&file) && !error.contains("hunter2"), "{error}");
    }
    with("memory").unwrap();
    let both = flags(&[(&setting::STORE_FILE, &file), (&setting::STORE, "memory")]);
    assert!(refused(both).contains("`store` and `store_file` are both given"));
    let environment =
        environment(&[("ROLLING_ROUTER_STORE", "redis://h"), ("KV_IP", "h"), ("KV_PORT", "1")]).unwrap();
    let above = flags(&[(&setting::STORE_FILE, &file)]).over(environment.clone());
    assert_eq!(Config::from_raw(&above).unwrap().store, StoreAddress::Memory);
    let below = toml(&format!("store_file = '{file}'")).unwrap();
    assert_eq!(Config::from_raw(&environment.over(below)).unwrap().store.url(), "redis://h");
    let shown = Config::from_raw(&flags(&[(&setting::STORE, "redis://:hunter2@h")])).unwrap();
    assert!(shown.warnings[0].contains("--store-file") && !shown.warnings[0].contains("hunter2"));
}

#[test]
fn a_misspelt_setting_is_told_its_name() {
    let error = toml("worker = 1").unwrap_err().to_string();
    assert_eq!(error, "router.toml: there is no setting `worker`; did you mean `workers`?");
    let error = toml("access-log = 'off'").unwrap_err().to_string();
    assert!(error.ends_with("did you mean `access_log`?"), "{error}");
    let error = toml("colour = 'red'").unwrap_err().to_string();
    assert!(
        ["admin, admin_tls, admin_base", "hooks_listen, store"].iter().all(|names| error.contains(names)),
        "{error}"
    );
    let error = toml("workers = true").unwrap_err().to_string();
    assert!(error.starts_with("`workers` in router.toml is `true`"), "{error}");
}

#[test]
fn front_and_admin_need_ports_of_their_own() {
    let error = refused(flags(&[(&setting::LISTEN, "8080")]));
    assert!(error.contains("0.0.0.0:8080"), "{error}");
    assert!(error.contains("`listen`") && error.contains("`admin`"), "{error}");
    let apart = flags(&[(&setting::LISTEN, "127.0.0.1:8080"), (&setting::ADMIN, "127.0.0.2:8080")]);
    assert!(Config::from_raw(&apart).is_ok());
    let any = flags(&[(&setting::LISTEN, "127.0.0.1:0"), (&setting::ADMIN, "127.0.0.1:0")]);
    assert!(Config::from_raw(&any).is_ok());
}

#[test]
fn the_redirect_names_a_port_and_needs_somebody_who_serves_https() {
    let redirect =
        |text| flags(&[(&setting::HTTPS_REDIRECT, text), (&setting::TRUSTED_NETWORKS, "10.0.0.0/8")]);
    for (text, port) in [("off", None), ("on", Some(443)), ("8443", Some(8443))] {
        assert_eq!(Config::from_raw(&redirect(text)).unwrap().https_redirect, port, "{text}");
    }
    assert!(refused(redirect("0")).starts_with("--https-redirect is `0`, which is not allowed\n"));
    assert!(refused(flags(&[(&setting::HTTPS_REDIRECT, "on")])).contains("`listen_tls`"));
}

#[test]
fn the_keyvalues_file_must_be_there() {
    let error = refused(flags(&[(&setting::KEYVALUES, "/nowhere/kv.json")]));
    assert!(error.contains("/nowhere/kv.json"), "{error}");
}

#[test]
fn limits_are_a_table_of_the_file() {
    let config = Config::from_raw(&toml("workers = 1\n[limits]\nidle_ms = 5000\n").unwrap()).unwrap();
    assert_eq!((config.limits.idle_ms, config.limits.header_bytes_max), (5_000, 16 * 1024));
    let error = refused(toml("[limits]\nidle_seconds = 5\n").unwrap());
    assert!(error.starts_with("router.toml: limits: unknown field `idle_seconds`"), "{error}");
    let error = refused(toml("[limits]\nidle_ms = 1\n").unwrap());
    assert_eq!(error, "router.toml: limits.idle_ms is 1; allowed: 100 ms to a day");
    for (toml_text, told) in [
        ("idle_ms = -5", "router.toml: limits.idle_ms is -5; allowed: 100 ms to a day"),
        (
            "endpoint_queue_max = 'many'",
            "router.toml: limits.endpoint_queue_max is \"many\"; allowed: a whole number, 0 or more",
        ),
        (
            "endpoint_queue_max = 5_000_000_000",
            "router.toml: limits.endpoint_queue_max is 5000000000; allowed: a whole number from 0 to 4294967295",
        ),
    ] {
        assert_eq!(refused(toml(&format!("[limits]\n{toml_text}\n")).unwrap()), told);
    }
}

#[test]
fn the_health_path_of_the_front_is_a_plain_path() {
    let path = |text| flags(&[(&setting::FRONT_HEALTH_PATH, text)]);
    let read = |text| Config::from_raw(&path(text)).unwrap().front_health_path;
    assert_eq!(read("/router-health"), Some("/router-health".into()));
    assert_eq!(Config::from_raw(&flags(&[])).unwrap().front_health_path, None);
    for text in [
        "/",
        "health",
        "/a?b",
        "/a b",
        "/a%62",
        "/ä",
        "http://a/b",
        "/_rolling/preview",
        &format!("/{}", "a".repeat(256)),
    ] {
        let error = refused(path(text));
        assert!(
            error.starts_with(&format!("--front-health-path is `{text}`, which is not allowed\n")),
            "{error}"
        );
    }
}

#[test]
fn the_base_of_the_admin_port_is_a_path_that_it_does_not_serve_itself() {
    let base = |text| flags(&[(&setting::ADMIN_BASE, text)]);
    for text in ["/release", "/ops/release-1.0", "/apis", "/API"] {
        assert_eq!(Config::from_raw(&base(text)).unwrap().admin_base.as_deref(), Some(text));
    }
    assert_eq!(Config::from_raw(&flags(&[])).unwrap().admin_base, None);
    for text in [
        "/",
        "release",
        "/release/",
        "//release",
        "/a/../b",
        "/a?b",
        "/a b",
        "/a%62",
        "/api",
        "/ui/x",
        "/metrics",
    ] {
        assert!(
            refused(base(text)).starts_with(&format!("--admin-base is `{text}`, which is not allowed\n"))
        );
    }
}

#[test]
fn the_settings_page_documents_every_setting() {
    let page = include_str!("../../docs/settings.md");
    for setting in setting::ALL {
        let default = match setting.default {
            "" => "none".into(),
            default => format!("`{default}`"),
        };
        let allowed = setting.allowed.replace('|', "\\|");
        let row = format!("| `{}` | {default} | {} | {allowed} |", setting.name, setting.meaning);
        assert!(page.contains(&row), "docs/settings.md lacks the row\n{row}");
        let changelog = include_str!("../../CHANGELOG.md");
        assert!(changelog.contains(&format!("`{}`", setting.name)), "CHANGELOG.md lacks {}", setting.name);
    }
}

#[test]
fn the_settings_page_documents_every_limit() {
    let page = include_str!("../../docs/settings.md");
    let shown = format!("{:?}", Limits::default());
    let fields = shown.trim_start_matches("Limits { ").trim_end_matches(" }").split(", ");
    let fields: Vec<(&str, &str)> = fields.filter_map(|field| field.split_once(": ")).collect();
    assert!(fields.len() > 20, "{shown}");
    for (name, default) in fields {
        let rows = page.lines().find_map(|line| line.strip_prefix(&format!("| `{name}` | ")));
        let row = rows.unwrap_or_else(|| panic!("docs/settings.md lacks a row for the limit `{name}`"));
        let said = row.split(' ').next().unwrap_or_default().replace(',', "");
        assert_eq!(said, default, "docs/settings.md, the default of `{name}`");
    }
}
