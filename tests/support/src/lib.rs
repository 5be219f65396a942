//! What every end-to-end suite is built from: the real binary on real ports, real endpoints on sockets, and raw
//! connections that show every byte.
//!
//! Nothing here imports the product: a suite sees what a browser, a script or an endpoint sees. Deliberately
//! absent: an HTTP library. A lenient client would hide exactly what these suites are there to find.

#![allow(dead_code, reason = "every suite is a crate of its own and uses its part of this")]
#![allow(unused_imports, reason = "every suite is a crate of its own and uses its part of this")]

pub mod api;
pub mod clock;
pub mod endpoint;
pub mod log;
pub mod message;
pub mod metrics;
#[allow(clippy::duplicate_mod, reason = "a suite that drives stores has it from there too")]
#[path = "../../keyvalues/tests/support/ports.rs"]
pub mod ports;
pub mod process;
pub mod reply;
pub mod router;
pub mod visitor;
pub mod websocket;
pub mod wire;

pub use api::{Answer, Api};
pub use clock::{Deadline, eventually};
pub use endpoint::{Endpoint, Peer, echo, scripted, serving};
pub use message::{Framing, Received, Response};
pub use process::Process;
pub use reply::Reply;
pub use router::{Router, RouterBuilder, router};
pub use visitor::{Visit, Visitor};
pub use wire::{Broken, Wire};

/// Whether the full counts were asked for (`tests/run --long`).
pub fn long() -> bool {
    std::env::var_os("ROLLING_ROUTER_LONG").is_some_and(|value| value == "1")
}

/// The full count in a long run, else the reduced one.
pub fn count(reduced: usize, full: usize) -> usize {
    if long() { full } else { reduced }
}
