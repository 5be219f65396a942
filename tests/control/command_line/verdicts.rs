//! `check` and `serve` accept and refuse the same settings, with the same words and the same exit code, wherever a setting is
//! written and whatever it names.

use std::{collections::BTreeMap, fs, path::Path, process::Command, thread};

use super::{
    program::{Ran, finish, program},
    serve::RouterProcess,
};

/// What a row is run with beside its own words.
const USUAL: [(&str, &str); 3] =
    [("--listen", "127.0.0.1:0"), ("--admin", "127.0.0.1:0"), ("--store", "memory")];

/// What is given, and how it ends.
struct Row {
    /// The words of the command line.
    words: &'static str,
    environment: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    /// What `check` exits with: 0 and 4 say that a router starts.
    code: i32,
    /// What both say.
    said: &'static str,
}

const fn given(words: &'static str, code: i32, said: &'static str) -> Row {
    Row { words, environment: &[], files: &[], code, said }
}

impl Row {
    const fn with(self, files: &'static [(&'static str, &'static str)]) -> Self {
        Self { files, ..self }
    }

    const fn set(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        Self { environment, ..self }
    }

    /// The words, and the usual ones where the row does not say otherwise.
    fn all_words(&self) -> Vec<&str> {
        let own = self.words.split_whitespace();
        let says = |flag: &str| {
            let is_config = self.words.contains("--config")
                || self.environment.iter().any(|(name, _)| name.ends_with("CONFIG"));
            let of_store =
                self.words.contains("--store") || self.environment.iter().any(|(name, _)| *name == "KV_IP");
            let in_environment =
                self.environment.iter().any(|(name, _)| name.ends_with(&flag[2..].to_uppercase()));
            let is_own = self.words.split_whitespace().any(|word| word == flag);
            is_own || in_environment || (flag == "--store" && (of_store || is_config))
        };
        own.chain(USUAL.into_iter().filter(|(flag, _)| !says(flag)).flat_map(|(flag, value)| [flag, value]))
            .collect()
    }

    /// A folder with the files, and with two certificates.
    fn folder(&self, certificates: &BTreeMap<&str, String>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let files = self.files.iter().map(|(name, text)| (*name, *text));
        let certificates = certificates.iter().map(|(name, text)| (*name, text.as_str()));
        for (name, text) in files.chain(certificates) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
            fs::write(&path, text).expect("it can be written");
            let private = Command::new("chmod").arg("600").arg(&path).status().expect("chmod can be run");
            assert!(private.success(), "{}", path.display());
        }
        folder
    }

    fn run(&self, verb: &str, folder: &Path) -> Ran {
        let mut command = program();
        command.arg(verb).args(self.all_words()).envs(self.environment.iter().copied());
        finish(command.current_dir(folder))
    }

    /// Runs both.
    fn hold(&self, certificates: &BTreeMap<&str, String>) {
        let folder = self.folder(certificates);
        let checked = self.run("check", folder.path());
        let words = self.words;
        let all = format!("{}{}", checked.out, checked.err);
        assert_eq!(checked.code, self.code, "check {words}: {all}");
        assert!(all.contains(self.said), "check {words}: no `{}` in {all}", self.said);
        let found = fs::read_dir(folder.path()).expect("it can be read").count();
        let left = self
            .files
            .iter()
            .map(|(name, _)| name.split('/').next())
            .collect::<std::collections::BTreeSet<_>>()
            .len();
        assert_eq!(found, left + certificates.len(), "check {words} made something");
        if matches!(self.code, 0 | 4) {
            let mut router = RouterProcess::start_with(folder.path(), &self.all_words(), self.environment);
            let said = router.until("GUI and API on ");
            assert!(said.contains(self.said), "serve {words}: no `{}` in {said}", self.said);
            assert_eq!(router.end(), Some(0), "serve {words}");
            return;
        }
        let served = self.run("serve", folder.path());
        assert_eq!(served.code, self.code, "serve {words}: {}{}", served.out, served.err);
        assert!(served.err.contains(self.said), "serve {words}: no `{}` in {}", self.said, served.err);
        for line in served.err.lines() {
            let line = line.strip_prefix("rolling-router: ").unwrap_or(line).trim();
            let line = &line.replace("rolling-router serve", "rolling-router check");
            assert!(all.contains(line), "serve {words} says `{line}`, and check says {all}");
        }
    }
}

