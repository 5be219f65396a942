//! The real binary, started the way an operator starts it: `router().stable("v1").candidate("v2").blend(10).start()`.

use super::api::Api;
use super::clock::{Deadline, PATIENCE, await_an_hour_with_room, eventually, pause};
use super::endpoint::{Endpoint, echo};
use super::ports;
use super::process::Process;
use super::visitor::Visitor;
use super::wire::Wire;
use serde_json::{Map, Value};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The app of every suite, unless it says otherwise.
pub const APP: &str = "hello";

/// One token per role: `(token, name, role)`.
const TOKENS: [(&str, &str, &str); 4] = [
    ("test-admin-0123456789abcdef0123456789abcdef", "root", "admin"),
    ("test-operator-0123456789abcdef0123456789abcdef", "maria", "operator"),
    ("test-ci-0123456789abcdef0123456789abcdef", "ci-main", "ci"),
    ("test-viewer-0123456789abcdef0123456789abcdef", "guest", "viewer"),
];

/// The token of a role.
pub fn token(role: &str) -> &'static str {
    TOKENS.iter().find(|(_, _, r)| *r == role).map(|(token, _, _)| *token).expect("a known role")
}

/// A router to be started. Nothing set: an app without releases.
pub fn router() -> RouterBuilder {
    RouterBuilder::default()
}

/// What a router is started with.
#[derive(Default)]
pub struct RouterBuilder {
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

    /// With the store that these variables lead to.
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

    /// With the front on every address of the machine.
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
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

    /// Starts it and waits until it is ready.
    pub fn start(mut self) -> Router {
        await_an_hour_with_room();
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        write_tokens(&dir.path().join("tokens"));
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
            seeded: true,
        };
        let mut router = Router {
            front: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
            host: "shop.example.test".into(),
            endpoints: self.endpoints,
            dir,
            launch,
            child: None,
        };
        router.launch();
        router
    }
}

/// The key prefix of a release of the suites' app.
pub fn id(release: &str) -> String {
    format!("apps/hello-{release}-80/containers")
}

fn write_tokens(file: &Path) {
    let lines: String = TOKENS.iter().map(|(token, name, role)| format!("{token} {name} {role}\n")).collect();
    fs::write(file, lines).expect("the token file can be written");
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(file, mode).expect("the token file can be made private");
}

struct Launch {
    store: String,
    workers: usize,
    access_log: String,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    descriptors_max: Option<u64>,
    everywhere: bool,
    seeded: bool,
}

impl Launch {
    /// The binary; a shell that sets the limit becomes it, so that the process id stays the same.
    fn command(&self) -> Command {
        let built = || crate::binary().into();
        let binary = std::env::var_os("ROLLING_ROUTER_BINARY").unwrap_or_else(built);
        let Some(descriptors) = self.descriptors_max else { return Command::new(binary) };
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(binary);
        command
    }
}

/// A running router; it is killed when dropped.
pub struct Router {
    /// The front port, for end users.
    pub front: SocketAddr,
    /// The admin port: GUI, API, metrics.
    pub admin: SocketAddr,
    /// The host that the suites ask for.
    pub host: String,
    /// The endpoints that were started with it: release name and endpoint.
    pub endpoints: Vec<(String, Endpoint)>,
    dir: TempDir,
    launch: Launch,
    child: Option<Child>,
}

impl Router {
    /// The API as the operator `maria`.
    pub fn api(&self) -> Api {
        self.api_as("operator")
    }

    /// The API in a role.
    pub fn api_as(&self, role: &str) -> Api {
        Api::new(self.admin, token(role), APP)
    }

    /// A raw connection to the front port.
    pub fn connect(&self) -> Wire {
        Wire::open(self.front)
    }

