#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ditto_fuzz::upstream_path(data));
