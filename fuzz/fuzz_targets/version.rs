//! `version` for libFuzzer.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| conjoin_fuzz::version(data));
