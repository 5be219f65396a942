//! Real servers of stores, each with a folder of its own, and the verdict on a conformance run against one.

pub mod engine;
pub mod sentinel;
pub mod shared;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use keyvalues::{Key, Store, VALUE_BYTES_MAX, Write, conformance::Report};
use tempfile::TempDir;

/// How long anything may take before a suite calls it hung. Generous, since a server syncs its disk while others compile.
const PATIENCE: Duration = Duration::from_secs(60);

/// `CONFORMANCE_CASE=text` runs only the cases whose name contains the text.
pub fn wanted(name: &str) -> bool {
    std::env::var("CONFORMANCE_CASE").is_ok_and(|text| name.contains(&text)) || !is_filtered()
}

fn is_filtered() -> bool {
    std::env::var_os("CONFORMANCE_CASE").is_some()
}

/// Fails with what the broken cases said; `least` guards against a suite that has shrunk unnoticed.
pub fn judge(report: &Report, least: usize) {
    let broken = report.failed.iter().map(|(name, text)| format!("  {name}: {text}")).collect::<Vec<_>>();
    assert!(broken.is_empty(), "{} cases broken:\n{}", broken.len(), broken.join("\n"));
    assert!(report.passed.len() >= least || is_filtered(), "only {} cases ran", report.passed.len());
}

/// Pushes older changes out of a log that is bounded by 16 MiB.
pub async fn push_out(store: &dyn Store) {
    let value = vec![0; VALUE_BYTES_MAX];
    for _ in 0..17 {
        let write = Write::put(key("ballast"), value.clone());
        store.commit(vec![], vec![write]).await.unwrap();
    }
}

/// A key of a suite, which is valid.
pub fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// The arguments of one member of an etcd cluster; `members` are the ports of all, for clients and for each other.
pub fn etcd_arguments(folder: &Path, index: usize, members: &[[u16; 2]], scheme: &str) -> Vec<String> {
    let url = |port: u16| format!("{scheme}://127.0.0.1:{port}");
    let peer = |port: u16| format!("http://127.0.0.1:{port}");
    let [client, between] = members[index];
    let cluster = members.iter().enumerate().map(|(index, [_, port])| format!("m{index}={}", peer(*port)));
    let pairs = [
        ("--name", format!("m{index}")),
        ("--data-dir", folder.join("data").display().to_string()),
        ("--listen-client-urls", url(client)),
        ("--advertise-client-urls", url(client)),
        ("--listen-peer-urls", peer(between)),
        ("--initial-advertise-peer-urls", peer(between)),
        ("--initial-cluster", cluster.collect::<Vec<_>>().join(",")),
    ];
    pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

/// A server process with a folder of its own; killed with its handle.
pub struct Server {
    program: &'static str,
    arguments: Vec<String>,
    /// Those it was started with.
    pub ports: Vec<u16>,
    /// Its data and its log.
    pub folder: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Starts a program with the arguments that `arguments` makes of its folder and free ports.
    pub fn start(
        program: &'static str,
        ports: usize,
        arguments: impl FnOnce(&Path, &[u16]) -> Vec<String>,
    ) -> Self {
        Self::on_ports(program, free_ports(ports), arguments)
    }

    /// The same on ports that the caller has chosen.
    pub fn on_ports(
        program: &'static str,
        ports: Vec<u16>,
        arguments: impl FnOnce(&Path, &[u16]) -> Vec<String>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments(folder.path(), &ports);
        let mut server = Self { program, arguments, ports, folder, child: None };
        server.restart();
        server
    }

    /// Starts it again, on the same folder and ports.
    pub fn restart(&mut self) {
        self.kill();
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = Command::new(self.program)
            .args(&self.arguments)
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap_or_else(|error| panic!("{} is needed for this suite: {error}", self.program));
        self.child = Some(child);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it has written to its standard output and error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ports that nobody listens on, all different.
pub fn free_ports(count: usize) -> Vec<u16> {
    (0..count).map(|_| crate::ports::free_port()).collect()
}

/// Asks again and again until it holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what} did not happen"));
}

/// Puts `ca.pem`, and `cert.pem` with `key.pem` for 127.0.0.1 signed by it, into a folder.
pub fn make_certificates(folder: &Path) {
    make_certificates_for(folder, "IP:127.0.0.1,DNS:localhost");
}

/// The same for other names.
pub fn make_certificates_for(folder: &Path, names: &str) {
    std::fs::write(folder.join("names"), format!("subjectAltName={names}")).unwrap();
    let steps = [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out request.pem",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    ];
    for step in steps {
        let made = Command::new("openssl").args(step.split(' ')).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}
