//! The data plane: what happens to a request between a client and an endpoint.
//!
//! Its wings, each of which may import those below it and none above:
//!
//! | wing | what it is |
//! |---|---|
//! | [`front`] | listeners, accepting, TLS, starting and ending the workers |
//! | [`forward`] | from a plan to an answer: attempts, the exchange of bytes, shielding, skew protection, the account of it |
//! | [`downstream`] | what a client's connection is, and the servers of HTTP/1.1 and HTTP/2 |
//! | [`route`] | from a head to a plan: app, release, endpoint, and the head that goes upstream |
//! | [`rewrite`] | headers of requests and responses, cache rules, the router's own answers |
//! | [`worker`] | what one thread has: buffers, clock, deadlines, its own pointers into the routing table |
//! | [`codec`] | bytes to heads, bodies and trailers, and back; a leaf, driven by [`fuzz`] without a socket |
//!
//! One thread per core, nothing shared between them but the published table, endpoint atomics and bucket counters:
//! no lock, no channel and no spawn on the way of a request. [`forward`] knows nothing of HTTP/1.1; it sees heads as
//! bytes and positions ([`codec::head`]) and a client as [`downstream::Downstream`].
//!
//! Between two system calls the kernel has evicted the router's code from the nearest cache, so a request costs the code
//! it touches as much as what that code does. What is rare is marked `#[cold]`, and what many requests do without
//! `#[inline(never)]`, so that it stands apart.

pub mod codec;
pub mod downstream;
pub mod forward;
pub mod front;
pub mod fuzz;
pub mod rewrite;
pub mod route;
pub mod worker;

#[cfg(test)]
mod tests;

pub use front::{Front, FrontOptions};
