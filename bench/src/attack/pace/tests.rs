use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn all_are_given_at_the_rate() {
    let mut pace = Pace::new(20_000, 40_000);
    let mut given = 0;
    for ms in 0..2000 {
        assert!(!pace.is_over(ms * MS), "{ms}");
        given += pace.due(ms * MS);
        assert_eq!(given, u64::from(ms) * 20 + 1);
    }
    given += pace.due(2000 * MS);
    assert_eq!((given, pace.is_over(2000 * MS)), (40_000, true));
    assert_eq!(pace.due(3000 * MS), 0);
}

#[test]
fn a_stall_makes_no_burst() {
    let mut pace = Pace::new(20_000, 40_000);
    assert_eq!(pace.due(Duration::ZERO), 1);
    assert_eq!(pace.due(500 * MS), 101, "what 5 ms hold");
    assert_eq!(pace.due(501 * MS), 20, "and the rate is as before");
}

#[test]
fn one_that_is_never_called_in_time_ends() {
    let mut pace = Pace::new(20_000, 40_000);
    pace.due(7900 * MS);
    assert!(!pace.is_over(7900 * MS));
    assert!(pace.is_over(8005 * MS));
}
