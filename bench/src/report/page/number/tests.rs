use super::*;

#[test]
fn numbers_have_three_digits() {
    let all = [0.0, 0.054, 1.5, 9.999, 12.34, 152.6, 999.6, 1530.0, 152_586.0, 1.5e6, 2e9];
    let said = ["0.00", "0.05", "1.50", "10.0", "12.3", "153", "1000", "1.53 k", "153 k", "1.50 M", "2.00 G"];
    assert_eq!(all.map(short), said);
    assert_eq!(
        [0.0, 0.5, 10.0, 200_000.0, 1.5e6, 1e6].map(tick),
        ["0", "0.5", "10", "200 k", "1.5 M", "1 M"]
    );
}

#[test]
fn times_have_their_unit() {
    assert_eq!([8.25, 131.0, 1675.3, 2e6].map(time), ["8.25 µs", "131 µs", "1.68 ms", "2.00 s"]);
    assert_eq!([5.0, 100.0, 2000.0].map(time_tick), ["5 µs", "100 µs", "2 ms"]);
    assert_eq!(percent(0.256), "26 %");
}

#[test]
fn dates_are_those_of_the_calendar() {
    assert_eq!(date(0), "1970-01-01 00:00 UTC");
    assert_eq!(date(951_782_399), "2000-02-28 23:59 UTC");
    assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
    assert_eq!(date(1_735_689_600), "2025-01-01 00:00 UTC");
    assert_eq!(date(4_107_542_400), "2100-03-01 00:00 UTC");
    let _no_panic = date(u64::MAX);
}
