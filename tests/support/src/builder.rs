//! The real binary, started the way an operator starts it: `router().stable("v1").candidate("v2").blend(10).start()`.

use super::clock::await_an_hour_with_room;
use super::endpoint::{Endpoint, echo};
use super::launch::Launch;
use super::router::{APP, Router, TOKENS, id};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

/// A router to be started. Nothing set: an app without releases.
pub fn router() -> RouterBuilder {
    RouterBuilder::default()
}

/// What a router is started with.
#[derive(Default)]
pub struct RouterBuilder {
    program: Option<PathBuf>,
    keys: Map<String, Value>,
    endpoints: Vec<(String, Endpoint)>,
    embedded: bool,
    store: Option<String>,
    environment: Vec<(String, String)>,
    workers: Option<usize>,
    access_log: Option<PathBuf>,
    flags: Vec<String>,
    limits: Vec<(&'static str, u64)>,
    descriptors_max: Option<u64>,
    everywhere: bool,
    also_on: Option<String>,
    unread: bool,
    activated: bool,
    held: bool,
    group: Option<PathBuf>,
    without_app: bool,
    tokens: Vec<String>,
    files: Vec<(String, String)>,
}

impl RouterBuilder {
    /// A stable release with one echo endpoint.
    pub fn stable(self, release: &str) -> Self {
        let endpoint = echo(release);
        self.stable_on(release, vec![endpoint])
    }

    /// A stable release with these endpoints.
    pub fn stable_on(self, release: &str, endpoints: Vec<Endpoint>) -> Self {
        self.release(release, endpoints).key(&format!("rolling/{APP}/stable/id"), &id(release))
    }

    /// A candidate release with one echo endpoint.
    pub fn candidate(self, release: &str) -> Self {
        let endpoint = echo(release);
        self.candidate_on(release, vec![endpoint])
    }

    /// A candidate release with these endpoints.
    pub fn candidate_on(self, release: &str, endpoints: Vec<Endpoint>) -> Self {
        self.release(release, endpoints).key(&format!("rolling/{APP}/candidate/id"), &id(release))
    }

    /// A release that is deployed and on no track.
    pub fn deployed(self, release: &str) -> Self {
        let endpoint = echo(release);
        self.release(release, vec![endpoint])
    }

    /// A release with these endpoints, on no track.
    pub fn release(mut self, release: &str, endpoints: Vec<Endpoint>) -> Self {
        for (n, endpoint) in endpoints.into_iter().enumerate() {
            let key = format!("{}/c{n}", id(release));
            self.keys.insert(key, Value::String(endpoint.address.to_string()));
            self.endpoints.push((release.to_owned(), endpoint));
        }
        self
    }

    /// The share of new clients that the candidate gets, in percent.
    pub fn blend(self, percent: u32) -> Self {
        self.key(&format!("rolling/{APP}/blendpercent"), &percent.to_string())
    }

    /// Without pins.
    pub fn not_sticky(self) -> Self {
        self.key(&format!("rolling/{APP}/stickyness"), "0")
    }

    /// A keyvalue that is there at the start.
    pub fn key(mut self, key: &str, value: &str) -> Self {
        self.keys.insert(key.to_owned(), Value::String(value.to_owned()));
        self
    }

    /// With the store in a file, so that the router can be killed and started again.
    pub fn durable(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// With the store at this address.
    pub fn store(mut self, address: &str) -> Self {
        self.store = Some(address.to_owned());
        self
    }

    /// With these variables. Those that name a store count instead of a flag.
    pub fn environment(mut self, variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.environment.extend(variables.iter().map(owned));
        self
    }

    /// With this many workers; one unless said.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// With an access log in this file.
    pub fn access_log(mut self, file: &Path) -> Self {
        self.access_log = Some(file.to_owned());
        self
    }

    /// The front listens there as well, such as on `unix:/path`.
    pub fn also_on(mut self, address: &str) -> Self {
        self.also_on = Some(address.to_owned());
        self
    }

    /// With the front on every address of the machine.
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    /// In the control group whose processes this file lists.
    pub fn within(mut self, group: &Path) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    /// On sockets that systemd's own tool has opened.
    pub fn activated(mut self) -> Self {
        self.activated = true;
        self
    }

    /// On sockets that this process opens and holds, as systemd does between two processes of a service.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// With standard error in a pipe that nobody reads.
    pub fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// Another program than the one that was built for the suite, such as a link that leads elsewhere later.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// With a further command-line argument.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// With another limit, by its name in the configuration's `[limits]`.
    pub fn limit(mut self, name: &'static str, value: u64) -> Self {
        self.limits.push((name, value));
        self
    }

    /// With at most so many open descriptors, as the kernel counts them.
    pub fn descriptors_max(mut self, count: u64) -> Self {
        self.descriptors_max = Some(count);
        self
    }

    /// Without `--app`, so that the store says which app is the default.
    pub fn without_app(mut self) -> Self {
        self.without_app = true;
        self
    }

    /// With a further line in the token file.
    pub fn token(mut self, line: &str) -> Self {
        self.tokens.push(line.to_owned());
        self
    }

    /// With a further file in its folder that nobody else reads. It works there, so a setting names it by its name alone.
    pub fn private_file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(mut self) -> Router {
        await_an_hour_with_room();
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        write_tokens(&dir.path().join("tokens"), &self.tokens);
        self.files.iter().for_each(|(name, text)| write_private(&dir.path().join(name), text));
        let keys = Value::Object(self.keys).to_string();
        fs::write(dir.path().join("keyvalues.json"), keys).expect("the keyvalues can be written");
        if !self.limits.is_empty() {
            let file = dir.path().join("config.toml");
            let lines = self.limits.iter().map(|(name, value)| format!("{name} = {value}\n"));
            fs::write(&file, format!("[limits]\n{}", lines.collect::<String>()))
                .expect("the file can be written");
            self.flags.extend(["--config".into(), file.display().to_string()]);
        }
        let launch = Launch {
            program: self.program,
            store: if let Some(address) = self.store {
                address
            } else if self.embedded {
                format!("embedded:{}", dir.path().join("store.redb").display())
            } else {
                "memory".into()
            },
            workers: self.workers.unwrap_or(1),
            access_log: self.access_log.map_or_else(|| "off".into(), |file| file.display().to_string()),
            flags: self.flags,
            environment: self.environment,
            descriptors_max: self.descriptors_max,
            everywhere: self.everywhere,
            also_on: self.also_on,
            group: self.group,
            unread: self.unread,
            activated: self.activated,
            held: self.held.then(Vec::new),
            seeded: true,
            names_app: !self.without_app,
        };
        let mut router = Router {
            front: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
            host: "shop.example.test".into(),
            endpoints: self.endpoints,
            dir,
            launch,
            child: None,
            successors: Vec::new(),
        };
        router.launch();
        router
    }
}

fn write_tokens(file: &Path, further: &[String]) {
    let lines = TOKENS.iter().map(|(token, name, role)| format!("{token} {name} {role}\n"));
    let lines: String = lines.chain(further.iter().map(|line| format!("{line}\n"))).collect();
    write_private(file, &lines);
}

/// Writes a file that nobody else reads, whole: it takes the place of the one before.
pub fn write_private(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, text).expect("the file can be written");
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(&beside, mode).expect("the file can be made private");
    fs::rename(&beside, file).expect("the file can take its place");
}
