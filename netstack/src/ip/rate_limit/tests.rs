use super::*;

fn millis(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

#[test]
fn burst_then_the_rate() {
    let mut bucket = TokenBucket::new(10);
    assert_eq!((0..50).filter(|_| bucket.take(millis(5000))).count(), 10);
    assert!(!bucket.take(millis(5099)));
    assert!(bucket.take(millis(5100)));
    assert!(!bucket.take(millis(5100)));
    // Ten seconds of polling each millisecond: a hundred.
    assert_eq!((5101..=15_100).filter(|&t| bucket.take(millis(t))).count(), 100);
}

#[test]
fn limits_hold() {
    assert!(!TokenBucket::new(0).take(Instant::from_nanos(u64::MAX)));
    let mut bucket = TokenBucket::new(u32::MAX);
    assert!(bucket.take(Instant::from_nanos(u64::MAX)));
    assert!(bucket.take(Instant::ZERO), "time that goes back takes nothing away");
}
