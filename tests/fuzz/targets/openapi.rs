//! Feeds `openapi` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lockgate::fuzz::openapi(data));
