//! A network that can be cut and slowed: a TCP proxy between routers and their store.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::support::Deadline;
use crate::support::clock::pause;

/// A proxy; its connections end with the process.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Nothing passes, and nothing is closed.
    cut: AtomicBool,
    /// How much later everything arrives that the store sends.
    delay_ms: AtomicU64,
}

impl Proxy {
    /// A proxy to this address.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(client, target, &state));
            }
        });
        Self { address, state }
    }

    /// Swallows everything from now on, or lets it pass again.
    pub fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::SeqCst);
    }

    /// Delays everything that the store sends.
    pub fn delay(&self, by: Duration) {
        self.state.delay_ms.store(u64::try_from(by.as_millis()).expect("it is short"), Ordering::SeqCst);
    }
}

impl State {
    fn await_passage(&self) {
        while self.cut.load(Ordering::SeqCst) {
            pause(Duration::from_millis(2));
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.load(Ordering::SeqCst))
    }
}

fn serve(client: TcpStream, target: SocketAddr, state: &Arc<State>) {
    state.await_passage();
    let Ok(store) = TcpStream::connect(target) else { return };
    let (Ok(from_client), Ok(to_store)) = (client.try_clone(), store.try_clone()) else { return };
    for stream in [&client, &store] {
        let _ = stream.set_nodelay(true);
    }
    let shared = Arc::clone(state);
    thread::spawn(move || carry(from_client, to_store, &shared, |_| Duration::ZERO));
    carry(store, client, state, State::delay);
}

/// Carries bytes one way until either side ends; what is under way is delayed and not slowed down.
fn carry(mut from: TcpStream, to: TcpStream, state: &Arc<State>, delay: fn(&State) -> Duration) {
    let (queue, queued) = channel();
    let shared = Arc::clone(state);
    let writer = thread::spawn(move || write(to, &queued, &shared));
    read(&mut from, &queue, state, delay);
    drop(queue);
    let _ = writer.join();
}

type Chunk = (Vec<u8>, Deadline);

fn read(from: &mut TcpStream, queue: &Sender<Chunk>, state: &State, delay: fn(&State) -> Duration) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if queue.send((buffer[..count].to_vec(), Deadline::after(delay(state)))).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, queued: &Receiver<Chunk>, state: &State) {
    for (bytes, due) in queued {
        if !due.passed() {
            pause(due.left());
        }
        state.await_passage();
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
