//! Bad and odd requests, byte by byte: docs/http.md rows 1 to 32 and 39 (RFC 9110, RFC 9112, and the strictest
//! of the peers where an RFC leaves room).
//!
//! Every case is sent whole, after a good request, with another request behind it, in two packets split at every
//! byte, and byte by byte. Checked each time: the answer, the connection's fate, what the endpoint really received.

mod case;
mod chunks;
mod forwarding;
mod framing;
mod heads;
mod limits;
mod pins;
mod targets;
