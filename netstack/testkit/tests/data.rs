//! Data both ways: what is sent when, what is kept, what is thrown away.

use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{Config, Instant, SocketId, TcpConfig};
use corelane_testkit::{Heard, Script, Spoken, US};

const WINDOW: u16 = 20_000;

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn ranges(heard: &[Heard], from: u32) -> Vec<(u32, usize)> {
    heard.iter().map(|heard| (heard.seq.wrapping_sub(from), heard.data.len())).collect()
}

#[track_caller]
fn assert_reads(script: &mut Script, id: SocketId, expected: &[u8]) {
    let mut buf = [0; 4000];
    let n = script.stack().read(id, &mut buf).expect("data");
    assert_eq!(&buf[..n], expected);
}

#[test]
fn nagle_holds_small_segments_back_until_nodelay() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, b"first");
    assert_eq!(ranges(&script.heard(), ours), [(0, 5)], "nothing is out, so it goes");
    script.write(id, b"second");
    script.write(id, b"third");
    script.silence();
    script.say(&ack(theirs, ours.wrapping_add(5)));
    assert_eq!(ranges(&script.heard(), ours), [(5, 11)], "both in one");
    script.stack().set_nodelay(id, true).unwrap();
    script.write(id, b"fourth");
    assert_eq!(ranges(&script.heard(), ours), [(16, 6)]);
    script.write(id, b"fifth");
    assert_eq!(ranges(&script.heard(), ours), [(22, 5)]);
}

#[test]
fn a_full_segment_goes_at_once() {
    let mut script = Script::new(Config::default());
    let (id, _, ours) = script.accept(WINDOW);
    script.write(id, &[1; 10]);
    script.write(id, &[1; 1500]);
    assert_eq!(ranges(&script.heard(), ours), [(0, 10), (10, 1000)], "the rest waits");
}

#[test]
fn three_duplicate_acks_resend_the_first_segment_before_the_timer() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 5000]);
    assert_eq!(script.heard().len(), 5);
    let lost = ack(theirs, ours.wrapping_add(1000));
    script.say(&lost);
    for _ in 0..2 {
        script.say(&lost);
        script.silence();
    }
    script.say(&lost);
    assert_eq!(ranges(&script.heard(), ours), [(1000, 1000)]);
    let stats = script.stack().stats();
    assert_eq!((stats.fast_retrans, stats.timeouts), (1, 0));
    script.say(&ack(theirs, ours.wrapping_add(5000)));
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
    script.silence();
}

#[test]
fn without_sack_a_duplicate_ack_and_the_ack_after_it_deliver_a_segment_once() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 15_000]);
    assert_eq!(script.heard().len(), 10);
    for _ in 0..2 {
        script.say(&ack(theirs, ours));
    }
    assert_eq!(script.heard().len(), 2, "limited transmit");
    // It was reordering. Two of the three segments were delivered by the duplicate ACKs already.
    script.say(&ack(theirs, ours.wrapping_add(3000)));
    assert_eq!(script.stack().info(id).unwrap().snd_cwnd, 11_000);
    assert_eq!(ranges(&script.heard(), ours), [(12_000, 1000), (13_000, 1000)]);
}

#[test]
fn the_first_two_duplicate_acks_let_new_segments_out() {
    let tcp = TcpConfig { initial_cwnd: 4, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 9000]);
    assert_eq!(script.heard().len(), 4, "the initial window");
    script.say(&ack(theirs, ours));
    assert_eq!(ranges(&script.heard(), ours), [(4000, 1000)], "RFC 3042");
    script.say(&ack(theirs, ours));
    assert_eq!(ranges(&script.heard(), ours), [(5000, 1000)]);
    script.say(&ack(theirs, ours));
    assert_eq!(ranges(&script.heard(), ours).first(), Some(&(0, 1000)), "then what is lost");
}

#[test]
fn the_first_copy_of_a_byte_counts() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.say(&Spoken { data: b"AAAAAAAAAA", ..ack(theirs + 10, ours) });
    script.say(&Spoken { data: b"BBBBBBBBBBBBBBBBBBBBBBBBB", ..ack(theirs + 5, ours) });
    script.say(&Spoken { data: b"CCCCCCCC", ..ack(theirs, ours) });
    assert_eq!(script.heard().last().unwrap().ack, Some(theirs + 30));
    // C came last, for the bytes 5 to 7 too.
    let mut buf = [0; 40];
    assert_eq!(script.stack().read(id, &mut buf), Ok(30));
    assert_eq!(&buf[10..20], b"AAAAAAAAAA");
    assert_eq!((&buf[..5], &buf[5..10], &buf[20..30]), (&b"CCCCC"[..], &b"BBBBB"[..], &b"BBBBBBBBBB"[..]));
    // What was delivered stays: a second sending with another content changes nothing.
    script.say(&Spoken { data: b"DDDDDDDDDDE", ..ack(theirs + 20, ours) });
    assert_reads(&mut script, id, b"E");
}

