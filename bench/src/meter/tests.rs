use super::*;

#[test]
fn only_turns_with_work_count_and_all_of_their_time() {
    let start = Instant::now();
    let at = |microseconds| start + Duration::from_micros(microseconds);
    let mut meter = Meter::default();
    meter.turn(at(0));
    meter.turn(at(10)); // the first had nothing to do
    meter.work();
    meter.work();
    assert_eq!(meter.busy(), Duration::ZERO, "the turn still runs");
    meter.turn(at(17));
    meter.turn(at(40));
    assert_eq!(meter.busy(), Duration::from_micros(7));
    let reader = meter.reader();
    meter.work();
    meter.turn(at(41));
    assert_eq!(reader.busy(), Duration::from_micros(8));
    meter.restart();
    assert_eq!(reader.busy(), Duration::ZERO);
}
