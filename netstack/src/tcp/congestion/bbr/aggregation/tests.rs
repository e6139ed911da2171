use super::*;
use crate::tcp::congestion::tests::{MSS, ack};

const BW: u64 = 1_000_000;
const MS: u64 = 1_000_000;
const CWND: u32 = 40 * MSS;

/// Ten ACKs of `bytes` each, `every` milliseconds, one a round; returns when the last came.
fn acks(aggregation: &mut Aggregation, mut now: u64, bytes: u32, every: u64) -> u64 {
    for _ in 0..10 {
        now += every * MS;
        let ack = Ack { now: Instant::from_nanos(now), ..ack(bytes) };
        aggregation.update(&ack, BW, true, CWND);
    }
    now
}

#[test]
fn remembers_what_came_together_for_some_rounds() {
    let mut aggregation = Aggregation::default();
    // A segment each millisecond is what the bandwidth says.
    let now = acks(&mut aggregation, 1_000 * MS, MSS, 1);
    assert!(aggregation.extra(BW) <= u64::from(2 * MSS), "{}", aggregation.extra(BW));
    // Twenty at once each 20 ms are the same rate, in clumps.
    let now = acks(&mut aggregation, now, 20 * MSS, 20);
    let extra = aggregation.extra(BW);
    assert!((19 * u64::from(MSS)..=22 * u64::from(MSS)).contains(&extra), "{extra}");
    acks(&mut aggregation, now + 100 * MS, MSS, 2);
    assert!(aggregation.extra(BW) <= u64::from(MSS), "forgotten: {}", aggregation.extra(BW));
}

#[test]
fn is_bounded_by_cwnd_and_by_100_ms() {
    let mut aggregation = Aggregation::default();
    acks(&mut aggregation, 1_000 * MS, 1 << 20, 1);
    assert_eq!(aggregation.extra(BW), u64::from(CWND));
    assert_eq!(aggregation.extra(BW / 10), 10_000, "100 ms at a tenth of the bandwidth");
}
