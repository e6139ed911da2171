use super::*;

#[test]
fn a_time_lies_within_the_one_that_the_system_measures_around_it() {
    now(); // the first look takes long
    let outside = Instant::now();
    let first = now();
    let mut last = first;
    while outside.elapsed() < Duration::from_millis(20) {
        let next = now();
        assert!(next >= last, "it went back");
        last = next;
    }
    let inside = last - first;
    // 20 ms by both, but for the frequency's error.
    assert!(inside <= outside.elapsed() + Duration::from_micros(100), "{inside:?}");
    assert!(last > first);
}
