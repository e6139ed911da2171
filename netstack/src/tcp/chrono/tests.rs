use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn millis(chrono: Chrono, now: u64) -> [u128; 3] {
    let times = chrono.times(at(now));
    [times.busy.as_millis(), times.window.as_millis(), times.buffer.as_millis()]
}

#[test]
fn each_limit_has_its_time_and_all_are_busy() {
    let mut chrono = Chrono::default();
    assert_eq!(millis(chrono, 5), [0, 0, 0], "idle");
    chrono.resume(at(10));
    assert_eq!(millis(chrono, 12), [2, 0, 0], "what runs counts");
    chrono.limit(Limit::Window, at(20));
    chrono.limit(Limit::Path, at(25));
    chrono.limit(Limit::Buffer, at(30));
    chrono.limit(Limit::Window, at(35));
    assert_eq!(millis(chrono, 40), [30, 10, 10], "the greater limit counts");
    chrono.lift(Limit::Window, at(40));
    assert_eq!(millis(chrono, 45), [35, 10, 15], "another one was lifted");
    chrono.lift(Limit::Buffer, at(50));
    chrono.pause(at(60));
    assert_eq!(millis(chrono, 100), [50, 10, 20], "idle time is nobody's");
}

#[test]
fn a_window_that_changes_is_no_limit_until_it_is_met_again() {
    let mut chrono = Chrono::default();
    chrono.resume(at(0));
    chrono.limit(Limit::Window, at(0));
    chrono.resume(at(10));
    assert_eq!(millis(chrono, 20), [20, 10, 0]);
    chrono.limit(Limit::Buffer, at(20));
    chrono.resume(at(30));
    assert_eq!(millis(chrono, 40), [40, 10, 20], "the buffer is none of the peer's");
}
