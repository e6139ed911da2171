use super::*;

/// The first `length` bytes of the stream, taken in pieces of `piece` bytes.
fn sent(length: usize, piece: usize) -> Vec<u8> {
    let mut source = Source::new();
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let count = piece.min(length - bytes.len());
        bytes.extend_from_slice(&source.next()[..count]);
        source.advance(count);
    }
    assert_eq!(source.sent, length as u64);
    bytes
}

#[test]
fn what_was_sent_is_right_however_it_is_cut() {
    let bytes = sent(3 * PERIOD + 7, 1460);
    assert_eq!(bytes, sent(bytes.len(), WRITE));
    for piece in [1, 1448, PERIOD - 1, PERIOD, WRITE, WRITE + 1, bytes.len()] {
        let mut sink = Sink::new();
        let wrong: u64 = bytes.chunks(piece).map(|piece| sink.check(piece)).sum();
        assert_eq!(wrong, 0, "in pieces of {piece}");
        assert_eq!(sink.verdict(), Verdict { received: bytes.len() as u64, wrong: 0 });
    }
}

#[test]
fn the_byte_at_an_offset_is_that_of_the_period() {
    let bytes = sent(2 * PERIOD + 1000, 4096);
    assert!(bytes.iter().enumerate().all(|(offset, byte)| *byte == TABLE[offset % PERIOD]));
}

#[test]
fn a_flipped_bit_is_one_wrong_byte() {
    let mut bytes = sent(PERIOD + 100, WRITE);
    bytes[PERIOD + 3] ^= 1;
    let mut sink = Sink::new();
    assert_eq!(sink.check(&bytes[..PERIOD]), 0);
    assert_eq!(sink.check(&bytes[PERIOD..]), 1);
}

#[test]
fn shifts_gaps_and_repeats_are_wrong_bytes() {
    let bytes = sent(200_000, WRITE);
    // Sizes that a stack works with: a byte, segments, pages, windows.
    for size in [1, 536, 1448, 1460, 4096, 8948, 16_384, 65_535, 65_536] {
        let gap = [&bytes[..10_000], &bytes[10_000 + size..]].concat();
        let repeat = [&bytes[..70_000], &bytes[70_000 - size..]].concat();
        for (what, got) in [("a gap", gap), ("a repeat", repeat)] {
            // Of random bytes one in 256 is right by chance.
            assert!(Sink::new().check(&got) > 50_000, "{what} of {size}");
        }
    }
}

#[test]
fn a_verdict_survives_the_wire() {
    let verdict = Verdict { received: u64::MAX - 5, wrong: 77 };
    assert_eq!(Verdict::from_bytes(verdict.to_bytes()), verdict);
    assert_eq!(Verdict { received: 90, wrong: 3 }.errors(100), 13);
    assert_eq!(Verdict { received: 100, wrong: 0 }.errors(90), 10);
}
