use super::*;

#[test]
fn a_percentile_needs_a_request_beyond_it() {
    let last = |requests| of(requests, |_| 1.0).last().map(|point| point.0);
    assert_eq!(last(0), None);
    assert_eq!(last(1), Some(0.0));
    assert_eq!(last(10), Some(90.0));
    assert_eq!(last(99), Some(98.0));
    assert_eq!(last(100), Some(99.0));
    assert_eq!(last(999), Some(99.8));
    assert_eq!(last(1000), Some(99.9));
    assert_eq!(last(1_000_000), Some(99.9999));
}

#[test]
fn a_point_has_the_value_of_its_percentile() {
    let points = of(1000, |percentile| 2.0 * percentile);
    assert!(points.contains(&Percentile(50.0, 100.0)));
    assert_eq!(serde_json::to_string(&points[13]).expect("JSON"), "[99.9,199.8]");
}
