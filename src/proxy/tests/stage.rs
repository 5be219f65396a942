//! A front with one app, and endpoints that do what a test says.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Clock,
    limits::Limits,
    live::{handover::HandoverReceiver, table::LiveTable},
    proxy::front::{Front, FrontOptions},
    rollout::{
        endpoint::AddressPolicy,
        keyspace::{Keyspace, KeyspaceOptions},
        pin::{PinFormat, PinKey, PinKeys},
        release::ReleaseId,
        target::ReleaseSlot,
    },
    telemetry::counters::Counters,
};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an endpoint does with one connection, request by request: the reply to a request's bytes; empty closes.
pub type Script = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

/// An endpoint.
pub struct Endpoint {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    pub requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// An endpoint that reads a head (and a body of its Content-Length) and replies as the script says.
pub fn endpoint(script: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, kept, script): (_, _, Arc<Script>) =
        (Arc::clone(&connections), Arc::clone(&requests), Arc::new(script));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let (kept, script) = (Arc::clone(&kept), Arc::clone(&script));
            std::thread::spawn(move || serve(stream, &kept, script.as_ref()));
        }
    });
    Endpoint { address, connections, requests }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>, script: &Script) {
    while let Some(request) = read_message(&mut stream) {
        kept.lock().unwrap().push(request.clone());
        let reply = script(&request);
        if reply.is_empty() || stream.write_all(&reply).is_err() {
            return;
        }
    }
}

/// Reads a head, and as much body as its Content-Length says.
pub fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut message, mut byte) = (Vec::new(), [0]);
    while !message.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => message.push(byte[0]),
            _ => return None,
        }
    }
    let text = String::from_utf8_lossy(&message).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let start = message.len();
    message.resize(start + length.unwrap_or(0), 0);
    stream.read_exact(&mut message[start..]).ok()?;
    Some(message)
}

/// A running front.
pub struct Stage {
    pub front: Option<Front>,
    pub address: SocketAddr,
    pub live: Arc<LiveTable>,
    pub counters: Counters,
}

impl Stage {
    pub fn new(stable: &[SocketAddr]) -> Self {
        Self::with(stable, Limits::default())
    }

    pub fn with(stable: &[SocketAddr], limits: Limits) -> Self {
        Self::with_tls(stable, limits, None)
    }

    pub fn with_tls(stable: &[SocketAddr], limits: Limits, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self::start(stable, limits, tls, Clock::system(), Vec::new())
    }

    /// Where no time passes, so that no deadline comes to anybody's help.
    pub fn outside_time(stable: &[SocketAddr]) -> Self {
        Self::start(stable, Limits::default(), None, Clock::manual(0), Vec::new())
    }

    /// With what the admin port hands to each worker.
    pub fn with_handovers(stable: &[SocketAddr], handovers: Vec<HandoverReceiver>) -> Self {
        Self::start(stable, Limits::default(), None, Clock::system(), handovers)
    }

    fn start(
        stable: &[SocketAddr],
        limits: Limits,
        tls: Option<Arc<rustls::ServerConfig>>,
        clock: Clock,
        handovers: Vec<HandoverReceiver>,
    ) -> Self {
        let workers = 2;
        let (live, counters) = (Arc::new(LiveTable::new(workers)), Counters::new(workers));
        let current = PinKey { id: 1, secret: [7; 16] };
        let mut keyspace = Keyspace::new(KeyspaceOptions {
            default_app: None,
            addresses: AddressPolicy::default(),
            pin_keys: PinKeys { next: None, current, previous: None },
            pin_format: PinFormat::Two,
            https: false,
        });
        let release = ReleaseId::of_app(&"shop".parse().unwrap(), "a", 80).unwrap();
        keyspace.put("rolling/shop/rollout", &record(&release), 1);
        for (number, address) in stable.iter().enumerate() {
            keyspace.put(&format!("{release}/{number}"), address.to_string().as_bytes(), 2);
        }
        live.publish(keyspace.build(2), Duration::ZERO);
        let options = FrontOptions {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            https_redirect: None,
            proxy_protocol: false,
            health_path: None,
            handovers,
            inherited: Vec::new(),
            listen_unix: Vec::new(),
            inherited_unix: Vec::new(),
            listen_tls: tls
                .map(|config| ("127.0.0.1:0".parse().unwrap(), config.into()))
                .into_iter()
                .collect(),
            workers,
            limits,
            node_id: "test".into(),
            trust: Box::new(|_| false),
            traces: None,
        };
        let front = Front::start(options, Arc::clone(&live), clock, counters.clone(), None).unwrap();
        let address = front.addresses()[0];
        Self { front: Some(front), address, live, counters }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends on a connection of its own and reads one message.
    pub fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        text(read_message(&mut stream).expect("a response"))
    }

    /// The release's share of what is counted.
    pub fn release(&self) -> crate::live::activity::ReleaseTotal {
        self.live.load().release(ReleaseSlot(0)).total()
    }

    pub fn count(&self, metric: &str) -> u64 {
        self.counters.totals().iter().filter(|(found, _)| found.name == metric).map(|(_, value)| value).sum()
    }
}

pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Reads everything up to the end of the connection; `Err` when that was a reset.
pub fn read_all(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn record(stable: &ReleaseId) -> Vec<u8> {
    let record = serde_json::json!({
        "seq": 1, "stable": {"release": stable, "tenure": 1}, "candidate": null, "blend": 0, "sticky": true,
        "previous": null, "draining": [], "tenures": {"last": 1, "left": []}, "lock": null,
        "command": "stable", "actor": "ann", "reason": "", "at": 1,
    });
    serde_json::to_vec(&record).unwrap()
}

/// A response with this body.
pub fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Waits for something that another thread is about to bring about.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 10 {
        if condition() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
