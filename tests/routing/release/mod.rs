//! Releasing, seen from outside: what a release manager or an old script writes, and what end users then get. Whatever a
//! write has been answered for is in the very next request.

mod commands;
mod crowd;
mod drain;
mod endpoints;
mod old_flow;
mod raw_writes;
mod sockets;
mod transitions;
