use super::*;

const MSS: u32 = 1000;
const MOST: u32 = 65_000;

#[test]
fn a_frame_is_a_millisecond_of_the_rate() {
    // 100 MB/s: 97,656 bytes in 2^-10 s, more than a frame takes.
    assert_eq!(goal(100_000_000, None, MSS, MOST, 2), 65_000);
    assert_eq!(goal(10_000_000, None, MSS, MOST, 2), 9_000);
    assert_eq!(goal(1, None, MSS, MOST, 2), 2_000, "tcp_min_tso_segs");
    assert_eq!(goal(1, None, 1460, 2_000, 2), 1_460, "whole segments that the device takes");
}

#[test]
fn near_peers_get_long_frames_at_any_rate() {
    assert_eq!(goal(0, Some(100_000), MSS, MOST, 2), 65_000);
    assert_eq!(goal(0, Some(600_000), MSS, MOST, 2), 32_000);
    assert_eq!(goal(0, Some(1_100_000), MSS, MOST, 2), 16_000);
    assert_eq!(goal(0, Some(100_000_000), MSS, MOST, 2), 2_000);
}

#[test]
fn the_rate_is_twice_cwnd_a_round_trip_in_slow_start() {
    let round = 100_000_000;
    assert_eq!(rate(10_000, 0, u32::MAX, round), 200_000);
    assert_eq!(rate(10_000, 0, 20_000, round), 120_000, "from half of ssthresh on");
    assert_eq!(rate(10_000, 30_000, 20_000, round), 360_000, "more is out than cwnd");
}
