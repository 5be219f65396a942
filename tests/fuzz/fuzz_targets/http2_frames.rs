//! Fuzzes the frames of a connection of HTTP/2.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::proxy::fuzz::http2_frames(bytes));
