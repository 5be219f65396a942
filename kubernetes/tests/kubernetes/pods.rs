//! The pods of a test: endpoints on a network of this machine's own addresses, which stands for that of the answers.

use std::{
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicU8, Ordering},
};

use support::Endpoint;

/// The network of the pods in `answers/`.
const OF_ANSWERS: &str = "10.244.1.";

/// The port of the pods in `answers/`.
const PORT: u16 = 3000;

/// A network that no other test has while this one runs.
pub struct Pods {
    network: [u8; 3],
    /// Holds the network.
    _claim: TcpListener,
}

impl Pods {
    pub fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let own = std::process::id().to_le_bytes();
        let taken = (0..1_000).find_map(|_| {
            let network = [127, 16 + own[0] % 200, own[1].wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))];
            let [a, b, c] = network;
            Some((network, TcpListener::bind(SocketAddr::from(([a, b, c, 1], PORT))).ok()?))
        });
        let (network, claim) = taken.expect("some network is free");
        Self { network, _claim: claim }
    }

    /// The address of a pod, by the last part of the one that it has in `answers/`.
    pub fn address(&self, last: u8) -> SocketAddr {
        let [a, b, c] = self.network;
        ([a, b, c, last], PORT).into()
    }

    /// The addresses of pods as texts.
    pub fn addresses(&self, last: &[u8]) -> Vec<String> {
        last.iter().map(|last| self.address(*last).to_string()).collect()
    }

    /// Starts a pod.
    pub fn start(&self, last: u8, release: &str) -> Endpoint {
        Endpoint::echo_at(self.address(last), release)
    }

    /// An answer with the addresses that the pods really have.
    pub fn place(&self, answer: &str) -> String {
        let [a, b, c] = self.network;
        answer.replace(OF_ANSWERS, &format!("{a}.{b}.{c}."))
    }
}
