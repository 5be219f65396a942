//! The settings: one row for each, with its three spellings, default, and what is allowed.
//!
//! The defaults are texts that go through the same parser as a user's, so this table is also the documentation
//! (`docs/settings.md` and `--help` are tested against it).

pub use super::setting_form::Setting;
use super::{
    acme_settings as acme, endpoint_settings as endpoints, setting_form::SWITCH, sso_settings as sso,
    traces_settings as traces,
};

/// Where end users come in.
pub const LISTEN: Setting = Setting {
    name: "listen",
    placeholder: "ADDR,...",
    flag: Some("--listen"),
    environment: &["ROLLING_ROUTER_LISTEN"],
    default: "0.0.0.0:80",
    allowed: "one or more of `ip:port`, `[ipv6]:port`, `localhost:port`, a port alone or `unix:/path`, separated by commas",
    meaning: "the front port: where end users come in",
};

/// Where end users come in over TLS.
pub const LISTEN_TLS: Setting = Setting {
    name: "listen_tls",
    placeholder: "ADDR,...",
    flag: Some("--listen-tls"),
    environment: &["ROLLING_ROUTER_LISTEN_TLS"],
    default: "",
    allowed: "as for `listen`, such as 443; needs `tls_certificate` and `tls_key`, or `acme_directory`",
    meaning: "where end users come in over TLS (1.2 and 1.3; HTTP/2 where the client offers it)",
};

/// The certificates.
pub const TLS_CERTIFICATE: Setting = Setting {
    name: "tls_certificate",
    placeholder: "FILE,...",
    flag: Some("--tls-certificate"),
    environment: &["ROLLING_ROUTER_TLS_CERTIFICATE"],
    default: "",
    allowed: "one or more PEM files, separated by commas: in each the certificate, then the intermediate ones",
    meaning: "the certificates of `listen_tls` and `admin_tls`; the name that a client asks for picks; read again on change and on SIGHUP",
};

/// Their keys.
pub const TLS_KEY: Setting = Setting {
    name: "tls_key",
    placeholder: "FILE,...",
    flag: Some("--tls-key"),
    environment: &["ROLLING_ROUTER_TLS_KEY"],
    default: "",
    allowed: "as many PEM files, in the same order: the private key (PKCS #8, SEC1 or PKCS #1), not encrypted",
    meaning: "the private keys of `tls_certificate`; read again with them",
};

/// Whether plain http is sent to https.
pub const HTTPS_REDIRECT: Setting = Setting {
    name: "https_redirect",
    placeholder: "off|on|PORT",
    flag: Some("--https-redirect"),
    environment: &["ROLLING_ROUTER_HTTPS_REDIRECT"],
    default: "off",
    allowed: "`off`, `on`, or the port under which clients reach https if it is not 443",
    meaning: "answer plain http with a redirect to https, and make pins `Secure`",
};

/// Where balancers ask whether to send end users here.
pub const FRONT_HEALTH_PATH: Setting = Setting {
    name: "front_health_path",
    placeholder: "PATH",
    flag: Some("--front-health-path"),
    environment: &["ROLLING_ROUTER_FRONT_HEALTH_PATH"],
    default: "",
    allowed: "`/` and 1 to 255 letters, digits, `-`, `.`, `_`, `~` and `/`, such as /router-health; not /_rolling/preview",
    meaning: "a path of the front port that answers 200 or 503 as `/readyz` does, under any Host and method; no app sees it",
};

/// Where the GUI and the API are.
pub const ADMIN: Setting = Setting {
    name: "admin",
    placeholder: "ADDR",
    flag: Some("--admin"),
    environment: &["ROLLING_ROUTER_ADMIN"],
    default: "0.0.0.0:8080",
    allowed: "one `ip:port`, `[ipv6]:port`, `localhost:port` or a port alone",
    meaning: "the admin port: GUI, API, health and metrics",
};

/// Where senders deliver to hooks in, and nothing else is.
pub const HOOKS_LISTEN: Setting = Setting {
    name: "hooks_listen",
    placeholder: "ADDR",
    flag: Some("--hooks-listen"),
    environment: &["ROLLING_ROUTER_HOOKS_LISTEN"],
    default: "",
    allowed: "as for `admin`",
    meaning: "a port that has nothing but /hooks/in, for senders that must not reach the admin port; https where `admin_tls` is on",
};

