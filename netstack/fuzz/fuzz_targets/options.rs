//! Arbitrary TCP options: `cd netstack && cargo +nightly fuzz run options`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| corelane_testkit::fuzz::options(input));
