//! Fuzzes what senders deliver to hooks in.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::control::fuzz::hooks_in(bytes));
