//! An upgrade without loss: a new process of this program takes over the sockets, the store and the state directory.
//!
//! The old process starts the new one, with one end of a pair of sockets as its standard input, and they say in turn:
//! 1. old: the sockets that it listens on, with the connections that wait there. It goes on serving all that it did.
//! 2. new: *prepared*. It has read its settings, certificates and tokens.
//! 3. old: *released*. It has ended its control plane; what it published last goes on being routed.
//! 4. new: *serving*. It has opened the store, published a first table, and accepts.
//!
//! Then the old process accepts nothing more, finishes what is open, and ends. Where the new one fails before its last word,
//! the old one takes back what it gave and goes on.

mod channel;
mod message;
mod pid_file;
mod predecessor;
mod successor;

pub use message::Port;
pub use pid_file::PidFile;
pub use predecessor::Predecessor;
pub use successor::Successor;
