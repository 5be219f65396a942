//! Fuzzes the reading of request bodies of the API.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::control::fuzz::api_bodies(bytes));