/// Settings that are wrong by themselves, wherever they are written.
const WRONG_VALUES: &[Row] = &[
    given("--listen nowhere", 2, "`nowhere` is not an address with a port"),
    given("--listen example.org:80", 2, "`example.org` is not an IP address"),
    given("--listen 127.0.0.1:99999", 2, "is not an address with a port"),
    given("--admin 127.0.0.1:0,127.0.0.1:0", 2, "--admin is"),
    given("--listen 127.0.0.1:7999 --admin 127.0.0.1:7999", 2, "each needs a port of its own"),
    given("--listen 127.0.0.1:7999,127.0.0.1:7999", 2, "is given twice"),
    given("--listen 192.0.2.7:0", 1, "cannot listen on 192.0.2.7:0: Cannot assign requested address"),
    given(
        "--admin 192.0.2.7:0",
        1,
        "cannot listen on 192.0.2.7:0 (--admin): Cannot assign requested address",
    ),
    given("--workers 0", 2, "--workers is `0`"),
    given("--worker 1", 2, "--worker"),
    given("--workers 1 --workers 2", 2, "--workers"),
    given("extra", 2, "extra"),
    given("--trusted-networks 10.0.0.0/40", 2, "10.0.0.0/40"),
    given("--front-health-path health", 2, "--front-health-path is `health`"),
    given("--admin-base /api", 2, "/api"),
    given("--grace-seconds -1", 2, "--grace-seconds is `-1`"),
    given("--node null/x", 2, "--node is `null/x`"),
    given("--app null", 2, "--app is `null`"),
    given("--https-redirect on", 2, "nothing serves https"),
    given("", 2, "ROLLING_ROUTER_WORKERS").set(&[("ROLLING_ROUTER_WORKERS", "many")]),
    given("", 2, "ROLLING_ROUTER_LISTEN").set(&[("ROLLING_ROUTER_LISTEN", "nowhere")]),
    given("", 2, "so both are needed").set(&[("KV_IP", "127.0.0.1")]),
    given("", 2, "OCCS_API_TOKEN").set(&[("OCCS_API_TOKEN", "short")]),
    given("--config nothing.toml", 2, "cannot read the configuration file nothing.toml"),
    given("", 2, "cannot read the configuration file nothing.toml")
        .set(&[("ROLLING_ROUTER_CONFIG", "nothing.toml")]),
    given("--config .", 2, "cannot read the configuration file ."),
    given("--config c.toml", 2, "is not valid TOML: line 1").with(&[("c.toml", "listen = [")]),
    given("--config c.toml", 2, "did you mean `workers`?").with(&[("c.toml", "worker = 1")]),
    given("--config c.toml", 2, "a text, a whole number or a list").with(&[("c.toml", "workers = 1.5")]),
    given("--config c.toml", 2, "idle_ms").with(&[("c.toml", "[limits]\nidle_ms = 1")]),
    given("--config c.toml", 2, "idle").with(&[("c.toml", "[limits]\nidle = 1")]),
];

