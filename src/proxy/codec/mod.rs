//! HTTP/1.1 as this router reads and writes it (RFC 9112): bytes to heads, bodies and trailers, and back.
//!
//! This is own code for two reasons. Most of what a general library spends per request (header maps, reference-counted
//! bytes, two state machines, channels) buys nothing here. And a proxy has to be stricter than a server: what two readers
//! could understand differently is refused. Everything works on borrowed bytes and keeps no more than its limits. Nothing
//! here does I/O, so that [`super::fuzz`] can drive it without a socket.
//!
//! Deliberately absent: HTTP/0.9, folded lines, transfer codings other than chunked, upgrades to HTTP/2.

pub mod authority;
pub mod body;
pub mod bytes;
pub mod chunked;
pub mod coding;
pub mod fault;
pub mod forwarded;
pub mod frames;
pub mod head;
pub mod known;
pub mod lenient;
pub mod lines;
pub mod number;
pub mod piece;
pub mod protocol;
pub mod proxy_header;
pub mod request;
pub mod response;
pub mod stripe;
pub mod trailers;
