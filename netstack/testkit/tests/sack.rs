//! Losses that SACK blocks tell of, both ways (RFC 2018, RFC 6675).

use std::time::Duration;

use corelane_netstack::{Config, CongestionControl, SocketId, TcpConfig};
use corelane_testkit::{Heard, Script, Spoken};

const WINDOW: u16 = 30_000;
const RTT: Duration = Duration::from_millis(40);

fn ack(ack: u32) -> Spoken<'static> {
    Spoken { seq: 9001, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn ranges(heard: &[Heard], from: u32) -> Vec<(u32, usize)> {
    heard.iter().map(|heard| (heard.seq.wrapping_sub(from), heard.data.len())).collect()
}

/// An opening by us towards a peer with SACK, with segments of 1000 bytes and an RTT of 40 ms.
fn opened(initial_cwnd: u32) -> (Script, SocketId, u32) {
    // Reno: half of the window is easy to count.
    let tcp_congestion_control = CongestionControl::Reno;
    let tcp = TcpConfig { initial_cwnd, tcp_congestion_control, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    script.pass(RTT);
    let ours = syn.seq.wrapping_add(1);
    script.say(&Spoken { seq: 9000, flags: "S", mss: Some(1000), sack_permitted: true, ..ack(ours) });
    script.heard();
    (script, id, ours)
}

#[test]
fn all_holes_of_a_window_are_sent_again_in_one_round_trip() {
    let (mut script, id, ours) = opened(10);
    script.write(id, &[1; 10_000]);
    assert_eq!(script.heard().len(), 10);
    script.pass(RTT);
    // Segments 0 and 2 are lost; the ACKs for 1 and 3 to 9 come.
    let at = |n: u32| ours.wrapping_add(n);
    script.say(&Spoken { sack: Some((at(1000), at(2000))), ..ack(ours) });
    script.say(&Spoken { sack: Some((at(3000), at(4000))), ..ack(ours) });
    script.silence();
    script.say(&Spoken { sack: Some((at(3000), at(5000))), ..ack(ours) });
    assert_eq!(ranges(&script.heard(), ours), [(0, 1000)], "three segments above it");
    script.pass(RTT / 4);
    for end in [6000, 7000, 8000, 9000, 10_000] {
        script.say(&Spoken { sack: Some((at(3000), at(end))), ..ack(ours) });
    }
    assert_eq!(ranges(&script.heard(), ours), [(2000, 1000)], "and the second hole, once");
    script.say(&ack(at(10_000)));
    let stats = script.stack().stats();
    assert_eq!((stats.sack_recovery, stats.timeouts, stats.tcp_retrans_segs), (1, 0, 2));
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
}

#[test]
fn with_two_segments_in_flight_a_quarter_of_the_rtt_tells_loss_from_reordering() {
    let (mut script, id, ours) = opened(2);
    script.write(id, &[1; 2000]);
    assert_eq!(script.heard().len(), 2);
    script.pass(RTT);
    script.say(&Spoken { sack: Some((ours.wrapping_add(1000), ours.wrapping_add(2000))), ..ack(ours) });
    script.pass(RTT / 4);
    script.silence();
    script.pass(Duration::from_millis(2)); // a tick
    assert_eq!(ranges(&script.heard(), ours), [(0, 1000)]);
    assert_eq!(script.stack().stats().timeouts, 0);
}

#[test]
fn what_was_only_reordered_is_not_sent_again() {
    let (mut script, id, ours) = opened(2);
    script.write(id, &[1; 2000]);
    script.heard();
    script.pass(RTT);
    script.say(&Spoken { sack: Some((ours.wrapping_add(1000), ours.wrapping_add(2000))), ..ack(ours) });
    script.pass(RTT / 8);
    script.say(&ack(ours.wrapping_add(2000)));
    script.pass(RTT * 4);
    script.silence();
    assert_eq!(script.stack().stats().tcp_retrans_segs, 0);
}

#[test]
fn a_segment_that_is_lost_again_needs_no_time_out() {
    let (mut script, id, ours) = opened(4);
    script.write(id, &[1; 12_000]);
    script.heard();
    let at = |n: u32| ours.wrapping_add(n);
    // Segment 0 is lost, and once more; data that went out after it arrive.
    let mut again = 0;
    let mut sacked = 1000;
    for _ in 0..8 {
        sacked += 1000;
        script.say(&Spoken { sack: Some((at(1000), at(sacked))), ..ack(ours) });
        again += ranges(&script.heard(), ours).iter().filter(|range| range.0 == 0).count();
    }
    assert!(again >= 2, "sent again {again} times");
    assert_eq!(script.stack().stats().timeouts, 0);
}

#[test]
fn a_time_out_spares_what_the_peer_has() {
    let (mut script, id, ours) = opened(4);
    script.write(id, &[1; 4000]);
    script.heard();
    let at = |n: u32| ours.wrapping_add(n);
    script.say(&Spoken { sack: Some((at(1000), at(2000))), ..ack(ours) });
    script.pass(Duration::from_secs(1));
    script.heard();
    script.pass(Duration::from_secs(20));
    let resent = ranges(&script.heard(), ours);
    assert!(resent.iter().all(|range| range.0 != 1000), "{resent:?}");
    assert!(script.stack().stats().timeouts > 0);
}

/// RFC 8985 7: two round trips without an ACK, and the last segment asks for one.
#[test]
fn a_lost_tail_is_asked_for_long_before_the_time_out() {
    let (mut script, id, ours) = opened(10);
    script.write(id, &[1; 3000]);
    assert_eq!(script.heard().len(), 3);
    script.pass(RTT * 2 + Duration::from_millis(1)); // and a tick of 2 ms, as in Linux
    script.silence();
    script.pass(Duration::from_millis(1));
    assert_eq!(ranges(&script.heard(), ours), [(2000, 1000)]);
    script.pass(RTT);
    script.silence();
    script.say(&ack(ours.wrapping_add(3000)));
    // RFC 8985 7.4.2: had both copies arrived, a duplicate ACK or a DSACK would say so before something new is acknowledged.
    script.write(id, &[1; 10]);
    script.say(&ack(ours.wrapping_add(3010)));
    let stats = script.stack().stats();
    assert_eq!((stats.loss_probes, stats.loss_probe_recovery, stats.timeouts), (1, 1, 0));
}

#[test]
fn each_new_segment_puts_the_probe_off() {
    let (mut script, id, ours) = opened(10);
    script.write(id, &[1; 1000]);
    script.write(id, &[1; 1000]);
    assert_eq!(script.heard().len(), 2);
    script.pass(RTT);
    script.write(id, &[1; 1000]);
    assert_eq!(script.heard().len(), 1);
    script.pass(RTT * 2);
    script.silence();
    script.pass(Duration::from_millis(2));
    assert_eq!(ranges(&script.heard(), ours), [(2000, 1000)]);
}

#[test]
fn a_probe_carries_new_data_where_the_peer_takes_them() {
    let (mut script, id, ours) = opened(2);
    script.write(id, &[1; 5000]);
    assert_eq!(script.heard().len(), 2);
    script.pass(RTT * 2 + Duration::from_millis(2));
    assert_eq!(ranges(&script.heard(), ours), [(2000, 1000)], "beyond cwnd");
    script.say(&ack(ours.wrapping_add(3000)));
    let stats = script.stack().stats();
    assert_eq!((stats.loss_probes, stats.loss_probe_recovery, stats.tcp_retrans_segs), (1, 0, 0));
}

/// RFC 8985 7.2: each transmission of new data schedules the probe anew. With one segment out it waits for a delayed ACK.
#[test]
fn what_is_sent_after_an_ack_does_not_wait_for_the_delayed_ack_of_one_segment() {
    let (mut script, id, ours) = opened(2);
    script.write(id, &[1; 3000]);
    assert_eq!(script.heard().len(), 2);
    script.pass(RTT);
    script.say(&ack(ours.wrapping_add(1000))); // one segment is out, and then two
    assert_eq!(ranges(&script.heard(), ours), [(2000, 1000)]);
    script.pass(RTT * 2 + Duration::from_millis(3));
    assert_eq!(ranges(&script.heard(), ours), [(2000, 1000)], "the probe");
    assert_eq!(script.stack().stats().loss_probes, 1);
}

/// RFC 5682 3.1 step 3b holds a time-out for spurious when the tail loss probe before it has arrived. What was lost all the
/// same is found by RACK, or nothing would be sent again until the next time-out.
#[test]
fn what_a_spurious_time_out_held_for_lost_can_still_be_lost() {
    let (mut script, id, ours) = opened(3);
    script.write(id, &[1; 20_000]);
    assert_eq!(script.heard().len(), 3);
    script.pass(RTT * 2 + Duration::from_millis(3));
    assert_eq!(ranges(&script.heard(), ours), [(3000, 1000)], "the probe, with new data");
    script.pass(Duration::from_millis(250));
    assert_eq!(ranges(&script.heard(), ours)[0], (0, 1000), "the time-out");
    let at = |n: u32| ours.wrapping_add(n);
    script.say(&Spoken { sack: Some((at(3000), at(4000))), ..ack(at(1000)) });
    let mut resent = ranges(&script.heard(), ours);
    script.pass(RTT);
    script.say(&Spoken { sack: Some((at(3000), at(5000))), ..ack(at(1000)) });
    resent.extend(ranges(&script.heard(), ours));
    assert!(resent.contains(&(1000, 1000)) && resent.contains(&(2000, 1000)), "{resent:?}");
    let stats = script.stack().stats();
    assert_eq!((stats.timeouts, stats.spurious_rtos), (1, 1));
}
