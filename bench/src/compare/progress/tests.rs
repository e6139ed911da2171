use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_time_left_is_at_the_pace_so_far() {
    assert_eq!(time_left(12 * SECOND, 10 * SECOND, 110 * SECOND), Some(120 * SECOND));
    assert_eq!(time_left(12 * SECOND, 10 * SECOND, 10 * SECOND), Some(Duration::ZERO));
    assert_eq!(time_left(12 * SECOND, 11 * SECOND, 10 * SECOND), Some(Duration::ZERO), "longer than planned");
    assert_eq!(time_left(SECOND, Duration::ZERO, 10 * SECOND), None, "nothing is done yet");
}

#[test]
fn a_stage_ends_where_it_was_planned_to() {
    let progress = Progress::new(3, 30 * SECOND);
    progress.stage("one", 10 * SECOND);
    progress.done(4 * SECOND);
    assert_eq!(progress.done.get(), 4 * SECOND);
    progress.stage("two", 10 * SECOND);
    assert_eq!(progress.done.get(), 10 * SECOND, "the first was shorter than planned");
    progress.done(15 * SECOND);
    assert_eq!(progress.done.get(), 20 * SECOND, "and the second is longer");
    progress.stage("three", 10 * SECOND);
    assert_eq!((progress.place().as_str(), progress.done.get()), ("[3/3] three", 20 * SECOND));
}
