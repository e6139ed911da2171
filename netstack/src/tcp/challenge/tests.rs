use alloc::vec::Vec;
use core::time::Duration;

use super::*;

const SECRET: [u8; 32] = [3; 32];

/// How many are granted in the second that starts at `now`.
fn granted(limit: &mut ChallengeLimit, now: Instant, per_second: u32) -> u32 {
    (0..4 * per_second).filter(|_| limit.take(now, per_second)).count() as u32 // below 4 times
}

#[test]
fn each_second_has_a_limit_that_can_not_be_told_beforehand() {
    let mut limit = ChallengeLimit::new(&SECRET);
    let seconds: Vec<u32> =
        (0..50).map(|s| granted(&mut limit, Instant::ZERO + Duration::from_secs(s), 1000)).collect();
    assert!(seconds.iter().all(|n| (500..1500).contains(n)), "{seconds:?}");
    assert!(seconds.iter().min() != seconds.iter().max(), "CVE-2016-5696: {seconds:?}");
    let other = granted(&mut ChallengeLimit::new(&[4; 32]), Instant::ZERO, 1000);
    assert_ne!(seconds[0], other, "another secret, another number");
}

#[test]
fn a_second_that_is_used_up_stays_so() {
    let mut limit = ChallengeLimit::new(&SECRET);
    let now = Instant::ZERO + Duration::from_secs(7);
    granted(&mut limit, now, 10);
    assert!(!limit.take(now + Duration::from_millis(999), 10));
    assert!(limit.take(now + Duration::from_millis(1000), 10));
}

#[test]
fn none_and_no_limit() {
    let mut limit = ChallengeLimit::new(&SECRET);
    assert_eq!(granted(&mut limit, Instant::ZERO, 0), 0);
    assert!((0..10_000).all(|_| limit.take(Instant::ZERO, u32::MAX)));
}
