//! Fuzzes the reading of stored values, and building a table from them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::rollout::fuzz::stored_values(bytes));
