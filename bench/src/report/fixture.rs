//! A made-up report for the tests of this folder.

use crate::cli::{Bed, Engine, Workload};
use crate::compare::beside::Beside;
use crate::compare::cpu::CpuShare;
use crate::compare::measure::{Commands, Measurement};
use crate::compare::plan::Cell;
use crate::compare::report::Comparison;
use crate::compare::rounds::Series;
use crate::compare::row::Row;
use crate::load::beside::BesideReport;
use crate::load::percentiles;
use crate::load::report::{Latency, Report};

/// A report without rows.
const EMPTY: &str = r#"{
    "format": 1, "unix_time": 1700000000, "arguments": ["compare", "--bed", "veth"],
    "machine": {
        "kernel": "6.12.0", "cpu": "A Processor @ 3 GHz", "cores": 2, "virtual_machine": true, "governor": "unknown",
        "mitigations": ["spectre_v2: Mitigation: Retpolines"], "kernel_command_line": [],
        "transparent_huge_pages": "always [madvise] never", "memory_mib": 8192, "rustc": "rustc 1.95.0",
        "optimised": true, "version": "0.1.0", "dpdk": null, "veth": []
    },
    "settings": {
        "bed": "veth", "rounds": 5, "seconds": 1.0, "warmup": 0.5, "client": "epoll", "server_cpu": 0, "client_cpu": 1,
        "congestion": "cubic", "left_out": ["io_uring: this kernel has none"], "notes": ["compare ratios"]
    },
    "rows": [], "failures": []
}"#;

/// A report with these rows.
pub fn report(rows: Vec<Row>) -> Comparison {
    let mut report: Comparison = serde_json::from_str(EMPTY).expect("a report");
    report.rows = rows;
    for peer in report.rows.clone() {
        report.rows.iter_mut().for_each(|row| row.compare_with(&peer));
    }
    report
}

/// A row with a round for each of these requests a second, or Gbit a second; latencies are as in a closed loop.
pub fn row(engine: Engine, workload: Workload, connections: usize, rates: &[f64]) -> Row {
    let cell = Cell {
        bed: Bed::Veth,
        workload,
        connections,
        size: 64,
        mtu: None,
        pipeline: 1,
        beside: Beside::default(),
        engines: vec![engine],
    };
    let series = Series {
        commands: Some(Commands { server: format!("serve {engine}"), client: Some("load".to_owned()) }),
        measurements: rates.iter().map(|rate| measurement(workload, connections, *rate)).collect(),
        ..Series::new(Bed::Veth, engine, &cell)
    };
    Row::new(&series).expect("a round")
}

fn measurement(workload: Workload, connections: usize, rate: f64) -> Measurement {
    let p50 = connections as f64 * 1e6 / rate;
    let points = percentiles::of(rate as u64, |percentile| p50 * (0.5 + percentile / 100.0));
    let bulk = workload.is_bulk();
    Measurement {
        report: Report {
            workload,
            connections,
            size: 64,
            seconds: 1.0,
            requests: rate as u64,
            requests_per_second: if bulk { rate * 125.0 } else { rate },
            latency_us: Latency { p50, p99: 2.0 * p50, p99_9: 3.0 * p50, max: 9.0 * p50 },
            latency_percentiles_us: if bulk { Vec::new() } else { points },
            gbit_per_second: if bulk { rate } else { rate * 512.0 / 1e9 },
            byte_errors: 0,
            connection_errors: 0,
            first_connection_error: None,
            starved_connections: 0,
            client_busy: None,
            open_loop: None,
            beside: BesideReport::default(),
        },
        cpu: CpuShare { busy: 0.9, user: 0.3, system: 0.4, softirq: 0.2, steal: 0.0 },
        client_cpu: Some(CpuShare { busy: 0.5, user: 0.2, system: 0.2, softirq: 0.1, steal: 0.0 }),
        context_switches: 100,
        voluntary_switches: 80,
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
