//! Fuzzes the reading of a chunked body, whole and in pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::proxy::fuzz::chunked_body(bytes));
