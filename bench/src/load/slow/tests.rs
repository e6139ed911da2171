use super::*;

#[test]
fn no_more_is_sent_than_the_bound_before_some_is_read() {
    let mut stream = Stream::new();
    let mut sent = Vec::new();
    while !stream.sendable().is_empty() {
        let piece = stream.sendable();
        sent.extend_from_slice(piece);
        stream.source.advance(piece.len());
    }
    assert_eq!(sent.len() as u64, AHEAD);
    assert_eq!(stream.sink.check(&sent[..100]), 0);
    assert_eq!(stream.sendable().len(), 100);
}

#[test]
fn what_is_missing_or_wrong_at_the_end_is_counted() {
    let mut stream = Stream::new();
    let sent = stream.sendable()[..1000].to_vec();
    stream.source.advance(1000);
    let mut tally = Tally::new(1).expect("a tally");
    stream.sink.check(&sent[..400]);
    assert_eq!((stream.count(&mut tally), tally.byte_errors), (400, 600));
    let mut wrong = sent[400..].to_vec();
    wrong[5] ^= 1;
    stream.sink.check(&wrong);
    assert_eq!((stream.count(&mut tally), tally.byte_errors), (1000, 601));
}