#[test]
fn data_outside_of_the_window_are_answered_and_thrown_away() {
    let tcp = TcpConfig { tcp_rmem: 4000.into(), ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (id, theirs, ours) = script.accept(WINDOW);
    for seq in [theirs + 4000, theirs + 100_000, theirs.wrapping_sub(100)] {
        script.say(&Spoken { data: &[1; 100], ..ack(seq, ours) });
        let answer = script.hear();
        assert_eq!((answer.ack, answer.data.len()), (Some(theirs), 0));
    }
    // Across the left edge and across the right edge: only what is inside.
    script.say(&Spoken { data: b"oldnew", ..ack(theirs.wrapping_sub(3), ours) });
    assert_reads(&mut script, id, b"new");
    script.heard();
    script.say(&Spoken { data: &[2; 1000], ..ack(theirs + 3, ours) });
    script.say(&Spoken { data: &[3; 9000 - 8000], ..ack(theirs + 1003, ours) });
    script.say(&Spoken { data: &[4; 1400], ..ack(theirs + 2003, ours) });
    script.say(&Spoken { data: &[5; 1400], ..ack(theirs + 3403, ours) });
    script.pass(Duration::from_millis(50));
    let last = script.heard().pop().unwrap();
    assert!(last.ack.unwrap().wrapping_sub(theirs) <= 4003, "{last:?}");
    assert_eq!(
        script.stack().read(id, &mut [0; 9000]).map(|n| n + 3),
        Ok((last.ack.unwrap() - theirs) as usize)
    );
}

#[test]
fn paws_drops_what_is_older_than_the_last_timestamp() {
    let mut script = Script::new(Config::default());
    script.listen(1);
    let stamp = |value, spoken: Spoken<'static>| Spoken { timestamps: Some((value, 0)), ..spoken };
    script.say(&stamp(
        500,
        Spoken { seq: 9000, flags: "S", window: WINDOW, mss: Some(1000), ..Spoken::default() },
    ));
    let syn_ack = script.hear();
    assert_eq!(syn_ack.timestamps.map(|(_, echo)| echo), Some(500));
    let ours = syn_ack.seq.wrapping_add(1);
    script.say(&stamp(501, Spoken { data: b"one", ..ack(9001, ours) }));
    assert_eq!(script.hear().timestamps.map(|(_, echo)| echo), Some(501));
    script.say(&stamp(400, Spoken { data: b"old", ..ack(9004, ours) }));
    assert_eq!(script.hear().ack, Some(9004), "an ACK, and nothing is taken");
    assert_eq!(script.stack().stats().paws_estab, 1);
    script.say(&stamp(501, Spoken { data: b"two", ..ack(9004, ours) }));
    assert_eq!(script.hear().ack, Some(9007));
}

#[test]
fn sequence_numbers_wrap_in_both_directions() {
    let tcp = TcpConfig { tcp_timestamps: false, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (local, remote) = (SocketAddr::from((US, 4000)), script.peer_addr());
    let first = script.stack().connect(Some(local), remote).unwrap();
    script.run();
    let seq = script.hear().seq;
    script.stack().abort(first).unwrap();
    // RFC 6528: the numbers of one 4-tuple go up by one each 4 µs; 1500 before the wrap is a while away.
    let distance = 0u32.wrapping_sub(1500).wrapping_sub(seq);
    script.pass(Duration::from_micros(u64::from(distance) * 4));
    assert_eq!(script.stack().next_deadline().map(Instant::as_nanos), None);
    let id = script.stack().connect(Some(local), remote).unwrap();
    script.run();
    let syn = script.hear();
    assert_eq!(syn.seq, 0u32.wrapping_sub(1500));
    let ours = syn.seq.wrapping_add(1);
    script.port = 4000;
    let theirs = 0u32.wrapping_sub(700);
    script.say(&Spoken { flags: "S", mss: Some(1000), ..ack(theirs.wrapping_sub(1), ours) });
    script.heard();
    let data: Vec<u8> = (0..5000u32).map(|i| (i / 7) as u8).collect();
    script.write(id, &data);
    let sent = script.heard();
    assert_eq!(ranges(&sent, ours), [(0, 1000), (1000, 1000), (2000, 1000), (3000, 1000), (4000, 1000)]);
    assert!(sent[2].seq < 2000 && sent[0].seq > 1 << 31, "the wrap is in the second");
    // Out of order across the wrap, a loss at the wrap.
    script
        .say(&Spoken { data: &data[1000..2000], ..ack(theirs.wrapping_add(1000), ours.wrapping_add(1000)) });
    script.say(&Spoken { data: &data[..1000], ..ack(theirs, ours.wrapping_add(1000)) });
    assert_eq!(script.heard().last().unwrap().ack, Some(theirs.wrapping_add(2000)));
    assert_reads(&mut script, id, &data[..2000]);
    script.run();
    script.heard();
    for _ in 0..3 {
        script.say(&ack(theirs.wrapping_add(2000), ours.wrapping_add(1000)));
    }
    let again = script.heard();
    assert_eq!(ranges(&again, ours).first(), Some(&(1000, 1000)), "{again:?}");
    assert_eq!(again[0].data, data[1000..2000]);
    script.say(&ack(theirs.wrapping_add(2000), ours.wrapping_add(5000)));
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
}
