//! Real Docker engines, each in namespaces of its own: what it does to networks, mounts and connection tracking of a machine
//! stays there, and all of it ends with the suite, however that ends.

pub mod image;
pub mod registry;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::Ipv4Addr,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::Value;

use crate::clock::{PATIENCE, eventually, within};

/// The script that is the first process of the namespaces.
const SCRIPT: &str = include_str!("engine.sh");
/// How many networks there are for engines: those of 256 addresses in 100.64.0.0/10.
const NETWORKS: u32 = 1 << 14;

/// A Docker engine.
pub struct TestEngine {
    /// Its folder, with its socket and its log.
    pub folder: PathBuf,
    /// The address of its host, where containers publish their ports.
    pub address: Ipv4Addr,
    /// The address of this machine, as the engine sees it.
    pub gateway: Ipv4Addr,
    process: Mutex<Namespaces>,
    /// A name in the kernel that one process alone can have: nobody else takes the network.
    _network: UnixListener,
}

struct Namespaces {
    child: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The engine that the tests of this process share. It ends with the process.
pub fn shared() -> &'static TestEngine {
    static SHARED: OnceLock<TestEngine> = OnceLock::new();
    SHARED.get_or_init(|| TestEngine::start(1024))
}

impl TestEngine {
    /// Starts one whose disk has so many MiB, and waits until it answers.
    pub fn start(disk_mib: u32) -> Self {
        Self::start_with(disk_mib, false)
    }

    /// The same, and it is asked over TLS at port 2376 too, with the certificates in its folder.
    pub fn with_tls(disk_mib: u32) -> Self {
        Self::start_with(disk_mib, true)
    }

    fn start_with(disk_mib: u32, tls: bool) -> Self {
        let (number, network) = take_network();
        let [high, low] = u16::try_from(number).expect("there are 2^14").to_be_bytes();
        let (gateway, address) =
            (Ipv4Addr::new(100, 64 + high, low, 1), Ipv4Addr::new(100, 64 + high, low, 2));
        let folder = tempfile::Builder::new().prefix("engine-").tempdir().expect("a folder").keep();
        for part in ["data", "exec"] {
            fs::create_dir(folder.join(part)).expect("a folder");
        }
        if tls {
            super::make_certificates_for(&folder, &format!("IP:{address}"));
        }
        let mut child = Command::new("unshare")
            .args([
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "bash",
                "-c",
                SCRIPT,
                "engine.sh",
            ])
            .arg(&folder)
            .args([format!("{disk_mib}m"), address.to_string(), gateway.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("unshare (util-linux) is needed for this suite: {error}"));
        let (words, answers) = (child.stdin.take(), child.stdout.take().expect("it is piped"));
        let process = Mutex::new(Namespaces { child, words, answers: BufReader::new(answers) });
        let engine = Self { folder, address, gateway, process, _network: network };
        engine.tell("begin");
        engine.connect(number);
        engine.tell("network");
        engine.tell("start");
        engine.wait_until_it_answers();
        // Without a rule of its own, an engine lets nobody from outside reach the addresses of its containers.
        engine.tell("open");
        engine
    }

    /// Ends it by `kill -9`. Its containers go on.
    pub fn kill(&self) {
        self.tell("kill");
    }

    /// Ends it in order, and its containers with it.
    pub fn stop(&self) {
        self.tell("stop");
    }

    /// Starts it after [`TestEngine::kill`] or [`TestEngine::stop`].
    pub fn start_again(&self) {
        self.tell("start");
        self.wait_until_it_answers();
    }

    /// Halts it: it answers nothing, and no connection breaks.
    pub fn halt(&self) {
        self.tell("halt");
    }

    /// Lets it go on after [`TestEngine::halt`].
    pub fn resume(&self) {
        self.tell("resume");
    }

    /// How the router is told of it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A call that must succeed, with its answer; nothing where that is no JSON.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let text = body.map(ToString::to_string).unwrap_or_default();
        let (status, answer) =
            self.send(method, path, &[("Content-Type", "application/json")], text.as_bytes());
        assert!((200..400).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// A call with its status and answer; status 0: it could not be made.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        exchange(&self.socket(), method, path, headers, body).unwrap_or_default()
    }

    /// Makes a container as somebody else would, and starts it. Its port 80 is published.
    pub fn run(&self, name: &str, image: &str, labels: &Value, environment: &[&str]) -> String {
        self.run_with(name, image, labels, environment, &Value::Null)
    }

    /// The same with further fields of the call that makes it.
    pub fn run_with(
        &self,
        name: &str,
        image: &str,
        labels: &Value,
        environment: &[&str],
        more: &Value,
    ) -> String {
        let host = serde_json::json!({"PortBindings": {"80/tcp": [{"HostIp": self.address.to_string()}]}});
        let mut body = serde_json::json!({"Image": image, "Labels": labels, "Env": environment,
            "ExposedPorts": {"80/tcp": {}}, "HostConfig": host});
        for (field, value) in more.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        let made = self.call("POST", &format!("/containers/create?name={name}"), Some(&body));
        let id = made["Id"].as_str().expect("an id").to_owned();
        self.call("POST", &format!("/containers/{id}/start"), None);
        id
    }

    /// Removes a container, running or not.
    pub fn remove(&self, name: &str) {
        self.send("DELETE", &format!("/containers/{name}?force=1&v=1"), &[], &[]);
    }

    fn wait_until_it_answers(&self) {
        let answers = || self.send("GET", "/_ping", &[], &[]).0 == 200;
        assert!(within(PATIENCE, answers), "the engine does not answer; it said:\n{}", self.log());
    }

    /// Gives a word to the script, and waits until it is done.
    fn tell(&self, word: &str) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let words = process.words.as_mut().expect("it is open while the engine is there");
        let told = writeln!(words, "{word}");
        let mut answer = String::new();
        let read = process.answers.read_line(&mut answer);
        assert!(
            told.is_ok() && read.is_ok() && answer.trim() == word,
            "the engine's namespaces cannot be made or are gone; this suite needs root, dockerd (docker.io) and iproute2: {}",
            self.log()
        );
    }

