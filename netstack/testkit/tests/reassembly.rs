//! What arrives out of order, twice or too much of, and what the peer is told of it (RFC 2018, RFC 2883).

use corelane_netstack::{Config, Error, SocketId, TcpConfig};
use corelane_testkit::{Script, Spoken};

const WINDOW: u16 = 20_000;

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

/// As `Script::accept`, with SACK, and timestamps if wanted.
fn accept(config: TcpConfig, timestamps: bool) -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config { tcp: config, ..Config::default() });
    let listener = script.listen(1);
    let timestamps = timestamps.then_some((100, 0));
    script.say(&Spoken {
        seq: 9000,
        flags: "S",
        window: WINDOW,
        mss: Some(1000),
        sack_permitted: true,
        timestamps,
        ..Spoken::default()
    });
    let ours = script.hear().seq.wrapping_add(1);
    script.say(&Spoken { timestamps, ..ack(9001, ours) });
    let (id, _) = script.stack().accept(listener).expect("an open connection");
    (script, id, 9001, ours)
}

#[test]
fn what_was_acknowledged_and_comes_again_is_told_by_dsack() {
    let (mut script, _, theirs, ours) = accept(TcpConfig::default(), false);
    script.say(&Spoken { data: &[1; 500], ..ack(theirs, ours) });
    assert_eq!(script.hear().sack, []);
    script.say(&Spoken { data: &[1; 500], ..ack(theirs, ours) });
    let answer = script.hear();
    assert_eq!((answer.ack, answer.sack), (Some(theirs + 500), vec![(theirs, theirs + 500)]));
    // In part: the new half is taken.
    script.say(&Spoken { data: &[1; 500], ..ack(theirs + 250, ours) });
    let answer = script.hear();
    assert_eq!((answer.ack, answer.sack), (Some(theirs + 750), vec![(theirs + 250, theirs + 500)]));
    script.say(&Spoken { data: &[1; 10], ..ack(theirs + 750, ours) });
    assert_eq!(script.hear().sack, [], "told once");
    let stats = script.stack().stats();
    assert_eq!((stats.dsack_old_sent, stats.dsack_ofo_sent, stats.delayed_ack_lost), (2, 0, 1));
}

/// RFC 2883 4.2.2: the block that holds the duplicate follows it.
#[test]
fn a_duplicate_above_a_hole_is_told_in_front_of_the_block_that_holds_it() {
    let (mut script, _, theirs, ours) = accept(TcpConfig::default(), false);
    for at in [1000, 3000, 2000, 5000] {
        script.say(&Spoken { data: &[1; 1000], ..ack(theirs + at, ours) });
    }
    script.heard();
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 2000, ours) });
    let block = |from, to| (theirs + from, theirs + to);
    assert_eq!(script.hear().sack, [block(2000, 3000), block(1000, 4000), block(5000, 6000)]);
    let stats = script.stack().stats();
    assert_eq!((stats.dsack_old_sent, stats.dsack_ofo_sent, stats.ofo_merge), (0, 1, 1));
    // The hole is filled by a segment that reaches too far: what was in hand is told too.
    script.say(&Spoken { data: &[1; 1300], ..ack(theirs, ours) });
    let answer = script.hear();
    assert_eq!(answer.ack, Some(theirs + 4000));
    assert_eq!(answer.sack, [block(1000, 1300), block(5000, 6000)]);
}

#[test]
fn tcp_dsack_off_is_silent() {
    let config = TcpConfig { tcp_dsack: false, ..TcpConfig::default() };
    let (mut script, _, theirs, ours) = accept(config, false);
    for _ in 0..2 {
        script.say(&Spoken { data: &[1; 500], ..ack(theirs, ours) });
        assert_eq!(script.hear().sack, []);
    }
}

#[test]
fn four_blocks_and_three_beside_timestamps() {
    for (timestamps, count) in [(false, 4), (true, 3)] {
        let (mut script, _, theirs, ours) = accept(TcpConfig::default(), timestamps);
        let stamp = timestamps.then_some((100, 0));
        for at in [1, 3, 5, 7, 9] {
            script.say(&Spoken { timestamps: stamp, data: &[1; 1000], ..ack(theirs + at * 1000, ours) });
        }
        let last = script.heard().pop().unwrap();
        let latest = [9, 7, 5, 3, 1].map(|at| (theirs + at * 1000, theirs + at * 1000 + 1000));
        assert_eq!(last.sack, latest[..count]);
    }
}

