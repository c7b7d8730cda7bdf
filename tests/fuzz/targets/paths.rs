//! Feeds `paths` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate_json::fuzz::paths(data));
