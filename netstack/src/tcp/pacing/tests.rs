use super::*;
use crate::tcp::congestion::CongestionControl;

const MSS: u32 = 1000;
const MS: u64 = 1_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// Past the first segments, which are not paced.
fn pacing(rate: u64) -> Pacing {
    let mut pacing = Pacing::new(MSS, Some(rate));
    for _ in 0..10 {
        assert_eq!(pacing.may_send(at(0)), Ok(()));
        pacing.sent(MSS, at(0));
    }
    pacing
}

/// Sends full segments from `start` on whenever it may, for `nanos`; `late`: how late its timer is. Returns the bytes, and the
/// most that went out at once.
fn pump(pacing: &mut Pacing, start: u64, nanos: u64, late: u64) -> (u64, u64) {
    let (mut now, mut sent, mut largest, mut at_once) = (start, 0, 0, 0);
    while now < start + nanos {
        match pacing.may_send(at(now)) {
            Ok(()) => {
                pacing.sent(MSS, at(now));
                sent += u64::from(MSS);
                at_once += u64::from(MSS);
                largest = largest.max(at_once);
            }
            Err(when) => {
                assert!(when > at(now), "it asks to wait for the past");
                now = when.as_nanos() + late;
                at_once = 0;
            }
        }
    }
    (sent, largest)
}

#[test]
fn the_rate_holds_over_time() {
    for rate in [10_000, 1_000_000, 123_456_789, 12_500_000_000] {
        let mut pacing = pacing(rate);
        let nanos = if rate > 1_000_000_000 { 20 * MS } else { 2_000 * MS };
        let (sent, largest) = pump(&mut pacing, 5_000 * MS, nanos, 0);
        let expected = bytes_in(rate, nanos);
        // To a burst, the one that it starts with included.
        let slack = 2 * u64::from(burst(rate, MSS)) + u64::from(MSS);
        assert!(sent.abs_diff(expected) <= slack, "{rate}: {sent} instead of {expected}");
        assert!(largest < u64::from(burst(rate, MSS)) + u64::from(MSS), "{rate}: {largest} at once");
    }
}

#[test]
fn a_burst_is_a_millisecond_or_two_segments() {
    assert_eq!(burst(0, MSS), 2 * MSS);
    assert_eq!(burst(1_024_000, MSS), 2 * MSS);
    assert_eq!(burst(10_240_000, MSS), 10_000);
    assert_eq!(burst(u64::MAX, MSS), 65_535);
    assert_eq!(burst(u64::MAX, 65_000), 130_000);
}

#[test]
fn a_timer_that_is_late_by_less_than_half_a_burst_costs_nothing() {
    // 10 MB/s: a burst takes about 1 ms.
    let mut punctual = pacing(10_240_000);
    let mut late = pacing(10_240_000);
    let (expected, _) = pump(&mut punctual, 0, 1_000 * MS, 0);
    let (sent, _) = pump(&mut late, 0, 1_000 * MS, MS / 3);
    assert!(sent >= expected * 99 / 100, "{sent} instead of {expected}");
    let mut too_late = pacing(10_240_000);
    let (sent, largest) = pump(&mut too_late, 0, 1_000 * MS, 20 * MS);
    assert!(sent < expected / 10, "what was missed is not sent in one go: {sent}");
    assert_eq!(largest, 10_000);
}

#[test]
fn the_first_segments_of_a_connection_go_at_once() {
    let mut pacing = pacing(1_000_000);
    assert_eq!(pacing.may_send(at(0)), Ok(()));
    pacing.sent(MSS, at(0));
    pacing.sent(MSS, at(0));
    assert_eq!(pacing.may_send(at(0)), Err(at(2 * MS)));
    assert_eq!(pacing.may_send(at(2 * MS)), Ok(()));
}

#[test]
fn without_a_rate_nothing_waits() {
    let mut pacing = Pacing::new(MSS, None);
    for _ in 0..1_000 {
        assert_eq!(pacing.may_send(at(0)), Ok(()));
        pacing.sent(65_000, at(0));
    }
}

#[test]
fn the_window_gives_the_rate_unless_the_algorithm_does() {
    let mut pacing = Pacing::new(MSS, None);
    let mut cc = Congestion::new(CongestionControl::Cubic, MSS, 10);
    pacing.update(&cc, 0, None, MSS);
    assert_eq!(pacing.rate(), u64::MAX);
    // 10,000 bytes in 100 ms, twice.
    pacing.update(&cc, 0, Some(100 * MS), MSS);
    assert_eq!(pacing.rate(), 200_000);
    // ssthresh is 7,000: beyond half of it, 120 %.
    cc.on_congestion_event(at(1), 10 * MSS);
    cc.on_recovery_exit();
    pacing.update(&cc, 0, Some(100 * MS), MSS);
    assert_eq!(pacing.rate(), 84_000);
    pacing.update(&cc, 20 * MSS, Some(100 * MS), MSS);
    assert_eq!(pacing.rate(), 240_000, "what flies counts, if it is more than cwnd");
    pacing.set_max_rate(Some(50_000), MSS);
    assert_eq!(pacing.rate(), 50_000);
    pacing.update(&cc, 0, Some(100 * MS), MSS);
    assert_eq!(pacing.rate(), 50_000);
    pacing.set_max_rate(None, MSS);
    pacing.update(&cc, 0, Some(100 * MS), MSS);
    assert_eq!(pacing.rate(), 84_000);
    let cc = Congestion::new(CongestionControl::Bbr, MSS, 10);
    pacing.update(&cc, 0, Some(100 * MS), MSS);
    assert_eq!(Some(pacing.rate()), cc.pacing_rate());
}

#[test]
fn the_extremes() {
    assert_eq!(bytes_in(u64::MAX, 0), 0);
    assert_eq!(bytes_in(1_000_000_000_000, 3_600 * SECOND), 3_600_000_000_000_000);
    assert_eq!(bytes_in(3, SECOND), 3);
    assert_eq!(time_of(u32::MAX, 0), u64::from(u32::MAX) * SECOND);
    assert_eq!(rate_of_window(u32::MAX, 0, u32::MAX, Some(0)), u64::from(u32::MAX) * 1_200_000_000);
    let mut pacing = Pacing::new(u32::MAX, Some(0));
    pacing.update(&Congestion::new(CongestionControl::Reno, MSS, 1), u32::MAX, Some(u64::MAX), u32::MAX);
    pacing.sent(u32::MAX, at(u64::MAX));
    pacing.sent(u32::MAX, at(u64::MAX));
    assert_eq!(pacing.may_send(at(0)), Err(at(u64::MAX)));
}
