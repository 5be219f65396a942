//! Ports for servers that are told theirs before they listen, or come back to the one they had.
//!
//! They lie below those from which the kernel takes the ports of outgoing connections and of `127.0.0.1:0`, so none of
//! those sits on a port while its server is away, and a connection to a server that is away cannot reach itself.

#![allow(clippy::expect_used, reason = "the helpers of a test panic like the test itself")]

use std::{
    collections::HashSet,
    fs,
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Below it are the ports of well-known services.
const LOWEST: u16 = 10_000;
/// Fewer are not worth a draw.
const ENOUGH: u16 = 1_000;

/// The first port that the kernel gives away by itself.
static KERNELS_FIRST: LazyLock<u16> = LazyLock::new(|| {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768)
});

/// A port of 127.0.0.1 that nobody listens on, and that this process is never given again.
pub fn free_port() -> u16 {
    listener().local_addr().expect("a listener has an address").port()
}

/// A listener on such a port.
pub fn listener() -> TcpListener {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let count = KERNELS_FIRST.saturating_sub(LOWEST);
    if count < ENOUGH {
        return TcpListener::bind("127.0.0.1:0").expect("some port is free");
    }
    let draws = (0..u32::from(count)).map(|n| RandomState::new().hash_one(n) % u64::from(count));
    let ports = draws.map(|draw| LOWEST + u16::try_from(draw).expect("it is below a port"));
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fresh = ports.filter(|port| given.insert(*port));
    fresh.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).expect("some port is free")
}