/// Whether that port speaks https.
pub const ADMIN_TLS: Setting = Setting {
    name: "admin_tls",
    placeholder: SWITCH,
    flag: Some("--admin-tls"),
    environment: &["ROLLING_ROUTER_ADMIN_TLS"],
    default: "off",
    allowed: "`off` or `on`; `on` needs `tls_certificate` and `tls_key`",
    meaning: "whether the admin port speaks https, and nothing else, with the certificates of `tls_certificate`",
};

/// Below which path of another proxy the admin port is reached.
pub const ADMIN_BASE: Setting = Setting {
    name: "admin_base",
    placeholder: "PATH",
    flag: Some("--admin-base"),
    environment: &["ROLLING_ROUTER_ADMIN_BASE"],
    default: "",
    allowed: "a path such as /release, without `/` at the end: letters, digits, `-`, `.`, `_`, `~`; none that the port has itself, \
              such as /api",
    meaning: "the path below which another proxy shows GUI and API, whether it passes the path on or takes it off",
};

/// The key-value store.
pub const STORE: Setting = Setting {
    name: "store",
    placeholder: "STORE",
    flag: Some("--store"),
    environment: &["ROLLING_ROUTER_STORE"],
    default: "embedded:./rolling-router-state/keyvalues.redb",
    allowed: "`memory`, `embedded:FILE`, `redis://HOST`, `redis+sentinel://HOST,HOST/NAME`, `etcd://HOST` or `http://HOST` \
              (`rediss://`, `rediss+sentinel://`, `etcds://`, `https://` with TLS)",
    meaning: "the key-value store that holds releases and rollouts",
};

/// The key-value store, where its address holds a password.
pub const STORE_FILE: Setting = Setting {
    name: "store_file",
    placeholder: "FILE",
    flag: Some("--store-file"),
    environment: &["ROLLING_ROUTER_STORE_FILE"],
    default: "",
    allowed: "a file whose first line is an address as for `store`; give either of the two",
    meaning: "where the address of the store is written, so that no password stands in a process list or a description of a container",
};

/// What encrypts the secrets of the store.
pub const SECRETS_KEY_FILE: Setting = Setting {
    name: "secrets_key_file",
    placeholder: "FILE",
    flag: Some("--secrets-key-file"),
    environment: &["ROLLING_ROUTER_SECRETS_KEY_FILE"],
    default: "",
    allowed: "a file with one `ID:BASE64` per line, the base64 of 32 random bytes, the newest key first",
    meaning: "the keys that encrypt pin keys and other secrets in the store; read again when it changes; unset: they are stored as they are",
};

/// What a new store starts with.
pub const KEYVALUES: Setting = Setting {
    name: "keyvalues",
    placeholder: "FILE",
    flag: Some("--keyvalues"),
    environment: &["ROLLING_ROUTER_KEYVALUES"],
    default: "",
    allowed: "a file holding one JSON object of keys to strings, such as {\"rolling/hello/blendpercent\": \"0\"}",
    meaning: "what to put into a store that has no `rolling/null` yet",
};

/// The app for unknown hosts.
pub const APP: Setting = Setting {
    name: "app",
    placeholder: "NAME",
    flag: Some("--app"),
    environment: &["ROLLING_ROUTER_APP", "APP_NAME"],
    default: "",
    allowed: "a letter or digit, then at most 62 of letters, digits, `.`, `_` and `-`; not `null` or `router`",
    meaning: "the app that serves hosts no app has claimed; unset: the stored one (`app default`)",
};

/// Who may do what on the admin port.
pub const TOKEN_FILE: Setting = Setting {
    name: "token_file",
    placeholder: "FILE",
    flag: Some("--token-file"),
    environment: &["ROLLING_ROUTER_TOKEN_FILE"],
    default: "",
    allowed: "a file with one `TOKEN [NAME viewer|ci|operator|admin|router]` per line",
    meaning: "the tokens of the admin port; read again when it changes; made with one fresh admin token if missing; \
              unset: `tokens` in the state directory",
};

/// One more token.
pub const TOKEN: Setting = Setting {
    name: "token",
    placeholder: "TOKEN",
    flag: None,
    environment: &["ROLLING_ROUTER_TOKEN", "OCCS_API_TOKEN"],
    default: "",
    allowed: "8 to 512 visible ASCII characters without blanks",
    meaning: "one admin token beside those of the token file",
};

