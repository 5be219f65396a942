//! What every end-to-end suite is built from: the real binary on real ports, real endpoints on sockets, and raw
//! connections that show every byte.
//!
//! Nothing here imports the product: a suite sees what a browser, a script or an endpoint sees. Deliberately
//! absent: an HTTP library. A lenient client would hide exactly what these suites are there to find.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

pub mod api;
pub mod builder;
pub mod client_authority;
pub mod clock;
pub mod command;
pub mod draws;
pub mod endpoint;
pub mod frames;
pub mod http2;
pub mod http2_endpoint;
mod launch;
pub mod log;
pub mod message;
pub mod metrics;
pub mod name_server;
pub mod ntlm;
pub mod ports;
pub mod process;
pub mod receiver;
pub mod reply;
pub mod router;
pub mod servers;
pub mod tls;
pub mod tls_front;
pub mod traffic;
pub mod visitor;
pub mod websocket;
pub mod wire;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub use api::{Answer, Api};
pub use builder::{RouterBuilder, router, write_private};
pub use clock::{Deadline, eventually};
pub use endpoint::{Endpoint, Peer, echo, scripted, serving};
pub use message::{Framing, ReceivedMessage, Response};
pub use process::Process;
pub use reply::Reply;
pub use router::Router;
pub use visitor::{Visit, Visitor};
pub use wire::{Wire, WireFault};

/// The router's binary, as Cargo built it for the suite that runs.
pub fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        // Cargo 1.94 and later say where it is; before, it lay in the folder above the suites'.
        let named = env::var_os("CARGO_BIN_EXE_rolling-router").map(PathBuf::from);
        named.unwrap_or_else(|| {
            let suite = env::current_exe().expect("a suite knows its own file");
            suite.ancestors().nth(2).expect("a suite lies two folders deep").join("rolling-router")
        })
    });
    &BINARY
}

/// Whether the full counts were asked for (`tests/run --long`).
pub fn long() -> bool {
    env::var_os("ROLLING_ROUTER_LONG").is_some_and(|value| value == "1")
}

/// The full count in a long run, else the reduced one.
pub fn count(reduced: usize, full: usize) -> usize {
    if long() { full } else { reduced }
}
