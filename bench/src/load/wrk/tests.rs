use clap::Parser;

use super::*;
use crate::cli::{Cli, Command as CliCommand};

fn args(flags: &[&str]) -> LoadArgs {
    let start = ["corelane-bench", "load", "--addr", "127.0.0.1:7", "--engine", "wrk"];
    match Cli::try_parse_from(start.iter().chain(flags)).expect("flags").command {
        CliCommand::Load(args) => args,
        command => panic!("{command:?}"),
    }
}

#[test]
fn what_wrk_cannot_do_is_refused() {
    assert!(check(&args(&["--workload", "json"])).is_ok());
    for flags in [
        &["--workload", "echo"][..],
        &["--workload", "json", "--duration", "1.5"],
        &["--workload", "json", "--warmup", "0.2"],
        &["--workload", "json", "--requests", "7"],
        &["--workload", "json", "--congestion", "reno"],
        &["--workload", "json", "--spin"],
        &["--workload", "json", "--rate", "1000"],
    ] {
        let error = check(&args(flags)).expect_err("wrk can't");
        assert!(error.to_string().starts_with("--"), "{error}");
    }
}

#[test]
fn an_outcome_becomes_a_report() {
    let outcome: Outcome = serde_json::from_str(
        r#"{"microseconds":2000000,"requests":500,"not_connected":1,"broken":2,"late":3,"status":4,
            "p50":5.0,"p99":6.0,"p99_9":7.0,"max":8.0,
            "ladder":[1,1,2,5,5,5,5,5,5,5,6,6,6,7,7,7,7,7,7,8]}"#,
    )
    .expect("JSON");
    let report = outcome.report(&args(&["--workload", "json", "--connections", "9"]));
    assert_eq!((report.requests, report.requests_per_second, report.seconds), (500, 250.0, 2.0));
    assert_eq!(report.latency_us, Latency { p50: 5.0, p99: 6.0, p99_9: 7.0, max: 8.0 });
    assert_eq!(
        report.latency_percentiles_us.last(),
        Some(&percentiles::Percentile(99.8, 6.0)),
        "500 are too few"
    );
    assert_eq!((report.connection_errors, report.byte_errors), (10, 0));
    assert!(report.first_connection_error.is_some_and(|error| error.contains("4 with a bad status")));
}
