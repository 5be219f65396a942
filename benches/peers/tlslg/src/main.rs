//! TLS 1.3 load: `tlslg PORT req|hs|hs-mlkem|idle|h2|grpc|idle-h2 CONNECTIONS SECONDS PIDS` prints the proxy's CPU time per
//! request on kept connections (`req`; by HTTP/2 with eight streams each `h2`; calls of gRPC `grpc`), or per handshake, request
//! and close (`hs` with X25519, `hs-mlkem` with X25519MLKEM768), or the memory it holds for each connection that has asked once
//! and stays (`idle`, `idle-h2`). Needs endpoints: `lg --mode endpoints`, and for gRPC `tlslg 0 endpoints 0 0 PORTS`.

mod http2;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many connections are opened at the same time, so that the proxy's own pool upstream stays small.
const OPENING: usize = 64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

const HOST: &str = "shop.example.test";
const BODY_BYTES: usize = 1024;
const REQUEST: &[u8] = b"GET /catalogue/item?id=12345&ref=home HTTP/1.1\r\nHost: shop.example.test\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Cookie: theme=dark; _ga=GA1.1.1234567890.1718000000; session=0123456789abcdef0123456789abcdef\r\n\r\n";

/// Takes any certificate: the load is what is measured, not the trust.
#[derive(Debug)]
struct Trusting(CryptoProvider);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What is done on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Request after request.
    Requests,
    /// One request, then another connection.
    Handshakes,
    /// The same after another key exchange, which holds against quantum computers.
    HybridHandshakes,
    /// One request, then nothing.
    Idle,
    /// Requests by HTTP/2.
    Streams,
    /// Calls of gRPC.
    Calls,
    /// One request by HTTP/2, then nothing.
    IdleHttp2,
}

/// What all connections share.
struct Load {
    connector: TlsConnector,
    port: u16,
    kind: Kind,
    answered: Cell<u64>,
    failed: Cell<u64>,
    stop: Cell<bool>,
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, port, kind, connections, seconds, pids] = &words[..] else {
        panic!("usage: tlslg PORT req|hs|hs-mlkem|idle|h2|grpc|idle-h2 CONNECTIONS SECONDS PIDS")
    };
    if kind == "endpoints" {
        let ports: Vec<u16> = pids.split(',').filter_map(|port| port.parse().ok()).collect();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        return tokio::task::LocalSet::new().block_on(&runtime, http2::serve_calls(&ports));
    }
    let pids: Vec<u32> = pids.split(',').filter_map(|pid| pid.parse().ok()).collect();
    let asked = match kind.as_str() {
        "req" => Kind::Requests,
        "hs" => Kind::Handshakes,
        "hs-mlkem" => Kind::HybridHandshakes,
        "idle" => Kind::Idle,
        "h2" => Kind::Streams,
        "grpc" => Kind::Calls,
        "idle-h2" => Kind::IdleHttp2,
        other => panic!("req, hs, hs-mlkem, idle, h2, grpc or idle-h2, not {other}"),
    };
    let load = Rc::new(Load {
        connector: TlsConnector::from(Arc::new(client_config(asked))),
        port: port.parse().expect("PORT is a number"),
        kind: asked,
        answered: Cell::new(0),
        failed: Cell::new(0),
        stop: Cell::new(false),
    });
    let connections: usize = connections.parse().expect("CONNECTIONS is a number");
    let seconds: f64 = seconds.parse().expect("SECONDS is a number");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        if load.kind == Kind::Idle {
            return idle(&load, connections, seconds, &pids, asked_once).await;
        }
        if load.kind == Kind::IdleHttp2 {
            return idle(&load, connections, seconds, &pids, http2::asked_once).await;
        }
        for _ in 0..connections {
            if matches!(load.kind, Kind::Streams | Kind::Calls) {
                tokio::task::spawn_local(http2::keep_asking(Rc::clone(&load)));
            } else {
                tokio::task::spawn_local(keep_asking(Rc::clone(&load)));
            }
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        measure(&load, kind, seconds, &pids).await;
    });
}

