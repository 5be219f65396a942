//! The data plane end to end, over real sockets, with a table made by hand.

mod admin;
mod basics;
mod faults;
mod splits;
mod stage;
mod tls;
mod tunnels;
