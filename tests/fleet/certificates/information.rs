//! Renewal information (RFC 9773), which pebble 2.4 does not have: a small server before it has a directory of its own, which names
//! the same CA, and suggests when to renew.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// Serves until the suite ends. `directory`: gives that of the CA; `window`: when to renew, in Unix seconds.
pub fn serve(
    pair: (&[u8], &[u8]),
    directory: impl Fn() -> String + Send + 'static,
    window: (i64, i64),
) -> SocketAddr {
    let chain = CertificateDer::pem_slice_iter(pair.0).collect::<Result<Vec<_>, _>>().expect("it is PEM");
    let key = PrivateKeyDer::from_pem_slice(pair.1).expect("it is PEM");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("they are known");
    let config = builder.with_no_client_auth().with_single_cert(chain, key).expect("they belong together");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be bound");
    let address = listener.local_addr().expect("it is bound");
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).expect("a session can begin");
            let mut reader = BufReader::new(StreamOwned::new(session, stream));
            let mut first = String::new();
            if reader.read_line(&mut first).is_err() {
                continue;
            }
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let body = answer(&first, &directory(), address, window).to_string();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRetry-After: 3600\r\nConnection: close\r\n\
                 Content-Length: {length}\r\n\r\n"
            );
            let stream = reader.get_mut();
            // Whoever has gone needs no answer.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address
}

fn answer(request: &str, directory: &str, address: SocketAddr, window: (i64, i64)) -> Value {
    if request.starts_with("GET /dir ") {
        let mut directory: Value = serde_json::from_str(directory).unwrap_or_default();
        directory["renewalInfo"] = json!(format!("https://{address}/renewal-info"));
        return directory;
    }
    let time = |seconds| jiff::Timestamp::from_second(seconds).expect("a time").to_string();
    json!({"suggestedWindow": {"start": time(window.0), "end": time(window.1)}})
}
