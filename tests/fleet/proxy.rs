//! A network that can be cut and slowed: a TCP proxy between routers and their store.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use support::Deadline;
use support::clock::pause;

/// A proxy; its connections end with the process.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

/// What happens once some text has passed to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// Nothing comes back on that connection any more.
    LoseAnswers,
    /// The network is cut.
    Cut,
}

struct State {
    /// Where connections lead.
    target: Mutex<SocketAddr>,
    /// Nothing passes, and nothing is closed.
    cut: AtomicBool,
    /// What to wait for on the way to the store, and what happens once it passes.
    trap: Mutex<Option<(Vec<u8>, Trap)>>,
    /// Connections of an earlier age are forgotten: nothing passes there any more, and nothing is closed.
    age: AtomicUsize,
    /// Connections of this age.
    connected: AtomicUsize,
    /// How much later everything arrives that the store sends.
    delay_ms: AtomicU64,
}

impl Proxy {
    /// A proxy to this address.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State {
            target: Mutex::new(target),
            cut: AtomicBool::new(false),
            trap: Mutex::new(None),
            age: AtomicUsize::new(0),
            connected: AtomicUsize::new(0),
            delay_ms: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(client, &state));
            }
        });
        Self { address, state }
    }

    /// From the next connection on, leads there, as a name or a floating address does after a failover.
    pub fn lead_to(&self, target: SocketAddr) {
        *lock(&self.state.target) = target;
    }

    /// Forgets every connection, as a firewall does that was started again: what is sent there is swallowed for good,
    /// and only new connections lead anywhere.
    pub fn forget(&self) {
        self.state.connected.store(0, Ordering::SeqCst);
        self.state.age.fetch_add(1, Ordering::SeqCst);
    }

    /// How many connections were made since the last were forgotten.
    pub fn connected_since(&self) -> usize {
        self.state.connected.load(Ordering::SeqCst)
    }

    /// Swallows everything from now on, or lets it pass again.
    pub fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::SeqCst);
    }

    /// Lets the next bytes that hold this text pass to the store, and then springs.
    pub fn set_trap(&self, text: &str, trap: Trap) {
        *lock(&self.state.trap) = Some((text.as_bytes().to_vec(), trap));
    }

    /// Delays everything that the store sends.
    pub fn delay(&self, by: Duration) {
        self.state.delay_ms.store(u64::try_from(by.as_millis()).expect("it is short"), Ordering::SeqCst);
    }
}

impl State {
    /// Waits until what belongs to this connection may pass; `false` when it never may.
    fn await_passage(&self, way: &Way) -> bool {
        while self.cut.load(Ordering::SeqCst) && self.age() == way.age {
            pause(Duration::from_millis(2));
        }
        self.age() == way.age && (way.to_store || !way.lost.load(Ordering::SeqCst))
    }

    /// Looks at what is about to pass to the store.
    fn spring(&self, bytes: &[u8], way: &Way) {
        let mut trap = lock(&self.trap);
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        let Some((_, sprung)) = trap.take_if(|(text, _)| holds(text)) else { return };
        match sprung {
            Trap::LoseAnswers => way.lost.store(true, Ordering::SeqCst),
            Trap::Cut => self.cut.store(true, Ordering::SeqCst),
        }
    }

    fn age(&self) -> usize {
        self.age.load(Ordering::SeqCst)
    }

    fn target(&self) -> SocketAddr {
        *lock(&self.target)
    }

    fn delay(&self, way: &Way) -> Duration {
        let ms = if way.to_store { 0 } else { self.delay_ms.load(Ordering::SeqCst) };
        Duration::from_millis(ms)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One way of one connection.
#[derive(Clone)]
struct Way {
    to_store: bool,
    /// When the connection was made.
    age: usize,
    /// Nothing comes back any more.
    lost: Arc<AtomicBool>,
}

fn serve(client: TcpStream, state: &Arc<State>) {
    let back = Way { to_store: false, age: state.age(), lost: Arc::default() };
    if !state.await_passage(&back) {
        return std::mem::forget(client);
    }
    let Ok(store) = TcpStream::connect(state.target()) else { return };
    state.connected.fetch_add(1, Ordering::SeqCst);
    let (Ok(from_client), Ok(to_store)) = (client.try_clone(), store.try_clone()) else { return };
    for stream in [&client, &store] {
        let _ = stream.set_nodelay(true);
    }
    let (shared, there) = (Arc::clone(state), Way { to_store: true, ..back.clone() });
    thread::spawn(move || carry(from_client, to_store, &shared, &there));
    carry(store, client, state, &back);
}

/// Carries bytes one way until either side ends; what is under way is delayed and not slowed down.
fn carry(mut from: TcpStream, to: TcpStream, state: &Arc<State>, way: &Way) {
    let (queue, queued) = channel();
    let (shared, same_way) = (Arc::clone(state), way.clone());
    let writer = thread::spawn(move || write(to, &queued, &shared, &same_way));
    read(&mut from, &queue, state, way);
    drop(queue);
    let _ = writer.join();
}

type Chunk = (Vec<u8>, Deadline);

fn read(from: &mut TcpStream, queue: &Sender<Chunk>, state: &State, way: &Way) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if queue.send((buffer[..count].to_vec(), Deadline::after(state.delay(way)))).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, queued: &Receiver<Chunk>, state: &State, way: &Way) {
    for (bytes, due) in queued {
        if !due.passed() {
            pause(due.left());
        }
        let passes = state.await_passage(way);
        if passes && way.to_store {
            state.spring(&bytes, way);
        }
        if passes && to.write_all(&bytes).is_err() {
            break;
        }
    }
    if state.age() == way.age {
        let _ = to.shutdown(Shutdown::Both);
    } else {
        // Nobody is told that the other side has gone.
        std::mem::forget(to);
    }
}
