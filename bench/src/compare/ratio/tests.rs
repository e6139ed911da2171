use super::*;
use crate::cli::{Engine, Workload};
use crate::compare::sweep::Offered;
use crate::report::fixture::row;

#[test]
fn a_ratio_is_the_median_of_those_of_single_rounds() {
    // A machine that is twice as slow in every second round: neither the one nor the other can be told from its own rounds.
    let epoll = row(Engine::Epoll, Workload::Echo, 16, &[100.0, 50.0, 101.0, 51.0, 99.0, 49.0]);
    let own = row(Engine::Corelane, Workload::Echo, 16, &[200.0, 100.0, 202.0, 102.0, 198.0, 98.0]);
    let ratio = Ratio::new(&own, &epoll).expect("they have rounds");
    assert_eq!(ratio.requests_per_second, 2.0);
    let interval = ratio.interval.expect("one of six rounds");
    assert_eq!((interval.low, interval.high), (2.0, 2.0));
    assert!(interval.confidence > 0.95);
}

#[test]
fn a_round_that_one_of_them_has_not_is_left_out() {
    let of_round = |round: u32, rate: f64, engine| {
        let mut row = row(engine, Workload::Echo, 16, &[rate]);
        row.measurements[0].round = Some(round);
        row.measurements.remove(0)
    };
    let with = |engine, rounds: &[(u32, f64)]| Row {
        measurements: rounds.iter().map(|(round, rate)| of_round(*round, *rate, engine)).collect(),
        ..row(engine, Workload::Echo, 16, &[1.0])
    };
    let epoll = with(Engine::Epoll, &[(0, 100.0), (1, 10.0), (2, 100.0)]);
    let own = with(Engine::Corelane, &[(0, 300.0), (2, 300.0), (3, 7.0)]);
    let ratio = Ratio::new(&own, &epoll).map(|ratio| ratio.requests_per_second);
    assert_eq!(ratio, Some(3.0));
    assert!(Ratio::new(&with(Engine::Corelane, &[(5, 1.0)]), &epoll).is_none(), "no round in common");
}

#[test]
fn without_numbers_as_many_rounds_are_taken_in_their_order() {
    let epoll = row(Engine::Epoll, Workload::Echo, 16, &[100.0, 100.0]);
    let fewer = row(Engine::Corelane, Workload::Echo, 16, &[100.0]);
    assert!(Ratio::new(&fewer, &epoll).is_none());
}

#[test]
fn what_counts_is_the_rate_the_bits_or_in_an_open_loop_the_tail() {
    let counts = |workload, offered| {
        let (mut own, mut epoll) =
            (row(Engine::Corelane, workload, 1, &[300.0]), row(Engine::Epoll, workload, 1, &[100.0]));
        own.offered = offered;
        own.measurements[0].report.gbit_per_second = 8.0;
        epoll.measurements[0].report.gbit_per_second = 2.0;
        own.measurements[0].report.latency_us.p99_9 = 10.0;
        epoll.measurements[0].report.latency_us.p99_9 = 20.0;
        let ratio = Ratio::new(&own, &epoll).expect("a round");
        let interval = ratio.interval.map(|interval| interval.low);
        (ratio.that_counts(&own), interval)
    };
    assert_eq!(counts(Workload::Echo, None), (3.0, Some(3.0)));
    assert_eq!(counts(Workload::Bulk, None), (4.0, Some(4.0)));
    let open = Some(Offered { rate: 50.0, of_knee: 0.5 });
    assert_eq!(counts(Workload::Echo, open), (0.5, Some(0.5)));
}
