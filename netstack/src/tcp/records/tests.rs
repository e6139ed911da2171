use super::*;

#[test]
fn ends_are_forgotten_once_they_are_sent() {
    let mut records = Records::default();
    assert_eq!(records.next(SeqNumber(0)), None);
    for end in [100, 200, 200, 300] {
        records.end(SeqNumber(end));
    }
    assert_eq!(records.next(SeqNumber(99)), Some(SeqNumber(100)));
    assert_eq!(records.next(SeqNumber(100)), Some(SeqNumber(200)));
    assert_eq!(records.next(SeqNumber(200)), Some(SeqNumber(300)), "the same end twice is one");
    assert_eq!(records.next(SeqNumber(300)), None);
    assert_eq!(records.heap_size(), 0, "the memory is given back");
}
