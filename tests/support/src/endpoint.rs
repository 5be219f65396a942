//! Endpoints on real sockets: one that echoes what it received, ones that follow a script, however hostile.
//!
//! An endpoint reads as strictly as [`super::message`] can, and keeps every request, so that a suite can ask what
//! really arrived. A connection on which nothing is sent (a health check) leaves no record.

use super::clock::PATIENCE;
use super::message::{Fault, Framing, ReceivedMessage, Source};
use super::ports;
use super::reply::Reply;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// A running endpoint; it stops, and closes its connections, when dropped.
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<EndpointState>,
}

/// One connection as an endpoint's own code sees it.
pub struct Peer {
    /// Which connection this is, counted from 0.
    pub connection: usize,
    source: Source<TcpStream>,
    shared: Arc<EndpointState>,
    reset: bool,
}

type Serve = dyn Fn(&mut Peer) + Send + Sync;
type Script = dyn Fn(&ReceivedMessage) -> Reply + Send + Sync;

struct EndpointState {
    stopped: AtomicBool,
    connections: AtomicUsize,
    serving: AtomicUsize,
    received: Mutex<Vec<ReceivedMessage>>,
    open: Mutex<Vec<TcpStream>>,
    script: Mutex<Arc<Script>>,
}

/// An endpoint that answers 200 and says which release it is (`X-Release`), which endpoint (`X-Endpoint`), and, as the
/// body, the head it received byte for byte, followed by the body it received.
pub fn echo(release: &str) -> Endpoint {
    Endpoint::start(ports::listener(), |address| echo_script(release, address))
}

/// An endpoint that reads a request and then does as it is told; [`Endpoint::script`] tells it something else.
pub fn scripted(script: impl Fn(&ReceivedMessage) -> Reply + Send + Sync + 'static) -> Endpoint {
    Endpoint::start(ports::listener(), |_| Arc::new(script))
}

/// An endpoint whose connections are served by `serve`, from the first byte on.
pub fn serving(serve: impl Fn(&mut Peer) + Send + Sync + 'static) -> Endpoint {
    Endpoint::run(ports::listener(), Arc::new(serve), Arc::new(|_| Reply::ok("")))
}

fn echo_script(release: &str, address: SocketAddr) -> Arc<Script> {
    let release = release.to_owned();
    Arc::new(move |received: &ReceivedMessage| {
        let mut body = received.head.clone();
        body.extend(&received.body);
        let endpoint = address.to_string();
        let headers =
            [("X-Release", release.as_str()), ("X-Endpoint", &endpoint), ("Content-Type", "text/plain")];
        match (received.method().as_str(), Reply::response("200 OK", &headers, &body)) {
            ("HEAD", Reply::Bytes(mut bytes)) => {
                bytes.truncate(bytes.len() - body.len());
                Reply::Bytes(bytes)
            }
            (_, reply) => reply,
        }
    })
}

impl Endpoint {
    /// An echo endpoint on a given address, such as that of one that was stopped.
    pub fn echo_at(address: SocketAddr, release: &str) -> Self {
        let listener = TcpListener::bind(address).expect("an endpoint's port can be bound");
        Self::start(listener, |address| echo_script(release, address))
    }

