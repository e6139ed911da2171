//! Conversations of two stacks over a wire that the input rules: `cd netstack && cargo +nightly fuzz run conversation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| corelane_testkit::fuzz::conversation(input));
