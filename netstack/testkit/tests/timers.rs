//! What happens when nothing arrives: retransmission (RFC 6298), window probes, delayed ACKs, keep-alive.

use std::time::Duration;

use corelane_netstack::{Config, Error, State, TcpConfig};
use corelane_testkit::{Heard, Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

/// The stack spoke at these times after `start`, each at most 2 ms late (the wheel's tick).
#[track_caller]
fn assert_times(heard: &[Heard], start: Duration, expected: &[Duration]) {
    let times: Vec<Duration> = heard.iter().map(|heard| heard.at - start).collect();
    let fits = |(time, want): (&Duration, &Duration)| time >= want && *time <= *want + ms(2);
    assert!(
        times.len() == expected.len() && times.iter().zip(expected).all(fits),
        "{times:?}, not {expected:?}"
    );
}

/// An opening by us whose SYN-ACK takes `rtt`.
fn opened_in(rtt: Duration, config: TcpConfig) -> (Script, corelane_netstack::SocketId, u32, u32) {
    let mut script = Script::new(Config { tcp: config, ..Config::default() });
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    script.pass(rtt);
    let ours = syn.seq.wrapping_add(1);
    script.say(&Spoken { flags: "S", mss: Some(1000), ..ack(9000, ours) });
    script.heard();
    (script, id, 9001, ours)
}

#[test]
fn the_time_out_follows_rfc_6298_and_doubles() {
    // 2.2: SRTT 100 ms, RTTVAR 50 ms, RTO 300 ms.
    let (mut script, id, theirs, ours) = opened_in(ms(100), TcpConfig::default());
    let start = script.now();
    script.write(id, b"data");
    script.pass(SECOND * 5);
    let heard = script.heard();
    assert_times(&heard, start, &[ms(0), ms(300), ms(900), ms(2100), ms(4500)]);
    assert!(heard.iter().all(|heard| heard.seq == ours && heard.data == b"data"));
    assert_eq!(script.stack().stats().timeouts, 4);
    // Karn: an ACK of what was sent again measures nothing, so the back-off stays until something new is measured.
    script.say(&ack(theirs, ours.wrapping_add(4)));
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.rtt, info.rttvar, info.unacked), (ms(100), ms(50), 0));
    script.write(id, b"more");
    script.heard();
    script.pass(ms(60));
    script.say(&ack(theirs, ours.wrapping_add(8)));
    // 2.3: 7/8 of 100 + 1/8 of 60; 3/4 of 50 + 1/4 of 40. As in Linux the time-out falls with the next round trip.
    let info = script.stack().info(id).unwrap();
    assert_eq!((info.rtt, info.rttvar, info.rto), (ms(95), Duration::from_micros(47_500), ms(295)));
}

#[test]
fn the_time_out_has_a_floor_and_a_ceiling_and_an_end() {
    let (mut script, id, ..) = opened_in(Duration::ZERO, TcpConfig::default());
    let start = script.now();
    script.write(id, b"data");
    script.pass(SECOND * 2000);
    let heard = script.heard();
    // tcp_rto_min 200 ms, tcp_rto_max 120 s; tcp_retries2 15 are 924.6 s from the first retransmission on, which the 16th
    // comes just before.
    let mut at = Duration::ZERO;
    let expected: Vec<Duration> = (0..17)
        .map(|n| {
            let this = at;
            at += (ms(200) * (1 << n)).min(SECOND * 120);
            this
        })
        .collect();
    let rough =
        |(heard, want): (&Heard, &Duration)| heard.at - start >= *want && heard.at - start < *want + ms(50);
    assert!(heard.len() == 17 && heard.iter().zip(&expected).all(rough), "{heard:#?}, not {expected:?}");
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    assert_eq!((script.stack().flows(), script.stack().timers()), (0, 0));
}

#[test]
fn a_lost_syn_makes_the_first_time_out_of_data_3_seconds() {
    let (mut script, id, ..) =
        opened_in(ms(1500), TcpConfig { tcp_timestamps: false, ..TcpConfig::default() });
    let start = script.now();
    script.write(id, b"data");
    script.pass(SECOND * 8);
    assert_times(&script.heard(), start, &[ms(0), SECOND * 3]); // RFC 6298 5.7
}

