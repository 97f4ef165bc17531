#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tring_fuzz_bodies::run("rtp_session", bytes));
