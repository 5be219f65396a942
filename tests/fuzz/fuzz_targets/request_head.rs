//! Fuzzes the reading of a request's head.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::proxy::fuzz::request_head(bytes));
