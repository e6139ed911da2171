use super::*;
use crate::tcp::rate::Snapshot;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn seq(segment: u32) -> SeqNumber {
    SeqNumber(segment * 100)
}

const CAREFUL: Window = Window { min_rtt: Some(40_000_000), srtt: Some(40_000_000), is_evident: false };

/// Segments sent a millisecond apart; `arrived` is SACKed 40 ms after it was sent.
fn after(rack: &mut Rack, count: u32, arrived: u32) -> Flight {
    let mut flight = Flight::new();
    for n in 0..count {
        flight.push(seq(n), seq(n + 1), at(u64::from(n)), Snapshot::default(), false);
    }
    let now = at(u64::from(arrived) + 40);
    flight.sack(seq(arrived), seq(arrived + 1), |sent| rack.advance(sent, now, CAREFUL.min_rtt));
    flight
}

#[test]
fn what_was_sent_a_quarter_round_trip_before_what_arrived_is_lost() {
    let mut rack = Rack::new();
    let mut flight = after(&mut rack, 20, 15);
    assert!(rack.take_advanced() && !rack.take_advanced());
    let found = rack.detect(&mut flight, &CAREFUL, at(55));
    assert_eq!(flight.lost_bytes(), 600, "0 to 5 were sent 10 ms before segment 15");
    assert_eq!(found.again_after, Some(Duration::from_millis(9) + TIMEOUT_MIN), "for segment 14");
    rack.detect(&mut flight, &CAREFUL, at(70));
    assert_eq!(flight.lost_bytes(), 1500, "but not 16 to 19, which were sent later");
}

#[test]
fn without_reordering_a_loss_that_is_evident_needs_no_wait() {
    let mut rack = Rack::new();
    let mut flight = after(&mut rack, 4, 3);
    let evident = Window { is_evident: true, ..CAREFUL };
    assert!(rack.detect(&mut flight, &evident, at(43)).again_after.is_none());
    assert_eq!(flight.lost_bytes(), 300);
    rack.reordering_seen = true;
    let mut flight = after(&mut rack, 4, 3);
    assert!(rack.detect(&mut flight, &evident, at(43)).again_after.is_some());
    assert_eq!(flight.lost_bytes(), 0, "a path that reorders gets its time");
}

#[test]
fn dsacks_widen_the_window_once_a_round_trip_and_it_shrinks_again() {
    let mut rack = Rack::new();
    rack.dsack();
    rack.adapt(0, 1000);
    assert_eq!(rack.reordering_window(&CAREFUL), 10_000_000, "no reordering was seen");
    rack.reordering_seen = true;
    rack.dsack();
    rack.adapt(0, 1000);
    rack.dsack();
    rack.adapt(500, 1500);
    assert_eq!(rack.reordering_window(&CAREFUL), 20_000_000);
    rack.dsack();
    rack.adapt(1000, 2000);
    assert_eq!(rack.reordering_window(&CAREFUL), 30_000_000);
    for _ in 0..PERSIST {
        rack.recovered(false);
    }
    rack.adapt(3000, 4000);
    assert_eq!(rack.reordering_window(&CAREFUL), 10_000_000);
}

#[test]
fn the_ack_of_a_copy_that_comes_too_early_is_for_the_original() {
    let mut rack = Rack::new();
    let mut flight = after(&mut rack, 3, 1);
    let head = flight.head_name().unwrap();
    flight.mark_lost(head);
    flight.resent(head, at(50), Snapshot::default());
    rack.take_advanced();
    flight.acknowledge(seq(1), |sent| rack.advance(sent, at(52), CAREFUL.min_rtt));
    assert!(!rack.take_advanced());
}