/// Where the router keeps what is its own.
pub const STATE: Setting = Setting {
    name: "state",
    placeholder: "DIR",
    flag: Some("--state"),
    environment: &["ROLLING_ROUTER_STATE"],
    default: "",
    allowed: "a directory; it is made if missing, and one process at a time may use it",
    meaning: "node id, last good routing table, pin keys; unset: the folder of the embedded store, else \
              `./rolling-router-state`, and none with `memory`",
};

/// What people call this router.
pub const NODE: Setting = Setting {
    name: "node",
    placeholder: "NAME",
    flag: Some("--node"),
    environment: &["ROLLING_ROUTER_NODE"],
    default: "",
    allowed: "a letter or digit, then at most 62 of letters, digits, `.`, `_` and `-`",
    meaning: "what this router is called among the members of its fleet; unset: its node id",
};

/// When a silent member is presumed gone.
pub const MEMBER_GONE_SECONDS: Setting = Setting {
    name: "member_gone_seconds",
    placeholder: "N",
    flag: Some("--member-gone-seconds"),
    environment: &["ROLLING_ROUTER_MEMBER_GONE_SECONDS"],
    default: "900",
    allowed: "a whole number of seconds from 1 to 2592000 (30 days), of which fewer than 4 count as 4, or 0: never",
    meaning: "after how much silence another router of the fleet is presumed gone, so that `--wait fleet` leaves it out",
};

/// How many threads serve end users.
pub const WORKERS: Setting = Setting {
    name: "workers",
    placeholder: "N",
    flag: Some("--workers"),
    environment: &["ROLLING_ROUTER_WORKERS"],
    default: "auto",
    allowed: "`auto` (one per core) or a number from 1 to 512",
    meaning: "threads that serve end users",
};

/// One line per request.
pub const ACCESS_LOG: Setting = Setting {
    name: "access_log",
    placeholder: "FILE",
    flag: Some("--access-log"),
    environment: &["ROLLING_ROUTER_ACCESS_LOG"],
    default: "off",
    allowed: "`off`, `-` for standard output, or a file to append to",
    meaning: "one line per request",
};

/// What a line of the access log looks like.
pub const ACCESS_LOG_FORMAT: Setting = Setting {
    name: "access_log_format",
    placeholder: "FORMAT",
    flag: Some("--access-log-format"),
    environment: &["ROLLING_ROUTER_ACCESS_LOG_FORMAT"],
    default: "json",
    allowed: "`json`, `common` or `combined`",
    meaning: "what that line looks like; `json` alone has every field",
};

/// One line per change.
pub const AUDIT_LOG: Setting = Setting {
    name: "audit_log",
    placeholder: "FILE",
    flag: Some("--audit-log"),
    environment: &["ROLLING_ROUTER_AUDIT_LOG"],
    default: "off",
    allowed: "`off`, `-` for standard output, or a file to append to, which is made with mode 0600",
    meaning: "one line of JSON per change, done or refused: who, from where, what, before and after",
};

/// Whose forwarding headers are believed.
pub const TRUSTED_NETWORKS: Setting = Setting {
    name: "trusted_networks",
    placeholder: "NETWORK,...",
    flag: Some("--trusted-networks"),
    environment: &["ROLLING_ROUTER_TRUSTED_NETWORKS"],
    default: "",
    allowed: "addresses or networks such as `10.0.0.0/8` or `fd00::/8`, separated by commas",
    meaning: "proxies that may say who their client is, in X-Forwarded-For, -Proto, -Host and -Port, or in Forwarded; what others say is replaced",
};

/// Whether trusted proxies say whose connections they pass on.
pub const PROXY_PROTOCOL: Setting = Setting {
    name: "proxy_protocol",
    placeholder: SWITCH,
    flag: Some("--proxy-protocol"),
    environment: &["ROLLING_ROUTER_PROXY_PROTOCOL"],
    default: "off",
    allowed: "`off` or `on`; `on` needs `trusted_networks`, of which every connection then begins with a header of version 1 or 2",
    meaning: "whether trusted proxies in front of `listen` and `listen_tls` say by the PROXY protocol whose connections they pass on",
};

/// Names under which the admin port answers.
pub const ADMIN_HOSTS: Setting = Setting {
    name: "admin_hosts",
    placeholder: "NAME,...",
    flag: Some("--admin-hosts"),
    environment: &["ROLLING_ROUTER_ADMIN_HOSTS"],
    default: "",
    allowed: "host names without scheme or port, separated by commas",
    meaning: "names the admin port answers to, besides literal addresses, localhost and the machine's own name",
};

