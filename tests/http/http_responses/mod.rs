//! Hostile and odd responses, byte by byte: docs/http.md rows 30 and 33 to 35.
//!
//! An endpoint can break its own answer. It can neither poison a connection, nor reach a second client, nor open a tunnel
//! without a real 101, nor make half a body look whole.

mod bodies;
mod heads;
mod leftovers;
mod lenient;
mod odd;
mod stage;
