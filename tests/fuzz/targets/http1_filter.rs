//! Feeds `http1_filter` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzz::http1_filter(data));
