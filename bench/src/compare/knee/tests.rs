use super::*;

/// A server that answers at most so many requests a second.
fn server(capacity: f64) -> impl Fn(f64) -> Point {
    move |offered| {
        let load = offered / capacity;
        // M/M/1, until it overflows.
        let p99 = if load < 1.0 { 50.0 / (1.0 - load) } else { 1e6 };
        Point {
            offered,
            requests_per_second: offered.min(capacity),
            latency_us: Latency { p50: p99 / 5.0, p99, p99_9: 2.0 * p99, max: 3.0 * p99 },
            late_us: Latency::default(),
            server_busy: load.min(1.0),
            client_busy: Some(0.5),
            rate_met: offered <= capacity,
            in_time: p99 <= 1000.0,
            waited: 0.0,
        }
    }
}

fn find(closed_loop: f64, server: impl Fn(f64) -> Point) -> Found {
    search(closed_loop, |rate| Ok(Ok(server(rate)))).expect("no stop")
}

#[test]
fn the_knee_is_the_highest_rate_that_holds() {
    // p99 is above 1 ms from 95 % of the capacity on.
    let found = find(100_000.0, server(100_000.0));
    // 90 % holds, 100 % doesn't, then 95 % and 97.5 % are tried.
    assert_eq!(found.rate, Some(95_000.0));
    assert_eq!(found.above.as_ref().map(|point| point.offered), Some(97_500.0));
    let limit = found.limit(1000.0).expect("a limit");
    assert!(limit.contains("at 97500 req/s p99 was 2000 us, above 1000 us"), "{limit}");
    // Each rate that fails is tried again.
    let tries = |rate| found.points.iter().filter(|point| point.offered == rate).count();
    assert_eq!((tries(90_000.0), tries(100_000.0), tries(97_500.0)), (1, 2, 2));
    assert_eq!(found.refused(), None);
}

#[test]
fn a_rate_that_is_not_met_is_the_limit_too() {
    let found = find(100_000.0, |rate| Point { in_time: true, ..server(65_000.0)(rate) });
    assert_eq!(found.rate, Some(65_000.0));
    let limit = found.limit(1000.0).expect("a limit");
    assert!(limit.contains("of 67500 req/s 65000 were answered"), "{limit}");
}

#[test]
fn failures_while_others_had_the_cores_are_not_counted_for_a_while() {
    let disturbed = |times: usize| {
        let mut left = times;
        let found = search(100_000.0, |rate| {
            let mut point = server(100_000.0)(rate);
            if rate == 50_000.0 && left > 0 {
                left -= 1;
                (point.in_time, point.waited) = (false, 0.006);
            }
            Ok(Ok(point))
        });
        found.expect("no stop")
    };
    assert_eq!(disturbed(4).rate, Some(95_000.0));
    // Always so: then it is all that this machine can do.
    let found = disturbed(usize::MAX);
    assert!(found.rate < Some(50_000.0), "{found:?}");
    let tries = found.points.iter().filter(|point| point.offered == 50_000.0).count();
    assert_eq!(tries, 4 + 2);
}

#[test]
fn one_bad_moment_does_not_end_the_search() {
    let mut bad = true;
    let found = search(100_000.0, |rate| {
        let mut point = server(100_000.0)(rate);
        if rate == 50_000.0 && std::mem::take(&mut bad) {
            point.in_time = false;
        }
        Ok(Ok(point))
    });
    assert_eq!(found.expect("no stop").rate, Some(95_000.0));
}

#[test]
fn a_server_without_a_limit_is_said_to_have_none() {
    let found = find(100_000.0, server(1e9));
    assert_eq!(found.rate, Some(125_000.0));
    assert_eq!((found.limit(1000.0), found.points.len()), (None, STEPS.len()));
}

#[test]
fn a_measurement_that_fails_is_a_rate_that_does_not_hold() {
    let found = search(100_000.0, |_| Ok(Err("no server".to_owned()))).expect("no stop");
    assert_eq!((found.rate, found.points.len()), (None, 0));
    assert_eq!(found.failures, ["10000 req/s: no server", "10000 req/s: no server"]);
    assert!(search(1.0, |_| anyhow::bail!("stopped")).is_err());
}

#[test]
fn a_knee_of_the_client_is_not_the_servers() {
    let found = find(100_000.0, |rate| {
        let point = server(70_000.0)(rate);
        Point { client_busy: Some(point.server_busy), server_busy: 0.4, ..point }
    });
    let reason = found.refused().expect("refused");
    assert!(reason.contains("the client was the limit"), "{reason}");
}
