//! The access log: one line per answered request, batched per worker, written by a thread of its own.
//!
//! A worker formats lines into its own buffer and hands over whole batches. When the disk cannot keep up, batches are
//! dropped and counted, as are those that cannot be written; requests never wait. Log injection is impossible: every byte that a client or an endpoint chose is
//! escaped.

mod line;
mod link_tokens;
mod writer;

pub use line::{Line, LogFormat};
pub use link_tokens::without_tokens;
pub use writer::{AccessLog, FlushCounts, WorkerLog};
