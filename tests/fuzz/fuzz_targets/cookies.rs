//! Fuzzes the reading of a Cookie value, and of the pins in it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::proxy::fuzz::cookies(bytes));
