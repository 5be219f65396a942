//! Ports for servers that are told theirs before they listen, or come back to the one they had.
//!
//! They lie below those from which the kernel takes the ports of outgoing connections and of `127.0.0.1:0`, so none of
//! those sits on a port while its server is away, and a connection to a server that is away cannot reach itself.

#![allow(clippy::expect_used, reason = "the helpers of a test panic like the test itself")]

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::{LazyLock, Mutex, PoisonError},
};

/// Below it are the ports of well-known services.
const LOWEST: u16 = 10_000;
/// How many ports a process takes at a time.
const BLOCK: u16 = 50;

/// The first port that the kernel gives away by itself.
static KERNELS_FIRST: LazyLock<u16> = LazyLock::new(|| {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768)
});

/// The blocks that this process has taken, and the ports of the last one that it has not given yet.
#[derive(Default)]
struct Taken {
    /// A name in the kernel that one process alone can have, for each block.
    names: Vec<UnixListener>,
    left: Vec<u16>,
}

impl Taken {
    /// A port that no other process is given while this one runs.
    fn next(&mut self) -> Option<u16> {
        if self.left.is_empty() {
            let count = KERNELS_FIRST.saturating_sub(LOWEST) / BLOCK;
            let draws = (0..u32::from(count)).map(|n| RandomState::new().hash_one(n) % u64::from(count));
            let (block, name) = draws.filter_map(|draw| u16::try_from(draw).ok()).find_map(take)?;
            self.names.push(name);
            self.left.extend((0..BLOCK).map(|n| LOWEST + block * BLOCK + n));
        }
        self.left.pop()
    }
}

/// Takes a block unless some process has it.
fn take(block: u16) -> Option<(u16, UnixListener)> {
    let name =
        SocketAddr::from_abstract_name(format!("rolling-router tests: block {block} of ports")).ok()?;
    Some((block, UnixListener::bind_addr(&name).ok()?))
}

/// A port of 127.0.0.1 that nobody listens on, and that no test is given again while this process runs.
pub fn free_port() -> u16 {
    listener().local_addr().expect("a listener has an address").port()
}

/// A listener on such a port.
pub fn listener() -> TcpListener {
    static TAKEN: LazyLock<Mutex<Taken>> = LazyLock::new(Mutex::default);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let Some(port) = taken.next() else {
            return TcpListener::bind("127.0.0.1:0").expect("some port is free");
        };
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    }
}
