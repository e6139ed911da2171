use super::super::super::fixture::row;
use super::*;
use crate::cli::Workload;

#[test]
fn the_distribution_of_rounds_is_that_of_their_medians() {
    let row = row(Engine::Epoll, Workload::Echo, 1, &[1000.0, 2000.0, 4000.0]);
    // p50 of the fixture is 1e6 / rate; at a percentile it is p50 * (0.5 + percentile / 100).
    let points = distribution(&row);
    assert_eq!(points[2], Percentile(50.0, 500.0));
    assert_eq!(points.last().map(|point| point.0), Some(99.9), "the round of 1000 requests has no more");
}

#[test]
fn a_stream_has_no_latency() {
    let bulk = row(Engine::Epoll, Workload::Bulk, 1, &[10.0; 5]);
    assert!(distribution(&bulk).is_empty());
    let group = Group { name: "bulk".to_owned(), rows: vec![&bulk] };
    assert_eq!(section(&[group]), "");
}

#[test]
fn figures_stand_in_a_table_too() {
    let epoll = row(Engine::Epoll, Workload::Echo, 1, &[1000.0; 5]);
    let group = Group { name: "echo".to_owned(), rows: vec![&epoll] };
    let html = section(&[group]);
    assert!(html.contains("<td>1.00 ms</td><td>1.40 ms</td><td>1.49 ms</td>"), "p50, p90, p99: {html}");
    assert!(html.contains("<td>-</td>"), "99.99 % of a thousand requests is not known: {html}");
}