/// Stores, and where they lie.
const WRONG_STORES: &[Row] = &[
    given("--store mongo://h", 2, "--store has a value that is not allowed"),
    given("--store redis:h", 2, "`redis:` must be followed by `//` and a host"),
    given("--store redis://h,i", 2, "a Redis address has one host"),
    given("--store redis+sentinel://h,i", 2, "the name of the primary is missing"),
    given("--store redis://h:99999", 2, "its port is not a number"),
    given("--store redis://h/x", 2, "the address of the store cannot be used"),
    given("--store redis://h?replcias=1", 2, "`replcias` is not an option"),
    given("--store etcd://h?x=1", 2, "`x` is not an option"),
    given("--store http://h:x", 2, "its port is not a number"),
    given("--store rediss://h?ca=nothing.pem", 2, "the file of `ca=nothing.pem` cannot be read"),
    given("--store etcds://h?ca=nothing.pem", 2, "the file of `ca=nothing.pem` cannot be read"),
    given("--store rediss://h?ca=c.pem", 2, "the file of `ca=c.pem` has no").with(&[("c.pem", "junk")]),
    given("--store etcds://h?ca=c.pem", 2, "the file of `ca=c.pem` has no").with(&[("c.pem", "junk")]),
    given("--store https://h?ca=c.pem", 2, "the file of `ca=c.pem` has no").with(&[("c.pem", "junk")]),
    given("--store embedded:.", 2, "the file of the store embedded:. cannot be used"),
    given("--store embedded:f/kv.redb", 2, "f is no folder").with(&[("f", "")]),
    given("--store embedded:s/kv.redb", 4, "the file of the store embedded:s/kv.redb is damaged")
        .with(&[("s/kv.redb", "junk junk junk")]),
    given("--store-file nothing", 2, "the store file nothing: it cannot be read"),
    given("--store-file s", 2, "its line is not the address of a store").with(&[("s", "nonsense\n")]),
    given("--store-file s", 2, "it must have one line").with(&[("s", "memory\nmemory\n")]),
    given("--store-file s", 2, "a Redis address has one host").with(&[("s", "redis://h,i\n")]),
    given("--store-file s --store memory", 2, "give one of them").with(&[("s", "memory\n")]),
    given("", 2, "its port is not a number").set(&[("KV_IP", "no host"), ("KV_PORT", "x")]),
    given("--store redis://127.0.0.1:1 --state f", 2, "the state directory f cannot be used")
        .with(&[("f", "")]),
    given("--store redis://127.0.0.1:1 --state f/x", 2, "f is no folder").with(&[("f", "")]),
];

