use super::super::beside::Beside;
use super::super::cpu::CpuShare;
use super::super::plan::Cell;
use super::*;
use crate::load::beside::BesideReport;
use crate::load::report::Report;

fn measurement(requests: u64, p50: f64, byte_errors: u64) -> Measurement {
    Measurement {
        report: Report {
            workload: Workload::Echo,
            connections: 4,
            size: 64,
            seconds: 2.0,
            requests,
            requests_per_second: requests as f64 / 2.0,
            latency_us: Latency { p50, p99: 2.0 * p50, p99_9: 3.0 * p50, max: 4.0 * p50 },
            latency_percentiles_us: Vec::new(),
            gbit_per_second: 0.5,
            byte_errors,
            connection_errors: 1,
            first_connection_error: Some("broken pipe".to_owned()),
            starved_connections: 2,
            client_busy: None,
            open_loop: None,
            beside: BesideReport::default(),
        },
        cpu: CpuShare { busy: 0.5, ..CpuShare::default() },
        client_cpu: Some(CpuShare { busy: 0.25, ..CpuShare::default() }),
        context_switches: 50,
        voluntary_switches: 20,
        server_work: None,
        server_waited: None,
        client_waited: None,
        system_calls: None,
        resident_kib: None,
        copied_bytes: None,
        core_round_trip_ns: None,
        round: None,
    }
}

fn row(engine: Engine, measurements: Vec<Measurement>) -> Option<Row> {
    let cell = Cell {
        bed: Bed::Veth,
        workload: Workload::Echo,
        connections: 4,
        size: 64,
        mtu: None,
        pipeline: 1,
        beside: Beside::default(),
        engines: vec![engine],
    };
    Row::new(&Series { measurements, ..Series::new(Bed::Veth, engine, &cell) })
}

#[test]
fn the_median_is_the_middle_one() {
    let spread = |each: &[f64]| spread(each.to_vec());
    let odd = spread(&[3.0, 1.0, 2.0]).expect("three");
    assert_eq!((odd.median, odd.min, odd.max, odd.rounds), (2.0, 1.0, 3.0, 3));
    assert_eq!(odd.each, [3.0, 1.0, 2.0]);
    assert_eq!(spread(&[4.0, 1.0]).expect("two").median, 2.5);
    assert_eq!(spread(&[]), None);
}

#[test]
fn errors_are_summed_and_figures_are_medians() {
    let rounds = vec![measurement(100, 5.0, 0), measurement(300, 9.0, 3), measurement(200, 7.0, 4)];
    let row = row(Engine::Bio, rounds).expect("a row");
    assert_eq!(row.requests_per_second.median, 100.0);
    assert_eq!((row.latency_us.p50, row.latency_us.max), (7.0, 36.0));
    assert_eq!((row.byte_errors, row.connection_errors, row.starved_connections), (7, 3, 6));
    assert_eq!(row.context_switches_per_request, 0.25);
    assert_eq!(row.client_busy, Some(0.25));
    assert_eq!(row.cpu.us_per_request, 5000.0); // 1 s of 2 s for 200 requests
    assert_eq!(row.first_connection_error.as_deref(), Some("broken pipe"));
}

#[test]
fn ratios_are_to_epoll_in_the_same_cell() {
    let epoll = row(Engine::Epoll, vec![measurement(100, 8.0, 0)]).expect("a row");
    let mut other = row(Engine::Corelane, vec![measurement(150, 4.0, 0)]).expect("a row");
    other.compare_with(&epoll);
    let interval = Some(Interval { low: 1.5, high: 1.5, confidence: 0.0 });
    let expected =
        Ratio { requests_per_second: 1.5, gbit_per_second: 1.0, p50: 0.5, p99: 0.5, p99_9: 0.5, interval };
    assert_eq!(other.ratio_to_epoll, Some(expected));

    let mut elsewhere = row(Engine::Corelane, vec![measurement(150, 4.0, 0)]).expect("a row");
    elsewhere.bed = Bed::Memory;
    elsewhere.compare_with(&epoll);
    assert_eq!(elsewhere.ratio_to_epoll, None);

    let mut vhost = row(Engine::Corelane, vec![measurement(150, 4.0, 0)]).expect("a row");
    vhost.bed = Bed::Vhost;
    vhost.mtu = Some(9000);
    vhost.compare_with(&epoll);
    assert_eq!(vhost.ratio_to_epoll, None, "another cell");
    vhost.mtu = None;
    vhost.beside.idle = 1000;
    vhost.compare_with(&epoll);
    assert_eq!(vhost.ratio_to_epoll, None, "it has idle connections beside");
    vhost.beside.idle = 0;
    vhost.compare_with(&epoll);
    assert_eq!(vhost.ratio_to_epoll, Some(expected), "epoll on veth is what vhost is compared with");
}

#[test]
fn no_round_is_no_row() {
    assert!(row(Engine::Epoll, Vec::new()).is_none());
}

#[test]
fn where_a_client_was_the_limit_the_least_that_the_ratio_can_be_is_told() {
    let limited = |requests, server_busy| {
        let mut round = measurement(requests, 5.0, 0);
        round.cpu.busy = server_busy;
        round.client_cpu = Some(CpuShare { busy: 1.0, ..CpuShare::default() });
        round
    };
    let compared = |own: Measurement, epoll: Measurement| {
        let (mut own, epoll) = (row(Engine::Corelane, vec![own]), row(Engine::Epoll, vec![epoll]));
        if let Some((own, epoll)) = own.as_mut().zip(epoll.as_ref()) {
            own.compare_with(epoll);
        }
        own.map(|own| (own.ratio_to_epoll.map(|ratio| ratio.requests_per_second), own.least_ratio_to_epoll))
    };
    let free = |requests| measurement(requests, 5.0, 0);
    assert_eq!(compared(free(3000), free(1000)), Some((Some(3.0), None)));
    assert_eq!(compared(limited(3000, 0.8), free(1000)), Some((None, Some(3.0))), "ours could do more");
    assert_eq!(
        compared(free(3000), limited(1000, 0.5)),
        Some((None, Some(1.5))),
        "epoll could do twice as much"
    );
    assert_eq!(compared(limited(3000, 0.8), limited(1000, 0.5)), Some((None, Some(1.5))));
}
