use super::*;
use crate::tcp::seq::SeqNumber;

const RTO: u64 = 300_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn receiver(wnd: usize) -> Receiver {
    let mut rcv = Receiver::new(wnd, 0);
    rcv.open(SeqNumber(999), Instant::ZERO);
    rcv.mss = 1000;
    rcv.advertise();
    rcv
}

#[test]
fn as_many_acks_are_quick_as_the_window_has_pairs_of_segments() {
    for (wnd, quick) in [(65_535, 16), (10_000, 5), (3000, 2)] {
        let mut rcv = receiver(wnd);
        rcv.owe_ack(1000, at(10), || RTO);
        assert_eq!((rcv.delayed.quick, rcv.ack_now), (quick, true), "{wnd}");
    }
}

/// Linux's `tcp_event_data_recv`.
#[test]
fn the_delay_follows_the_pace_of_segments() {
    let mut delayed = DelayedAck::default();
    let mut pauses = |pauses: &[u64]| {
        let mut now = 1000;
        delayed = DelayedAck { last: at(now).short_ticks(), ato: ATO_MIN, ..DelayedAck::default() };
        for pause in pauses {
            now += pause;
            delayed.data_arrived(at(now), || RTO, || 65_535, 1000);
        }
        ((delayed.ato + 5) / 1000, delayed.quick)
    };
    assert_eq!(pauses(&[1, 1, 1]), (40, 0));
    assert_eq!(pauses(&[35]), (55, 0), "half of 40 and 35");
    assert_eq!(pauses(&[35, 50, 60]), (98, 0));
    assert_eq!(pauses(&[35, 50, 60, 5, 5, 5]), (47, 0), "and back");
    assert_eq!(pauses(&[35, 200]), (55, 0), "neither a pace nor a pause");
    assert_eq!(pauses(&[301]), (40, 16), "longer than the RTO: the sender begins anew");
}

#[test]
fn the_delay_is_bounded_by_the_round_trip_and_the_knob() {
    let mut config = TcpConfig::default();
    let mut delayed = DelayedAck { ato: 400_000, ..DelayedAck::default() };
    assert_eq!(delayed.delay(None, &config), 200_000, "tcp_delack_max");
    assert_eq!(delayed.delay(Some(90_000), &config), 90_000);
    assert_eq!(delayed.delay(Some(1_000), &config), 40_000);
    config.tcp_delack_max = core::time::Duration::from_millis(500);
    assert_eq!(delayed.delay(None, &config), 400_000);
    delayed.pingpong = true;
    assert_eq!(delayed.delay(None, &config), 200_000);
    config.tcp_delack_max = core::time::Duration::from_millis(10);
    assert_eq!(delayed.delay(Some(90_000), &config), 10_000);
}

#[test]
fn every_second_full_segment_is_acknowledged_at_once() {
    let mut rcv = receiver(1 << 16);
    rcv.delayed.ato = ATO_MIN;
    rcv.nxt += 1000;
    rcv.owe_ack(1000, at(1), || RTO);
    assert!(!rcv.ack_now);
    rcv.nxt += 1000;
    rcv.owe_ack(1000, at(2), || RTO);
    assert!(rcv.ack_now);
}
