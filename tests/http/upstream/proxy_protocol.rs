//! The PROXY protocol towards endpoints. HAProxy reads it, which is strict about it.

use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command},
};

use serde_json::json;
use support::{echo, eventually, router::free_port};
use tempfile::TempDir;

use super::stage::before;

/// A HAProxy that accepts only connections that begin with a header, and says in `X-Seen` of whom it speaks, without a port that is 0. Killed with its
/// handle.
struct Reader {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Reader {
    fn before(endpoint: SocketAddr) -> Self {
        Self::start(endpoint, "")
    }

    /// The same in TLS, with a fresh certificate for this name, which is its own authority.
    fn with_tls(endpoint: SocketAddr, name: &str) -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("it can be made");
        let pem = made.cert.pem();
        let both = format!("{pem}{}", made.signing_key.serialize_pem());
        (Self::start(endpoint, &both), pem)
    }

    fn start(endpoint: SocketAddr, pem: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = folder.path().join("certificate.pem");
        fs::write(&certificate, pem).expect("it can be written");
        let tls = if pem.is_empty() { String::new() } else { format!("ssl crt {}", certificate.display()) };
        let (file, address) = (folder.path().join("haproxy.cfg"), free_port());
        let text = format!(
            "global\n  maxconn 200\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
             listen a\n  bind {address} accept-proxy {tls}\n  http-request set-header X-Seen %[src]:%[src_port]\n  server s {endpoint}\n"
        );
        fs::write(&file, text).expect("it can be written");
        let child = Command::new("haproxy").arg("-db").arg("-q").arg("-f").arg(&file).spawn();
        let child = child.expect("haproxy starts");
        eventually("it listens", || std::net::TcpStream::connect(address).is_ok());
        Self { child, address, _folder: folder }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_versions_tell_a_reader_who_the_client_is() {
    let endpoint = echo("v1");
    let reader = Reader::before(endpoint.address);
    for version in ["v1", "v2"] {
        let settings = json!({ "upstream_proxy_protocol": version,
            "health": { "path": "/healthz", "interval_ms": 500, "timeout_ms": 500, "fall": 1 } });
        let router = before(&[reader.address], &settings).flag("--trusted-networks=127.0.0.0/8").start();
        let mut wire = router.connect();
        for client in ["192.0.2.7", "192.0.2.8", "2001:db8::7"] {
            wire.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n\r\n"));
            let response = wire.response("GET");
            let text = response.text().to_ascii_lowercase();
            assert_eq!(response.status, 200, "{version} {client}: {text}");
            assert!(text.contains(&format!("x-seen: {client}:\r\n")), "{version} {client}: {text}");
        }
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: unknown\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(wire.response("POST").status, 200, "{version}: of nobody");
        eventually("its own checks pass", || {
            let endpoint = router.api().state()["stable"]["endpoints"][0].clone();
            endpoint["checked"] == true && endpoint["healthy"] == true
        });
    }
}

#[test]
fn the_port_of_a_client_that_speaks_for_itself_is_told() {
    let endpoint = echo("v1");
    let reader = Reader::before(endpoint.address);
    let router = before(&[reader.address], &json!({ "upstream_proxy_protocol": "v2" })).start();
    let mut wire = router.connect();
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = wire.response("GET").text().to_ascii_lowercase();
    let seen = text.lines().find_map(|line| line.strip_prefix("x-seen: 127.0.0.1:")).expect("it is told");
    assert_ne!(seen.trim(), "0", "{text}");
}

/// It stands before the handshake of TLS.
#[test]
fn a_reader_with_tls_finds_it_first() {
    let endpoint = echo("v1");
    let (reader, pem) = Reader::with_tls(endpoint.address, "shop.internal");
    let settings = json!({ "upstream": "https", "upstream_proxy_protocol": "v2",
        "upstream_tls": { "server_name": "shop.internal", "ca": pem } });
    let router = before(&[reader.address], &settings).start();
    let mut wire = router.connect();
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = wire.response("GET");
    assert_eq!(response.status, 200);
    assert!(response.text().to_ascii_lowercase().contains("x-seen: 127.0.0.1:"), "{}", response.text());
}
