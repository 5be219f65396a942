//! A running router: the real binary as a process of its own, on ports of its own.

use super::api::Api;
use super::clock::{Deadline, PATIENCE, eventually, pause};
use super::endpoint::Endpoint;
use super::launch::Launch;
use super::ports;
use super::process::Process;
use super::visitor::Visitor;
use super::wire::Wire;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The app of every suite, unless it says otherwise.
pub const APP: &str = "hello";

/// Where the front says whether it is ready, of a router whose admin port speaks https.
const READY_PATH: &str = "/is-ready";

/// One token per role: `(token, name, role)`.
pub(crate) const TOKENS: [(&str, &str, &str); 4] = [
    ("test-admin-0123456789abcdef0123456789abcdef", "root", "admin"),
    ("test-operator-0123456789abcdef0123456789abcdef", "maria", "operator"),
    ("test-ci-0123456789abcdef0123456789abcdef", "ci-main", "ci"),
    ("test-viewer-0123456789abcdef0123456789abcdef", "guest", "viewer"),
];

/// The token of a role.
pub fn token(role: &str) -> &'static str {
    TOKENS.iter().find(|(_, _, r)| *r == role).map(|(token, _, _)| *token).expect("a known role")
}

/// The key prefix of a release of the suites' app.
pub fn id(release: &str) -> String {
    format!("apps/hello-{release}-80/containers")
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
    pub(crate) dir: TempDir,
    pub(crate) launch: Launch,
    pub(crate) child: Option<Child>,
    /// The processes that took over, each from the one before.
    pub(crate) successors: Vec<u32>,
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

    /// The front port in TLS, as its log says.
    pub fn front_tls(&self) -> SocketAddr {
        let mut address = None;
        eventually("it says where it serves in TLS", || {
            let log = self.log();
            let said = log.split("end users on https://").nth(1).and_then(|rest| rest.split('/').next());
            address = said.and_then(|text| text.parse().ok());
            address.is_some()
        });
        address.expect("it was found just now")
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
        self.successors.last().copied().unwrap_or_else(|| self.child.as_ref().expect("it is running").id())
    }

    /// Has a new process take over (SIGUSR2), and waits until it serves.
    #[track_caller]
    pub fn upgrade(&mut self) {
        self.signal("USR2");
        self.follow_upgrade();
    }

    /// Waits until another process serves, which somebody has asked for.
    #[track_caller]
    pub fn follow_upgrade(&mut self) {
        let (before, mut now) = (self.pid(), None);
        eventually("another process serves", || {
            now = self.serving_pid().filter(|pid| *pid != before);
            now.is_some()
        });
        self.successors.extend(now);
    }

    /// Whether the process that was started first has ended.
    pub fn first_has_ended(&mut self) -> bool {
        let child = self.child.as_mut().expect("it was started");
        child.try_wait().expect("it can be waited for").is_some()
    }

    /// The process that its state directory names.
    pub fn serving_pid(&self) -> Option<u32> {
        fs::read_to_string(self.path("state/pid")).ok()?.lines().next()?.parse().ok()
    }

    /// What the kernel says about it.
    pub fn process(&self) -> Process {
        Process(self.pid())
    }

    /// A file or directory below the router's own temporary directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Gives it a further command-line argument from its next start on.
    pub fn add_flag(&mut self, flag: &str) {
        self.launch.flags.push(flag.to_owned());
    }

    /// Ends it at once (SIGKILL), as a power cut would.
    pub fn kill(&mut self) {
        // One that took over, and of which the test has not heard.
        let own = self.dir.path().display().to_string();
        let is_own = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(&own))
        };
        self.successors.extend(self.serving_pid().filter(is_own));
        for pid in self.successors.drain(..).filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // Most of them have ended by themselves.
            let _ = kill_process(pid, Signal::KILL);
        }
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
        Process(self.pid()).signal(name);
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
        self.start_until_ready();
    }

    /// The same with the keyvalues file that it was first started with.
    pub fn start_again_seeded(&mut self) {
        self.launch.seeded = true;
        self.start_until_ready();
    }

    fn start_until_ready(&mut self) {
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

    pub(crate) fn launch(&mut self) {
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
        let mut command = self.launch.command_on(&[self.front, self.admin]);
        let listen = match self.launch.everywhere {
            true => format!("0.0.0.0:{}", self.front.port()),
            false => self.front.to_string(),
        };
        let also = self.launch.also_on.iter().map(|also| format!(",{also}"));
        let listen: String = std::iter::once(listen).chain(also).collect();
        command.arg("serve").args(["--listen", &listen, "--admin", &self.admin.to_string()]);
        command.args(["--access-log", &self.launch.access_log]);
        if self.launch.names_app {
            command.args(["--app", APP]);
        }
        if !self.launch.environment.iter().any(|(name, _)| name == "KV_IP" || name.contains("_STORE")) {
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
        if !self.launch.flags.iter().any(|flag| flag.starts_with("--grace-seconds")) {
            // What a test waits for is never that a load balancer notices.
            command.args(["--grace-seconds", "0"]);
        }
        if self.launch.admin_tls() {
            command.args(["--front-health-path", READY_PATH]);
        }
        command.args(&self.launch.flags).current_dir(self.dir.path());
        let copy = log.try_clone().expect("the log file can be shared");
        command.stdin(Stdio::null()).stdout(Stdio::from(copy));
        let mut command = self.launch.on_held([self.front, self.admin], command);
        command.stderr(if self.launch.unread { Stdio::piped() } else { Stdio::from(log) });
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
        // Who is to speak https there asks the front.
        let (address, path) = match self.launch.admin_tls() {
            true => (self.front, READY_PATH),
            false => (self.admin, "/readyz"),
        };
        let mut wire = Wire::try_open(address)?;
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
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
