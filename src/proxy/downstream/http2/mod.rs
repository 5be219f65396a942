//! The server of HTTP/2 (RFC 9113): one connection, many requests at once, each of which is a
//! [`Downstream`](super::Downstream) of its own.
//!
//! Frames, header compression and flow control are those of the `h2` crate, which hyper is built on too. It is used without
//! hyper, since hyper hides what a proxy must know: resets, how much of a response the client takes, and when to say goodbye.
//!
//! | part | what it is |
//! |---|---|
//! | [`connection`] | the connection: requests as they come, time-outs, goodbyes |
//! | [`wire`] | its bytes: small frames leave together, and [`meter`] counts the frames that move nothing |
//! | [`session`] | what the connection and its requests share |
//! | [`stream`] | one request with its response, answered by [`answer`] |
//! | [`head`] | a request's head, written as one of HTTP/1.1 and read by the codec: one set of rules for both protocols |
//! | [`body`], [`piece`] | bodies: what came and was not used; what was sent and is not on its way |
//! | [`fields`] | header lines as text and as the library has them |
//!
//! A field name in upper case, and CR, LF or NUL in a value, end the connection and not only their request, which RFC 9113
//! (section 5.4.1) allows: the library treats them as faults of compression.
//!
//! Deliberately absent: priorities, which clients no longer send; server push, which browsers no longer take; logins that go
//! with a connection, since requests of many users may share it.

pub mod answer;
pub mod body;
pub mod connection;
pub mod fields;
pub mod head;
pub mod meter;
pub mod piece;
pub mod session;
pub mod stream;
pub mod wire;
