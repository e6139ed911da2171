//! Arbitrary frames into a stack that holds live connections: `cd netstack && cargo +nightly fuzz run frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| corelane_testkit::fuzz::frames(input));
