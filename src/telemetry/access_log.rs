//! The access log: one line per answered request, batched per worker, written by a thread of its own.
//!
//! A worker formats into its own buffer and hands whole batches over; when the disk cannot keep up, batches are
//! dropped and counted, and traffic never waits. Log injection is impossible: every byte a client or an endpoint
//! chose is escaped.

mod line;
mod writer;

pub use line::{Line, LogFormat};
pub use writer::{AccessLog, Flushed, LogTarget, WorkerLog};