    /// Connects the network of the engine with this machine.
    fn connect(&self, number: u32) {
        let child = self.process.lock().unwrap_or_else(PoisonError::into_inner).child.id();
        let first = || fs::read_to_string(format!("/proc/{child}/task/{child}/children")).unwrap_or_default();
        eventually("the first process of the namespaces is there", || !first().trim().is_empty());
        let (link, process) = (format!("rr-engine-{number}"), first().trim().to_owned());
        let network = format!("{}/26", Ipv4Addr::from(u32::from(self.address) - 2 + 64));
        let (own, via) = (format!("{}/30", self.gateway), self.address.to_string());
        for words in [
            &["link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", &process][..],
            &["address", "add", &own, "dev", &link],
            &["link", "set", &link, "up"],
            &["route", "add", &network, "via", &via],
        ] {
            let made = Command::new("ip").args(words).output();
            let made = made.unwrap_or_else(|error| panic!("ip (iproute2) is needed for this suite: {error}"));
            assert!(
                made.status.success(),
                "ip {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&made.stderr)
            );
        }
    }

    /// A range of addresses for a network of containers, which this machine reaches.
    pub fn range(&self) -> String {
        format!("{}/26", Ipv4Addr::from(u32::from(self.address) - 2 + 64))
    }
}

impl Drop for TestEngine {
    /// Ends the namespaces, and waits until their folder is gone.
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(process.words.take());
        let _ = process.child.wait();
    }
}

/// A number of a network that no other process has, and what keeps it.
fn take_network() -> (u32, UnixListener) {
    // One that was used is not used again at once: the kernel takes it down a moment after its engine has ended.
    static USED: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(61).wrapping_add(USED.fetch_add(1, Relaxed));
    let numbers = (0..NETWORKS).map(|more| first.wrapping_add(more) % NETWORKS);
    let take = |number: u32| {
        let name = SocketAddr::from_abstract_name(format!("rolling-router tests: engine {number}")).ok()?;
        Some((number, UnixListener::bind_addr(&name).ok()?))
    };
    numbers.filter_map(take).next().expect("one of all networks is free")
}

/// One call on a connection of its own.
fn exchange(
    socket: &Path,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    // An answer to HTTP/1.0 has no chunks, and ends with its connection.
    let mut head = format!("{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    // What is refused is answered before its body is read.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}
