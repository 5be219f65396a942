//! A Kubernetes API that has EndpointSlices: it lists, and keeps watches open, as it is told to.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::Response,
    serve,
};
use futures_util::stream;
use support::eventually;
use tokio::sync::{mpsc, oneshot};

/// A piece of a watch's answer; an error cuts the connection.
type Piece = Result<String, io::ErrorKind>;

/// The server; it ends when dropped.
pub struct Cluster {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    over: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared(Mutex<Known>);

struct Known {
    /// Status and body of the next lists.
    list: (StatusCode, String),
    /// The watches that were opened last first.
    watches: Vec<mpsc::UnboundedSender<Piece>>,
    /// What was asked for, in order.
    asked: Vec<String>,
}

impl Cluster {
    /// A cluster that lists this.
    pub fn start(list: String) -> Self {
        let known = Known { list: (StatusCode::OK, list), watches: Vec::new(), asked: Vec::new() };
        let shared = Arc::new(Shared(Mutex::new(known)));
        let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
        let address = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener can be non-blocking");
        let (over, ends) = oneshot::channel();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("it is a listener");
                tokio::select! {
                    _ = serve(listener, routes).into_future() => {}
                    _ = ends => {}
                }
            });
        });
        Self { address, shared, over: Some(over), thread: Some(thread) }
    }

    /// From now on it lists this.
    pub fn lists(&self, list: String) {
        self.shared.lock().list = (StatusCode::OK, list);
    }

    /// From now on it refuses to list, by this status.
    pub fn refuses(&self, status: u16, body: String) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.shared.lock().list = (status, body);
    }

    /// Sends an event to whoever watches, once somebody does.
    pub fn tell(&self, event: &str) {
        let line = event.lines().map(str::trim).collect::<String>() + "\n";
        eventually("somebody watches", || self.send(&Ok(line.clone())));
    }

    /// Cuts every watch in the middle of an event.
    pub fn cut(&self) {
        self.tell_half("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Endpoint");
        eventually("somebody watched", || self.send(&Err(io::ErrorKind::ConnectionReset)));
        self.shared.lock().watches.clear();
    }

    /// Ends every watch as the API does after some minutes.
    pub fn end(&self) {
        eventually("somebody watches", || self.is_watched());
        self.shared.lock().watches.clear();
    }

    /// What was asked for so far: paths with their queries.
    pub fn asked(&self) -> Vec<String> {
        self.shared.lock().asked.clone()
    }

    /// How often it was asked for a list.
    pub fn lists_asked(&self) -> usize {
        self.asked().iter().filter(|asked| !asked.contains("watch=true")).count()
    }

    /// Whether a watch is open.
    pub fn is_watched(&self) -> bool {
        let mut known = self.shared.lock();
        known.watches.retain(|watch| !watch.is_closed());
        !known.watches.is_empty()
    }

    fn tell_half(&self, text: &str) {
        eventually("somebody watches", || self.send(&Ok(text.to_owned())));
    }

    /// Whether a watch was open to take it.
    fn send(&self, piece: &Piece) -> bool {
        let mut known = self.shared.lock();
        known.watches.retain(|watch| watch.send(piece.clone()).is_ok());
        !known.watches.is_empty()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let asked = request.uri().to_string();
    let mut known = shared.lock();
    let (status, body) = if asked.contains("watch=true") {
        let (watch, pieces) = mpsc::unbounded_channel::<Piece>();
        known.watches.push(watch);
        let pieces = stream::unfold(pieces, |mut pieces| async {
            let piece = pieces.recv().await?;
            Some((piece.map_err(io::Error::from), pieces))
        });
        (StatusCode::OK, Body::from_stream(pieces))
    } else {
        let (status, list) = known.list.clone();
        (status, Body::from(list))
    };
    known.asked.push(asked);
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json").body(body);
    response.expect("it is a response")
}

/// An answer by its name in `answers/`.
pub fn recorded(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes/answers").join(name);
    let file = file.with_extension("json");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