#[test]
fn a_shut_window_is_probed_for_hours_and_then_opens() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.connect(1000);
    script.write(id, &[7; 3000]);
    assert_eq!(script.heard().iter().map(|heard| heard.data.len()).sum::<usize>(), 1000);
    let shut = Spoken { window: 0, ..ack(theirs, ours.wrapping_add(1000)) };
    script.say(&shut);
    let mut probes = Vec::new();
    let end = script.now() + SECOND * 7200;
    while script.now() < end {
        script.pass(SECOND);
        for probe in script.heard() {
            // One below the window, so that the peer answers, and no new data.
            assert!(probe.data.len() <= 1 && probe.seq.wrapping_sub(ours) <= 1000, "{probe:?}");
            probes.push(probe.at);
            script.say(&shut);
            script.silence();
        }
    }
    assert!((60..100).contains(&probes.len()), "at most each 120 s: {}", probes.len());
    let gaps: Vec<Duration> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        gaps.iter().all(|gap| *gap <= SECOND * 122) && gaps.is_sorted_by(|a, b| *a <= *b + SECOND * 2),
        "{gaps:?}"
    );
    assert_eq!(script.stack().info(id).unwrap().state, State::Established);
    script.say(&ack(theirs, ours.wrapping_add(1000)));
    assert_eq!(script.heard().iter().map(|heard| heard.data.len()).sum::<usize>(), 2000);
}

#[test]
fn probes_without_an_answer_come_to_an_end() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.connect(1000);
    script.write(id, &[7; 3000]);
    script.say(&Spoken { window: 0, ..ack(theirs, ours.wrapping_add(1000)) });
    script.heard();
    script.pass(SECOND * 3000);
    assert_eq!(script.heard().len(), 15);
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
}

#[test]
fn a_lost_window_update_is_asked_for() {
    let config = TcpConfig { tcp_rmem: 4000.into(), tcp_timestamps: false, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp: config, ..Config::default() });
    let (id, theirs, ours) = script.accept(WINDOW);
    for part in 0..4 {
        script.say(&Spoken { data: &[1; 1000], ..ack(theirs + part * 1000, ours) });
    }
    let full = script.heard();
    assert_eq!(full.last().map(|heard| (heard.ack, heard.window)), Some((Some(theirs + 4000), 0)));
    // A byte that does not fit is not taken, but answered.
    script.say(&Spoken { data: &[1], ..ack(theirs + 4000, ours) });
    let answer = script.hear();
    assert_eq!((answer.ack, answer.window), (Some(theirs + 4000), 0));
    assert_eq!(script.stack().read(id, &mut [0; 9999]), Ok(4000));
    script.run();
    assert_eq!(script.hear().window, 4000, "the update, which gets lost");
    script.say(&ack(theirs + 3999, ours));
    let answer = script.hear();
    assert_eq!((answer.ack, answer.window), (Some(theirs + 4000), 4000));
}

#[test]
fn every_second_segment_is_acknowledged_at_once_and_others_within_40_ms() {
    let mut script = Script::new(Config::default());
    let (id, mut theirs, ours) = script.accept(WINDOW);
    let mut send = |script: &mut Script, data: &[u8]| {
        script.say(&Spoken { data, ..ack(theirs, ours) });
        theirs += data.len() as u32; // at most 1000
        theirs
    };
    // Linux acknowledges the first 16 at once.
    for _ in 0..16 {
        let next = send(&mut script, &[1; 1000]);
        assert_eq!(script.hear().ack, Some(next));
    }
    assert_eq!(script.stack().read(id, &mut [0; 16_000]), Ok(16_000));
    script.run();
    script.heard();
    for _ in 0..5 {
        send(&mut script, &[1; 1000]);
        script.silence();
        let next = send(&mut script, &[1; 1000]);
        assert_eq!(script.hear().ack, Some(next));
    }
    let start = script.now();
    let next = send(&mut script, &[1; 1000]);
    script.pass(ms(39));
    script.silence();
    script.pass(ms(100));
    let heard = script.heard();
    assert_times(&heard, start, &[ms(40)]);
    assert_eq!((heard[0].ack, script.stack().stats().delayed_acks), (Some(next), 1));
    // Data take the ACK along.
    let next = send(&mut script, &[1; 10]);
    script.write(id, b"answer");
    assert_eq!(script.hear().ack, Some(next));
    script.say(&ack(next, ours.wrapping_add(6)));
    script.pass(ms(100));
    script.silence();
}
