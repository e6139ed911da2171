use super::*;

fn of(rounds: usize) -> (f64, f64, f64) {
    let sorted: Vec<f64> = (1..=rounds).map(|round| round as f64).collect();
    let interval = Interval::of_median(&sorted).expect("rounds");
    (interval.low, interval.high, (interval.confidence * 1000.0).round())
}

/// The figures stand in every table of confidence intervals for a median.
#[test]
fn the_pairs_are_those_of_the_tables() {
    assert_eq!(of(5), (1.0, 5.0, 938.0), "too few for 95 %");
    assert_eq!(of(6), (1.0, 6.0, 969.0));
    assert_eq!(of(8), (1.0, 8.0, 992.0));
    assert_eq!(of(9), (2.0, 8.0, 961.0));
    assert_eq!(of(10), (2.0, 9.0, 979.0));
    assert_eq!(of(12), (3.0, 10.0, 961.0));
    assert_eq!(of(20), (6.0, 15.0, 959.0));
    assert_eq!(of(100), (40.0, 61.0, 965.0));
}

#[test]
fn few_rounds_say_how_little_they_tell() {
    assert!(Interval::of_median(&[]).is_none());
    assert_eq!(of(1), (1.0, 1.0, 0.0));
    assert_eq!(of(2), (1.0, 2.0, 500.0));
    assert_eq!(of(3), (1.0, 3.0, 750.0));
}

#[test]
fn a_thousand_rounds_have_an_interval() {
    let (low, high, confidence) = of(1000);
    assert_eq!((low, high), (469.0, 532.0));
    assert!((950.0..960.0).contains(&confidence), "{confidence}");
}
