//! The data plane end to end, over real sockets, with a table made by hand.

mod allocations;
mod basics;
mod faults;
mod handovers;
mod splits;
mod stage;
mod tls;
mod tunnels;
