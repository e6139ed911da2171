use super::*;

fn starts(process: ArrivalProcess, rate: f64, seed: u64, count: usize) -> Vec<Duration> {
    let mut arrivals = Arrivals::new(process, rate, seed);
    let mut next = || {
        let next = arrivals.peek();
        arrivals.advance();
        next
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn uniform_starts_are_evenly_spaced_and_do_not_drift() {
    let starts = starts(ArrivalProcess::Uniform, 1000.0, 7, 3_600_000);
    assert_eq!(starts[..3], [1, 2, 3].map(Duration::from_millis));
    assert_eq!(starts.last(), Some(&Duration::from_secs(3600)), "an hour later to the nanosecond");
}

#[test]
fn a_seed_gives_the_same_starts_and_another_one_others() {
    let poisson = |seed| starts(ArrivalProcess::Poisson, 50_000.0, seed, 1000);
    assert_eq!(poisson(1), poisson(1));
    assert_ne!(poisson(1), poisson(2));
}

#[test]
fn the_gaps_of_poisson_are_exponential() {
    const COUNT: usize = 200_000;
    let starts = starts(ArrivalProcess::Poisson, 1e6, 42, COUNT);
    assert!(starts.is_sorted());
    let gaps: Vec<f64> = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1e6).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    // Of an exponential distribution the deviation is the mean; 200,000 of them are off by well below 2 %.
    assert!((0.98..1.02).contains(&mean), "{mean}");
    assert!((0.96..1.04).contains(&variance), "{variance}");
    // 1 - 1/e of the gaps are below the mean.
    let below = gaps.iter().filter(|gap| **gap < 1.0).count() as f64 / gaps.len() as f64;
    assert!((0.625..0.640).contains(&below), "{below}");
}

#[test]
fn a_rate_of_nothing_never_starts() {
    assert_eq!(Arrivals::new(ArrivalProcess::Uniform, 0.0, 1).peek(), Duration::MAX);
}
