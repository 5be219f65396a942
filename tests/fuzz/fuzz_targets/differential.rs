//! Compares our reading of a request with hyper's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::proxy::fuzz::differential(bytes));