    /// A new end user.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.front, &self.host)
    }

    /// The endpoints of a release.
    pub fn endpoints_of(&self, release: &str) -> Vec<&Endpoint> {
        self.endpoints.iter().filter(|(name, _)| name == release).map(|(_, endpoint)| endpoint).collect()
    }

    /// The only endpoint of a release.
    pub fn endpoint(&self, release: &str) -> &Endpoint {
        self.endpoints_of(release)[0]
    }

    /// What its standard error says so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it is running").id()
    }

    /// What the kernel says about it.
    pub fn process(&self) -> Process {
        Process(self.pid())
    }

    /// A file or directory below the router's own temporary directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Ends it at once (SIGKILL), as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.expect("kill can be run").success());
    }

    /// Waits until it has ended by itself; its exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it is running");
        let mut status = None;
        eventually("the router ends", || {
            status = child.try_wait().expect("the router can be waited for");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Starts it again on the same ports, with the same state directory and store file.
    pub fn start_again(&mut self) {
        self.launch.seeded = false;
        let deadline = Deadline::after(PATIENCE);
        loop {
            self.kill();
            self.spawn();
            if self.await_ready() {
                return;
            }
            // Somebody's short connection may have been given one of the ports.
            assert!(!deadline.passed(), "the router did not come back:\n{}", self.log());
            pause(Duration::from_millis(50));
        }
    }

    /// The same without waiting until it is ready: its store may be down.
    pub fn start_again_unready(&mut self) {
        self.kill();
        self.launch.seeded = false;
        self.spawn();
        eventually("the admin port answers", || self.readiness().is_some());
    }

    fn launch(&mut self) {
        for _ in 0..5 {
            self.front = free_port();
            self.admin = free_port();
            self.spawn();
            if self.await_ready() {
                return;
            }
            self.kill();
        }
        panic!("the router does not start:\n{}", self.log());
    }

    fn spawn(&mut self) {
        let log = fs::File::create(self.log_file()).expect("the log file can be made");
        let mut command = self.launch.command();
        let listen = match self.launch.everywhere {
            true => format!("0.0.0.0:{}", self.front.port()),
            false => self.front.to_string(),
        };
        command.arg("serve").args(["--listen", &listen, "--admin", &self.admin.to_string()]);
        command.args(["--app", APP, "--access-log", &self.launch.access_log]);
        if self.launch.environment.is_empty() {
            command.args(["--store", &self.launch.store]);
        }
        command.args(["--workers", &self.launch.workers.to_string()]);
        command.arg("--token-file").arg(self.path("tokens")).arg("--state").arg(self.path("state"));
        if self.launch.seeded {
            command.arg("--keyvalues").arg(self.path("keyvalues.json"));
        }
        for name in ["APP_NAME", "KV_IP", "KV_PORT", "OCCS_API_TOKEN"] {
            command.env_remove(name);
        }
        command.envs(self.launch.environment.iter().map(|(name, value)| (name, value)));
        command.args(&self.launch.flags).current_dir(self.dir.path());
        let copy = log.try_clone().expect("the log file can be shared");
        command.stdin(Stdio::null()).stdout(Stdio::from(copy)).stderr(Stdio::from(log));
        self.child = Some(command.spawn().expect("the binary can be run"));
    }

    /// Whether it became ready; false when it ended instead, such as over a port that somebody else took.
    fn await_ready(&mut self) -> bool {
        let deadline = Deadline::after(PATIENCE);
        while !deadline.passed() {
            let child = self.child.as_mut().expect("it was spawned");
            if child.try_wait().expect("the router can be waited for").is_some() {
                return false;
            }
            if self.is_ready() {
                return true;
            }
            pause(Duration::from_millis(5));
        }
        false
    }

    /// Whether `/readyz` says so.
    pub fn is_ready(&self) -> bool {
        self.readiness() == Some(200)
    }

    /// The status of `/readyz`; `None` when nobody listens.
    pub fn readiness(&self) -> Option<u16> {
        let mut wire = Wire::try_open(self.admin)?;
        wire.send(format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin));
        wire.try_response("GET").ok().map(|response| response.status)
    }

    fn log_file(&self) -> PathBuf {
        self.path("log")
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            say(&format!("--- the router's log ends:\n{}\n---", tail.join("\n")));
        }
    }
}

#[allow(clippy::print_stderr, reason = "what a failed test shows is its output")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// An address nobody listens on (see [`ports`]). Another process may take it before it is used, so callers try again.
pub fn free_port() -> SocketAddr {
    ([127, 0, 0, 1], ports::free_port()).into()
}
