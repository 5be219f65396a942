//! Real stores, each a process with a folder of its own.

use std::fs::File;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tempfile::TempDir;

use support::router::{APP, free_port};
use support::{Api, Deadline, Wire, clock::PATIENCE, eventually};

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Etcd,
    Redis,
}

/// A store's process; it is killed when dropped.
pub struct Server {
    kind: Kind,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Of etcd: where each member of the cluster meets the others, and which of them this is.
    peers: Vec<SocketAddr>,
    member: usize,
    folder: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Starts one and waits until it answers. Tries other ports when somebody else took these.
    pub fn start(kind: Kind) -> Self {
        Self::start_cluster(kind, 1).pop().expect("one was started")
    }

    /// Starts an etcd of so many members.
    pub fn start_cluster(kind: Kind, members: usize) -> Vec<Self> {
        for _ in 0..5 {
            let peers: Vec<SocketAddr> = (0..members).map(|_| free_port()).collect();
            let mut servers: Vec<Self> =
                (0..members).map(|member| Self::new(kind, peers.clone(), member)).collect();
            servers.iter_mut().for_each(Self::spawn);
            if servers.iter_mut().all(Self::await_answer) {
                return servers;
            }
        }
        panic!("{kind:?} does not start; is it installed?");
    }

    fn new(kind: Kind, peers: Vec<SocketAddr>, member: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        Self { kind, address: free_port(), peers, member, folder, child: None }
    }

    /// Whether this member leads its etcd.
    pub fn leads(&self) -> bool {
        let status = self.gateway().call("POST", "/v3/maintenance/status", Some(&json!({})));
        let status = status.expect(200).json();
        status["leader"] == status["header"]["member_id"]
    }

    /// Makes a Redis the replica of another.
    pub fn replicate(&self, of: &Self) {
        let (ip, port) = (of.address.ip(), of.address.port());
        assert_eq!(self.redis(&format!("REPLICAOF {ip} {port}")), "+OK");
        eventually("the replica has everything", || self.info().contains("master_link_status:up"));
    }

    /// Takes no write any more, and waits until the one replica has all there were.
    pub fn hand_over(&self) {
        assert_eq!(self.redis("CLIENT PAUSE 60000 WRITE"), "+OK");
        let offset = |info: &str, mark: &str| {
            let found = info.split_once(mark).map(|(_, rest)| rest);
            found.and_then(|rest| rest.split([',', '\r']).next()?.parse::<u64>().ok())
        };
        eventually("the replica has everything", || {
            let info = self.info();
            let (own, replica) = (offset(&info, "master_repl_offset:"), offset(&info, ",offset="));
            own.is_some() && own == replica
        });
    }

    /// Makes a replica a server of its own.
    pub fn stand_alone(&self) {
        assert_eq!(self.redis("REPLICAOF NO ONE"), "+OK");
    }

