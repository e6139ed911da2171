extern crate std;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const MSS: u32 = 10;
const S: fn(u32) -> SeqNumber = SeqNumber;

fn blocks(list: &[(u32, u32)]) -> Blocks {
    let mut blocks = Blocks::default();
    list.iter().for_each(|(from, to)| blocks.push(S(*from), S(*to)));
    blocks
}

#[test]
fn three_blocks_or_more_than_two_segments_above_mean_lost() {
    let mut board = Scoreboard::default();
    assert_eq!(board.update(S(0), S(1000), &blocks(&[(20, 30), (40, 50)])), 20);
    assert!(!board.is_lost(S(0), MSS));
    assert_eq!(board.update(S(0), S(1000), &blocks(&[(60, 61)])), 1);
    assert!(board.is_lost(S(0), MSS) && !board.is_lost(S(30), MSS));
    let mut one = Scoreboard::default();
    one.update(S(0), S(1000), &blocks(&[(10, 31)]));
    assert!(one.is_lost(S(0), MSS));
}

#[test]
fn blocks_that_cannot_be_are_skipped() {
    let mut board = Scoreboard::default();
    let bad = [(50, 50), (60, 50), (5, 20), (900, 1001)];
    for block in bad {
        assert_eq!(board.update(S(10), S(1000), &blocks(&[block])), 0, "{block:?}");
    }
}

#[test]
fn holes_are_sent_again_in_order_then_what_was_lost_again() {
    let mut board = Scoreboard::default();
    board.update(S(0), S(200), &blocks(&[(15, 30), (50, 100)]));
    board.enter(Cause::Fast, S(0), S(200));
    assert_eq!(board.pipe(S(0), S(200), MSS), 100, "two holes of 15 and 20 bytes are lost");
    let mut sent = Vec::new();
    while let Some((from, to)) = board.next_resend(S(0), S(200), MSS) {
        board.resent(from, to, S(200));
        sent.push((from.0, to.0));
    }
    assert_eq!(sent, vec![(0, 10), (10, 15), (30, 40), (40, 50)]);
    assert_eq!(board.pipe(S(0), S(200), MSS), 135);
    // Data that were sent later arrive, the first resent segment does not.
    board.update(S(0), S(300), &blocks(&[(200, 230)]));
    assert_eq!(board.next_resend(S(0), S(300), MSS), Some((S(0), S(10))));
    board.resent(S(0), S(10), S(300));
    board.advance(S(50));
    assert!(!board.leave(S(50)) && board.leave(S(200)));
}

#[test]
fn after_a_time_out_all_that_is_not_sacked_goes_again() {
    let mut board = Scoreboard::default();
    board.update(S(0), S(40), &blocks(&[(10, 20)]));
    board.enter(Cause::Timeout, S(0), S(40));
    assert_eq!(board.pipe(S(0), S(40), MSS), 0);
    let mut sent = Vec::new();
    while let Some((from, to)) = board.next_resend(S(0), S(40), MSS) {
        board.resent(from, to, S(40));
        sent.push((from.0, to.0));
    }
    assert_eq!(sent, vec![(0, 10), (20, 30), (30, 40)]);
}

#[test]
fn a_peer_that_forgets_what_it_had_is_believed() {
    let mut board = Scoreboard::default();
    board.update(S(0), S(40), &blocks(&[(10, 20)]));
    board.advance(S(10));
    board.enter(Cause::Timeout, S(10), S(40));
    assert_eq!(board.next_resend(S(10), S(40), MSS), Some((S(10), S(20))));
}

proptest! {
    /// Against a table of bytes, across the wrap of sequence numbers.
    #[test]
    fn ranges_match_a_table(base: u32, steps in proptest::collection::vec((1usize..190, 1usize..30, 0usize..40), 1..60)) {
        let (mut board, mut table, mut una) = (Scoreboard::default(), [false; 256], 0usize);
        for (start, len, step) in steps {
            let block = (base.wrapping_add(start as u32), base.wrapping_add((start + len) as u32));
            board.update(S(base) + una as u32, S(base) + 250, &blocks(&[block]));
            if start > una {
                table[start..start + len].fill(true);
            }
            if step < 8 {
                una = (una + step).min(200);
                board.advance(S(base) + una as u32);
                table[..una].fill(false);
            }
            prop_assert_eq!(board.bytes as usize, table.iter().filter(|b| **b).count());
            for (seq, sacked) in table.iter().enumerate().take(250).skip(una) {
                prop_assert_eq!(board.is_sacked(S(base) + seq as u32), *sacked, "{}", seq);
            }
        }
    }
}
