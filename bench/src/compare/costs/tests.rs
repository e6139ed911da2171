use super::super::beside::Beside;
use super::super::plan::Cell;
use super::*;
use crate::cli::{Bed, Engine, Workload};
use crate::load::report::{Latency, Report};

/// Half a second with 100 answers.
fn round(user: f64, copied_bytes: Option<u64>) -> Measurement {
    Measurement {
        report: Report {
            workload: Workload::Echo,
            connections: 1,
            size: 64,
            seconds: 0.5,
            requests: 100,
            requests_per_second: 200.0,
            latency_us: Latency::default(),
            latency_percentiles_us: Vec::new(),
            gbit_per_second: 0.0,
            byte_errors: 0,
            connection_errors: 0,
            first_connection_error: None,
            starved_connections: 0,
            client_busy: None,
            open_loop: None,
            beside: crate::load::beside::BesideReport::default(),
        },
        cpu: CpuShare { user, system: 0.2, softirq: 0.1, ..CpuShare::default() },
        client_cpu: None,
        context_switches: 250,
        voluntary_switches: 200,
        server_work: None,
        server_waited: None,
        client_waited: None,
        system_calls: None,
        resident_kib: Some((1000, 1250)),
        copied_bytes,
        core_round_trip_ns: None,
        round: None,
    }
}

fn series(measurements: Vec<Measurement>) -> Series {
    let cell = Cell {
        bed: Bed::Veth,
        workload: Workload::Echo,
        connections: 1,
        size: 64,
        mtu: None,
        pipeline: 1,
        beside: Beside::default(),
        engines: Vec::new(),
    };
    Series { measurements, ..Series::new(Bed::Veth, Engine::Corelane, &cell) }
}

#[test]
fn costs_are_those_of_a_request_in_the_middle_round() {
    let mut series = series(vec![round(0.4, Some(6400)), round(0.1, Some(100)), round(0.9, Some(9900))]);
    let costs = Costs::of(&series);
    // 0.4 of half a second for 100 requests.
    assert_eq!(costs.server_us, CoreTime { user: 2000.0, system: 1000.0, softirq: 500.0 });
    assert_eq!((costs.client_us, costs.system_calls), (None, None));
    assert_eq!((costs.voluntary_switches, costs.involuntary_switches), (2.0, 0.5));
    assert_eq!(costs.copied_bytes, Some(64.0));
    // Of the measurement that counts only the system calls are taken.
    series.counted = Some(Measurement { system_calls: Some(300), ..round(0.7, None) });
    let counted = Costs::of(&series);
    assert_eq!((counted.system_calls, counted.server_us), (Some(3.0), costs.server_us));
}

#[test]
fn what_an_engine_does_not_say_is_not_known() {
    let costs = Costs::of(&series(vec![round(0.4, None)]));
    assert_eq!(costs.copied_bytes, None);
}

#[test]
fn the_memory_of_a_connection_is_told_where_there_are_many() {
    let with = |connections| {
        let mut round = round(0.4, None);
        round.report.connections = connections;
        Costs::of(&series(vec![round])).connection_bytes
    };
    assert_eq!((with(1), with(99)), (None, None));
    assert_eq!(with(100), Some(250.0 * 1024.0 / 100.0));
}