    fn info(&self) -> String {
        let mut wire = Wire::open(self.address);
        wire.send("INFO replication\r\n");
        let length = String::from_utf8_lossy(&wire.read_until(b"\r\n")).trim().replace('$', "");
        let text = wire.read_exactly(length.parse().expect("a length"));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Its URL at this address (its own, or a proxy's).
    pub fn url(&self, address: SocketAddr) -> String {
        match self.kind {
            Kind::Etcd => format!("etcd://{address}"),
            Kind::Redis => format!("redis://{address}"),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same folder and ports.
    pub fn restart(&mut self) {
        self.kill();
        self.spawn();
        assert!(self.await_answer(), "{:?} did not come back", self.kind);
    }

    /// Writes a keyvalue as another tool would, past every router.
    pub fn put(&self, key: &str, value: &str) {
        match self.kind {
            Kind::Etcd => {
                let body =
                    json!({ "key": BASE64_STANDARD.encode(key), "value": BASE64_STANDARD.encode(value) });
                self.gateway().call("POST", "/v3/kv/put", Some(&body)).expect(200);
            }
            Kind::Redis => assert_eq!(self.redis(&format!("SET {key} {value}")), "+OK"),
        }
    }

    /// Removes a keyvalue as another tool would, past every router.
    pub fn delete(&self, key: &str) {
        match self.kind {
            Kind::Etcd => {
                let body = json!({ "key": BASE64_STANDARD.encode(key) });
                self.gateway().call("POST", "/v3/kv/deleterange", Some(&body)).expect(200);
            }
            Kind::Redis => {
                let deleted = self.redis(&format!("DEL {key}"));
                assert!([":0", ":1"].contains(&deleted.as_str()), "{deleted}");
            }
        }
    }

    /// Has a Redis delete keys because its memory is full.
    pub fn evict(&self, keys: &[String]) {
        for key in keys {
            self.redis(&format!("EXPIRE {key} 3600"));
        }
        self.configure("maxmemory-policy", "volatile-ttl");
        self.configure("maxmemory", "1mb");
        eventually("they are evicted", || {
            keys.iter().all(|key| self.redis(&format!("EXISTS {key}")) == ":0")
        });
        self.configure("maxmemory", "0");
        self.configure("maxmemory-policy", "noeviction");
    }

    /// What a Redis holds at a key, as it stands there.
    pub fn value(&self, key: &str) -> String {
        let mut wire = Wire::open(self.address);
        wire.send(format!("GET {key}\r\n"));
        let length = String::from_utf8_lossy(&wire.read_until(b"\r\n")).trim().replace('$', "");
        let text = wire.read_exactly(length.parse().expect("there is such a key"));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// All keys of a Redis.
    pub fn keys(&self) -> Vec<String> {
        let mut wire = Wire::open(self.address);
        wire.send("KEYS *\r\n");
        let mut line = || String::from_utf8_lossy(&wire.read_until(b"\r\n")).trim_end().to_owned();
        let count: usize = line().replace('*', "").parse().expect("a count");
        (0..count).map(|_| (line(), line()).1).collect()
    }

    /// Every byte that its folder holds: what it wrote to its disk since it was started, and its log.
    pub fn disk(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        read_all(self.folder.path(), &mut bytes);
        bytes
    }

    /// Sets a parameter of a Redis.
    pub fn configure(&self, name: &str, value: &str) {
        assert_eq!(self.redis(&format!("CONFIG SET {name} {value}")), "+OK");
    }

    /// The revision that an etcd has come to.
    pub fn revision(&self) -> u64 {
        let answer = self.gateway().call("POST", "/v3/kv/range", Some(&json!({ "key": "AA==" })));
        let revision = answer.expect(200).json()["header"]["revision"].as_str().map(str::parse);
        revision.expect("it says its revision").expect("a number")
    }

    /// Makes an etcd forget what its keys were.
    pub fn compact(&self) {
        let body = json!({ "revision": self.revision().to_string(), "physical": true });
        self.gateway().call("POST", "/v3/kv/compaction", Some(&body)).expect(200);
    }

    fn gateway(&self) -> Api {
        Api::new(self.address, "", APP).anonymous()
    }

    fn redis(&self, command: &str) -> String {
        let mut wire = Wire::open(self.address);
        wire.send(format!("{command}\r\n"));
        String::from_utf8_lossy(&wire.read_until(b"\r\n")).trim_end().to_owned()
    }

    fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("the log file can be made");
        let mut command = match self.kind {
            Kind::Etcd => self.etcd(self.folder.path()),
            Kind::Redis => self.redis_server(self.folder.path()),
        };
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the log file can be shared")).stderr(log);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.kind)));
    }

    fn etcd(&self, folder: &Path) -> Command {
        let (name, client) = (format!("m{}", self.member), format!("http://{}", self.address));
        let peer = format!("http://{}", self.peers[self.member]);
        let cluster = self.peers.iter().enumerate().map(|(member, peer)| format!("m{member}=http://{peer}"));
        let mut command = Command::new("etcd");
        command.args(["--name", &name, "--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &cluster.collect::<Vec<_>>().join(",")]);
        command.arg("--data-dir").arg(folder.join("data"));
        command
    }

    fn redis_server(&self, folder: &Path) -> Command {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "always"]).arg("--dir").arg(folder);
        command
    }

    fn await_answer(&mut self) -> bool {
        let deadline = Deadline::after(PATIENCE);
        let mut ended = false;
        eventually("the store answers or ends", || {
            let child = self.child.as_mut().expect("it was spawned");
            ended = child.try_wait().expect("it can be waited for").is_some();
            ended || deadline.passed() || (TcpStream::connect(self.address).is_ok() && self.answers())
        });
        !ended
    }

    /// A server that is starting may accept a connection and close it again, which is no answer yet.
    fn answers(&self) -> bool {
        let mut wire = Wire::open(self.address);
        match self.kind {
            Kind::Etcd => {
                let (address, body) = (self.address, r#"{"key":"AA=="}"#);
                let head = format!(
                    "POST /v3/kv/range HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n",
                    body.len()
                );
                wire.send(format!("{head}\r\n{body}"));
                wire.try_response("POST").is_ok_and(|response| response.status == 200)
            }
            Kind::Redis => {
                let mut reply = [0; 7];
                wire.send("PING\r\n");
                wire.stream().read_exact(&mut reply).is_ok() && reply == *b"+PONG\r\n"
            }
        }
    }
}

fn read_all(folder: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
        if entry.path().is_dir() {
            read_all(&entry.path(), bytes);
        } else {
            bytes.extend(std::fs::read(entry.path()).unwrap_or_default());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
