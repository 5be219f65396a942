//! Fuzzes the reading of the documents of a store that a router serves.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::control::fuzz::store_wire(bytes));
