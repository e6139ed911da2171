//! RFC 5961: RST, SYN and ACK that may be forged, and limits to the answers.

use std::time::Duration;

use corelane_netstack::{Config, Error, State, TcpConfig};
use corelane_testkit::{Forged, Spoken};

use crate::support::{Bed, Live, Offer, WINDOW};

fn rst(live: &Live, offset: u32) -> Spoken<'static> {
    Spoken { seq: live.theirs.wrapping_add(offset), flags: "R", ..Spoken::default() }
}

fn bed() -> (Bed, Live) {
    let mut bed = Bed::new(Config::default());
    let live = bed.open(5000, Offer { sack: true, ..Offer::default() });
    (bed, live)
}

#[test]
fn a_rst_ends_a_connection_only_with_the_next_number() {
    let (mut bed, live) = bed();
    for offset in [1, 2, 1000, u32::from(WINDOW) - 1] {
        bed.script.pass(Duration::from_secs(1));
        bed.script.say(&rst(&live, offset));
        let challenge = bed.script.hear();
        assert_eq!((challenge.ack, challenge.flags.as_str()), (Some(live.theirs), ""), "{offset}");
        assert_eq!(bed.state(&live), State::Established, "{offset}");
    }
    bed.script.pass(Duration::from_secs(1));
    for outside in [0u32.wrapping_sub(1), 0u32.wrapping_sub(5000), 1 << 21] {
        bed.script.say(&rst(&live, outside));
        bed.script.silence();
    }
    assert_eq!(bed.script.stack().stats().challenge_ack, 4);
    bed.script.say(&rst(&live, 0));
    bed.script.silence();
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Err(Error::ConnectionReset));
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_rst_behind_all_that_arrived_out_of_order_is_the_peers() {
    let (mut bed, live) = bed();
    for (offset, len) in [(1000, 100), (3000, 100)] {
        bed.script.say(&Spoken { seq: live.theirs + offset, data: &vec![1; len], ..bed.ack(&live) });
    }
    bed.script.heard();
    bed.script.say(&rst(&live, 1100));
    assert_eq!(bed.state(&live), State::Established, "behind the first block, not behind all");
    bed.script.say(&rst(&live, 3100));
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Err(Error::ConnectionReset));
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_rst_with_the_number_of_the_fin_before_it_is_the_peers() {
    let (mut bed, live) = bed();
    bed.script.say(&Spoken { flags: "F", ..bed.ack(&live) });
    assert_eq!(bed.state(&live), State::CloseWait);
    bed.script.heard();
    bed.script.say(&rst(&live, 0)); // RCV.NXT - 1 by now
    assert_eq!(bed.state(&live), State::Closed, "as macOS ends a connection");
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_rst_counts_while_the_window_is_shut() {
    let mut bed = Bed::new(Config {
        tcp: TcpConfig { tcp_rmem: 4096.into(), ..TcpConfig::default() },
        ..Config::default()
    });
    let mut live = bed.open(5000, Offer::default());
    while bed.script.stack().info(live.id).unwrap().rcv_wnd > 0 {
        bed.script.say(&Spoken { data: &[7; 500], ..bed.ack(&live) });
        live.theirs += 500;
        bed.script.pass(Duration::from_millis(50));
    }
    let window = bed.script.heard().last().unwrap().window;
    assert_eq!(window, 0);
    let next = bed.script.stack().info(live.id).unwrap().bytes_received as u32 + 9001;
    bed.script.say(&Spoken { seq: next, flags: "R", data: b"why", ..Spoken::default() });
    assert_eq!(bed.state(&live), State::Closed, "MUST-66");
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn a_syn_in_a_connection_is_challenged() {
    for offset in [0, 1, 500, 1 << 30, 0u32.wrapping_sub(1)] {
        let (mut bed, live) = bed();
        let seq = live.theirs.wrapping_add(offset);
        bed.script.say(&Spoken { seq, flags: "S", window: WINDOW, ..Spoken::default() });
        let challenge = bed.script.hear();
        assert_eq!(
            (challenge.seq, challenge.ack, challenge.flags.as_str()),
            (live.ours, Some(live.theirs), "")
        );
        let stats = *bed.script.stack().stats();
        assert_eq!((stats.syn_challenge, stats.challenge_ack), (1, 1), "{offset}");
        bed.finish(vec![live]);
    }
}

#[test]
fn an_ack_of_what_was_never_sent_is_dropped_with_its_data() {
    for number in [1, 5000, 1 << 30] {
        let (mut bed, live) = bed();
        let ack = live.ours.wrapping_add(number);
        bed.script.say(&Spoken { data: b"forged", ack: Some(ack), ..bed.ack(&live) });
        bed.script.silence(); // as Linux: two ends that don't agree would answer each other for ever
        assert!(bed.script.stack().read(live.id, &mut [0; 9]).is_err(), "{number}: its data are not taken");
        assert_eq!(bed.script.stack().stats().ack_unsent_data, 1);
        bed.finish(vec![live]);
    }
}

#[test]
fn an_ack_of_what_was_never_sent_is_challenged_while_closing() {
    let (mut bed, live) = bed();
    bed.script.shut(live.id);
    bed.script.heard();
    bed.script.say(&Spoken { ack: Some(live.ours.wrapping_add(9)), ..bed.ack(&live) });
    assert_eq!(bed.script.hear().ack, Some(live.theirs));
    assert_eq!(bed.script.stack().stats().challenge_ack, 1);
    bed.script.say(&rst(&live, 0));
    bed.script.stack().close(live.id).unwrap();
    bed.check_home();
}

#[test]
fn an_ack_that_is_long_past_is_challenged() {
    let (mut bed, mut live) = bed();
    for number in [1, 5000, 1 << 30] {
        bed.script.pass(Duration::from_secs(1));
        bed.script.say(&Spoken {
            data: b"forged",
            ack: Some(live.ours.wrapping_sub(number)),
            ..bed.ack(&live)
        });
        let challenge = bed.script.hear();
        assert_eq!((challenge.ack, challenge.flags.as_str()), (Some(live.theirs), ""), "{number}");
        assert!(bed.script.stack().read(live.id, &mut [0; 9]).is_err(), "{number}: its data are not taken");
    }
    assert_eq!(bed.script.stack().stats().too_old_ack, 3, "nothing was acknowledged yet: none can be older");
    bed.echo(&mut live);
    // Fourteen bytes are acknowledged by now: an ACK that others have overtaken may say less.
    bed.script.say(&Spoken { data: b"late", ack: Some(live.ours.wrapping_sub(14)), ..bed.ack(&live) });
    assert_eq!(bed.script.stack().read(live.id, &mut [0; 9]), Ok(4));
    live.theirs += 4;
    bed.finish(vec![live]);
}

#[test]
fn challenges_of_a_connection_are_limited() {
    let (mut bed, live) = bed();
    for _ in 0..50 {
        bed.script.say(&rst(&live, 7));
    }
    assert_eq!(bed.script.heard().len(), 1, "tcp_invalid_ratelimit 500 ms");
    bed.script.pass(Duration::from_millis(501));
    bed.script.say(&rst(&live, 7));
    assert_eq!(bed.script.heard().len(), 1);
    let stats = bed.script.stack().stats();
    assert_eq!((stats.challenge_ack, stats.ack_skipped_challenge, stats.rst_ignored), (2, 49, 51));
    bed.finish(vec![live]);
}

#[test]
fn segments_out_of_the_window_are_answered_at_most_twice_a_second() {
    let (mut bed, live) = bed();
    for _ in 0..50 {
        bed.script.say(&Spoken { seq: live.theirs.wrapping_sub(5000), ..bed.ack(&live) });
    }
    assert_eq!(bed.script.heard().len(), 1);
    assert_eq!(bed.script.stack().stats().ack_skipped_seq, 49);
    // Data can't be part of a loop of ACKs.
    for _ in 0..5 {
        bed.script.say(&Spoken { seq: live.theirs.wrapping_sub(500), data: &[1; 100], ..bed.ack(&live) });
    }
    assert_eq!(bed.script.heard().len(), 5);
    bed.finish(vec![live]);
}

#[test]
fn challenges_of_all_connections_are_limited() {
    let tcp = TcpConfig { tcp_challenge_ack_limit: 10, ..TcpConfig::default() };
    let mut bed = Bed::new(Config { tcp, ..Config::default() });
    let lives: Vec<Live> = (0..40).map(|n| bed.open(5000 + n, Offer::default())).collect();
    let mut sent = Vec::new();
    for _ in 0..12 {
        bed.script.pass(Duration::from_secs(1));
        bed.script.heard();
        for live in &lives {
            bed.script.peer_port = live.port;
            bed.script.say(&rst(live, 7));
        }
        sent.push(bed.script.heard().len());
    }
    assert!(sent.iter().all(|n| (5..15).contains(n)), "half to one and a half of ten: {sent:?}");
    assert!(sent.iter().any(|n| *n != sent[0]), "not the same each second: {sent:?}");
    bed.finish(lives);
}

/// 20,000 RSTs and 4,000 SYNs swept through the window of a live connection.
fn sweep(time: Duration) {
    let (mut bed, mut live) = bed();
    let mut other = bed.open(5001, Offer::default());
    bed.script.peer_port = live.port;
    let start = bed.script.now();
    for n in 0..20_000u32 {
        // All but the number that ends it.
        let seq = live.theirs.wrapping_add(1 + n % u32::from(u16::MAX));
        bed.script.say_forged(&Forged { seq, flags: Forged::RST, ..Forged::default() });
        if n % 5 == 0 {
            let seq = live.theirs.wrapping_add(n * 3);
            bed.script.say_forged(&Forged { seq, flags: Forged::SYN, window: WINDOW, ..Forged::default() });
        }
        let due = start + time * (n + 1) / 20_000;
        bed.script.pass(due - bed.script.now());
    }
    let heard = bed.script.heard();
    assert!(
        heard.iter().all(|heard| heard.flags.is_empty() && heard.ports.1 == live.port),
        "only challenge ACKs"
    );
    // One at once, and one each half second.
    let most = 1 + time.as_millis() as usize / 500; // seconds
    assert!((1..=most.min(400)).contains(&heard.len()), "{} in {time:?}", heard.len());
    let stats = *bed.script.stack().stats();
    assert_eq!(stats.challenge_ack + stats.ack_skipped_challenge, 24_000);
    assert_eq!(bed.state(&live), State::Established);
    bed.echo(&mut live);
    // The other's limit is untouched: it is challenged at once.
    bed.script.peer_port = other.port;
    bed.script.say(&rst(&other, 7));
    assert_eq!(bed.script.heard().iter().filter(|heard| heard.ports.1 == other.port).count(), 1);
    bed.echo(&mut other);
    bed.finish(vec![live, other]);
}

#[test]
fn a_sweep_of_rsts_and_syns_in_two_seconds_is_survived() {
    sweep(Duration::from_secs(2));
}

#[test]
fn a_sweep_of_rsts_and_syns_in_ten_seconds_is_survived() {
    sweep(Duration::from_secs(10));
}