/// As Linux: a segment is shorter by what its blocks take, and the peer hears of the hole however much we send.
#[test]
fn data_carry_blocks() {
    let (mut script, id, theirs, ours) = accept(TcpConfig::default(), false);
    script.write(id, &[7; 3000]);
    script.heard();
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 1000, ours) });
    script.heard();
    script.write(id, &[8; 2000]);
    let heard = script.heard();
    let sizes: Vec<usize> = heard.iter().map(|heard| heard.data.len()).collect();
    assert_eq!(sizes, [988, 988, 24]);
    for segment in &heard {
        assert_eq!(segment.sack, [(theirs + 1000, theirs + 2000)]);
    }
    assert_eq!(heard.iter().flat_map(|heard| &heard.data).filter(|byte| **byte == 8).count(), 2000);
}

#[test]
fn a_hole_with_ninety_thousand_bytes_behind_it_costs_what_the_buffer_allows() {
    let config = TcpConfig { tcp_rmem: (1 << 16).into(), ..TcpConfig::default() };
    let (mut script, id, theirs, ours) = accept(config, false);
    let free = script.stack().pool().available();
    for i in 0..32_000 {
        script.say(&Spoken { data: b"x", ..ack(theirs + 1 + i * 2, ours) });
    }
    let used = script.stack().buffers_in_use();
    assert!(used <= 256, "{used} buffers of 512 bytes, where the receive buffer has 64 KiB");
    assert_eq!(script.stack().pool().available(), free);
    let stats = *script.stack().stats();
    assert_eq!((stats.ofo_queue, stats.ofo_drop), (256, 32_000 - 256));
    // The oldest were kept: what fills the holes at the front is delivered.
    for i in 0..100 {
        script.say(&Spoken { data: b"y", ..ack(theirs + i * 2, ours) });
    }
    assert_eq!(script.stack().read(id, &mut [0; 1000]), Ok(200));
    // And the hole itself is never given up for what lies behind it.
    script.say(&Spoken { data: &[3; 1000], ..ack(theirs + 200, ours) });
    assert_eq!(script.stack().read(id, &mut [0; 2000]), Ok(1000));
    assert_eq!(script.stack().read(id, &mut [0; 2000]), Err(Error::WouldBlock));
}

/// The opposite order: each new byte lies before all that is in hand.
#[test]
fn what_lies_nearer_to_the_hole_pushes_the_newest_out() {
    let config = TcpConfig { tcp_rmem: (1 << 16).into(), ..TcpConfig::default() };
    let (mut script, id, theirs, ours) = accept(config, false);
    for i in (0..2000).rev() {
        script.say(&Spoken { data: b"x", ..ack(theirs + 1 + i * 2, ours) });
    }
    let stats = *script.stack().stats();
    assert!(stats.ofo_pruned > 10 && stats.prune_called == stats.ofo_pruned && stats.ofo_drop == 0);
    assert!(script.stack().buffers_in_use() <= 256);
    script.say(&Spoken { data: b"y", ..ack(theirs, ours) });
    assert_eq!(script.heard().last().unwrap().ack, Some(theirs + 2));
    assert_eq!(script.stack().read(id, &mut [0; 100]), Ok(2));
}

/// RFC 5681 4.2: a peer without SACK counts duplicate ACKs, and needs three, whether its segments came in one turn or in many.
#[test]
fn segments_out_of_order_in_one_turn_get_an_ack_each() {
    let mut script = Script::new(Config::default());
    let (_, theirs, ours) = script.accept(WINDOW);
    let segments = |script: &Script, count: u32| -> Vec<Vec<u8>> {
        let at = |n: u32| theirs + 1000 * n;
        (1..=count).map(|n| script.build(&Spoken { data: &[1; 1000], ..ack(at(n), ours) })).collect()
    };
    let burst = segments(&script, 4);
    script.say_together(&burst);
    let acks: Vec<_> = script.heard().iter().map(|heard| heard.ack).collect();
    assert_eq!(acks, [Some(theirs); 4]);

    // With SACK blocks, as in Linux, the first three tell enough; the last one tells all.
    let (mut script, _, theirs, _) = accept(TcpConfig::default(), false);
    let burst = segments(&script, 6);
    script.say_together(&burst);
    let heard = script.heard();
    assert_eq!(heard.len(), 3);
    assert!(heard.iter().all(|heard| heard.ack == Some(theirs)));
    assert_eq!(heard[2].sack, [(theirs + 1000, theirs + 7000)]);
}