    /// An endpoint that follows a script on a given address; `None` while somebody else listens there.
    pub fn scripted_at(
        address: SocketAddr,
        script: impl Fn(&ReceivedMessage) -> Reply + Send + Sync + 'static,
    ) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        Some(Self::run(listener, Arc::new(follow_script), Arc::new(script)))
    }

    /// An endpoint on a given address whose connections are served by `serve`; `None` while somebody else listens there.
    pub fn serving_at(
        address: SocketAddr,
        serve: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        Some(Self::run(listener, Arc::new(serve), Arc::new(|_| Reply::ok(""))))
    }

    fn start(listener: TcpListener, script: impl FnOnce(SocketAddr) -> Arc<Script>) -> Self {
        let script = script(listener.local_addr().expect("a listener has an address"));
        Self::run(listener, Arc::new(follow_script), script)
    }

    fn run(listener: TcpListener, serve: Arc<Serve>, script: Arc<Script>) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        // The standard library's queue of 128 overflows when a router connects for hundreds of clients at once.
        let _ = socket2::SockRef::from(&listener).listen(1_024);
        let shared = Arc::new(EndpointState {
            stopped: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            serving: AtomicUsize::new(0),
            received: Mutex::default(),
            open: Mutex::default(),
            script: Mutex::new(script),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &serve, &accepting));
        Self { address, shared }
    }

    /// From the next request on, do this.
    pub fn script(&self, script: impl Fn(&ReceivedMessage) -> Reply + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// From the next request on, answer this, whatever is asked.
    pub fn always(&self, reply: Reply) {
        self.script(move |_| reply.clone());
    }

    /// Everything received since the last call, in the order in which the reading of each ended.
    pub fn take(&self) -> Vec<ReceivedMessage> {
        std::mem::take(&mut *lock(&self.shared.received))
    }

    /// How many requests have been read since the last [`Endpoint::take`].
    pub fn received(&self) -> usize {
        lock(&self.shared.received).len()
    }

    /// How many connections were accepted in all, health checks included.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open now; one that is not counted any more has been closed on the wire.
    pub fn open_connections(&self) -> usize {
        self.shared.serving.load(Ordering::SeqCst)
    }

    /// Closes every open connection, and goes on listening.
    pub fn close_connections(&self) {
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Stops listening and closes every connection: from now on connections are refused.
    pub fn stop(&self) {
        if !self.shared.stopped.swap(true, Ordering::SeqCst) {
            let _ = TcpStream::connect(self.address);
        }
        self.close_connections();
        super::eventually("a stopped endpoint refuses connections", || {
            TcpStream::connect(self.address).is_err()
        });
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if !self.shared.stopped.swap(true, Ordering::SeqCst) {
            let _ = TcpStream::connect(self.address);
        }
        self.close_connections();
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn accept(listener: &TcpListener, serve: &Arc<Serve>, shared: &Arc<EndpointState>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
        let _ = stream.set_nodelay(true);
        if let Ok(copy) = stream.try_clone() {
            let mut open = lock(&shared.open);
            open.retain(|stream| stream.peer_addr().is_ok());
            open.push(copy);
        }
        let (serve, shared) = (Arc::clone(serve), Arc::clone(shared));
        shared.serving.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || {
            let mut peer = Peer { connection, source: Source::new(stream), shared, reset: false };
            serve(&mut peer);
            if !peer.reset {
                let _ = peer.source.stream.shutdown(Shutdown::Both);
            }
            let shared = Arc::clone(&peer.shared);
            drop(peer);
            shared.serving.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Reads requests and follows the script until either side ends the connection.
fn follow_script(peer: &mut Peer) {
    while let Some(received) = peer.request() {
        let complete =
            received.complete && !received.faults.iter().any(|fault| fault.starts_with("unreadable"));
        let script = Arc::clone(&*lock(&peer.shared.script));
        peer.keep(received.clone());
        if !complete || !peer.act(script(&received)) {
            return;
        }
    }
}

impl Peer {
    /// Reads one request, body included; `None` when the connection ended before its first byte.
    pub fn request(&mut self) -> Option<ReceivedMessage> {
        let mut received = self.head()?;
        self.body(&mut received);
        Some(received)
    }

    /// Reads a request's head only.
    pub fn head(&mut self) -> Option<ReceivedMessage> {
        match self.source.until(b"\r\n\r\n") {
            Ok(head) => Some(ReceivedMessage::from_head(self.connection, &head)),
            Err(Fault::Cut(head)) => Some(ReceivedMessage {
                connection: self.connection,
                head,
                faults: vec!["unreadable: cut inside the head".into()],
                ..ReceivedMessage::default()
            }),
            Err(_) => None,
        }
    }

    /// Reads the body that `received`'s head announces.
    pub fn body(&mut self, received: &mut ReceivedMessage) {
        let outcome = match received.framing() {
            Framing::Length(length) => self.source.exactly(length, &mut received.body).map(|()| Vec::new()),
            Framing::Chunked => self.source.chunked(&mut received.body),
            Framing::None | Framing::Close => Ok(Vec::new()),
        };
        match outcome {
            Ok(trailers) => {
                received.complete = received.faults.iter().all(|fault| !fault.starts_with("unreadable"));
                received.trailers = trailers;
            }
            Err(Fault::Malformed(why)) => received.faults.push(format!("unreadable: {why}")),
            Err(_) => {}
        }
    }

    /// Adds a request to what the endpoint received.
    pub fn keep(&self, received: ReceivedMessage) {
        lock(&self.shared.received).push(received);
    }

    /// Sends bytes; whether they could be sent.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.source.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// The socket itself, for code that reads or paces by hand.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.source.stream
    }

    /// Bytes that were read with the last head and not used yet.
    pub fn ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.source.ahead)
    }

    /// Reads until the other side closes; what came.
    pub fn drain(&mut self) -> Vec<u8> {
        let _ = self.source.stream.set_read_timeout(Some(PATIENCE));
        while let Ok(true) = self.source.fill() {}
        self.ahead()
    }

    /// Makes this connection end with a reset as soon as it is let go; the copy that [`Endpoint::stop`] would close goes
    /// now, since only the last close sends it.
    pub fn reset(&mut self) {
        close_with_reset(&self.source.stream);
        let client = self.source.stream.peer_addr().ok();
        lock(&self.shared.open).retain(|stream| stream.peer_addr().ok() != client);
        self.reset = true;
    }

    /// Does one scripted act; whether the connection goes on.
    fn act(&mut self, reply: Reply) -> bool {
        match reply {
            Reply::Bytes(bytes) => self.send(bytes),
            Reply::Close(bytes) => {
                self.send(bytes);
                false
            }
            Reply::Reset(bytes) => {
                self.send(bytes);
                self.reset();
                false
            }
            Reply::Hang(bytes) => {
                self.send(bytes);
                self.drain();
                false
            }
        }
    }
}

/// Makes the closing of this connection a reset: that is what a linger time of zero does.
pub fn close_with_reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
}
