//! Certificates of a real CA: ordered once per fleet, shown by every router, renewed while clients come.

mod ca;
mod fleet;
mod information;
mod orders;
mod renewal;
mod tickets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::{Value, json};

use ca::Ca;
use support::clock::within;
use support::router::APP;
use support::tls::TlsClient;
use support::{Router, router};

/// How long a certificate of these suites lasts that is not to be renewed, in seconds.
const LONG: u64 = 30 * 86_400;
/// How long an order may take: the CA looks, a second attempt comes after ten seconds, and a third, where a busy machine's CA was
/// not there by then, after some four minutes.
const ORDER_MAX: Duration = Duration::from_secs(330);

/// A router that orders from a CA that is to come.
fn ordering(ca: &Ca, flags: &[&str]) -> Router {
    ordering_by(&ca.flags(), flags)
}

fn ordering_by(of_ca: &[String], flags: &[&str]) -> Router {
    let mut builder = router().stable("v1").flag("--listen-tls=127.0.0.1:0");
    for flag in of_ca {
        builder = builder.flag(flag);
    }
    flags.iter().fold(builder, |builder, flag| builder.flag(flag)).start()
}

/// Claims hosts for which certificates are to be ordered.
fn claim(router: &Router, hosts: &[&str]) {
    let settings = json!({"hosts": hosts, "certificate": "acme"});
    router.api().call("PATCH", &format!("/api/v1/apps/{APP}/settings"), Some(&settings)).expect(200);
}

/// What the API says of the certificate of a host.
fn shown(router: &Router, host: &str) -> Value {
    let all = router.api_as("viewer").call("GET", "/api/v1/certificates", None).expect(200).json();
    let of_host = |one: &&Value| one["names"] == json!([host]);
    all["certificates"].as_array().and_then(|all| all.iter().find(of_host)).cloned().unwrap_or_default()
}

/// Waits until the API says so of a host.
fn wait_for(router: &Router, host: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut now = Value::Null;
    let came = within(ORDER_MAX, || {
        now = shown(router, host);
        holds(&now)
    });
    assert!(came, "{host} is not {what}: {now}\n{}", router.log());
    now
}

fn wait_until_valid(router: &Router, host: &str) -> Value {
    wait_for(router, host, "valid", |one| one["state"] == "valid")
}

/// The status of a request for a host on a connection of its own; none: the handshake fails.
fn status(address: SocketAddr, host: &str, trust: &Arc<ClientConfig>) -> Option<u16> {
    let mut client = TlsClient::try_open(address, host, trust)?;
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    Some(client.response("GET").status)
}

/// The certificate that a host shows, in DER.
fn certificate(address: SocketAddr, host: &str, trust: &Arc<ClientConfig>) -> Option<Vec<u8>> {
    let client = TlsClient::try_open(address, host, trust)?;
    Some(client.session().peer_certificates()?.first()?.to_vec())
}
