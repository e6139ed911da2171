//! When data are acknowledged (RFC 1122 4.2.3.2, RFC 5681 4.2, and Linux).

use std::time::Duration;

use corelane_netstack::{Config, SocketId, TcpConfig};
use corelane_testkit::{Script, Spoken};

const WINDOW: u16 = 20_000;
const MS: Duration = Duration::from_millis(1);

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

/// An open connection that has used its quick ACKs up; the peer's next number, ours, and what was read.
fn settled() -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config::default());
    let (id, mut theirs, ours) = script.accept(WINDOW);
    for _ in 0..16 {
        script.say(&Spoken { data: &[1; 1000], ..ack(theirs, ours) });
        theirs += 1000;
        assert_eq!(script.hear().ack, Some(theirs), "at once at the start");
        script.stack().read(id, &mut [0; 1000]).unwrap();
        script.run();
        script.heard();
    }
    (script, id, theirs, ours)
}

#[test]
fn after_the_quick_ones_every_second_full_segment_and_else_40_ms() {
    let (mut script, _, theirs, ours) = settled();
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs, ours) });
    script.silence();
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 1000, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 2000));
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 2000, ours) });
    script.pass(MS * 39);
    script.silence();
    script.pass(MS * 2);
    assert_eq!(script.hear().ack, Some(theirs + 3000));
    assert_eq!(script.stack().stats().delayed_acks, 1);
}

#[test]
fn the_answer_carries_the_ack_and_the_next_ones_wait_for_it() {
    let (mut script, id, theirs, mut ours) = settled();
    let mut next = theirs;
    for round in 0..3 {
        script.say(&Spoken { data: &[2; 100], ..ack(next, ours) });
        next += 100;
        script.silence();
        script.pass(MS * 20);
        script.silence();
        script.stack().read(id, &mut [0; 100]).unwrap();
        script.write(id, &[3; 50]);
        let heard = script.heard();
        assert_eq!(heard.last().map(|heard| (heard.ack, heard.data.len())), Some((Some(next), 50)));
        // Whoever has answered once is waited for; before, a reader that has read all is no one who answers.
        assert_eq!(heard.len(), 1, "{round}");
        ours = ours.wrapping_add(50);
        script.pass(MS * 50);
        script.silence();
    }
    // An answer that does not come is waited for once.
    script.say(&Spoken { data: &[2; 100], ..ack(next, ours) });
    script.pass(MS * 41);
    assert_eq!(script.hear().ack, Some(next + 100));
    assert_eq!(script.stack().quickack(id), Ok(true));
}

#[test]
fn who_reads_a_small_segment_and_says_nothing_acknowledges_at_once() {
    let (mut script, id, theirs, ours) = settled();
    script.say(&Spoken { data: &[2; 100], ..ack(theirs, ours) });
    script.silence();
    script.stack().read(id, &mut [0; 100]).unwrap();
    script.run();
    assert_eq!(script.hear().ack, Some(theirs + 100));
}

#[test]
fn a_pause_longer_than_the_rto_and_a_hole_bring_quick_acks_back() {
    let (mut script, id, theirs, ours) = settled();
    script.pass(MS * 1100);
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 1000));
    script.stack().set_quickack(id, false).unwrap();
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 1000, ours) });
    script.silence();
    // A hole, its filling, and what follows.
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 3000, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 2000));
    script.say(&Spoken { data: &[1; 500], ..ack(theirs + 2000, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 2500), "a part of the hole");
    script.say(&Spoken { data: &[1; 500], ..ack(theirs + 2500, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 4000));
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs + 4000, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 5000));
}

#[test]
fn tcp_quickack_sends_what_waits_and_off_waits_for_an_answer() {
    let (mut script, id, theirs, ours) = settled();
    script.say(&Spoken { data: &[1; 1000], ..ack(theirs, ours) });
    script.silence();
    script.stack().set_quickack(id, true).unwrap();
    script.run();
    assert_eq!(script.hear().ack, Some(theirs + 1000));
    script.stack().set_quickack(id, true).unwrap();
    script.run();
    script.silence();

    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.stack().set_quickack(id, false).unwrap();
    assert_eq!(script.stack().quickack(id), Ok(false));
    script.say(&Spoken { data: &[1; 100], ..ack(theirs, ours) });
    script.stack().read(id, &mut [0; 100]).unwrap();
    script.run();
    script.silence();
    script.pass(MS * 41);
    assert_eq!(script.hear().ack, Some(theirs + 100));
}

#[test]
fn tcp_delack_max_shortens_the_delay() {
    let tcp = TcpConfig { tcp_delack_max: MS * 5, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (id, theirs, ours) = script.accept(WINDOW);
    script.stack().set_quickack(id, false).unwrap();
    script.say(&Spoken { data: &[1; 100], ..ack(theirs, ours) });
    script.pass(MS * 4);
    script.silence();
    script.pass(MS * 2);
    assert_eq!(script.hear().ack, Some(theirs + 100));
}
