use super::super::super::fixture::{report, row};
use super::*;
use crate::cli::{Bed, Workload};
use crate::compare::knee;
use crate::compare::sweep::Offered;

fn point(offered: f64, p99: f64, holds: bool) -> knee::Point {
    knee::Point {
        offered,
        requests_per_second: offered,
        latency_us: Latency { p50: 50.0, p99, p99_9: 2.0 * p99, max: 3.0 * p99 },
        late_us: Latency::default(),
        server_busy: 0.5,
        client_busy: Some(0.5),
        rate_met: holds,
        in_time: true,
        waited: 0.0,
    }
}

fn sample() -> Comparison {
    let mut open = row(Engine::Epoll, Workload::Echo, 16, &[500.0; 5]);
    open.offered = Some(Offered { rate: 500.0, of_knee: 0.5 });
    let mut report = report(vec![row(Engine::Epoll, Workload::Echo, 16, &[1000.0; 5]), open]);
    report.knees = vec![Knee {
        bed: Bed::Veth,
        engine: Engine::Epoll,
        workload: Workload::Echo,
        connections: 16,
        size: 64,
        closed_loop: 1250.0,
        p99_bound_us: 1000.0,
        rate: Some(1000.0),
        limit: Some("of 1100 req/s 900 were <answered>".to_owned()),
        refused: None,
        points: vec![
            point(1100.0, 900.0, false),
            point(500.0, 100.0, true),
            point(1100.0, 800.0, true),
            point(1100.0, 700.0, false),
        ],
        failures: Vec::new(),
    }];
    report
}

#[test]
fn a_rate_that_was_tried_often_is_one_point() {
    let report = sample();
    let points = points(&report.knees[0], "p99", |latency| latency.p99);
    let seen: Vec<_> = points.iter().map(|point| (point.x, point.y, point.doubtful)).collect();
    assert_eq!(seen, [(500.0, 100.0, false), (1100.0, 800.0, true)]);
}

#[test]
fn knees_and_their_parts_stand_in_tables() {
    let html = section(&sample());
    assert!(html.contains("<td>1.25 k</td><td>1.00 k</td><td>80 %</td>"), "{html}");
    assert!(html.contains("of 1100 req/s 900 were &lt;answered&gt;"), "{html}");
    assert!(html.contains("<td>50 %</td><td>500</td>") || html.contains("<td>50 %<small>"), "{html}");
    assert_eq!(html.matches("role=\"img\"").count(), 2, "p99 and p99.9: {html}");
    assert_eq!(section(&report(Vec::new())), "", "without an open loop");
}