fn client_config(kind: Kind) -> ClientConfig {
    let mut provider = aws_lc_rs::default_provider();
    let hybrid = kind == Kind::HybridHandshakes;
    provider.kx_groups = vec![if hybrid { aws_lc_rs::kx_group::X25519MLKEM768 } else { aws_lc_rs::kx_group::X25519 }];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider knows TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    if matches!(kind, Kind::Streams | Kind::Calls | Kind::IdleHttp2) {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    config
}

async fn measure(load: &Load, kind: &str, seconds: f64, pids: &[u32]) {
    let (cpu, answered, started) = (cpu_ns(pids), load.answered.get(), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let cpu = (cpu_ns(pids) - cpu) as f64;
    let count = (load.answered.get() - answered) as f64;
    let elapsed = started.elapsed().as_secs_f64();
    load.stop.set(true);
    println!(
        "{{\"kind\":\"{kind}\",\"cpu_us\":{:.3},\"rps\":{:.0},\"busy\":{:.3},\"bad\":{}}}",
        cpu / 1e3 / count.max(1.0),
        count / elapsed,
        cpu / 1e9 / elapsed,
        load.failed.get()
    );
}

/// Opens all connections by `open_and_ask`, which asks once on each, and reads what they cost once they have been quiet for `seconds`.
async fn idle<C: 'static, F>(
    load: &Rc<Load>,
    connections: usize,
    seconds: f64,
    pids: &[u32],
    open_and_ask: impl Fn(Rc<Load>) -> F,
) where
    F: Future<Output = io::Result<C>> + 'static,
{
    let before = resident_kb(pids);
    let room = Arc::new(tokio::sync::Semaphore::new(OPENING));
    for _ in 0..connections {
        let permit = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
        let load = Rc::clone(load);
        let asking = open_and_ask(Rc::clone(&load));
        tokio::task::spawn_local(async move {
            let asked = asking.await;
            drop(permit);
            match asked {
                Ok(connection) => {
                    // It stays open until this process ends.
                    let _connection = connection;
                    std::future::pending::<()>().await;
                }
                Err(_) => load.failed.set(load.failed.get() + 1),
            }
        });
    }
    while load.answered.get() + load.failed.get() < connections as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    report_idle(load, connections, before, resident_kb(pids));
}

/// A connection of HTTP/1.1 that has asked once.
async fn asked_once(load: Rc<Load>) -> io::Result<TlsStream<TcpStream>> {
    let mut stream = open(&load).await?;
    ask(&load, &mut stream, &mut vec![0; 8 * 1024]).await?;
    Ok(stream)
}

fn report_idle(load: &Load, connections: usize, before: u64, after: u64) {
    println!(
        "{{\"kind\":\"idle\",\"conns\":{connections},\"ok\":{},\"bad\":{},\"rss_before_kb\":{before},\
         \"rss_after_kb\":{after},\"bytes_per_conn\":{:.1}}}",
        load.answered.get(),
        load.failed.get(),
        after.saturating_sub(before) as f64 * 1024.0 / connections.max(1) as f64
    );
}

async fn keep_asking(load: Rc<Load>) {
    let mut buffer = vec![0; 64 * 1024];
    while !load.stop.get() {
        if one_connection(&load, &mut buffer).await.is_err() {
            load.failed.set(load.failed.get() + 1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn one_connection(load: &Load, buffer: &mut [u8]) -> io::Result<()> {
    let mut stream = open(load).await?;
    loop {
        ask(load, &mut stream, buffer).await?;
        if matches!(load.kind, Kind::Handshakes | Kind::HybridHandshakes) || load.stop.get() {
            return Ok(());
        }
    }
}

async fn open(load: &Load) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", load.port)).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
    load.connector.connect(name, stream).await
}

async fn ask(load: &Load, stream: &mut TlsStream<TcpStream>, buffer: &mut [u8]) -> io::Result<()> {
    stream.write_all(REQUEST).await?;
    let (mut got, mut wanted) = (0, usize::MAX);
    while got < wanted {
        let count = stream.read(&mut buffer[got..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        got += count;
        if let Some(end) = buffer[..got].windows(4).position(|window| window == b"\r\n\r\n") {
            wanted = end + 4 + BODY_BYTES;
        }
    }
    if !buffer.starts_with(b"HTTP/1.1 200") {
        return Err(io::Error::other("not a 200"));
    }
    load.answered.set(load.answered.get() + 1);
    Ok(())
}

/// Memory that these processes hold, kB.
fn resident_kb(pids: &[u32]) -> u64 {
    let texts = pids.iter().filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/status")).ok());
    texts
        .filter_map(|text| {
            let line = text.lines().find(|line| line.starts_with("VmRSS:"))?.to_owned();
            line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}

/// CPU time of all threads of these processes, ns.
fn cpu_ns(pids: &[u32]) -> u64 {
    let tasks =
        pids.iter().flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten());
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next().and_then(|number| number.parse::<u64>().ok()))
        .sum()
}
