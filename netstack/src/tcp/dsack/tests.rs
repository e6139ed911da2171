use super::*;
use crate::time::Instant;

fn receiver() -> Receiver {
    let mut rcv = Receiver::new(1 << 16, 0);
    rcv.open(SeqNumber(999), Instant::ZERO);
    rcv.sack_permitted = true;
    rcv
}

fn seq(range: (u32, u32)) -> (SeqNumber, SeqNumber) {
    (SeqNumber(range.0), SeqNumber(range.1))
}

#[test]
fn ranges_that_touch_are_told_as_one_and_others_not() {
    let (mut rcv, config, mut stats) = (receiver(), TcpConfig::default(), Stats::default());
    rcv.note_duplicate(seq((100, 200)), &config, &mut stats);
    rcv.note_duplicate(seq((200, 300)), &config, &mut stats);
    rcv.note_duplicate(seq((50, 120)), &config, &mut stats);
    rcv.note_duplicate(seq((400, 500)), &config, &mut stats);
    assert_eq!(rcv.duplicate(), Some(seq((50, 300))));
    assert_eq!((stats.dsack_old_sent, stats.dsack_ofo_sent), (1, 0));
    rcv.duplicate.1 = 0;
    rcv.note_duplicate(seq((2000, 2100)), &config, &mut stats);
    assert_eq!((stats.dsack_old_sent, stats.dsack_ofo_sent), (1, 1));
}

#[test]
fn only_who_takes_blocks_is_told() {
    let (mut rcv, mut config, mut stats) = (receiver(), TcpConfig::default(), Stats::default());
    config.tcp_dsack = false;
    rcv.note_duplicate(seq((100, 200)), &config, &mut stats);
    (config.tcp_dsack, rcv.sack_permitted) = (true, false);
    rcv.note_duplicate(seq((100, 200)), &config, &mut stats);
    assert_eq!((rcv.duplicate(), stats), (None, Stats::default()));
}

#[test]
fn blocks_are_cut_to_the_room() {
    let mut rcv = receiver();
    let mut assembler = super::super::assembler::Assembler::new(rcv.nxt);
    for from in [2000, 3000, 4000, 5000] {
        assembler.sack.add(SeqNumber(from), SeqNumber(from + 100));
    }
    rcv.assembler = Some(alloc::boxed::Box::new(assembler));
    let counts = [40, 36, 28, 27, 12, 11, 0].map(|room| rcv.sack_within(room).blocks().len());
    assert_eq!(counts, [4, 4, 3, 2, 1, 0, 0]);
    rcv.duplicate = (SeqNumber(600), 100);
    let blocks = rcv.sack_within(28);
    assert_eq!(blocks.blocks(), [seq((500, 600)), seq((5000, 5100)), seq((4000, 4100))]);
}
