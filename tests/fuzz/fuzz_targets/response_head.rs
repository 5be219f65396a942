//! Fuzzes the reading of a response's head.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::proxy::fuzz::response_head(bytes));
