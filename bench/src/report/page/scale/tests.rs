use super::*;

#[test]
fn a_linear_axis_starts_at_zero_and_ends_at_a_round_number() {
    let scale = Scale::linear([3.0, 152_586.0].into_iter());
    assert_eq!(scale.ticks(), [0.0, 50_000.0, 100_000.0, 150_000.0, 200_000.0]);
    assert_eq!((scale.at(0.0), scale.at(100_000.0), scale.at(200_000.0)), (0.0, 0.5, 1.0));
    assert_eq!(Scale::linear([10.0].into_iter()).ticks().len(), 6);
}

#[test]
fn a_log_axis_has_even_ratios() {
    let scale = Scale::log([12.0, 900.0].into_iter());
    assert_eq!(scale.ticks(), [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
    assert!((scale.at(100.0) - 0.5).abs() < 1e-9);
    assert_eq!(Scale::log([1.0, 1e5].into_iter()).ticks(), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]);
    assert_eq!(Scale::log([7.0].into_iter()).ticks(), [5.0, 10.0], "one value is inside");
    let exact = Scale::log_exact([1.0, 1000.0].into_iter());
    assert!((exact.at(10.0) - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn nines_are_at_even_distances() {
    let scale = Scale::percentile(99.99);
    let at = [0.0, 90.0, 99.0, 99.9, 99.99].map(|percentile| (scale.at(percentile) * 1000.0).round());
    assert_eq!(at, [0.0, 250.0, 500.0, 750.0, 1000.0]);
    assert_eq!(scale.ticks(), [50.0, 90.0, 99.0, 99.9, 99.99]);
}

#[test]
fn what_is_far_apart_gets_a_log_axis() {
    assert!(!Scale::linear_or_log([10.0, 200.0].into_iter()).is_log());
    assert!(Scale::linear_or_log([10.0, 400.0].into_iter()).is_log());
}

#[test]
fn broken_figures_make_few_ticks_and_no_nan() {
    for values in [&[][..], &[0.0], &[-5.0, 0.0], &[f64::NAN], &[f64::INFINITY, 1.0], &[1e-300, 1e300]] {
        for scale in [
            Scale::linear(values.iter().copied()),
            Scale::log(values.iter().copied()),
            Scale::log_exact(values.iter().copied()),
            Scale::linear_or_log(values.iter().copied()),
        ] {
            assert!(scale.ticks().len() <= 12, "{values:?}: {scale:?}");
            for value in [0.0, -1.0, 1.0, 1e300, f64::NAN, f64::INFINITY] {
                assert!((0.0..=1.0).contains(&scale.at(value)), "{values:?}: {value}: {scale:?}");
            }
        }
    }
}
