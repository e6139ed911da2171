//! Segments for a half-open connection (RFC 9293 3.10.7.4, SYN-RECEIVED; RFC 5961).

use std::time::Duration;

use corelane_netstack::{Config, ListenerId, State};
use corelane_testkit::{Heard, Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);

fn syn() -> Spoken<'static> {
    Spoken { seq: 9000, flags: "S", window: 1000, mss: Some(1000), ..Spoken::default() }
}

/// The third ACK to a SYN-ACK.
fn third(syn_ack: &Heard) -> Spoken<'static> {
    Spoken { seq: 9001, ack: Some(syn_ack.seq.wrapping_add(1)), window: 1000, ..Spoken::default() }
}

/// A listener with one half-open connection: its SYN was `spoken`.
fn half_open(spoken: &Spoken<'_>) -> (Script, ListenerId, Heard) {
    let mut script = Script::new(Config::default());
    let listener = script.listen(16);
    script.say(spoken);
    let syn_ack = script.hear();
    assert_eq!((syn_ack.flags.as_str(), syn_ack.ack), ("S", Some(9001)));
    assert_eq!(script.stack().half_open(), 1);
    (script, listener, syn_ack)
}

#[test]
fn data_and_fin_may_come_with_the_third_ack() {
    let (mut script, listener, syn_ack) = half_open(&syn());
    script.say(&Spoken { data: b"all of it", flags: "F", ..third(&syn_ack) });
    assert_eq!(script.heard().last().and_then(|heard| heard.ack), Some(9011));
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().info(id).unwrap().state, State::CloseWait);
    let mut buf = [0; 20];
    assert_eq!(script.stack().read(id, &mut buf), Ok(9));
    assert_eq!(script.stack().read(id, &mut buf), Ok(0));
}

#[test]
fn data_of_a_syn_wait_for_the_third_ack() {
    // Without Fast Open they are not taken: the SYN-ACK acknowledges the SYN alone, and they come again.
    let (mut script, listener, syn_ack) = half_open(&Spoken { data: b"early", ..syn() });
    script.say(&third(&syn_ack));
    let (id, _) = script.stack().accept(listener).unwrap();
    assert_eq!(script.stack().info(id).unwrap().bytes_received, 0);
    script.say(&Spoken { data: b"early", ..third(&syn_ack) });
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(5));
}

#[test]
fn what_is_not_acceptable_is_answered_by_an_ack() {
    let (mut script, listener, syn_ack) = half_open(&syn());
    let unacceptable = [
        Spoken { seq: 9000, ..third(&syn_ack) },
        Spoken { seq: 9001 + (1 << 20), data: b"far", ..third(&syn_ack) },
        Spoken { seq: 9100, flags: "S", ..Spoken::default() },
        Spoken { seq: 9100, flags: "R", ..Spoken::default() },
    ];
    for spoken in &unacceptable {
        script.say(spoken);
        let answer = script.hear();
        assert_eq!((answer.flags.as_str(), answer.ack), ("", Some(9001)), "{spoken:?}");
        assert_eq!(answer.seq, syn_ack.seq.wrapping_add(1));
        script.say(spoken);
        script.silence(); // tcp_invalid_ratelimit
        script.pass(SECOND / 2);
        script.heard(); // the timer's SYN-ACKs
    }
    assert_eq!(script.stack().stats().ack_skipped_syn_recv, 4);
    // A RST out of the window, or for another connection's number, is nothing at all.
    script.say(&Spoken { seq: 9000, flags: "R", ..Spoken::default() });
    script.say(&Spoken { seq: 9001, flags: "R", ack: Some(syn_ack.seq), ..Spoken::default() });
    script.silence();
    script.say(&third(&syn_ack));
    assert!(script.stack().accept(listener).is_ok(), "none of them ended it");
}

#[test]
fn a_challenge_tells_no_smaller_window_than_the_syn_ack() {
    let (mut script, _, syn_ack) = half_open(&Spoken { scale: Some(7), ..syn() });
    let shift = syn_ack.scale.expect("both scale");
    script.say(&Spoken { seq: 9000, ..third(&syn_ack) });
    let challenge = script.hear();
    assert!(u32::from(challenge.window) << shift >= u32::from(syn_ack.window), "RFC 7323 2.4");
    assert!(challenge.window < syn_ack.window, "and scales it");
}

#[test]
fn an_old_timestamp_does_not_open() {
    let timestamps = Some((1000, 0));
    let (mut script, listener, syn_ack) = half_open(&Spoken { timestamps, ..syn() });
    let (value, _) = syn_ack.timestamps.unwrap();
    script.say(&Spoken { timestamps: Some((999, value)), ..third(&syn_ack) });
    assert_eq!(script.hear().timestamps.map(|(_, echo)| echo), Some(1000));
    assert_eq!((script.stack().half_open(), script.stack().stats().paws_estab), (1, 1));
    script.say(&Spoken { timestamps: Some((1000, value)), ..third(&syn_ack) });
    assert!(script.stack().accept(listener).is_ok());
}

#[test]
fn the_syn_ack_measures_the_round_trip_unless_it_was_sent_again() {
    let (mut script, listener, syn_ack) = half_open(&syn());
    script.pass(Duration::from_millis(300));
    script.say(&third(&syn_ack));
    let (id, _) = script.stack().accept(listener).unwrap();
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.rtt, info.rttvar), (Duration::from_millis(300), Duration::from_millis(150)));
    let (mut script, listener, syn_ack) = half_open(&syn());
    script.pass(Duration::from_millis(1300));
    script.say(&third(&syn_ack));
    let (id, _) = script.stack().accept(listener).unwrap();
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.rtt, info.rto), (Duration::ZERO, SECOND * 3), "RFC 6298 5.7");
}

#[test]
fn closing_the_listener_forgets_its_half_open_connections() {
    let (mut script, listener, syn_ack) = half_open(&syn());
    script.stack().close_listener(listener).unwrap();
    assert_eq!((script.stack().half_open(), script.stack().flows(), script.stack().timers()), (0, 0, 0));
    script.say(&third(&syn_ack));
    assert_eq!(script.hear().flags, "R");
    assert!(script.stack().listener_info(listener).is_err());
}
