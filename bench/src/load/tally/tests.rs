use super::*;

#[test]
fn an_open_loop_has_its_rate_of_the_time_and_its_latencies_of_what_was_due() {
    let mut tally = Tally::new(1).expect("a tally");
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    // Due and answered in the warm-up.
    tally.answer_to(0, at(1), at(2));
    tally.measuring = true;
    tally.measure_due_since(at(10));
    // Due in the warm-up, answered later: part of the rate, and no latency of the measured time.
    tally.answer_to(0, at(9), at(500));
    tally.answer_to(0, at(10), at(13));
    tally.measuring = false;
    // Due in the measured time and answered after it: a latency, and no part of the rate.
    tally.answer_to(0, at(20), at(29));
    assert_eq!((tally.answered, tally.requests), (4, 2));
    let latency = tally.latency();
    assert!((2990.0..3010.0).contains(&latency.p50), "{latency:?}");
    assert!((8990.0..9010.0).contains(&latency.max), "{latency:?}");
    tally.unanswered(Duration::from_secs(1));
    assert!(tally.latency().max > 990_000.0, "what has no answer isn't left out");
}
