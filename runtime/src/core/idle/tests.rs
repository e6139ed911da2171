use super::*;

#[test]
fn an_idle_core_spins_for_its_time_and_then_sleeps() {
    let at = |us: u64| Instant::ZERO + Duration::from_micros(us);
    let mut idle = Idle::new(Duration::from_micros(200));
    assert!(!idle.is_over(at(0), true));
    assert!(!idle.is_over(at(1000), false), "the time counts from the first idle turn");
    assert!(!idle.is_over(at(1199), false));
    assert!(idle.is_over(at(1200), false));
    assert!(idle.is_over(at(5000), false), "and it stays over");
    assert!(!idle.is_over(at(5001), true), "until a busy turn");
    assert!(!idle.is_over(at(5002), false));
}