/// Files that settings name.
const WRONG_FILES: &[Row] = &[
    given("--access-log .", 2, ". cannot be opened: it is a folder (--access-log)"),
    given("--access-log no/log", 2, "no/log cannot be opened"),
    given("--audit-log .", 2, ". cannot be opened: it is a folder (--audit-log)"),
    given("--keyvalues nothing.json", 2, "cannot read the keyvalues file nothing.json"),
    given("--keyvalues k", 2, "one JSON object of keys to strings").with(&[("k", "[]")]),
    given("--keyvalues k", 2, "every value must be a string")
        .with(&[("k", r#"{"rolling/a/blendpercent":10}"#)]),
    given("--keyvalues k", 2, "`a//b` is not a key").with(&[("k", r#"{"a//b":""}"#)]),
    given("--keyvalues k", 2, "one of the router's own keys")
        .with(&[("k", r#"{"rolling/router/epoch":"x"}"#)]),
    given("--keyvalues k", 4, "rolling/hello/blendpercent is `many`; allowed: ").with(&[(
        "k",
        r#"{"rolling/hello/stable/id":"apps/hello-1-80/containers","rolling/hello/blendpercent":"many",
            "apps/hello-1-80/containers/a":"127.0.0.1:9"}"#,
    )]),
    given("--keyvalues k", 4, "apps/hello-1-80/containers/a is `169.254.169.254:80`; allowed: ")
        .with(&[("k", r#"{"apps/hello-1-80/containers/a":"169.254.169.254:80"}"#)]),
    given(
        "--keyvalues k --loopback-endpoints refuse",
        4,
        "apps/hello-1-80/containers/a is `127.0.0.1:9`; allowed: ",
    )
    .with(&[("k", r#"{"apps/hello-1-80/containers/a":"127.0.0.1:9"}"#)]),
    given("--keyvalues k", 4, "rolling/hello/rollout is `junk`; allowed: ")
        .with(&[("k", r#"{"rolling/hello/rollout":"junk","apps/hello-1-80/containers/a":"127.0.0.1:9"}"#)]),
    given("--token-file .", 4, "the token file .: Is a directory"),
    given("--token-file f/tokens", 4, "the token file f/tokens: Not a directory").with(&[("f", "")]),
    given("--token-file t", 4, "the token file t holds no token").with(&[("t", "# nobody\n")]),
    given("--token-file t", 4, "the token file t, line 1: `king` is no role")
        .with(&[("t", "a-token-of-twenty-letters maria king\nanother-token-of-twenty otto admin\n")]),
    given("--token-file t", 4, "the token file t, line 2: an earlier line has the same token")
        .with(&[("t", "a-token-of-twenty-letters maria admin\na-token-of-twenty-letters otto admin\n")]),
    given("--token-file t", 4, "the token file t, line 1: a token is 8 to 512")
        .with(&[("t", "x maria admin\n")]),
    given("--listen-tls 127.0.0.1:0", 2, "`tls_certificate` and `tls_key` are not given"),
    given("--tls-certificate a.pem --tls-key a.key", 2, "`listen_tls` is not given"),
    given("--listen-tls 127.0.0.1:0 --tls-certificate nothing --tls-key a.key", 2, "the file cannot be read"),
    given(
        "--listen-tls 127.0.0.1:0 --tls-certificate a.key --tls-key a.key",
        2,
        "the file has no certificate",
    ),
    given(
        "--listen-tls 127.0.0.1:0 --tls-certificate a.pem --tls-key a.pem",
        2,
        "no private key that can be used",
    ),
    given(
        "--listen-tls 127.0.0.1:0 --tls-certificate a.pem --tls-key b.key",
        2,
        "the key of another certificate than a.pem",
    ),
    given(
        "--listen-tls 127.0.0.1:0 --tls-certificate old.pem --tls-key old.key",
        4,
        "the certificate expired",
    ),
];

/// What a router starts with and has nothing to say of, or only warns of.
const RIGHT: &[Row] = &[
    given("", 0, ""),
    given("--store embedded:s/kv.redb", 0, ""),
    given("--store embedded:./kv.redb --state ./state --token-file t/tokens", 0, ""),
    given("--state f --token-file t", 0, "").with(&[("f", ""), ("t", "a-token-of-twenty-letters maria admin\n")]),
    given("--config c.toml", 0, "").with(&[(
        "c.toml",
        "store = \"memory\"\nworkers = 1\ntrusted_networks = [\"10.0.0.0/8\"]\n[limits]\nidle_ms = 75_000\n",
    )]),
    given("", 0, "").set(&[("ROLLING_ROUTER_WORKERS", "1"), ("ROLLING_ROUTER_GRACE_SECONDS", "0")]),
    given("--store-file s", 0, "").with(&[("s", "memory\n")]),
    given("--store redis://127.0.0.1:1", 0, ""),
    given("--store redis://:secret@127.0.0.1:1", 0, "password stands on the command line"),
    given("", 0, "").set(&[("KV_IP", "127.0.0.1"), ("KV_PORT", "1"), ("OCCS_API_TOKEN", "a-token-of-twenty-letters")]),
    given("--keyvalues k", 0, "").with(&[(
        "k",
        r#"{"rolling/hello/stable/id":"apps/hello-1-80/containers","apps/hello-1-80/containers/a":"127.0.0.1:9"}"#,
    )]),
    given("--listen-tls 127.0.0.1:0 --tls-certificate a.pem --tls-key a.key --https-redirect on", 0, ""),
    given("--access-log access.log --audit-log audit.log", 0, ""),
    given("", 0, "did you mean ROLLING_ROUTER_LISTEN?").set(&[("ROLLING_ROUTER_LISTN", "81")]),
    given("", 0, "the token has 9 characters and may be guessed").set(&[("OCCS_API_TOKEN", "guessable")]),
];

/// Two certificates with their keys, and one that has expired.
fn certificates() -> BTreeMap<&'static str, String> {
    let mut files = BTreeMap::new();
    for [certificate, key] in [["a.pem", "a.key"], ["b.pem", "b.key"], ["old.pem", "old.key"]] {
        let mut parameters =
            rcgen::CertificateParams::new(vec!["shop.test".to_owned()]).expect("a host name");
        if certificate == "old.pem" {
            parameters.not_before = rcgen::date_time_ymd(2019, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let made = rcgen::KeyPair::generate().expect("a key can be made");
        files.insert(certificate, parameters.self_signed(&made).expect("it can be signed").pem());
        files.insert(key, made.serialize_pem());
    }
    files
}

/// Holds `check` and `serve` to the rows, some at a time.
fn hold(rows: &[Row]) {
    let certificates = certificates();
    for rows in rows.chunks(8) {
        thread::scope(|scope| {
            for row in rows {
                scope.spawn(|| row.hold(&certificates));
            }
        });
    }
}

#[test]
fn values_that_are_not_allowed_are_refused_alike() {
    hold(WRONG_VALUES);
}

#[test]
fn stores_that_cannot_be_used_are_refused_alike() {
    hold(WRONG_STORES);
}

#[test]
fn files_that_cannot_be_used_are_refused_or_left_out_alike() {
    hold(WRONG_FILES);
}

#[test]
fn what_is_right_is_taken_by_both() {
    hold(RIGHT);
}
