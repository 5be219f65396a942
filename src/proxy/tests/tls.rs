//! The same over TLS.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::stage::{Stage, endpoint, ok, text};
use crate::limits::Limits;

/// A certificate for `shop.example` that nobody trusts but these tests.
const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.pem");
const KEY: &[u8] = include_bytes!("tls/key.pem");

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(CERTIFICATE).unwrap()
}

fn server() -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let builder = ServerConfig::builder().with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate()], key).unwrap())
}

fn connect(stage: &Stage) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), "shop.example".try_into().unwrap()).unwrap();
    let address = stage.front.as_ref().unwrap().addresses_tls()[0];
    StreamOwned::new(session, TcpStream::connect(address).unwrap())
}

fn read_until(stream: &mut impl Read, end: &str) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16_384]);
    while !bytes.ends_with(end.as_bytes()) {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    text(bytes)
}

#[test]
fn requests_and_large_bodies_pass_both_ways() {
    let body = "0123456789".repeat(100_000) + "end";
    let sent = body.clone();
    let endpoint = endpoint(move |_| ok(&sent));
    let stage = Stage::with_tls(&[endpoint.address], Limits::default(), Some(server()));
    let mut stream = connect(&stage);
    for _ in 0..3 {
        let head = format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let response = read_until(&mut stream, "end");
        assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with(&body));
    }
    let requests = endpoint.requests.lock().unwrap();
    assert!(requests.iter().all(|request| request.ends_with(body.as_bytes())));
    let head = String::from_utf8_lossy(&requests[0]).into_owned();
    assert!(head.contains("x-forwarded-proto: https\r\n"), "the endpoint learns that it was TLS");
    assert_eq!(stage.count("rolling_tls_handshakes_total"), 1);
}

#[test]
fn who_does_not_speak_tls_is_hung_up_on_and_who_speaks_http_is_told() {
    let endpoint = endpoint(|_| ok("x"));
    let stage = Stage::with_tls(&[endpoint.address], Limits::default(), Some(server()));
    let said = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(stage.front.as_ref().unwrap().addresses_tls()[0]).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A TLS alert may come, and the end may be a reset.
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    assert!(!said(b"\x80\x2e\x01\x00\x02\x00\x00\x00").starts_with(b"HTTP"));
    assert!(said(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with(b"HTTP/1.1 400 "));
    super::stage::eventually("both are counted", || stage.count("rolling_tls_handshakes_failed_total") == 2);
}
