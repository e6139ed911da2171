use super::*;

#[test]
fn manual_time_moves_only_when_told_and_never_back() {
    let (clock, hand) = Clock::manual();
    assert_eq!(clock.now(), Instant::ZERO);
    hand.advance(Duration::from_millis(3));
    hand.set(Instant::from_nanos(1));
    assert_eq!(clock.now(), Instant::from_nanos(3_000_000));
}

#[test]
fn system_clocks_share_an_epoch() {
    let (first, second) = (Clock::system(), Clock::system());
    let a = first.now();
    let b = second.now();
    assert!(a <= b && first.now() >= b);
    let std_now = std::time::Instant::now();
    assert!(first.from_std(std_now) >= b && first.from_std(std_now) <= first.now());
    #[cfg(feature = "hyper")]
    assert_eq!(first.from_std(first.to_std(b)), b);
}
