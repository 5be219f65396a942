//! Commands with compare-and-set through several routers on one real store, while routers and store are killed and paused, and
//! the record is lost and restored:
//! what every client saw must be explained by one record that changed one step at a time.

#![allow(clippy::unwrap_used, reason = "the helpers of a test panic like the test itself")]

mod chaos;
mod checker;
mod record;
