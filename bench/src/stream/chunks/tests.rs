use super::super::Sink;
use super::*;

#[test]
fn they_are_the_stream() {
    let mut sink = Sink::new();
    let wrong: u64 = Chunks::new().take(100).map(|chunk| sink.check(&chunk)).sum();
    assert_eq!((wrong, sink.verdict().received), (0, 100 * SEND as u64));
}
