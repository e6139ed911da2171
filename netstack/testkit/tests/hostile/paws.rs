//! Timestamps against wrapped sequence numbers (RFC 7323 5).

use std::time::Duration;

use corelane_netstack::{Config, State};
use corelane_testkit::Spoken;

use crate::support::{Bed, Live, Offer};

/// TSval of the peer's SYN.
const FIRST: u32 = 50_000;

fn bed() -> (Bed, Live) {
    let mut bed = Bed::new(Config::default());
    let live = bed.open(5000, Offer { timestamp: Some(FIRST), ..Offer::default() });
    (bed, live)
}

/// A segment whose TSval is `later` than the first.
fn at(bed: &Bed, live: &Live, later: i32) -> Spoken<'static> {
    let echo = live.timestamps.unwrap().1;
    Spoken { timestamps: Some((FIRST.wrapping_add_signed(later), echo)), ..bed.ack(live) }
}

#[test]
fn old_data_are_dropped_and_answered() {
    let (mut bed, live) = bed();
    for late in [-2, -1000, -(1 << 30)] {
        bed.script.say(&Spoken { data: b"wrapped", ..at(&bed, &live, late) });
        assert_eq!(bed.script.hear().ack, Some(live.theirs), "{late}");
        assert!(bed.script.stack().read(live.id, &mut [0; 9]).is_err());
    }
    assert_eq!(bed.script.stack().stats().paws_estab, 3);
    bed.finish(vec![live]);
}

#[test]
fn one_tick_back_is_forgiven() {
    let (mut bed, mut live) = bed();
    bed.script.say(&Spoken { data: b"swapped", ..at(&bed, &live, -1) });
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(7));
    live.theirs += 7;
    bed.finish(vec![live]);
}

#[test]
fn an_old_ack_is_dropped_without_an_answer() {
    let (mut bed, live) = bed();
    bed.script.say(&Spoken { seq: live.theirs - 5, ..at(&bed, &live, -1000) });
    bed.script.silence();
    let stats = bed.script.stack().stats();
    assert_eq!((stats.paws_old_ack, stats.paws_estab), (1, 0));
    bed.finish(vec![live]);
}

#[test]
fn a_duplicate_ack_that_was_overtaken_still_counts() {
    let (mut bed, live) = bed();
    bed.script.write(live.id, &[1; 3000]);
    bed.script.heard();
    for _ in 0..3 {
        bed.script.say(&at(&bed, &live, -100)); // within the RTO of a second
    }
    assert_eq!(bed.script.stack().stats().paws_estab, 0);
    assert!(bed.script.heard().iter().any(|heard| heard.seq == live.ours), "a fast retransmission");
    bed.script.say(&at(&bed, &live, -5000));
    assert_eq!(bed.script.stack().stats().paws_estab, 1, "too far back");
    bed.script.say(&Spoken { flags: "R", ..at(&bed, &live, 0) });
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn answers_to_what_paws_drops_are_limited() {
    let (mut bed, live) = bed();
    for _ in 0..10 {
        bed.script.say(&Spoken { seq: live.theirs + 1, ..at(&bed, &live, -5000) });
    }
    assert_eq!(bed.script.heard().len(), 1);
    assert_eq!(bed.script.stack().stats().ack_skipped_paws, 9);
    bed.finish(vec![live]);
}

#[test]
fn a_rst_is_not_too_old_and_a_syn_is_challenged() {
    let (mut bed, live) = bed();
    bed.script.say(&Spoken { flags: "S", ..at(&bed, &live, -1000) });
    assert_eq!(bed.script.hear().flags, "");
    let stats = bed.script.stack().stats();
    assert_eq!((stats.syn_challenge, stats.paws_estab), (1, 0));
    bed.script.say(&Spoken { flags: "R", ..at(&bed, &live, -1000) });
    assert_eq!(bed.state(&live), State::Closed);
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_segment_without_timestamps_is_taken() {
    let (mut bed, mut live) = bed();
    bed.script.say(&Spoken { data: b"bare", timestamps: None, ..bed.ack(&live) });
    assert_eq!(
        bed.script.stack().read(live.id, &mut [0; 9]),
        Ok(4),
        "as Linux; RFC 7323 3.2 says to drop it"
    );
    live.theirs += 4;
    bed.finish(vec![live]);
}

#[test]
fn what_is_echoed_comes_from_the_segment_that_the_last_ack_covers() {
    let (mut bed, mut live) = bed();
    // Out of order: not echoed, by RFC 7323 4.3 (2).
    bed.script.say(&Spoken { seq: live.theirs + 100, data: &[1; 100], ..at(&bed, &live, 500) });
    assert_eq!(bed.script.hear().timestamps.unwrap().1, FIRST);
    bed.script.say(&Spoken { data: &[1; 100], ..at(&bed, &live, 400) });
    assert_eq!(bed.script.hear().timestamps.unwrap().1, FIRST + 400);
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 300]), Ok(200));
    live.theirs += 200;
    live.timestamps = Some((FIRST + 600, live.timestamps.unwrap().1));
    bed.finish(vec![live]);
}

#[test]
fn after_24_days_the_timestamp_judges_nothing() {
    let (mut bed, mut live) = bed();
    bed.script.pass(Duration::from_secs(24 * 24 * 3600 + 1));
    bed.script.say(&Spoken { data: b"old friend", ..at(&bed, &live, -5000) });
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 20]), Ok(10));
    live.theirs += 10;
    live.timestamps = Some((FIRST - 4000, live.timestamps.unwrap().1));
    bed.finish(vec![live]);
}

#[test]
fn a_peer_that_began_with_zero_is_believed() {
    let mut bed = Bed::new(Config::default());
    let mut live = bed.open(5000, Offer { timestamp: Some(0), ..Offer::default() });
    live.timestamps = Some((3 << 30, live.timestamps.unwrap().1));
    bed.echo(&mut live);
    bed.finish(vec![live]);
}

#[test]
fn an_answer_that_echoes_another_syn_is_refused() {
    let mut bed = Bed::new(Config::default());
    bed.script.pass(Duration::from_secs(100));
    let remote = bed.script.peer_addr();
    let id = bed.script.stack().connect(None, remote).unwrap();
    bed.script.run();
    let syn = bed.script.hear();
    bed.script.port = syn.ports.0;
    let value = syn.timestamps.unwrap().0;
    for wrong in [value.wrapping_sub(5000), value.wrapping_add(5000)] {
        bed.script.say(&answer(&syn, wrong));
        assert_eq!(bed.script.hear().flags, "R", "as Linux");
        assert_eq!(bed.script.stack().info(id).unwrap().state, State::SynSent);
    }
    assert_eq!(bed.script.stack().stats().paws_active, 2);
    bed.script.say(&answer(&syn, value));
    assert_eq!(bed.script.stack().info(id).unwrap().state, State::Established);
    bed.script.stack().abort(id).unwrap();
    bed.check_home();
}

fn answer(syn: &corelane_testkit::Heard, echo: u32) -> Spoken<'static> {
    Spoken {
        seq: 9000,
        ack: Some(syn.seq.wrapping_add(1)),
        flags: "S",
        window: 1000,
        timestamps: Some((FIRST, echo)),
        ..Spoken::default()
    }
}
