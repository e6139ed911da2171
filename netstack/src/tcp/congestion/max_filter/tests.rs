use alloc::vec::Vec;

use super::*;

#[test]
fn rises_at_once_and_falls_after_the_window() {
    let mut filter = MaxFilter::default();
    assert_eq!(filter.max(), 0);
    filter.update(10, 5, 100);
    for at in 6..=15 {
        filter.update(10, at, 60);
        assert_eq!(filter.max(), 100, "{at}");
    }
    filter.update(10, 16, 60);
    assert_eq!(filter.max(), 60);
    filter.update(10, 16, 200);
    assert_eq!(filter.max(), 200);
    // All samples are older than the window.
    filter.update(10, 50, 7);
    assert_eq!(filter.max(), 7);
}

#[test]
fn ticks_may_wrap() {
    let mut filter = MaxFilter::default();
    filter.update(10, u32::MAX - 2, 100);
    filter.update(10, 3, 50);
    assert_eq!(filter.max(), 100);
    filter.update(10, 8, 50);
    assert_eq!(filter.max(), 50);
}

#[test]
fn is_between_the_newest_sample_and_the_largest_of_the_window() {
    const WINDOW: u32 = 10;
    let mut seed = 1_u64;
    let mut samples: Vec<(u32, u64)> = Vec::new();
    let mut filter = MaxFilter::default();
    let mut at = 0;
    for _ in 0..5_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        at += (seed >> 60) as u32 % 3;
        let value = seed >> 40 & 0xffff;
        samples.push((at, value));
        filter.update(WINDOW, at, value);
        let largest = samples.iter().filter(|(then, _)| at - then <= WINDOW).map(|(_, value)| *value).max();
        assert!(filter.max() >= value);
        assert!(Some(filter.max()) <= largest, "{at}: {} is older than the window", filter.max());
    }
}
