//! Fuzzes the reading of an app's settings.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolling_router::rollout::fuzz::settings(bytes));