/// How long a router that is told to end keeps accepting.
pub const GRACE_SECONDS: Setting = Setting {
    name: "grace_seconds",
    placeholder: "N",
    flag: Some("--grace-seconds"),
    environment: &["ROLLING_ROUTER_GRACE_SECONDS"],
    default: "2",
    allowed: "a whole number of seconds from 0 to 3600",
    meaning: "after SIGTERM: how long to go on accepting while `/readyz` says no, so that a load balancer notices",
};

/// Docker engines.
pub const ENGINE: Setting = Setting {
    name: "engine",
    placeholder: "NAME=ADDRESS,...",
    flag: Some("--engine"),
    environment: &["ROLLING_ROUTER_ENGINE"],
    default: "",
    allowed: "one or more of `NAME=unix:///path` or `NAME=tcp://host:port`, separated by commas; the file's tables `[engines.NAME]` say more",
    meaning: "Docker engines to which the router deploys, and whose containers it may follow",
};

/// The images that engines may run.
pub const ENGINE_IMAGES: Setting = Setting {
    name: "engine_images",
    placeholder: "PREFIX,...",
    flag: Some("--engine-images"),
    environment: &["ROLLING_ROUTER_ENGINE_IMAGES"],
    default: "",
    allowed: "begins of images' names up to a `/` or the end, without a tag, such as `registry.example/shop`, separated by commas",
    meaning: "the images that engines may run, where `allowed_images` of an engine does not say; unset: none",
};

/// What is told on standard error.
pub const LOG: Setting = Setting {
    name: "log",
    placeholder: "LEVEL",
    flag: Some("--log"),
    environment: &["ROLLING_ROUTER_LOG"],
    default: "info",
    allowed: "`error`, `warn`, `info`, `debug` or `trace`",
    meaning: "how much is told on standard error",
};

/// How that is written.
pub const LOG_FORMAT: Setting = Setting {
    name: "log_format",
    placeholder: "FORMAT",
    flag: Some("--log-format"),
    environment: &["ROLLING_ROUTER_LOG_FORMAT"],
    default: "text",
    allowed: "`text` or `json`",
    meaning: "whether that is lines for people, or one JSON object per entry",
};

/// Every setting, in the order in which they are documented.
pub const ALL: &[&Setting] = &[
    &LISTEN,
    &LISTEN_TLS,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &acme::ACME_DIRECTORY,
    &acme::ACME_TERMS_AGREED,
    &acme::ACME_CONTACT,
    &acme::ACME_EXTERNAL_ACCOUNT,
    &acme::ACME_CA,
    &acme::ACME_CHALLENGES,
    &acme::ACME_ORDERS_PER_WEEK,
    &HTTPS_REDIRECT,
    &FRONT_HEALTH_PATH,
    &ADMIN,
    &ADMIN_TLS,
    &ADMIN_BASE,
    &sso::ADMIN_SSO_HEADER,
    &sso::ADMIN_SSO_GROUPS_HEADER,
    &sso::ADMIN_SSO_NETWORKS,
    &sso::ADMIN_SSO_SECRET_FILE,
    &sso::ADMIN_SSO_ROLES,
    &HOOKS_LISTEN,
    &STORE,
    &STORE_FILE,
    &SECRETS_KEY_FILE,
    &KEYVALUES,
    &APP,
    &TOKEN_FILE,
    &TOKEN,
    &STATE,
    &NODE,
    &MEMBER_GONE_SECONDS,
    &WORKERS,
    &ACCESS_LOG,
    &ACCESS_LOG_FORMAT,
    &AUDIT_LOG,
    &traces::OTLP_ENDPOINT,
    &traces::OTLP_SAMPLE_RATIO,
    &traces::OTLP_HEADERS_FILE,
    &TRUSTED_NETWORKS,
    &PROXY_PROTOCOL,
    &ADMIN_HOSTS,
    &GRACE_SECONDS,
    &endpoints::LOOPBACK_ENDPOINTS,
    &endpoints::ENDPOINT_SOCKETS,
    &endpoints::RESOLVER,
    &endpoints::UPSTREAM_CERTIFICATES,
    &ENGINE,
    &ENGINE_IMAGES,
    &LOG,
    &LOG_FORMAT,
];
