//! A real ACME server (pebble), with the names that it finds hosts by. It asks every host at the ports that it is told, looks for
//! itself each time, and refuses some good nonces, as it does by default.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::information;
use rustls::ClientConfig;
use serde_json::json;
use support::name_server::NameServer;
use support::router::free_port;
use support::servers::{Server, make_certificates};
use support::tls::trusting;
use support::{Router, eventually};
use tempfile::TempDir;

/// A CA that may not run yet: routers need its address, and it needs theirs.
pub struct Ca {
    folder: TempDir,
    ports: [u16; 2],
    /// Where it looks names up.
    pub names: NameServer,
    /// The accounts that it has with its customers, by key id; without one it takes everybody.
    accounts: Vec<(String, String)>,
    server: Option<Server>,
}

impl Ca {
    /// One that is to come.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        make_certificates(folder.path());
        let ports = [free_port().port(), free_port().port()];
        Self { folder, ports, names: NameServer::start(), accounts: Vec::new(), server: None }
    }

    /// The same for customers alone, of whom this is one: the key id, and the HMAC key in base64url.
    pub fn of_customer(mut self, id: &str, key: &str) -> Self {
        self.accounts.push((id.to_owned(), key.to_owned()));
        self
    }

    /// The flags of a router that orders from it.
    pub fn flags(&self) -> [String; 4] {
        self.flags_by(&format!("127.0.0.1:{}", self.ports[0]))
    }

    /// The flags of a router that orders from it by a directory which suggests when to renew, in Unix seconds.
    pub fn flags_with_renewal_information(&self, window: (i64, i64)) -> [String; 4] {
        let [certificate, key] =
            ["cert.pem", "key.pem"].map(|name| fs::read(self.file(name)).expect("it was made"));
        let (ca, url) = (self.file("ca.pem"), format!("https://127.0.0.1:{}/dir", self.ports[0]));
        let address = information::serve((&certificate, &key), move || ask(&ca, &url), window);
        self.flags_by(&address.to_string())
    }

    fn flags_by(&self, server: &str) -> [String; 4] {
        [
            format!("--acme-directory=https://{server}/dir"),
            format!("--acme-ca={}", self.file("ca.pem").display()),
            "--acme-terms-agreed".to_owned(),
            "--acme-contact=ops@shop.test".to_owned(),
        ]
    }

    /// Starts it: it finds hosts at the ports of this router, and its certificates last this many seconds.
    pub fn start(&mut self, router: &Router, seconds: u64) {
        let accounts: BTreeMap<_, _> = self.accounts.iter().cloned().collect();
        let config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.ports[0]),
            "managementListenAddress": format!("127.0.0.1:{}", self.ports[1]),
            "certificate": self.file("cert.pem"),
            "privateKey": self.file("key.pem"),
            "httpPort": router.front.port(),
            "tlsPort": router.front_tls().port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": !self.accounts.is_empty(),
            "externalAccountMACKeys": accounts,
            "certificateValidityPeriod": seconds,
        }});
        let file = self.file("pebble.json");
        fs::write(&file, config.to_string()).expect("the configuration can be written");
        let names = self.names.address.to_string();
        let arguments =
            ["PEBBLE_VA_NOSLEEP=1", "pebble", "-config", &file.display().to_string(), "-dnsserver", &names]
                .map(str::to_owned)
                .to_vec();
        self.server = Some(Server::on_ports("env", self.ports.to_vec(), |_, _| arguments));
        eventually("the CA answers", || self.ask(0, "dir").contains("newOrder"));
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.server.as_ref().map(Server::log).unwrap_or_default()
    }

    /// What a client trusts that trusts its root alone.
    pub fn trust(&self) -> Arc<ClientConfig> {
        let mut trust = trusting(&self.ask(1, "roots/0"), rustls::ALL_VERSIONS);
        trust.resumption = rustls::client::Resumption::disabled();
        Arc::new(trust)
    }

    fn ask(&self, port: usize, path: &str) -> String {
        ask(&self.file("ca.pem"), &format!("https://127.0.0.1:{}/{path}", self.ports[port]))
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

/// What is answered to a GET; empty: nobody answers.
fn ask(ca: &Path, url: &str) -> String {
    let asked = Command::new("curl").args(["-s", "--cacert"]).arg(ca).arg(url).output();
    String::from_utf8_lossy(&asked.expect("curl is needed for this suite").stdout).into_owned()
}
