//! The data plane: what happens to a request between a client and an endpoint.
//!
//! The life of a request: [`accept`] takes a connection and gives it to [`http1::connection`], which waits without a
//! buffer, reads a head with [`http1::request`], and asks [`route`] for a plan: app, release, endpoint, and the head
//! that goes upstream ([`headers`]). [`forward`] takes a connection from the worker's pool, or opens one, and
//! [`exchange`] moves bytes both ways until the response is whole; it may be repeated within its release, and [`shield`]
//! may give what the candidate failed to stable, and [`skew`] ask siblings for an asset. [`record`] counts and logs it.
//!
//! One thread per core, nothing shared between them but the published table, endpoint atomics and bucket counters:
//! no lock, no channel and no spawn on the way of a request. `forward` and `exchange` know nothing of HTTP/1.1; they
//! see heads as bytes and positions ([`head`]) and a client as [`downstream::Downstream`].
//!
//! Between two system calls the kernel has evicted the router's code from the nearest cache, so a request costs the code
//! it touches as much as what that code does. What is rare is marked `#[cold]`, and what many requests do without
//! `#[inline(never)]`, so that it stands apart.

pub mod accept;
pub mod admin;
pub mod buffers;
pub mod coarse;
pub mod downstream;
pub mod exchange;
pub mod failure;
pub mod forward;
pub mod frames;
pub mod front;
pub mod head;
pub mod headers;
pub mod http1;
pub mod identity;
pub mod memory;
pub mod misses;
pub mod preview;
pub mod queue;
pub mod record;
pub mod respond;
pub mod room;
pub mod route;
pub mod shield;
pub mod skew;
pub mod stream;
pub mod tls;
pub mod view;
pub mod watch;
pub mod worker;

#[cfg(test)]
mod tests;

pub use front::{Front, FrontOptions};
